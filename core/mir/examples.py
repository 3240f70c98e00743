"""Short sounds for the page: a sung phrase, a rendered melody, ten seconds of a song.

    python -m core.mir.examples --data PATH       # PATH holds everything-is-free; writes assets/audio/map/mir-*.opus

Singer and song are of Everything is Free (CC0 1.0); the melody is "Ah! vous dirai-je, maman", French, of the 18th
century, in the public domain, played by a soundfont from the notes below, so that its pitch and tempo are known.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.mir import truth

FOLDER = Path(__file__).resolve().parents[2] / "assets/audio/map"
INDEX = FOLDER / "mir.json"
CREDIT = "Everything is Free by Software-Entwicklungskit, CC0 1.0"
SUNG = ("2-lithium", 80.0, 9.0)  # song, begin and length in seconds
SONG = ("2-lithium", 110.0, 10.0)
STEMS = ("vocals", "drums", "bass", "other")
TUNE = ((60, 1), (60, 1), (67, 1), (67, 1), (69, 1), (69, 1), (67, 2), (65, 1), (65, 1), (64, 1), (64, 1), (62, 1),
        (62, 1), (60, 2))  # fmt: skip  # MIDI note, beats
BPM, GUITAR, OCTAVE = 108.0, 24, 0
RATE_HZ = 24_000
COMPRESSION = {"sung": 0.93, "melody": 0.94, "song": 0.85}  # of soundfile's scale: smaller files towards 1


def melody() -> tuple[NDArray, list[dict[str, float]]]:
    """The tune on a guitar: float32 [T] at 24 kHz, and its notes."""
    import pretty_midi

    from core.midi import sound

    midi, player, at, notes = pretty_midi.PrettyMIDI(), pretty_midi.Instrument(GUITAR), 0.2, []
    for number, length in TUNE:
        end = at + length * 60 / BPM
        player.notes.append(pretty_midi.Note(96, number + OCTAVE, at, end - 0.04))
        notes.append({"midi": number + OCTAVE, "begin_s": round(at, 3), "end_s": round(end - 0.04, 3)})
        at = end
    midi.instruments.append(player)
    return sound.render(midi, sample_rate_hz=RATE_HZ).mean(axis=0)[: round((at + 0.4) * RATE_HZ)], notes


def excerpt(root: Path, song: str, begin_s: float, seconds: float, stems: tuple[str, ...]) -> NDArray:
    """Stems of a song together, faded in and out within 20 ms: float64 [T] at 24 kHz."""
    import soxr

    parts = []
    for stem in stems:
        with soundfile.SoundFile(str(truth.found(root, "everything-is-free") / song / f"{stem}.ogg")) as file:
            file.seek(round(begin_s * file.samplerate))
            x = file.read(round(seconds * file.samplerate), always_2d=True).mean(axis=1)
            parts.append(soxr.resample(x, file.samplerate, RATE_HZ))
    x = np.sum([part[: min(map(len, parts))] for part in parts], axis=0)
    ramp = np.minimum(1, np.arange(len(x)) / (0.02 * RATE_HZ))
    return x * ramp * ramp[::-1]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds everything-is-free")
    options = parser.parse_args(arguments)
    tune, notes = melody()
    sounds: dict[str, tuple[NDArray, dict[str, Any]]] = {
        "sung": (excerpt(options.data, *SUNG, ("vocals",)), {"credit": CREDIT}),
        "melody": (tune, {"credit": "Ah! vous dirai-je, maman (traditional), FluidR3_GM", "notes": notes, "bpm": BPM}),
        "song": (excerpt(options.data, *SONG, STEMS), {"credit": CREDIT}),
    }  # fmt: skip
    index = {}
    for name, (sound, about) in sounds.items():
        x = sound * min(0.1 / np.sqrt(np.mean(np.square(sound))), 0.9 / np.abs(sound).max())
        path = FOLDER / f"mir-{name}.opus"
        soundfile.write(path, x, RATE_HZ, format="OGG", subtype="OPUS", compression_level=COMPRESSION[name])
        index[f"mir-{name}"] = {"seconds": round(len(x) / RATE_HZ, 2), **about}
        print(f"{path.name}: {path.stat().st_size / 1000:.1f} kB")
    INDEX.write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
