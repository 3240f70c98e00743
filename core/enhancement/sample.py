"""Take the noise from a voice: python -m core.enhancement.sample noisy.wav --out clean.wav

    from core.enhancement.sample import enhance, Stream
    found = enhance(model, audio)     # found.audio, found.mask, found.speech …
    stream = Stream(model)            # the same, as the sound comes in
    for block in microphone: play(stream.push(block))
    play(stream.finish())
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from core import audio as sound
from core.enhancement import spectrum as spectral
from core.enhancement.mixing import check
from core.enhancement.model import CRN, State

__all__ = ["LATENCY_MS", "MODEL", "Enhanced", "Stream", "enhance", "has_speech", "speech_share"]
MODEL = "enhancement"
LATENCY_MS = 1000 * spectral.WINDOW_SAMPLES / spectral.SAMPLE_RATE_HZ  # 32: a window has to be full
SPEAKING = 0.5  # a frame with a higher probability has speech in it
LEAST_SHARE = 0.27  # of such frames, in a sound with a voice: by core.enhancement.measure --only threshold


@dataclass(frozen=True, eq=False)
class Enhanced:
    """What `enhance` finds.

    audio: float32 [T] at 16 kHz.
    mask: complex64 [F', 257]; its modulus is the gain, 0 to 1, its angle turns the phase.
    heard, spectrum: complex64 [F', 257], before and after: spectrum = mask * heard. Frame f is about sample 256 f.
    speech: float32 [F'], probability that somebody speaks in this frame.
    """

    audio: Tensor
    mask: Tensor
    heard: Tensor
    spectrum: Tensor
    speech: Tensor


@torch.no_grad()
def enhance(model: CRN, audio: Tensor) -> Enhanced:
    """The voice in a sound.

    Source: Tan and Wang 2018, section 2; the mask: Williamson, Wang, Wang 2016, equation 2.

    Args:
        audio: float [T] at 16 kHz.
    Raises:
        AudioError: not [T]; empty; not finite.
    """
    check(audio)
    heard = spectral.analyse(audio)  # [F', 257]
    mask, speech, _ = model(heard[None])
    found = mask[0] * heard
    return Enhanced(spectral.synthesise(found, len(audio)), mask[0], heard, found, torch.sigmoid(speech[0]))


class Stream:
    """`enhance` for a sound that is not there yet: takes blocks of any length, gives what is certain by then.

    All blocks it gives, behind each other, are `enhance` of all that it got. What goes in comes out once the window
    that it is in is full: after 32 ms (LATENCY_MS) at most.
    """

    def __init__(self, model: CRN) -> None:
        self.model = model
        self.state: State = model.start()
        self.waiting = torch.zeros(spectral.HOP_SAMPLES)  # the half window before the first sample is silence
        self.overlap: Tensor | None = None  # second half of the last frame: float [256]
        self.taken = self.given = 0
        self.speech = 0.0  # probability that somebody spoke in the last frame

    @torch.no_grad()
    def push(self, block: Tensor) -> Tensor:
        """The samples that can be given now: float [n] -> float32 [m], m = 0 possible.

        Raises:
            AudioError: not [n]; empty; not finite.
        """
        check(block)
        self.taken += len(block)
        self.waiting = torch.cat([self.waiting, block.float()])
        count = (len(self.waiting) - spectral.HOP_SAMPLES) // spectral.HOP_SAMPLES  # frames that are full
        if count < 1:
            return torch.zeros(0)
        frames = self.waiting.unfold(0, spectral.WINDOW_SAMPLES, spectral.HOP_SAMPLES)[:count]
        heard = spectral.spectra(frames)
        self.waiting = self.waiting[count * spectral.HOP_SAMPLES :]
        mask, speech, self.state = self.model(heard[None], self.state)
        self.speech = float(torch.sigmoid(speech[0, -1]))
        halves = spectral.frames_of(mask[0] * heard).unflatten(1, (2, spectral.HOP_SAMPLES))  # [count, 2, 256]
        first, second = halves[:, 0], halves[:, 1]
        if self.overlap is not None:
            ready = torch.cat([self.overlap[None], second[:-1]]) + first
        else:  # the first frame's first half is the silence before the sound
            ready = second[:-1] + first[1:]
        self.overlap = second[-1]
        self.given += ready.numel()
        return ready.flatten()

    def finish(self) -> Tensor:
        """The end of the sound, with silence behind it: float32 [m]. The stream can take no more after that."""
        rest = self.taken - self.given
        return self.push(torch.zeros(spectral.WINDOW_SAMPLES))[:rest] if rest else torch.zeros(0)


def speech_share(found: Enhanced) -> float:
    """Share of the frames that sound and have speech in them, 0 to 1; silence has none.

    A frame sounds if it is no more than 40 dB below the loudest one: pauses of silence do not count against a voice.
    """
    powers = found.heard.abs().square().sum(dim=1)
    sounding = powers > powers.max() * 1e-4
    if float(powers.max()) < 1e-6 or not bool(sounding.any()):
        return 0.0
    return float((found.speech[sounding] > SPEAKING).float().mean())


def has_speech(found: Enhanced) -> bool:
    """Whether there is a voice at all; without one, what the enhancer gives means nothing."""
    return speech_share(found) >= LEAST_SHARE


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sound", type=Path)
    parser.add_argument("--out", type=Path, default=Path("enhanced.wav"))
    options = parser.parse_args(arguments)
    from core import weights

    x, rate = sound.read(options.sound)
    mono = sound.resample(x.mean(dim=0), rate, sound.SAMPLE_RATE_HZ)
    found = enhance(cast(CRN, weights.load(MODEL)), mono)
    options.out.write_bytes(sound.wav_bytes(found.audio, sound.SAMPLE_RATE_HZ))
    print(f"{options.out}: {100 * speech_share(found):.0f} % of the frames have speech in them")


if __name__ == "__main__":
    main()
