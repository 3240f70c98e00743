"""Four pieces of the composer that the page plays at once: python -m core.musenet.examples writes them anew.

    assets/site/musenet/pieces.json     how each was made, and its tokens
    assets/site/musenet/<name>.mid      the same as MIDI

None is chosen among several: each is what its seed gives.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from core.musenet import encoding

if TYPE_CHECKING:
    from core.gpt2.model import GPT2

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "assets/site/musenet"


@dataclass(frozen=True)
class Example:
    """How a piece is made. primer: a file below assets/midi, of a work that is held out, or our own; None for none."""

    name: str
    composer: str
    instruments: tuple[str, ...]
    primer: str | None = None
    primer_s: float = 12.0
    seconds: float = 40.0
    seed: int = 1
    temperature: float = 1.0
    top_p: float = 0.98


EXAMPLES = (
    Example("chopin-from-rondo-alla-turca", "chopin", ("piano",), "rondo-alla-turca.mid"),
    Example("joplin-from-bach-prelude", "joplin", ("piano",), "bach-prelude-bwv862.mid"),
    Example("haydn-for-strings", "haydn", ("strings",)),
    Example("game-band-from-four-chords", "game", ("strings", "guitar", "bass", "drums"), "four-chords.mid"),
)


def stored(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The pieces as they are stored: "file", "composer", "instruments", "primer", "primer_seconds", "seed",
    "temperature", "top_p", "tokens", and "begun", how many of the tokens are the header and the primer."""
    path = folder / "pieces.json"
    return cast("list[dict[str, Any]]", json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def compose(model: GPT2, one: Example) -> tuple[list[int], int]:
    """An example's row of tokens, and how many of them it began with."""
    from core import midi
    from core.musenet import sample

    settings = sample.Settings(
        one.composer, one.instruments, tokens=4000, seconds=one.seconds, temperature=one.temperature,
        top_p=one.top_p, ending=False,
    )  # fmt: skip
    primer = midi.read(ROOT / "assets/midi" / one.primer).midi if one.primer else None
    begun = sample.begin(settings, primer, primer_s=one.primer_s)
    return [*begun, *sample.generate(model, begun, settings, seed=one.seed)], len(begun)


def write(model: GPT2, folder: Path = FOLDER, *, examples: tuple[Example, ...] = EXAMPLES) -> list[dict[str, Any]]:
    """Compose the examples and store them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for one in examples:
        row, begun = compose(model, one)
        encoding.decode(row).write(str(folder / f"{one.name}.mid"))
        found.append({
            "file": f"{one.name}.mid", "composer": one.composer, "instruments": list(one.instruments),
            "primer": f"assets/midi/{one.primer}" if one.primer else None,
            "primer_seconds": one.primer_s if one.primer else None, "seed": one.seed,
            "temperature": one.temperature, "top_p": one.top_p, "begun": begun, "tokens": row,
        })  # fmt: skip
    text = ",\n".join(json.dumps(one) for one in found)
    (folder / "pieces.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    from core import weights

    for one in write(weights.load("musenet-composer")):
        music = encoding.decode_notes(one["tokens"])
        print(f"{one['file']}: {len(one['tokens'])} tokens, {len(music)} notes, {music[-1].end_s:.0f} s")


if __name__ == "__main__":
    main()
