"""Speech of several speakers -> crops of log-mels, each with its speaker and the means of its utterance."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import DataError
from core.vqvae.model import SPEAKERS
from core.wavenet import data as one_voice
from core.wavenet.data import Recording

HELD_OUT = 6  # the last sentences of each further voice
UNSEEN = ("MD",)  # voices that are never trained on
WARP = 0.15  # how far the encoder's input is moved in frequency, up or down


@dataclass(frozen=True)
class Utterance:
    """A recording and who speaks: speaker is a place in the speakers' list, -1 for one that is not there."""

    recording: Recording
    speaker: int

    @property
    def mel(self) -> Tensor:
        return self.recording.mel[:80]  # behind them may come the sines of the pitch clock

    @functools.cached_property
    def mean(self) -> Tensor:
        return self.mel.mean(dim=1)  # [80]

    @property
    def frames(self) -> int:
        return self.recording.codes.shape[0] // audio.HOP_SAMPLES


class Batch(NamedTuple):
    """mel float [B, 80, F], mean [B, 80], speaker int64 [B], and what the encoder hears: heard [B, 80, F], its mean
    [B, 80]. For the waveforms of the first b rows: codes int64 [b, n * 200] and the pitch clock's sines, float
    [b, E, n + 2], of the n frames from `start` on, and two more."""

    mel: Tensor
    mean: Tensor
    speaker: Tensor
    heard: Tensor
    heard_mean: Tensor
    codes: Tensor | None = None
    clock: Tensor | None = None
    start: int = 0


def voices(folder: Path) -> dict[str, list[Path]]:
    """Speaker -> their sounds: a subfolder each, or names that begin with the speaker's letters (TSP: FA01_01).

    Raises:
        DataError: no such folder, or no sounds.
    """
    files = one_voice.sound_files(folder)
    found: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        parents = path.relative_to(folder).parts[:-1]
        letters = re.match(r"[A-Za-z]+", path.stem)
        name = parents[0] if parents and parents[0] not in ("opus", "flac", "wav", "wavs") else ""
        found[name or (letters.group() if letters else path.parent.name)].append(path)
    return {name: sorted(paths) for name, paths in sorted(found.items())}


def load(
    first: Path, others: Path | None = None, *, held_out: bool = False, limit: int | None = None,
    speakers: Sequence[str] = SPEAKERS,
) -> list[Utterance]:  # fmt: skip
    """The training part, or what is held out: Kathleen's 60 sentences, the last six of each other voice.

    Args:
        first: corpus of speakers[0] (Kathleen's or LJSpeech's layout).  others: the other voices, see `voices`.
        limit: so many sentences a voice.
    Raises:
        DataError: a corpus is not there, or lacks a speaker.
    """
    found = [Utterance(one, 0) for one in one_voice.load(first, held_out=held_out, limit=limit)]
    there = voices(others) if others else {}
    for place, name in enumerate(speakers[1:], start=1):
        if others and name not in there:
            raise DataError(f"{others} has no voice {name}; it has {', '.join(there)}. Name them with --speakers.")
        paths = there.get(name, [])
        paths = paths[-HELD_OUT:] if held_out else paths[:-HELD_OUT]
        found += [Utterance(one_voice.read(path), place) for path in paths[:limit]]
    return found


def unseen(others: Path, *, limit: int | None = None) -> list[Utterance]:
    """The voices that no model was trained on; their speaker is -1."""
    there = voices(others)
    paths = [path for name in UNSEEN for path in there.get(name, [])]
    return [Utterance(one_voice.read(path), -1) for path in paths[:limit]]


@functools.lru_cache(maxsize=1)
def _centres_hz() -> np.ndarray:
    import librosa

    return librosa.mel_frequencies(n_mels=audio.MEL_BANDS + 2, fmin=0.0, fmax=8000.0)[1:-1]


