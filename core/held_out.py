"""The 60 sentences that no model of the project was trained on, so that pages can play the person herself.

    python -m core.held_out --data PATH          # writes assets/audio/held_out/ anew

Ogg Opus at 16 kHz, about 36 kbit/s: to be heard beside what models say. Measurements read the corpus instead.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = Path(__file__).resolve().parents[1] / "assets/audio/held_out"
COMPRESSION = 0.88  # of soundfile's scale


@functools.lru_cache(maxsize=1)
def sentences() -> dict[str, str]:
    """Prompt, such as "b0481" -> what was read; in the order of their numbers. Loads no torch."""
    return json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))


def find(text: str | None) -> str | None:
    """The prompt whose sentence a text is, but for spaces around it; None for any other text."""
    wanted = (text or "").strip()
    return next((prompt for prompt, line in sentences().items() if line == wanted), None)


def load(prompt: str) -> Tensor:
    """The recording, float32 [T] at 16 kHz, levelled to -20 dBFS.

    Raises:
        DataError: no such prompt.
    """
    from core import audio

    if prompt not in sentences():
        raise DataError(f"{prompt!r} is not one of the held-out prompts b0480 to b0539.")
    return audio.load_voice(FOLDER / f"{prompt}.opus")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    options = parser.parse_args(arguments)
    import soundfile

    from core import audio
    from core.text import alignment
    from core.wavenet import data

    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = alignment.texts(options.data)
    found = {}
    for one in data.load(options.data, held_out=True):
        prompt = one.name.removeprefix("arctic_")
        found[prompt] = texts[one.name]
        soundfile.write(
            FOLDER / f"{prompt}.opus", one.audio.numpy(), audio.SAMPLE_RATE_HZ, format="OGG", subtype="OPUS",
            compression_level=COMPRESSION,
        )  # fmt: skip
    (FOLDER / "index.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(found)} sentences, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
