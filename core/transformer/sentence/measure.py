"""How often the sentence models are right, wherever a sentence stands: python -m core.transformer.sentence.measure

Counts, in the held-out sentences, the words that what came before decides: a verb that agrees with the first noun, a
pronoun, a Korean verb that honours the right person. Right is what is likelier than the other words of its kind. With
--write the cards are written anew, and assets/tables/transformer-sentence.json: right by shift.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any, cast

import torch

from core import weights
from core.transformer.model import MusicTransformer
from core.transformer.sentence import data
from core.transformer.sentence.model import MOST_SHIFT, look, numbers

TABLE = Path(__file__).resolve().parents[3] / "assets/tables/transformer-sentence.json"
COMMAND = "python -m core.transformer.sentence.measure"
KINDS = (  # words that compete for a place
    (*data.PRESENT.values(), *data.SINGULAR.values()),
    (*dict.fromkeys(data.PRONOUNS.values()), "they"),
    tuple(data.GIVING.values()),
    tuple(itertools.chain(*data.PLACES.values())),
)


def right(model: MusicTransformer, sentences: list[tuple[str, ...]], *, shift: int = 0) -> float:
    """The share of decided words that the model gets right, in [0, 1].

    Args:
        shift: how many positions later every sentence stands.
    """
    hits = count = 0
    for words in sentences:
        guesses = look(model, list(words), shift=shift).guesses
        for place in data.decided(words):
            kind = next(kind for kind in KINDS if words[place] in kind)
            chances = guesses[place - 1, [numbers()[word] for word in kind]]
            hits += kind[int(chances.argmax())] == words[place]
            count += 1
    return hits / count


def by_shift(model: MusicTransformer) -> list[float]:
    """`right` on the held-out sentences for the shifts 0 to MOST_SHIFT."""
    _, held_out = data.split()
    return [right(model, held_out, shift=shift) for shift in range(MOST_SHIFT + 1)]


def looks(model: MusicTransformer) -> dict[str, float]:
    """How much the heads look at the word that decides, on the held-out sentences, mean over them.

    Returns:
        of the head that does it most: the weight on the first noun where its verb is to come behind another noun, and
        where the pronoun is to come; on the giver and on the receiver, where the Korean verb is to come.
    """
    _, held_out = data.split()
    names = ("the first noun, before its verb", "the first noun, before its pronoun", "the giver", "the receiver")
    found: dict[str, list[torch.Tensor]] = {name: [] for name in names}
    for words in held_out:
        rows = look(model, list(words)).weights  # [H, N, N]
        noun = next((i for i, word in enumerate(words) if word.removesuffix("s") in data.NOUNS), 0)
        if "because" in words:
            found[names[1]].append(rows[:, words.index("because"), noun])
        elif "near" in words:
            found[names[0]].append(rows[:, len(words) - 3, noun])
        for name, people in (("the giver", data.GIVERS), ("the receiver", data.RECEIVERS)):
            verb = next((i for i, word in enumerate(words) if word in data.GIVING.values()), None)
            if verb is not None:
                person = next(i for i, word in enumerate(words) if word in people)
                found[name].append(rows[:, verb - 1, person])
    return {name: float(torch.stack(each).mean(0).max()) for name, each in found.items()}


def metrics(model: MusicTransformer, position: str) -> list[dict[str, Any]]:
    """The rows of a card."""
    _, held_out = data.split()
    rows: list[dict[str, Any]] = [
        {"name": f"decided words right, {position} position, sentence moved by {shift}",
         "value": f"{100 * right(model, held_out, shift=shift):.1f} %"} for shift in (0, 1, 3, MOST_SHIFT)
    ]  # fmt: skip
    rows += [
        {"name": f"mean weight on {name}, of the head that looks there most", "value": f"{value:.2f}"}
        for name, value in looks(model).items()
    ]
    return [{**row, "split": "held-out sentences", "command": COMMAND} for row in rows]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the cards anew")
    options = parser.parse_args(arguments)
    table: dict[str, list[float]] = {}
    for position, name in (("relative", "transformer-sentence"), ("absolute", "transformer-sentence-absolute")):
        model = cast(MusicTransformer, weights.load(name))
        found, table[position] = metrics(model, position), by_shift(model)
        print(name)
        for row in found:
            print(f"  {row['name']:80s} {row['value']}")
        print("  right by shift:", " ".join(f"{100 * share:.1f}" for share in table[position]))
        if options.write:
            weights.renew(name, found, model=model, half=False)
    if options.write:
        TABLE.write_text(
            json.dumps({"command": f"{COMMAND} --write", "right": table}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
