"""Tags and genre of a piece, over time, and which part of the spectrogram speaks for one of them.

    model = weights.load("tags-musicnn")
    found = tags(model, audio)                  # float32 [T] at 16 kHz -> 50 probabilities, and 50 for every second
    kind = genre(model, audio)                  # the genres among them, and a verdict
    where = evidence(model, audio, "piano")     # [T, F]: what in the picture raised this tag, what lowered it
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import AudioError
from core.tags.data import log_mel, windows
from core.tags.model import Musicnn

MIN_SECONDS, MAX_SECONDS = 0.1, 600.0
HOP_FRAMES = 62  # 0.99 s from one window to the next
BATCH = 8  # windows at once
SILENCE = 1e-3  # root mean square of -60 dBFS
GENRES = (  # what of the 50 is a genre; "classic" is written for classical
    "classical", "techno", "electronic", "rock", "ambient", "indian", "opera", "pop", "new age", "dance", "country",
    "metal",
)  # fmt: skip
SAME = {"classical": ("classical", "classic")}
NOT_MUSIC, UNSURE = "not music", "unsure"
SURE = 0.1  # a genre's mean probability from which it is said: players gave few tags to a clip, so all are low


@dataclass(frozen=True, eq=False)
class Tags:
    """names: of the K tags.  mean: float [K], over all windows.  over_time: float [W, K], each in [0, 1].

    seconds: the middle of each window.  music: float [W], how likely each window is music at all.
    """

    names: tuple[str, ...]
    mean: Tensor
    over_time: Tensor
    seconds: tuple[float, ...]
    music: Tensor

    def top(self, count: int = 10) -> list[tuple[str, float]]:
        """The likeliest tags and their means."""
        order = self.mean.argsort(descending=True)[:count].tolist()
        return [(self.names[k], float(self.mean[k])) for k in order]


@dataclass(frozen=True, eq=False)
class Genre:
    """names: the G genres.  mean: float [G].  over_time: float [W, G].  seconds: the middle of each window.

    music: how likely it is music at all.  verdict: a genre, UNSURE or NOT_MUSIC.
    """

    names: tuple[str, ...]
    mean: Tensor
    over_time: Tensor
    seconds: tuple[float, ...]
    music: float
    verdict: str


def tags(model: Musicnn, x: Tensor) -> Tags:
    """The tags of a sound, in windows of three seconds, one a second.

    Args:
        x: float [T] at 16 kHz, 0.1 s to 600 s; what is shorter than a window is repeated.
    Raises:
        AudioError: too short or too long, another shape, not finite.
    """
    _check(x, model)
    config = model.config
    pictures, starts = windows(log_mel(x.detach(), config), config, HOP_FRAMES)
    with torch.inference_mode():
        logits = torch.cat([model(pictures[i : i + BATCH]) for i in range(0, len(pictures), BATCH)])
        music = model.music(logits)[:, 0].sigmoid()
    if float(x.square().mean().sqrt()) < SILENCE:
        music = torch.zeros_like(music)
    shares = logits.sigmoid()
    middle = config.window_frames / 2
    seconds = tuple((start + middle) * config.hop_samples / config.sample_rate_hz for start in starts)
    return Tags(config.tags, shares.mean(dim=0), shares, seconds, music)


def genre(model: Musicnn, x: Tensor | Tags) -> Genre:
    """What kind of music it is, if it is music.

    Args:
        x: a sound as `tags` takes it, or what `tags` found in it.
    Raises:
        AudioError: as `tags`.
    """
    found = x if isinstance(x, Tags) else tags(model, x)
    columns = [[found.names.index(name) for name in SAME.get(one, (one,))] for one in GENRES]
    over_time = torch.stack([found.over_time[:, places].amax(dim=1) for places in columns], dim=1)  # [W, G]
    mean, music = over_time.mean(dim=0), float(found.music.mean())
    best = int(mean.argmax())
    named = GENRES[best] if float(mean[best]) >= SURE else UNSURE
    return Genre(GENRES, mean, over_time, found.seconds, music, named if music >= 0.5 else NOT_MUSIC)


def evidence(model: Musicnn, x: Tensor, tag: str) -> Tensor:
    """Which energy speaks for a tag and which against it: gradient times input, summed over the windows.

    The logit of a window is a function of its picture; where the picture is P, dlogit/dP * P says how far the logit
    would fall, to first order, if that energy were taken away.

    Source: Shrikumar et al. 2016 (arXiv:1605.01713), section 2; Simonyan et al. 2014 (arXiv:1312.6034) for the
    gradient alone.

    Args:
        x: as for `tags`.  tag: one of the model's.
    Returns:
        float [T, F], as many frames and bands as the sound's log-mel; positive speaks for the tag. The mean over
        windows that see the same frame. Summed over F it is the evidence over time.
    Raises:
        AudioError: as `tags`; no such tag.
    """
    _check(x, model)
    config = model.config
    if tag not in config.tags:
        raise AudioError(f"{tag!r:.80} is not one of the tags: {', '.join(config.tags)}.")
    picture = log_mel(x.detach(), config)
    pictures, starts = windows(picture, config, config.window_frames // 2)
    total = torch.zeros(max(len(picture), config.window_frames), config.bands)
    seen = torch.zeros(len(total), 1)
    for one, start in zip(pictures, starts):
        given = one[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model(given)[0, config.tags.index(tag)], given)
        total[start : start + len(one)] += (gradient * given)[0].detach()
        seen[start : start + len(one)] += 1
    return (total / seen)[: len(picture)]


def _check(x: Tensor, model: Musicnn) -> None:
    if x.dim() != 1:
        raise AudioError(f"A sound of one channel, [samples], is wanted, got {list(x.shape)}.")
    seconds = x.shape[0] / model.config.sample_rate_hz
    if seconds < MIN_SECONDS:
        raise AudioError(f"The sound lasts {seconds:.3f} s; say something of at least {MIN_SECONDS} s.")
    if seconds > MAX_SECONDS:
        raise AudioError(
            f"The sound lasts {seconds:.0f} s; at most {MAX_SECONDS:.0f} s are taken. Cut out the part you need."
        )
