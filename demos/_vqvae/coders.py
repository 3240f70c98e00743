"""The autoencoders of the page: loaded once for all visitors, their numbers from the cards, their sound streamed."""

from __future__ import annotations

import base64
import functools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import weights
from demos import _models
from demos._tab import Strings
from demos._vqvae import strip
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from torch import Tensor

    from core.vqvae.sample import Coder

VQ, ARGMAX = "vqvae-speech", "vqvae-argmax"
CODES, RATES = (32, 128, 512), (80, 40, 20)
PCM_BITS_PER_S = 16 * 16_000
MAX_SECONDS = 12.0  # of a visitor's voice: the WaveNet speaks it in about half that time
SHOW_S = 0.2  # sound is sent to the page at most so often


def of_grid(codes: Any, rate: Any) -> str:
    """The weights of the small autoencoder of that size: vqvae-512-40."""
    return f"vqvae-{codes}-{rate}"


def grid() -> list[str]:
    """The small autoencoders that are shipped, fewest bits first."""
    here = [name for name in weights.names() if re.fullmatch(r"vqvae-\d+-\d+", name)]
    return sorted(here, key=nominal)


def nominal(name: str) -> float:
    """log2 K for each code of a shipped autoencoder, in bits a second. Loads no model."""
    import math

    config = weights.card(name)["config"]
    return math.log2(config["codes"]) * 80 / config["frames_per_code"]


def measured(name: str) -> dict[str, float]:
    """The card's rows by their names; {} where nothing was measured or no such weights are there."""
    if name not in weights.names():
        return {}
    return {row["name"]: row["value"] for row in weights.card(name).get("metrics", [])}


def load(name: str = VQ) -> Coder:
    """An autoencoder with its WaveNet.

    Raises:
        WeightsError: as `core.weights.load`.
    """
    from core.vqvae.sample import Coder

    front = _models.load(name)
    return Coder(name, front, _models.load(front.config.decoder))


@functools.lru_cache(maxsize=32)
def _colours(name: str) -> dict[int, list[int]]:
    from core.vqvae import look

    found = look.colours(load(name).typical())
    return dict(enumerate(found.tolist()))


def row_of(name: str, label: str, codes: Tensor, x: Tensor | None = None, *, tracks: Any = None) -> dict[str, Any]:
    """A row of the strip: codes int64 [N] of an autoencoder, on the waveform float [T] of a sound."""
    from core.vqvae import look

    peaks = None if x is None else look.peaks(x, len(codes)).numpy()
    return strip.row(label, codes.tolist(), load(name).codes_per_s, _colours(name), peaks=peaks, tracks=tracks)


def stored_row(entry: dict[str, Any], label: str, *, tracks: Any = None) -> dict[str, Any]:
    """A row of the strip from `core.vqvae.examples.index`, without loading torch."""
    colours = {int(code): colour for code, colour in entry["colours"].items()}
    peaks = np.frombuffer(base64.b64decode(entry["wave"]), dtype=np.uint8)
    return strip.row(label, entry["codes"], entry["rate"], colours, peaks=peaks, tracks=tracks)


def is_stored(path: str | None) -> bool:
    """Whether a voice control holds the sentence that was put through everything beforehand."""
    from core.vqvae import examples

    return Path(path or "").stem == f"kathleen_{examples.SENTENCE}"


def voice(path: str | None, *, max_seconds: float = MAX_SECONDS) -> Tensor:
    """What a voice control gave: float32 [T], 16 kHz.

    Raises:
        AudioError: nothing chosen, silence, not a sound, too short or too long.
    """
    from core import audio

    return audio.load_voice(path or "", max_seconds=max_seconds)


def warm_up(name: str = VQ) -> None:
    """Load the networks and choose the WaveNet's engine while the visitor is still reading."""
    from core.errors import LessonError
    from core.wavenet import generate

    try:
        generate.best(load(name).wavenet)
    except LessonError:
        return  # the click on the button will say it


def stream(
    t: Strings, coder: Coder, codes: Tensor, speaker: str | int, *, seed: int = 0,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[dict[str, Any], Tensor | None]]:  # fmt: skip
    """(live sound, None) again and again, at last (live sound, all that was said, levelled): float32 [T].

    Raises:
        SamplingError: as `core.vqvae.sample.Coder.stream`.
    """
    import torch

    from core import audio

    heard, fresh = [], []
    try:
        frames = coder.frames(codes, speaker)
        samples = frames.shape[1] * audio.HOP_SAMPLES
        sound = live.Broadcast(samples, picture=frames.numpy())
        yield sound.value, None
        blocks = coder.stream(codes, speaker, seed=seed)
        began = shown = time.monotonic()
        stopped, drawn_s = False, 0.0
        for block in blocks:
            fresh.append(block.audio)
            drawn_s = block.drawn_s
            stopped = is_stopped()
            if time.monotonic() - shown > SHOW_S and sum(map(len, fresh)):
                speed = drawn_s / max(1e-6, time.monotonic() - began)
                heard.append(torch.cat(fresh))
                fresh, shown = [], time.monotonic()
                facts = t("voice_facts", speed=f"{speed:.1f}")
                yield sound.add(audio.to_int16(heard[-1]), speed=speed, facts=facts), None
            if stopped:
                blocks.close()  # type: ignore[attr-defined]
                break
        speed = drawn_s / max(1e-6, time.monotonic() - began)
        heard.append(torch.cat([*fresh, torch.zeros(0)]))
        yield sound.add(audio.to_int16(heard[-1]), speed=speed, facts=t("voice_facts", speed=f"{speed:.1f}")), None
    except Exception:
        yield live.Broadcast.idle(), None
        raise
    said = torch.cat(heard)
    yield sound.end(stopped=stopped), audio.level_to(said) if len(said) and float(said.abs().max()) > 1e-4 else said
