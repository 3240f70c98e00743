"""Measure the composer on works that it has never heard, and ship a training run with what was measured.

    python -m core.musenet.measure --data PATH
    python -m core.musenet.measure --data PATH --run runs/musenet-composer --write

Bits an event on every held-out work, by composer, beside a model that knows only how often tokens come. How often a
classifier that has heard real music only (core.musenet.classifier) takes what was composed for the composer asked for,
beside real held-out excerpts and chance. How far pitch classes and intervals are from those of held-out works, beside
other works of the same composer and works of others. Tokens that break the grammar when it is off; tokens a second.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from core import training, weights
from core.gpt2.model import GPT2
from core.musenet import classifier, data, encoding, grammar, sample, train
from core.musenet import vocabulary as v

NAME = "musenet-composer"
COMMAND = "python -m core.musenet.measure --data PATH"
Row = dict[str, Any]  # of a card, as `core.weights.save` takes it
BAND = ("strings", "guitar", "bass", "drums")  # for the music of games; everyone else writes for the piano
COUNT = 16  # pieces composed for each composer
WINDOWS = 64  # that are read of each composer, spread evenly over his held-out works
DATA = [
    {"name": "ASAP 1.1, piano performances (at most 5 of a piece) and their scores", "license": "CC BY-NC-SA 4.0",
     "source": "Foscarin et al. 2020, github.com/fosfrancesco/asap-dataset"},
    {"name": "First Editions of Fryderyk Chopin's Music, 182 pieces", "license": "CC BY 4.0",
     "source": "The Fryderyk Chopin Institute, https://chopinscores.org, "
               "github.com/pl-wnifc/humdrum-chopin-first-editions"},
    {"name": "Mutopia, 676 keyboard scores", "license": "public domain, CC BY, CC BY-SA, by the file",
     "source": "github.com/MutopiaProject/MutopiaProject"},
    {"name": "POP909, 909 pop songs arranged for piano",
     "license": "MIT for the arrangements; the songs are in copyright",
     "source": "Wang et al. 2020, github.com/music-x-lab/POP909-Dataset"},
    {"name": "Freedoom and OpenMSX, 143 pieces of game music", "license": "BSD 3-clause (Freedoom), GPL 2 (OpenMSX)",
     "source": "github.com/freedoom/freedoom, github.com/OpenTTD/OpenMSX"},
    {"name": "Chorales and string quartets in music21's corpus, 458 scores",
     "license": "as their encoders say; some not for commercial use", "source": "the package music21"},
]  # fmt: skip
FAILURES = [
    "Knows the last 768 tokens, about 200 notes: a theme that is to come back after that has been forgotten.",
    "Has learned for 80 minutes on one thread of a shared CPU, about as many tokens as its data have: harmony wanders, "
    "and phrases seldom close.",
    "Its classical and romantic styles lie close together; ragtime begun from nothing is taken for something else. The "
    "card's rates of recognition say how close.",
    "For strings it knows chorales and quartets in even volume, for a band game music; other composers' orchestras it "
    "has never heard.",
    "Was trained on CC BY-NC-SA material, for non-commercial use only; and on songs in copyright: do not use it to "
    "render one of those.",
]


def row(name: str, value: float, split: str = "", digits: int = 3) -> Row:
    print(f"{name:66s} {value:9.{digits}f}  {split}", flush=True)
    return {"name": name, "value": round(value, digits), "split": split, "command": COMMAND}


def unigram_bits(pieces: Sequence[data.Piece], rows: Sequence[Sequence[int]]) -> float:
    """Bits an event of a model that knows only how often each token comes in the works to learn from."""
    counts = np.ones(v.VOCABULARY)
    for one in pieces:
        if not one.held_out:
            counts += np.bincount(one.ids, minlength=v.VOCABULARY)
    cost = -np.log2(counts / counts.sum())
    return float(np.concatenate([cost[_music(one)] for one in rows]).mean())


def _music(one: Sequence[int]) -> list[int]:
    """The tokens of a row behind its header."""
    return list(one)[next(i for i, token in enumerate(one) if token in (v.START, v.MIDDLE)) + 1 :]


def held_out_bits(model: GPT2, pieces: Sequence[data.Piece]) -> list[Row]:
    """Bits an event of each composer's held-out works, read in windows of the network's context."""
    windows = train.held_out_windows(pieces, model.config.n_ctx, most=WINDOWS)
    found = []
    for who in (one for one in v.COMPOSERS if one in windows):
        works = {one.work for one in pieces if one.held_out and one.composer == who}
        split = f"{len(windows[who])} windows from {len(works)} held-out work{'s' * (len(works) > 1)}"
        found.append(row(f"bits an event, {who}", train.bits(model, windows[who]), split))
    mean = float(np.mean([one["value"] for one in found]))
    every = [one for some in windows.values() for one in some]
    plain = [unigram_bits(pieces, some) for some in windows.values()]
    return [
        row("bits an event, mean over composers", mean, f"held-out works, {len(every)} windows"), *found,
        row("bits an event, knowing only how often tokens come", float(np.mean(plain)), "the same works"),
    ]  # fmt: skip


def composed(
    model: GPT2, composer: str, *, count: int = COUNT, seed: int = 0, with_grammar: bool = True
) -> list[list[int]]:
    """Pieces begun from nothing, as many tokens as an excerpt of the classifier has."""
    instruments = BAND if composer == "game" else ("piano",)
    tokens = min(classifier.TOKENS, model.config.n_ctx // 2)
    settings = sample.Settings(composer, instruments, tokens=tokens, ending=False, grammar=with_grammar)
    head = sample.begin(settings)
    seed = seed + 1000 * v.COMPOSERS.index(composer)
    return [head + new for new in sample.continuations(model, head, settings, seed=seed, count=count)]


def recognition(pieces: Sequence[data.Piece], made: dict[str, list[list[int]]]) -> list[Row]:
    """How often the classifier names the composer, of made-up pieces and of real excerpts."""
    judge = classifier.train(pieces)
    real = judge.recognised(classifier.excerpts(pieces, held_out=True, most=100))
    ours = judge.recognised(made)
    split = f"{sum(map(len, made.values()))} pieces of {classifier.TOKENS} tokens, begun from nothing"
    found = [
        row("composer recognised, composed", float(np.mean(list(ours.values()))), split),
        row("composer recognised, real works", float(np.mean(list(real.values()))), "held-out works, the same length"),
        row("composer recognised, chance", 1 / len(classifier.STYLES), f"one in {len(classifier.STYLES)}"),
    ]
    for who in classifier.STYLES:
        found.append(row(f"composer recognised, {who}", ours[who], f"real works: {real[who]:.2f}", digits=2))
    return found


def divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Jensen-Shannon divergence in bits: 0 for equal distributions, 1 for those with nothing in common.

    Source: Lin 1991, "Divergence measures based on the Shannon entropy", with equal weights.
    """
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2

    def entropy(x: NDArray[np.float64]) -> float:
        return float(-(x[x > 0] * np.log2(x[x > 0])).sum())

    return max(0.0, entropy(middle) - (entropy(p) + entropy(q)) / 2)


