"""A few sounds of people that the recogniser has never heard, for the page.

    python -m core.recognition.examples --digits PATH/fsdd --voices PATH/tsp_harvard

Writes assets/audio/map/recognition-*.opus and recognition.json, which says what each says and whose it is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from core import audio
from core.errors import DataError
from core.recognition import data

FOLDER = Path(__file__).resolve().parents[2] / "assets/audio/map"
COMPRESSION = 0.9  # of soundfile's scale
PAUSE_S = 0.25
STRINGS = {  # file -> speaker, and the digits with the number of a recording
    "recognition-theo": ("theo", ((7, 1), (4, 2), (0, 3), (2, 4), (9, 0))),
    "recognition-lucas": ("lucas", ((3, 0), (1, 1), (8, 2), (5, 3), (6, 4))),
}
SENTENCE = "MD24_06"
CREDIT = {
    "digits": "Free Spoken Digit Dataset by Zohar Jackson and others, CC BY-SA 4.0",
    "voices": "TSP speech database, P. Kabal, McGill University, Simplified BSD",
}


def digits(sounds: Sequence[data.Sound], speaker: str, chosen: Sequence[tuple[int, int]]) -> Tensor:
    """Recordings of single digits by one speaker in a row: float32 [T] at 16 kHz.

    Raises:
        DataError: one of the recordings is not there.
    """
    there = {one.name: one for one in sounds}
    generator = torch.Generator().manual_seed(0)
    pause = lambda: 1e-3 * torch.randn(round(PAUSE_S * audio.SAMPLE_RATE_HZ), generator=generator)
    pieces = [pause()]
    for digit, take in chosen:
        name = f"{digit}_{speaker}_{take}"
        if name not in there:
            raise DataError(f"FSDD has no recording {name} here: point --digits at the whole data set.")
        pieces += [data.decode(there[name].at), pause()]
    return torch.cat(pieces)


def write(name: str, sound: Tensor) -> Path:
    path = FOLDER / f"{name}.opus"
    soundfile.write(path, audio.level_to(sound).numpy(), audio.SAMPLE_RATE_HZ, format="OGG", subtype="OPUS",
                    compression_level=COMPRESSION)  # fmt: skip
    return path


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=Path, required=True, help="Free Spoken Digit Dataset")
    parser.add_argument("--voices", type=Path, required=True, help="TSP speech database")
    options = parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    spoken, listed, size = data.digits(options.digits), {}, 0
    for name, (speaker, chosen) in STRINGS.items():
        size += write(name, digits(spoken, speaker, chosen)).stat().st_size
        listed[name] = {"text": " ".join(data.DIGITS[digit] for digit, _ in chosen), "speaker": speaker,
                        "credit": CREDIT["digits"]}  # fmt: skip
    found = next((one for one in data.voices(options.voices) if one.name == SENTENCE), None)
    if found is None:
        raise DataError(f"There is no {SENTENCE} in {options.voices}: point --voices at the TSP speech database.")
    size += write("recognition-md", data.decode(found.at)).stat().st_size
    listed["recognition-md"] = {"text": found.text, "speaker": found.speaker, "credit": CREDIT["voices"]}
    (FOLDER / "recognition.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    print(f"{len(listed)} sounds, {size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
