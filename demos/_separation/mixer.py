"""A cell that plays the stems of a song together, while they are still being made.

    song = Song(title, {"vocals": t("stem_vocals"), "accompaniment": …}, sample_rate_hz=44_100, samples=x.shape[1])
    yield song.waiting()
    for part in …:                              # a part: {"vocals": float [C, n], …}, 5 to 30 s
        urls = …                                # one sound file (FLAC, WAV, OGG) per stem, n samples long
        yield song.add_segment(urls, samples=n, peaks=[peaks(x, 44_100) for x in part.values()], left_s=40.0)
    yield song.end(downloads=[download(t("stem_vocals"), url, "song-vocals.flac")])

The browser (`assets/site/separation/stems.js`) fetches and decodes only what lies near the playhead and joins the
segments sample by sample, on a clock that runs at the files' own rate, so that nothing is resampled at a join.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np

from demos import _numbers
from demos._tab import Strings

__all__ = ["MOST_STEMS", "PEAKS_PER_S", "Song", "download", "idle", "mixer", "peaks"]

MOST_STEMS = 6  # rows, and keys 1 to 6
PEAKS_PER_S = 20
WORDS = (
    "label", "idle", "waiting", "running", "left", "left_short", "done", "stopped", "starved", "failed", "play",
    "pause", "position", "seek", "mute", "solo", "volume", "reset", "off", "everything", "karaoke", "a_cappella",
    "presets", "loop_a", "loop_b", "loop_on", "loop_off", "loop_clear", "loop_start", "loop_end", "downloads",
    "keys", "keys_title", "minutes", "seconds", "loading",
)  # fmt: skip
_LOAD = """
import('/site/separation/mixer.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear'
"""


def mixer(t: Strings, name: str, *, value: dict[str, Any] | None = None) -> gr.HTML:
    """One row per stem (mute, solo, volume, waveform), one transport, a loop; its value is made by `Song`.

    Event: `.appear(fn)` once, when the empty mixer first comes into view, for a result that is there at once.
    """
    return gr.HTML(
        value, html_template="<div class='mixer-host'></div>", js_on_load=_LOAD, apply_default_css=False,
        words={key: t(f"mixer.{key}") for key in WORDS}, elem_id=f"{t.scope}-{name}" if t.scope else name,
        elem_classes=["out-cell"],
    )  # fmt: skip


class Song:
    """The value of a mixer while a song's stems are being made. Every method returns the value to yield.

    Args:
        title: what the song is called; may be the name of a visitor's file.
        stems: key -> label, 1 to 6, in the order of the rows. A mixer with a stem "vocals" offers karaoke.
        sample_rate_hz: of the stems' files.  samples: expected length of the whole song.
    Raises:
        ValueError: no stem, or more than 6.
    """

    def __init__(self, title: str, stems: Mapping[str, str], *, sample_rate_hz: int, samples: int) -> None:
        if not 1 <= len(stems) <= MOST_STEMS:
            raise ValueError(f"A mixer has 1 to {MOST_STEMS} stems, not {len(stems)}.")
        self.sample_rate_hz = sample_rate_hz
        self.made = 0  # samples
        self.value: dict[str, Any] = {
            "run": _numbers.fresh(), "state": "running", "title": title, "seconds": samples / sample_rate_hz,
            "progress": 0.0, "left_s": None, "facts": "",
            "stems": [{"key": key, "label": label} for key, label in stems.items()], "segments": [], "downloads": [],
        }  # fmt: skip

    def waiting(self, facts: str = "") -> dict[str, Any]:
        """What is shown until the song's turn comes."""
        return self._change(state="waiting", facts=facts)

    def progress(self, done: float, *, left_s: float | None = None, facts: str = "") -> dict[str, Any]:
        """done: share of the work, in [0, 1].  left_s: seconds it will still take, if known."""
        left = None if left_s is None else round(left_s, 1)
        return self._change(state="running", progress=round(min(max(done, 0.0), 1.0), 4), left_s=left, facts=facts)

    def add_segment(
        self, urls: Sequence[str], *, samples: int, peaks: Sequence[str] | None = None, progress: float | None = None,
        left_s: float | None = None, facts: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Append the next piece of every stem; the pieces follow each other without gap.

        Args:
            urls: of one sound file per stem, in the order of the stems.
            samples: length of each of the files.
            peaks: `peaks(…)` of each stem; without them the browser draws what it has decoded.
            progress, left_s, facts: as in `progress`; without progress, the share of the song that is there.
        Raises:
            ValueError: not one URL (or one text of peaks) per stem, or no samples.
        """
        count = len(self.value["stems"])
        if len(urls) != count or (peaks is not None and len(peaks) != count):
            raise ValueError(f"A segment of {count} stems needs {count} URLs, and as many peaks or none.")
        if samples <= 0:
            raise ValueError(f"A segment has at least one sample, not {samples}.")
        # Not rounded: the browser joins the segments to the sample.
        segment = {"at": self.made / self.sample_rate_hz, "seconds": samples / self.sample_rate_hz, "urls": list(urls)}
        if peaks is not None:
            segment["peaks"] = list(peaks)
        self.made += samples
        seconds = max(self.value["seconds"], self.made / self.sample_rate_hz)
        self._change(segments=[*self.value["segments"], segment], seconds=seconds)
        share = self.made / self.sample_rate_hz / seconds if progress is None else progress
        return self.progress(share, left_s=left_s, facts=facts)

    def end(
        self, *, stopped: bool = False, downloads: Sequence[dict[str, str]] = (), facts: str | None = None
    ) -> dict[str, Any]:  # fmt: skip
        """The value when no more will come.  downloads: `download(…)`, files that the visitor may keep."""
        facts = self.value["facts"] if facts is None else facts
        state = "stopped" if stopped else "done"
        progress = self.value["progress"] if stopped else 1.0
        seconds = self.made / self.sample_rate_hz if self.made else self.value["seconds"]
        return self._change(
            state=state, progress=progress, left_s=None, facts=facts, downloads=list(downloads), seconds=seconds
        )

    def _change(self, **new: Any) -> dict[str, Any]:
        self.value = {**self.value, **new}
        return self.value


def idle() -> dict[str, Any]:
    """Nothing, as before the first click."""
    return {"run": 0, "state": "idle", "stems": [], "segments": [], "downloads": []}


def download(label: str, href: str, name: str) -> dict[str, str]:
    """A link of a mixer.  label: its text.  href: where the file is.  name: what it is called when it is kept."""
    return {"label": label, "href": href, "name": name}


def peaks(x: Any, sample_rate_hz: int) -> str:
    """What a waveform of a few hundred pixels needs: the largest magnitude in equal bins, about 20 in a second.

    Args:
        x: float [T] or [C, T] array or tensor in [-1, 1]; what is louder is drawn as 1.
    Returns:
        base64 of uint8 [max(1, round(20 · T / sample_rate_hz))], 255 for full scale; "" if T is 0.
    Raises:
        ValueError: another number of dimensions.
    """
    x = np.abs(np.asarray(x))
    if x.ndim not in (1, 2):
        raise ValueError(f"Give a sound as [T] or [C, T], not {list(x.shape)}.")
    loudest = x if x.ndim == 1 else x.max(axis=0, initial=0.0)  # [T]
    if not loudest.size:
        return ""
    bins = min(loudest.size, max(1, round(PEAKS_PER_S * loudest.size / sample_rate_hz)))
    edges = np.arange(bins) * loudest.size // bins
    tops = np.maximum.reduceat(loudest, edges)  # [bins]
    return base64.b64encode(np.round(255 * np.clip(tops, 0, 1)).astype(np.uint8).tobytes()).decode("ascii")