def warped(mel: Tensor, factors: Tensor) -> Tensor:
    """Spectra as of a shorter or longer throat: band at f Hz takes what was at f times the factor.

    Jaitly and Hinton 2013, "Vocal tract length perturbation", on the bands of a mel.

    Args:
        mel: float [B, 80, F] or [B, 80].  factors: float [B], near 1.
    Returns:
        of the mel's shape; linear in the mel, so that the mean of a warped mel is its warped mean.
    """
    centres = _centres_hz()
    wanted = centres[None] * factors.double().numpy()[:, None]  # [B, 80]
    place = torch.from_numpy(np.interp(wanted, centres, np.arange(len(centres)))).float()
    low = place.floor().long().clamp(max=len(centres) - 2)
    share = place - low
    if mel.dim() == 3:
        low, share = low[..., None].expand_as(mel), share[..., None]
    return torch.lerp(mel.gather(1, low), mel.gather(1, low + 1), share.expand_as(mel))


class Picker:
    """Random crops: a speaker by the root of how much there is of them, then every moment equally likely."""

    def __init__(self, utterances: Sequence[Utterance], *, frames: int, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.frames = frames
        self.usable = [one for one in utterances if one.frames >= frames]
        if not self.usable:
            raise DataError(f"No recording is longer than {frames / 80:.2f} s; use fewer frames.")
        spans = torch.tensor([one.frames - frames + 1.0 for one in self.usable], dtype=torch.float64)
        who = torch.tensor([one.speaker for one in self.usable])
        total = torch.stack([spans[who == speaker].sum() for speaker in who.tolist()])
        self.weights = spans / total.sqrt()

    def pick(self, batch: int) -> list[tuple[Utterance, int]]:
        """Utterances and first frames."""
        picks = torch.multinomial(self.weights, batch, replacement=True, generator=self.generator)
        found = []
        for pick in picks.tolist():
            one = self.usable[pick]
            start = int(torch.randint(one.frames - self.frames + 1, (1,), generator=self.generator))
            found.append((one, start))
        return found

    def heard(self, mel: Tensor, mean: Tensor, warp: float) -> tuple[Tensor, Tensor]:
        """What the encoder hears: half of the rows warped by up to so much."""
        factors = torch.rand(len(mel), generator=self.generator) * 2 - 1
        moved = (torch.rand(len(mel), generator=self.generator) < 0.5).float()
        factors = 1 + warp * factors * moved
        return warped(mel, factors), warped(mean, factors)


def batches(
    utterances: Sequence[Utterance], *, batch: int, frames: int, seed: int = 0, warp: float = WARP
) -> Iterator[Batch]:
    """Crops of spectrograms without end."""
    picker = Picker(utterances, frames=frames, seed=seed)
    while True:
        picks = picker.pick(batch)
        mel = torch.stack([one.mel[:, at : at + frames] for one, at in picks])
        mean = torch.stack([one.mean for one, _ in picks])
        speaker = torch.tensor([one.speaker for one, _ in picks])
        yield Batch(mel, mean, speaker, *picker.heard(mel, mean, warp))


def wave_batches(
    utterances: Sequence[Utterance], *, batch: int, frames: int, context: int, listeners: int = 0, seed: int = 0,
    warp: float = WARP,
) -> Iterator[Batch]:  # fmt: skip
    """The same with waveforms: codes of the `frames` in the middle, `context` frames around them for the front.

    Args:
        batch: rows that have a waveform.  listeners: rows that the front hears, at least as many; waveforms are what
            takes time, and a codebook needs many places.
    """
    picker = Picker(utterances, frames=frames + 2 * context, seed=seed)
    hop = audio.HOP_SAMPLES
    while True:
        picks = picker.pick(max(batch, listeners))
        mel = torch.stack([one.mel[:, at : at + picker.frames] for one, at in picks])
        mean = torch.stack([one.mean for one, _ in picks])
        speaker = torch.tensor([one.speaker for one, _ in picks])
        inside = [(one.recording, at + context) for one, at in picks[:batch]]
        codes = torch.stack([r.codes[at * hop : (at + frames) * hop].long() for r, at in inside])
        clock = torch.stack([r.mel[80:, at : at + frames + 2] for r, at in inside])
        yield Batch(mel, mean, speaker, *picker.heard(mel, mean, warp), codes, clock, context)


def with_mel(utterance: Utterance, mel: Tensor) -> Utterance:
    """The utterance with another mel, such as one that has the clock's sines behind it."""
    return replace(utterance, recording=replace(utterance.recording, mel=mel))