def profiles(rows: Sequence[Sequence[int]]) -> dict[str, NDArray[np.float64]]:
    """What is counted in rows together: "pitch classes" from the tonic [12], "intervals" of the upper line [25]."""
    classes, intervals = np.full(12, 1e-9), np.full(25, 1e-9)
    for one in rows:
        notes = [n for n in encoding.decode_notes(one) if n.instrument != v.DRUMS]
        if len(notes) < 2:
            continue
        columns = encoding.arrays(notes)
        shares, _ = classifier.in_key(columns["pitch"], columns["end_s"] - columns["start_s"])
        classes += shares
        heads = np.flatnonzero(np.diff(columns["start_s"], prepend=-1.0) > classifier.TOGETHER_S)
        steps = np.clip(np.diff(np.maximum.reduceat(columns["pitch"], heads)), -12, 12)
        intervals += np.bincount(steps + 12, minlength=25)
    return {"pitch classes": classes, "intervals": intervals}


def statistics(pieces: Sequence[data.Piece], made: dict[str, list[list[int]]]) -> list[Row]:
    """Divergence from held-out works: of composed pieces, of the composer's other works, of other composers' works."""
    held = {who: profiles(some) for who, some in classifier.excerpts(pieces, held_out=True, most=60).items()}
    known = {who: profiles(some) for who, some in classifier.excerpts(pieces, held_out=False, most=60).items()}
    ours = {who: profiles(some) for who, some in made.items()}
    found = []
    for what in ("pitch classes", "intervals"):
        pairs = {
            "composed": [divergence(ours[who][what], held[who][what]) for who in ours],
            "the composer's other works": [divergence(known[who][what], held[who][what]) for who in ours],
            "other composers' works": [
                divergence(known[other][what], held[who][what]) for who in ours for other in known if other != who
            ],
        }
        for name, values in pairs.items():
            found.append(row(f"divergence of {what}, {name} (bits)", float(np.mean(values)), "from held-out works", 4))
    return found


