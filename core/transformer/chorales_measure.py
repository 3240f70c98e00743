"""Measure relative against absolute position on held-out chorales, and ship two training runs with what was measured.

    python -m core.transformer.chorales_measure --data runs/chorales.json
    python -m core.transformer.chorales_measure --data runs/chorales.json --public Jsb16thSeparated.json
    python -m core.transformer.chorales_measure --data runs/chorales.json --run runs --write

Nats for each token, a token being what one voice sings at one sixteenth: means over all tokens of the test part, of
both networks and of counting: how often a voice sings a pitch, and how often it sings it after the one before.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from core import sampling, training, weights
from core.transformer import chorales, chorales_sample, chorales_train
from core.transformer.chorales import PUBLISHED, VOCABULARY, VOICES, Chorale
from core.transformer.chorales_train import POSITIONS, nll_of
from core.transformer.model import MusicTransformer
from core.voice_metrics import Metric, show

NAME = "transformer-chorales-"
COMMAND = "python -m core.transformer.chorales_measure --data PATH"
SMOOTHING = 0.1  # added to every count
DATA = [
    {
        "name": "JSB Chorales, for four voices by J. S. Bach: {train} learned, {valid} to watch, {test} to test",
        "license": "music in the public domain; music21 gives the scores out with their encoders' permission and warns "
        "that some of its corpus may not be used commercially",
        "source": "the corpus of the Python package music21, by python -m core.transformer.chorales_corpus",
    }
]
FAILURES = [
    "Harmonises as it goes: it does not know the rest of the melody, so a phrase may end in a chord that does not "
    "prepare the next one, and mistakes stay.",
    "Does not know which notes are struck again, nor where the fermatas are.",
    "Reaches 1,024 tokens, 16 bars of common time.",
]
SETUP = (
    "The paper's networks are larger and were trained for far longer; these have {layers} layers of width {width} and "
    "saw {steps:,} batches of one or two chorales on a shared CPU core. The scores are music21's, in which {train}, "
    "{valid} and {test} of the standard split's 229, 76 and 77 pieces were found (two more were left out of training, "
    "being the music of held-out ones); repeats are played where the standard files play them. Training pieces are "
    "transposed at random. A token EDGE marks beginning and end and is not counted. Norms stand before the parts, and "
    "with relative position no absolute one is added. The paper's last figure adds relations of pitch and time, and "
    "its figures are those of the validation part."
)


BEHIND = (
    "After so little training relative position is behind absolute (test, nats a token: {relative:.3f} against "
    "{absolute:.3f}), the other way round than in the paper."
)


class Counts:
    """Counting instead of a network: p(pitch | voice), or p(pitch | voice, its pitch a step before)."""

    def __init__(self, learned: Sequence[Chorale]) -> None:
        self.after = np.full((len(VOICES), VOCABULARY, VOCABULARY), SMOOTHING)
        for one in learned:
            before, now = self._pairs(one)
            np.add.at(self.after, (np.arange(len(VOICES))[None], before, now), 1)

    @staticmethod
    def _pairs(one: Chorale) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Each token [T, 4] with the one of the same voice before it; EDGE before the first."""
        now = chorales.serialise(one.steps).reshape(-1, len(VOICES))  # [4 T] -> [T, 4]
        return np.concatenate([np.full((1, len(VOICES)), chorales.EDGE), now[:-1]]), now

    def nll(self, held_out: Sequence[Chorale], *, bigram: bool) -> float:
        """Mean -log p over all tokens, in nats."""
        counts = self.after if bigram else np.broadcast_to(self.after.sum(axis=1, keepdims=True), self.after.shape)
        costs = -np.log(counts / counts.sum(axis=2, keepdims=True))
        voice = np.arange(len(VOICES))[None]
        return float(np.concatenate([costs[(voice, *self._pairs(one))] for one in held_out]).mean())


