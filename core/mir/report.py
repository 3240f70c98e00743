"""What `core.mir.measure` found, as a table for the page, as a card for people, and in the card of map-crepe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.mir.crepe import NAME

__all__ = ["card", "crepe_metrics", "write"]

COMMAND = "python -m core.mir.measure --data PATH"
HEAD = """# Pitch, tempo and beats: what they reach

Written by `{command} --write`; the same numbers are in `mir.json`. The methods are in `core/mir`; nothing was trained.
Songs, sentences and noises are others than those by which constants were chosen (POP909 below 400, game music that is
not here, FA, FB and MC of TSP, Kathleen's training sentences, the songs 1 to 3 of Everything is Free, the other half
of the noises), but for this: five sentences of MD were among the 141 clips on which the bound of "one pitch" was set.

## Data

| set | what | truth | licence |
|---|---|---|---|
| melodies | {melodies} of POP909 on six instruments by FluidSynth, 12 s each, the echo cut off | the notes | MIT |
| voices | {voices} held-out sentences of Kathleen and of TSP's speaker MD, through WORLD | its contour | CC0, BSD |
| piano | {piano} arrangements of POP909 by FluidSynth, 20 s each | beats, from its chords and tempi | MIT |
| bands | {bands} pieces of Freedoom and OpenMSX with drums, 20 s each | the tempo map | BSD-3-Clause, GPL-2.0 |

None of these sounds is here; the songs behind POP909's arrangements are in copyright.

Noise is pink, the same loudness in every octave, at a signal-to-noise ratio over the whole sound.
"""
LIMITS = """## How to read it

- Ours was tuned on other sounds of the same kinds: YIN's threshold, pYIN's prior, the bounds of voicing; for the tempo,
  rule and prior were taken from some 240 settings tried on 50 pieces. Ellis's rule has its paper's prior; librosa its
  defaults, but for the range and for pYIN's frame, which was chosen on the same other sounds (640 of 640, 804 and 1024
  samples). At its first setting, 1024, librosa's pYIN reached 0.687 on clean voices, not what is in the table.
- With 12 melodies, 20 sentences and 25 pieces a set, differences of a few points between two rows mean little.
- CREPE has a frame every 10 ms here; the page takes one every 20 ms, which on the sounds for choosing cost one to two
  points of raw pitch accuracy in three of four settings.
- librosa's pYIN takes long and was run clean and at 10 dB only.

## Known limits

- Several voices at once have no single pitch; the verdict misses that for one song in nine and for two of five
  arrangements for piano, where a melody stands out.
- One clip of speech in ten, and one of noise in fourteen, is said to have a steady beat.
- WORLD's contour is the truth by construction: where its analysis jumped an octave, the synthesised voice did, too.
- At 0 dB on melodies YIN is right in fewer than a third of the frames, pYIN in little over half: plain autocorrelation
  and CREPE hold out. On voices CREPE does best.
- The beat tracker knows no downbeats and one tempo for all of a sound: half and double tempo are its common error
  (AMLt and "tempo at any level" forgive it, CMLt and "tempo" do not). On the bands the paper's rule gave the better
  F-measure, ours the better tempo.
- librosa's beats come some 40 ms late on these pieces ("late by"), within the 70 ms of F-measure but near its edge.
"""


def write(found: dict[str, Any], path: Path) -> None:
    """path: of mir.json; mir.md lies beside it, and the card of map-crepe is written anew."""
    from core import weights

    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if all(part in found for part in ("pitch", "steps", "beats", "told", "seconds")):
        path.with_suffix(".md").write_text(card(found), encoding="utf-8")
    if "pitch" in found:
        weights.renew(NAME, crepe_metrics(found))


def crepe_metrics(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows for the card of the network."""
    out = []
    for kind in ("melodies", "voices"):
        for noise, methods in found["pitch"][kind].items():
            for name in ("raw pitch accuracy", "overall accuracy"):
                out.append({
                    "name": f"{name}, {noise}", "value": methods["crepe"][name], "split": f"{kind}, see mir.md",
                    "command": f"{COMMAND} --only pitch",
                })  # fmt: skip
    return out


def card(found: dict[str, Any]) -> str:
    """Markdown."""
    counted = {"command": COMMAND, **found["pitch"]["sounds"]}
    counted |= {kind: found["beats"][kind]["pieces"] for kind in ("piano", "bands")}
    lines = [HEAD.format(**counted), "## Pitch", ""]
    for kind in ("melodies", "voices"):
        for noise, methods in found["pitch"][kind].items():
            lines += [f"### {kind.capitalize()}, {noise}", "", *table(methods), ""]
    lines += ["### Raw pitch accuracy by instrument, clean", "", *table(found["pitch"]["instruments"]), ""]
    lines += ["## YIN step by step, clean", ""]
    for kind in ("melodies", "voices"):
        lines += [f"### {kind.capitalize()}", "", *table(found["steps"][kind]), ""]
    lines += ["## Tempo and beats", ""]
    for kind in ("piano", "bands"):
        rows = {name: row for name, row in found["beats"][kind].items() if name != "pieces"}
        lines += [f"### {kind.capitalize()}", "", *table(rows), ""]
    lines += ["## Told apart: how often a pitch and a beat are claimed", "", *table(found["told"]), ""]
    lines += ["## Processor seconds for ten seconds of sound, one thread", ""]
    lines += [*table({"seconds": found["seconds"]}), ""]
    return "\n".join(lines) + "\n" + LIMITS


def table(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Markdown of equal rows."""
    columns = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(str(row.get(key, "")) for key in columns) + " |")
    return lines