def unruly(model: GPT2, *, count: int = 4) -> list[Row]:
    """How many tokens in a thousand break the grammar when nothing keeps them from it."""
    broken = total = 0
    for who in ("bach", "chopin", "game"):
        for one in composed(model, who, count=count, seed=7, with_grammar=False):
            broken, total = broken + grammar.faults(one), total + len(_music(one))
    return [row("tokens that break the grammar, in a thousand", 1000 * broken / total, "grammar off, 3 composers", 1)]


def speed(model: GPT2, *, tokens: int = 300) -> list[Row]:
    """Tokens a second of one row, grammar on, by the time the process was given."""
    settings = sample.Settings("chopin", tokens=tokens, ending=False)
    started = time.process_time()
    new = list(sample.generate(model, sample.begin(settings), settings, seed=1))
    return [row("tokens a second", len(new) / (time.process_time() - started), "1 thread, grammar on", 0)]


def of_run(folder: Path, preset: str) -> tuple[GPT2, dict[str, Any]]:
    """The averaged weights of a training run, and its counters."""
    model = GPT2(train.PRESETS[preset])
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def measure(model: GPT2, pieces: Sequence[data.Piece], *, count: int = COUNT) -> list[Row]:
    """All rows of the card."""
    found = held_out_bits(model, pieces)
    made = {who: composed(model, who, count=count) for who in classifier.STYLES}
    return found + recognition(pieces, made) + statistics(pieces, made) + unruly(model) + speed(model)


def ship(model: GPT2, state: dict[str, Any], metrics: list[Row]) -> Path:
    """Write assets/weights/musenet-composer with its card."""
    return weights.save(
        model, NAME, sample_rate_hz=0, license="cc-by-nc-sa-4.0",
        description="A composer in the manner of MuseNet (Payne 2019): GPT-2's blocks on tokens that name composer and "
        "instruments, then notes, volumes and waits. For non-commercial use, as the performances it learned from.",
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"), data=DATA,
        metrics=metrics, known_failures=FAILURES,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of archives or of composers' folders")
    parser.add_argument("--run", type=Path, help="measure this training run instead of the shipped weights")
    parser.add_argument("--preset", choices=sorted(train.PRESETS), default="composer")
    parser.add_argument("--count", type=int, default=COUNT, help="pieces to compose for each composer, at most 16")
    parser.add_argument("--write", action="store_true", help="ship the run, or write the card of the weights anew")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    pieces = data.load(options.data)
    if options.run:
        model, state = of_run(options.run, options.preset)
        shipped = GPT2(replace(model.config, dropout=0.0)).eval()
        shipped.load_state_dict({key: value.half().float() for key, value in model.state_dict().items()})
        model = shipped  # measured as stored: in half precision
    else:
        model, state = cast(GPT2, weights.load(NAME)), {}
    found = measure(model, pieces, count=options.count)
    if options.write:
        print(ship(model, state, found) if options.run else weights.renew(NAME, found, model=model))


if __name__ == "__main__":
    main()
