"""Drawing spectrograms for the page: several side by side, tier by tier, and what becomes of them as sound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from demos import _models
from demos import _widgets as w
from demos._links import within
from demos._melnet.view import View
from demos._tab import Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.melnet.take import Take

MODELS = {"speech": "melnet-speech", "piano": "melnet-piano", "one": "melnet-one-tier"}
EVERY = 3  # frames of a tier between two looks
SHOW_S = 0.1  # at most so often something is sent to the page
STEP = 4  # frames must divide by this, for five tiers
MAX_TAKES = 3
LETTERS = "ABC"
HEAT, TEMPERATURE = (0.2, 1.5), 0.7  # as of the stored takes


@dataclass(frozen=True)
class Job:
    """One spectrogram to be drawn: by which network, with which seed, and what it is called on the page."""

    model: str
    seed: int
    label: str


@dataclass(frozen=True, eq=False)
class Made:
    """What was drawn last. given: frames at the beginning that are a visitor's."""

    takes: list[Take]
    labels: list[str]
    models: list[str]
    given: int = 0


def frames_of(seconds: Any, low: float, high: float) -> int:
    """A number of seconds as frames that divide into five tiers."""
    return int(within(seconds, low, high) * 80) // STEP * STEP


def draw(
    t: Strings, jobs: Sequence[Job], *, frames: int, temperature: float, frozen: Sequence[np.ndarray] = (),
    prime: Tensor | None = None, is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[dict[str, Any], Made | None]]:  # fmt: skip
    """Draw all jobs, a tier of each in turn: (view, None) again and again, at last (view, what was made).

    frozen: first tiers, as bytes, that all of them keep.  prime: log-mel [P, 80] that all of them begin with.
    """
    from core.melnet import sample, take

    models = [_models.load(MODELS[job.model]) for job in jobs]
    tiers = [model.config.tiers for model in models]
    given = 0 if prime is None else prime.shape[0]
    view = View([job.label for job in jobs], tiers=tiers, frames=frames, given=given)
    parts: list[list[np.ndarray]] = [list(frozen) for _ in jobs]
    for number in range(len(jobs)):
        for tier, part in enumerate(frozen, start=1):
            view.add(number, tier, part)
    streams = [
        sample.generate(model, job.seed, temperature, frames=frames, prime=prime, every=EVERY,
                        given=take.as_given(model, frozen, frames))
        for model, job in zip(models, jobs)
    ]  # fmt: skip
    began, stopped = time.monotonic(), False
    for number, tier, levels, complete in _rounds(streams, tiers, len(frozen)):
        if levels is not None:
            facts = t("facts", take=LETTERS[number], tier=tier, tiers=tiers[number])
            yield view.add(number, tier, levels, facts), None
        if complete is not None:
            parts[number].append(complete)
        if is_stopped():
            stopped = True
            for stream in streams:
                stream.close()
            break
    takes = [
        take.Take(tuple(own), frames, count, job.seed, temperature) for own, count, job in zip(parts, tiers, jobs)
    ]
    numbers = sum(part.size for one in takes for part in one.parts[len(frozen) :])
    facts = t("facts_done", draws=f"{numbers:,}", seconds=f"{time.monotonic() - began:.1f}")
    whole = Made(takes, [job.label for job in jobs], [job.model for job in jobs], given)
    yield view.end(facts, stopped=stopped), whole


def or_idle(drawing: Iterator[tuple]) -> Iterator[tuple]:
    """The same; where it fails, the view stops waiting before the visitor reads why."""
    try:
        yield from drawing
    except Exception:
        yield View.idle(), gr.skip()
        raise


def _rounds(streams: list[Any], tiers: list[int], kept: int) -> Iterator[tuple]:
    """(number, tier, fresh levels or None, the whole tier or None): tier 1 of every stream, then tier 2 of every one.

    Levels are gathered for SHOW_S. The caller may stop between any two.
    """
    from core.melnet import take

    for tier in range(kept + 1, max(tiers) + 1):
        for number, stream in enumerate(streams):
            if tier > tiers[number]:
                continue
            sent, shown = 0, time.monotonic()
            for look in stream:
                fresh = None
                if look.complete or time.monotonic() - shown > SHOW_S:
                    fresh = take.pack(take.own_log_mel(look)[sent : look.done])
                    sent, shown = look.done, time.monotonic()
                whole = take.pack(take.own_log_mel(look)) if look.complete else None
                yield number, tier, fresh, whole
                if look.complete:
                    break


def tracks_of(made: Made | None) -> Any:
    """All takes as far as they were drawn, each a track of a player; nothing changes where nothing was drawn."""
    if made is None:
        return gr.skip()
    from core.melnet.examples import sound_of

    takes = [(unlettered(label), one) for one, label in zip(made.takes, made.labels) if one.parts]
    return [w.track(label, sound_of(one.large())) for label, one in takes]


def unlettered(label: str) -> str:
    """The label of a take for a player, which gives each track its letter itself."""
    return label.partition(": ")[2] or label


def tier_tracks(t: Strings, take: Take) -> list[dict[str, Any]]:
    """A take heard from coarse to fine: its first tier, its first two, and so on."""
    from core.melnet.examples import sound_of

    return [w.track(name_of_tiers(t, count), sound_of(take.large(count))) for count in range(1, len(take.parts) + 1)]


def name_of_tiers(t: Strings, count: int) -> str:
    return t("tier_one") if count == 1 else t("tier_first", tiers=count)
