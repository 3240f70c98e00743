"""The composer's trainer: what counts as a target, whom it hears, bits per event, and a step on generated music."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from core.gpt2.model import GPT2
from core.musenet import data, encoding, train, works
from core.musenet import vocabulary as v
from core.musenet.encoding import Note

WORKS = ("bach:bwv1", "chopin:op10", "chopin:op9")  # the last is held out


def made_up(seed: int, notes: int = 90) -> list[Note]:
    draw = np.random.default_rng(seed)
    return [Note(0, 60 + int(draw.integers(0, 12)), 72, 0.2 * i, 0.2 * i + 0.2) for i in range(notes)]


def pieces() -> list[data.Piece]:
    found = [data.piece(work, work.split(":")[0], work, False, made_up(i)) for i, work in enumerate(WORKS)]
    return [one for one in found if one is not None]


def test_targets_are_the_next_tokens_behind_the_header() -> None:
    row = v.header("bach", ["piano"]) + [40, 100, 41]
    ids, targets = train.collate([row, row + [102] * 9], 8)
    assert ids[0].tolist() == [*row, v.END, v.END]
    assert targets[0].tolist() == [-1, -1, 40, 100, 41, -1, -1, -1]
    assert targets[1].tolist() == [-1, -1, 40, 100, 41, 102, 102, 102]


def test_rare_composers_are_heard_more_than_their_share() -> None:
    long = data.piece("long", "chopin", "chopin:op2", False, made_up(8, notes=1600))
    short = data.piece("short", "bach", "bach:bwv2", False, made_up(9, notes=100))
    assert long and short
    chance = train.likelihoods([long, short])
    ratio = (len(long.ids) / len(short.ids)) ** 0.5
    assert chance.sum() == pytest.approx(1) and chance[0] / chance[1] == pytest.approx(ratio)


def test_bits_per_event_are_the_mean_surprise() -> None:
    """A network that knows nothing hesitates between all tokens: log2 769 bits, whatever it reads."""
    model = GPT2(train.PRESETS["tiny"])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    rows = train.held_out_windows(pieces(), 100)
    assert set(rows) == {"chopin"}
    assert train.bits(model.eval(), rows["chopin"]) == pytest.approx(math.log2(v.VOCABULARY), abs=1e-3)


def test_held_out_windows_tile_every_piece() -> None:
    held = next(one for one in pieces() if one.held_out)
    counted = [
        sum(int((target != -1).sum()) for target in train.collate([row], 100)[1])
        for row in train.held_out_windows([held], 96)["chopin"]
    ]
    assert sum(counted) >= 0.9 * len(held.ids)  # what sounds at a cut takes up some of the next window


def test_one_batch_overfits() -> None:
    torch.manual_seed(0)
    model = GPT2(train.PRESETS["tiny"])
    batch = next(train.batches([one for one in pieces() if not one.held_out], batch=2, length=64, seed=0))
    optimizer = train.optimiser(model)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(train.step_loss(model, batch))
        optimizer.step()
    assert losses[0] > 5 and losses[-1] < 0.4


def test_a_run_of_two_steps_on_generated_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "CACHE", tmp_path / "tokens.npz")
    monkeypatch.setattr(data.load, "__kwdefaults__", {"cache": tmp_path / "tokens.npz"})
    data.store(pieces(), tmp_path / "tokens.npz")
    run = tmp_path / "run"
    for steps in (2, 1):  # the second run goes on from the first
        train.main(f"--preset tiny --data {tmp_path} --run {run} --steps {steps} --batch 2 --device cpu".split())
    state = json.loads((run / "state.json").read_text())
    assert state["step"] == 3 and 0 < state["evaluation"]["bits_chopin"] < 12
    assert "bits_bach" not in state["evaluation"]


def test_no_work_is_on_both_sides() -> None:
    assert [works.held_out(work) for work in WORKS] == [False, False, True]
    assert encoding.decode_notes(pieces()[0].ids.tolist())
