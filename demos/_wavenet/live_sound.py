"""A cell that plays sound while a network makes it, and the means to stop the making.

The sound travels as 16-bit blocks in a value that only grows, of which gradio sends the additions; the browser
schedules them sample by sample (`assets/site/wavenet/live_sound.js`). Nothing is encoded, so nothing needs ffmpeg.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from demos import _numbers, _stop
from demos._tab import Strings

if TYPE_CHECKING:
    from core.wavenet.live import Update

_LOAD = """
import('/site/wavenet/live_sound.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear'
"""

stop, is_stopped = _stop.stop, _stop.is_stopped
SILENCE_JS = "() => { site.silence && site.silence(); return []; }"


def live_sound(t: Strings, name: str) -> gr.HTML:
    """The cell; its values come from `Broadcast`. `.appear` fires when it is ready, the moment to load a network."""
    keys = ("idle", "waiting", "running", "done", "stopped", "prime", "goes_on", "pauses", "label", "softmax")
    return gr.HTML(
        None, html_template="<div class='live-host'></div>", js_on_load=_LOAD, apply_default_css=False,
        words={key: t(f"live.{key}") for key in keys}, elem_id=f"{t.scope}-{name}",
        elem_classes=["out-cell"],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Look:
    """The softmax that one sample was drawn from: its number, the code drawn, entropy, probabilities float [256]."""

    position: int
    drawn: int
    bits: float
    probabilities: np.ndarray

    def packed(self) -> str:
        """Square roots in 8 bits, relative to the largest: what a drawing a hundred pixels high can show."""
        p = np.asarray(self.probabilities, dtype=np.float64)
        levels = np.round(255 * np.sqrt(p / p.max())).astype(np.uint8)
        shape = base64.b64encode(levels.tobytes()).decode("ascii")
        return f"{self.position},{self.drawn},{p[self.drawn]:.5g},{p.max():.5g},{self.bits:.3f},{shape}"


def looks_of(update: Update, prime: int = 0) -> list[Look]:
    """What the network looked like during an update of `core.wavenet.live.speak`, which began after `prime` samples."""
    from core.wavenet.live import entropy_bits

    first = update.drawn - len(update.codes)
    bits = entropy_bits(update.probabilities)
    return [
        Look(prime + position, int(update.codes[position - first]), float(bits[i]), update.probabilities[i].numpy())
        for i, position in enumerate(update.positions)
    ]


class Broadcast:
    """The value of a live cell while sound is being made.

    Args:
        total: samples expected, the prime among them.
        prime: how many of them, at the beginning, were given and not made.
        picture: float [rows, columns] drawn above the waveform, such as a mel, the lowest row first; or None.
    """

    def __init__(self, total: int, *, prime: int = 0, picture: Any = None) -> None:
        self.value: dict[str, Any] = {
            "run": _numbers.fresh(), "state": "running", "total": total, "prime": prime, "blocks": [], "speed": 0.0,
            "facts": "", "picture": None if picture is None else _picture(np.asarray(picture)),
        }  # fmt: skip

    @staticmethod
    def waiting() -> dict[str, Any]:
        """What the cell shows from the click until the network's turn comes."""
        return {"run": _numbers.fresh(), "state": "waiting", "total": 1, "blocks": []}

    @staticmethod
    def idle() -> dict[str, Any]:
        """Nothing, as before the first click."""
        return {"run": 0, "state": "idle", "total": 1, "blocks": []}

    def add(
        self, pcm: np.ndarray, *, speed: float = 0.0, facts: str = "", looks: Iterable[Look] = ()
    ) -> dict[str, Any]:  # fmt: skip
        """Append int16 [n]; returns the value to yield. speed: seconds of sound made in a second."""
        block = base64.b64encode(np.ascontiguousarray(pcm, dtype="<i2").tobytes()).decode("ascii")
        block = ";".join([block, *(look.packed() for look in looks)])
        self.value = {**self.value, "blocks": [*self.value["blocks"], block], "speed": round(speed, 3), "facts": facts}
        return self.value

    def end(self, *, stopped: bool) -> dict[str, Any]:
        """The value when no more will come."""
        self.value = {**self.value, "state": "stopped" if stopped else "done"}
        return self.value


def _picture(values: np.ndarray) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    levels = np.round((values - low) / max(high - low, 1e-6) * 255).astype(np.uint8)
    data = base64.b64encode(levels.tobytes()).decode("ascii")
    return {"rows": values.shape[0], "columns": values.shape[1], "data": data}


def begin(session: str | None, cell: str) -> dict[str, Any]:
    """A visitor has asked for sound: forget an earlier wish to stop."""
    _stop.begin(session, cell)
    return Broadcast.waiting()
