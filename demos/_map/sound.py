"""The one sound of the tab: chosen at its top, read by every cell below."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _stored
from demos import _widgets as w
from demos._tab import ROOT, Strings

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = ROOT / "assets/audio/map"
EXAMPLES = {  # key of the menu -> file; the words are in strings.toml, [field] example_<key>
    "sentence": ROOT / "assets/audio/kathleen_b0481.flac",
    "man": FOLDER / "recognition-md.opus",
    "digits": FOLDER / "recognition-theo.opus",
    "street": FOLDER / "heard-street.ogg",
    "dog": FOLDER / "heard-dog-one.ogg",
    "helicopter": FOLDER / "noise-helicopter.ogg",
    "clock": FOLDER / "noise-clock.ogg",
    "sung": FOLDER / "mir-sung.opus",
    "song": FOLDER / "mir-song.opus",
    "electronic": FOLDER / "heard-electronic.ogg",
    "piano": FOLDER / "heard-piano.ogg",
}
FIRST = "sentence"
SECONDS = 10.0  # that the cells look at
MAX_SECONDS = 600.0  # of a file
USUAL = ("kathleen_b0481.flac", 0)  # what the stored results were made of


@dataclass(frozen=True)
class Source:
    """The controls that say which sound it is. Handlers take their values, (path, start), first."""

    sound: gr.Audio
    start: gr.Slider

    @property
    def inputs(self) -> list[gr.components.Component]:
        return [self.sound, self.start]


def pick(t: Strings) -> Source:
    """Example, upload or microphone, and from which second on it is looked at."""
    samples = {key: w.Sample(t(f"example_{key}"), path) for key, path in EXAMPLES.items() if path.exists()}
    sound = w.voice(t, "sound", samples)
    start = w.link("start", gr.Slider(0, MAX_SECONDS, 0, step=1, label=t("start", seconds=f"{SECONDS:g}")))
    return Source(sound, start)


def load(path: str | None, start: Any = 0) -> Tensor:
    """The ten seconds that are looked at: float32 [T], mono, 16 kHz, levelled to -20 dBFS.

    Where the sound ends before `start`, it is its last ten seconds.

    Raises:
        AudioError: no sound, not a sound, silence, shorter than 0.1 s, longer than ten minutes.
    """
    path = path or ""
    return _excerpt(path, os.path.getmtime(path) if os.path.exists(path) else 0.0, float(start or 0))


@functools.lru_cache(maxsize=8)
def _excerpt(path: str, changed: float, start_s: float) -> Tensor:
    """`changed` is there so that a file with other contents is read anew."""
    from core import audio
    from core.errors import AudioError

    x, rate = audio.read(path, max_seconds=MAX_SECONDS)
    seconds = x.shape[1] / rate
    if seconds < audio.MIN_VOICE_SECONDS:
        raise AudioError(
            f"The sound lasts {seconds:.3f} s; choose or record one of at least {audio.MIN_VOICE_SECONDS} s."
        )
    first = int(min(start_s, max(0.0, seconds - SECONDS)) * rate)
    part = x[:, first : first + int(SECONDS * rate)].mean(dim=0)
    part = audio.resample(part - part.mean(), rate, audio.SAMPLE_RATE_HZ)
    if float(part.abs().max()) < 1e-4:  # -80 dBFS
        raise AudioError("These seconds are silent: choose another sound, or let it start at another second.")
    return audio.level_to(part)


def connect(
    t: Strings, source: Source, figure: gr.HTML, show: Callable[..., tuple], outputs: Sequence[Any], *,
    controls: Sequence[gr.components.Component] = (), usual: Sequence[Any] = (),
) -> None:  # fmt: skip
    """Wire a cell: shown when its first figure comes into sight, emptied when the sound changes, then shown again.

    Args:
        figure: the figure whose coming into sight asks for the result; one of `outputs`.
        show: (path, start, *controls) -> a value for each of `outputs`.
        controls: further inputs; their events are the cell's own business.
        usual: what the controls say for the stored results (`demos._stored`).
    """
    inputs = [*source.inputs, *controls]
    expected = [*USUAL, *usual]
    seen = w.on(t, figure.appear, _stored.at_sight(t, expected, len(outputs)), inputs, list(outputs))
    make = _stored.unless_stored(t, expected, if_there(show, len(outputs)))
    w.on(t, seen.then, make, inputs, list(outputs), heavy=True, show_progress="hidden")

    def out_of_date() -> Any:
        values = tuple(nothing_in(output, figure) for output in outputs)
        return values if len(values) > 1 else values[0]

    w.on(t, [source.sound.change, source.start.release], out_of_date, None, list(outputs))


def if_there(show: Callable[..., Any], outputs: int) -> Callable[..., Any]:
    """`show`, where there is a sound: whoever takes one away is about to bring another, and needs no message."""

    def make(path: str | None, *others: Any) -> Any:
        if path is None:
            return gr.skip() if outputs == 1 else tuple(gr.skip() for _ in range(outputs))
        return show(path, *others)

    return make


def nothing_in(output: Any, figure: Any) -> Any:
    """What an output holds until the new sound's result is there."""
    if output is figure:
        return w.ask_again()
    return "" if isinstance(output, gr.Markdown) else None
