"""What sounds, when, and by which part of the spectrogram the network knows.

    found = identify(weights.load("events"), audio)       # float32 [T] at 16 kHz
    found.top5, found.verdict, found.per_second, found.cam
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core import audio
from core.errors import AudioError
from core.events.augment import SILENCE, levelled
from core.events.model import NONE, EventCNN
from core.events.spectrogram import log_mel

MIN_SECONDS, MAX_SECONDS = 0.1, 600.0
WINDOW_S, HOP_S = 2.0, 1.0  # of the answers over time: windows of the shortest length that the training used
PICTURE_S = 30.0  # the longest stretch that is one picture
SILENT = "silence"


@dataclass(frozen=True, eq=False)
class Events:
    """What was found in a sound.

    classes: names of the K classes; NONE is not among them.
    top5: the five likeliest and their probabilities, of the whole sound.  probabilities: float [K].  none: of NONE.
    per_second: float [W, K], of windows of WINDOW_S that begin at `starts_s`.  none_per_second: float [W].
    scene: float [K], the mean of per_second: which share of the time is like each class.
    cam: float [K, T', F'], the class-activation map; its sum over places is the class's logit.
    logits: float [K].  log_mel: float [T, F] in dB, the picture that the network saw.
    verdict: a class; NONE where no class is as likely as the network's threshold; or SILENT.
    """

    classes: tuple[str, ...]
    top5: list[tuple[str, float]]
    probabilities: Tensor
    none: float
    per_second: Tensor
    none_per_second: Tensor
    starts_s: tuple[float, ...]
    scene: Tensor
    cam: Tensor
    logits: Tensor
    log_mel: Tensor
    verdict: str
    seconds: float


@torch.inference_mode()
def identify(model: EventCNN, x: Tensor) -> Events:
    """Name the sound: whole, second by second, and place by place.

    Args:
        x: float [T] at 16 kHz, 0.1 s to 600 s, at any level.
    Returns:
        Events. What lasts less than 2 s is followed by silence up to 2 s.
    Raises:
        AudioError: too short or too long, another shape, not finite.
    """
    _check(x)
    x = x.detach().float()
    pictures = [log_mel(levelled(piece), model.config.bands) for piece in pieces(padded(x))]
    maps, logits = joined_maps(model, pictures)
    shares = logits.softmax(dim=0)
    starts = window_starts(x.shape[0])
    rows = torch.stack([answer(model, cut_window(x, start)) for start in starts])  # [W, K + 1]
    none = model.config.classes.index(NONE)
    named = [k for k in range(len(model.config.classes)) if k != none]
    classes = tuple(model.config.classes[k] for k in named)
    order = shares[named].argsort(descending=True)[:5].tolist()
    return Events(
        classes=classes, top5=[(classes[k], float(shares[named][k])) for k in order], probabilities=shares[named],
        none=float(shares[none]), per_second=rows[:, named], none_per_second=rows[:, none],
        starts_s=tuple(start / audio.SAMPLE_RATE_HZ for start in starts), scene=rows[:, named].mean(dim=0),
        cam=maps[named], logits=logits[named], log_mel=torch.cat(pictures),
        verdict=verdict(x, shares[named], classes, model.config.threshold), seconds=x.shape[0] / audio.SAMPLE_RATE_HZ,
    )  # fmt: skip


def verdict(x: Tensor, shares: Tensor, classes: tuple[str, ...], threshold: float) -> str:
    """The likeliest class if it is likely enough and there is a sound at all."""
    if float(x.square().mean().sqrt()) < SILENCE:
        return SILENT
    best = int(shares.argmax())
    return classes[best] if float(shares[best]) >= threshold else NONE


def answer(model: EventCNN, window: Tensor) -> Tensor:
    """Probabilities of all classes for one window: float [T] -> [K + 1]; silence is NONE for certain."""
    if float(window.square().mean().sqrt()) < SILENCE:
        out = torch.zeros(len(model.config.classes))
        out[model.config.classes.index(NONE)] = 1.0
        return out
    return model(log_mel(levelled(window), model.config.bands)[None])[0].softmax(dim=0)


def joined_maps(model: EventCNN, pictures: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The maps of all pictures one after another, float [K, T', F'], and what they add up to, float [K].

    Each picture counts by its length.
    """
    maps = [model.activation_map(picture[None])[0] for picture in pictures]
    places = sum(one.shape[1] for one in maps)
    whole = torch.cat([one * one.shape[1] / places for one in maps], dim=1)
    return whole, whole.sum(dim=(1, 2))


def padded(x: Tensor) -> Tensor:
    """The sound, followed by silence up to WINDOW_S, as short clips were in training."""
    least = round(WINDOW_S * audio.SAMPLE_RATE_HZ)
    return torch.nn.functional.pad(x, (0, max(0, least - x.shape[0])))


def pieces(x: Tensor) -> list[Tensor]:
    """Equal pieces of at most PICTURE_S."""
    longest = round(PICTURE_S * audio.SAMPLE_RATE_HZ)
    return list(x.tensor_split(-(-x.shape[0] // longest)))


def window_starts(samples: int) -> list[int]:
    """Where the windows begin: every HOP_S, the last where it ends with the sound."""
    window, hop = round(WINDOW_S * audio.SAMPLE_RATE_HZ), round(HOP_S * audio.SAMPLE_RATE_HZ)
    last = max(0, samples - window)
    return sorted({*range(0, last + 1, hop), last})


def cut_window(x: Tensor, start: int) -> Tensor:
    """The window that begins there: float [T] -> [2 s]."""
    return padded(x[start : start + round(WINDOW_S * audio.SAMPLE_RATE_HZ)])


def _check(x: Tensor) -> None:
    if x.dim() != 1:
        raise AudioError(f"A sound of one channel, [samples], is wanted, got {list(x.shape)}.")
    seconds = x.shape[0] / audio.SAMPLE_RATE_HZ
    if seconds < MIN_SECONDS:
        raise AudioError(f"The sound lasts {seconds:.3f} s; say something of at least {MIN_SECONDS} s.")
    if seconds > MAX_SECONDS:
        raise AudioError(
            f"The sound lasts {seconds:.0f} s; at most {MAX_SECONDS:.0f} s are taken. Cut out the part you need."
        )
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