def moving(steps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a voice does not sing the pitch of the step before: bool [T, 4], the first step true."""
    return np.concatenate([np.ones((1, len(VOICES)), bool), steps[1:] != steps[:-1]])


def scored(name: str, model: MusicTransformer, held_out: Sequence[Chorale], split: str) -> tuple[list[Metric], NDArray]:
    """The rows of one network, and its mean for each chorale [K]."""
    costs = [nll_of(model, one.steps).numpy() for one in held_out]
    everything = np.concatenate(costs)
    moves = np.concatenate([moving(one.steps) for one in held_out])
    rows = [
        Metric(f"NLL (nats a token), {name}", float(everything.mean()), split, "nll"),
        Metric(f"NLL where a voice moves, {name}", float(everything[moves].mean()), split, "nll"),
        Metric(f"NLL where a voice stays, {name}", float(everything[~moves].mean()), split, "nll"),
    ]
    rows += [
        Metric(f"NLL, {voice}, {name}", float(everything[:, i].mean()), split, "nll") for i, voice in enumerate(VOICES)
    ]
    return show(rows), np.array([float(one.mean()) for one in costs])


def compared(models: dict[str, MusicTransformer], held_out: Sequence[Chorale], split: str) -> dict[str, list[Metric]]:
    """Rows of each network; the difference of both, with its standard error over chorales, goes to both."""
    rows, means = {}, {}
    for name, model in models.items():
        rows[name], means[name] = scored(name, model, held_out, split)
    if len(models) == len(POSITIONS):
        gain = means["absolute"] - means["relative"]
        error = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else float("nan")
        both = show([
            Metric("absolute less relative (nats), mean over chorales", float(gain.mean()), split, "nll"),
            Metric("its standard error", error, split, "nll"),
            Metric("chorales that relative predicts better (%)", 100 * float((gain > 0).mean()), split, "nll"),
        ])  # fmt: skip
        rows = {name: found + both for name, found in rows.items()}
    return rows


def speed(model: MusicTransformer, name: str) -> list[Metric]:
    """Tokens drawn in a second of one thread, with cached keys and values, for a chorale of 16 bars."""
    uniforms = sampling.uniforms_of(0, 3 * 128)
    started = time.process_time()
    chorales_sample.harmonise(model, np.full(128, 72), uniforms)
    ratio = 4 * 128 / (time.process_time() - started)
    return show([Metric(f"tokens a second, 1 thread, {name}", ratio, "harmonising 8 bars", "speed")])


def measure(
    models: dict[str, MusicTransformer], corpus: dict[str, list[Chorale]], public: dict[str, list[Chorale]] | None
) -> dict[str, list[Metric]]:
    """Position -> all rows of its card."""
    counts = Counts(corpus["train"])
    split = f"test, {len(corpus['test'])} chorales"
    shared = show([
        Metric(f"NLL (nats a token), counting {what}", counts.nll(corpus["test"], bigram=bigram), split, "nll")
        for what, bigram in (("pitches of a voice", False), ("pairs of a voice", True))
    ])
    found = {name: list(shared) for name in models}
    parts = [(corpus["valid"], f"validation, {len(corpus['valid'])} chorales"), (corpus["test"], split)]
    if public:
        parts += [(public[part], f"public file, {part}, {len(public[part])} chorales") for part in ("valid", "test")]
    for held_out, words in parts:
        for name, rows in compared(models, held_out, words).items():
            found[name] += rows
    for name, model in models.items():
        found[name] += speed(model, name)
    return found


def of_run(folder: Path) -> tuple[MusicTransformer, dict[str, Any]]:
    """The averaged weights of a training run, and its counters."""
    state = json.loads((folder / "state.json").read_text())
    model = MusicTransformer(chorales_train.config_for(_options(state)))
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), state


def _options(state: dict[str, Any]) -> argparse.Namespace:
    """What the run was started with: "python -m core.transformer.chorales_train --preset small ..."."""
    return chorales_train.parse(state["command"].split()[3:])


def failures(found: dict[str, list[Metric]]) -> list[str]:
    """What the cards admit: first of all, if so, that the paper's order is not reached."""
    values = {row.name: row.value for rows in found.values() for row in rows if row.split.startswith("test")}
    scores = {position: values[f"NLL (nats a token), {position}"] for position in POSITIONS}
    behind = scores["relative"] >= scores["absolute"]
    return [BEHIND.format(**scores), *FAILURES] if behind else FAILURES


def ship(
    model: MusicTransformer, state: dict[str, Any], rows: list[Metric], corpus: dict[str, list[Chorale]],
    known: list[str],
) -> Path:  # fmt: skip
    """Write assets/weights/transformer-chorales-<position> with its card."""
    config, sizes = model.config, {part: len(found) for part, found in corpus.items()}
    setup = SETUP.format(layers=config.layers, width=config.width, steps=state["step"], **sizes)
    table = ", ".join(f"{name} {value}" for name, value in PUBLISHED.items())
    metrics = [
        {
            "name": row.name, "value": round(row.value, 4), "split": row.split,
            "command": COMMAND + (" --public FILE" if row.split.startswith("public") else ""),
        }
        for row in rows
    ]  # fmt: skip
    return weights.save(
        model, NAME + config.position, sample_rate_hz=0, license="other",  # some scores are not for commercial use
        description=f"Music Transformer (arXiv:1809.04281) with {config.position} position on JSB Chorales at "
        f"sixteenth notes. The paper's figures in nats a token: {table}. What differs: {setup}",
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"),
        data=[{key: value.format(**sizes) for key, value in one.items()} for one in DATA],
        metrics=metrics, known_failures=known,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the corpus that was learned from")
    parser.add_argument("--public", type=Path, help="Jsb16thSeparated.json, to measure on its held-out parts, too")
    parser.add_argument("--run", type=Path, help="measure the runs in this folder instead of the shipped weights")
    parser.add_argument("--write", action="store_true", help="with --run: ship them and write their cards")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.run:
        runs = {position: of_run(options.run / (NAME + position)) for position in POSITIONS}
    else:
        runs = {position: (cast(MusicTransformer, weights.load(NAME + position)), {}) for position in POSITIONS}
    corpus = chorales.read(options.data)
    public = chorales.read(options.public) if options.public else None
    found = measure({position: model for position, (model, _) in runs.items()}, corpus, public)
    if options.write and options.run:
        for position, (model, state) in runs.items():
            print(ship(model, state, found[position], corpus, failures(found)))


if __name__ == "__main__":
    main()
