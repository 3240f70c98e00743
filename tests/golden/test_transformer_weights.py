"""The shipped piano transformers, on scores that neither has heard: held-out works, and written ones at that."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core import midi, sampling, weights
from core.midi.events import NOTE_OFF, SET_VELOCITY, TIME_SHIFT, decode_notes
from core.transformer import look, sample
from demos._transformer import pieces, stored

pytestmark = [
    pytest.mark.golden,
    pytest.mark.skipif("transformer-relative" not in weights.names(), reason="the weights are not here yet"),
]
POSITIONS = ("relative", "absolute")
MOST_BITS = {"relative": 4.2, "absolute": 4.4}  # how often events come costs 6.97, how often after one another 5.80


@pytest.fixture(scope="module")
def networks():
    return {position: weights.load(f"transformer-{position}") for position in POSITIONS}


@pytest.fixture(scope="module")
def rondo() -> list[int]:
    return midi.encode(midi.read(pieces.path("rondo-alla-turca")).midi)[:1024]


@pytest.mark.parametrize("position", POSITIONS)
def test_an_unheard_piece_costs_few_bits(networks, rondo, position) -> None:
    assert look.surprise(networks[position], rondo).mean() < MOST_BITS[position]


def test_music_costs_less_than_the_same_notes_in_disorder(networks, rondo) -> None:
    mixed = list(np.random.default_rng(0).permutation(rondo))
    for network in networks.values():
        assert look.surprise(network, rondo).mean() < look.surprise(network, mixed).mean() - 3


def test_relative_position_foresees_held_out_works_better() -> None:
    metrics = {p: weights.card(f"transformer-{p}")["metrics"] for p in POSITIONS}
    cards = {p: {(row["name"], row["split"]): row["value"] for row in metrics[p]} for p in POSITIONS}
    for window in (512, 1024):
        row = ("bits an event", f"held-out works of ASAP, windows of {window}")
        assert cards["relative"][row] < cards["absolute"][row] < 3.6
    composers = [row for row in cards["relative"] if row[0].startswith("bits an event, ")]
    assert len(composers) > 6 and all(cards["relative"][row] < cards["absolute"][row] for row in composers)


@pytest.mark.parametrize("position", POSITIONS)
def test_what_it_plays_is_piano_music(networks, rondo, position) -> None:
    """Notes on the piano, some at once, not all of one length, and mostly of the keys that the primer uses."""
    drawn = list(sample.generate(networks[position], rondo[:256], events=300, seed=3))
    kinds = np.digitize(drawn, [NOTE_OFF, TIME_SHIFT, SET_VELOCITY])
    share = np.bincount(kinds, minlength=4) / len(drawn)
    assert 0.2 < share[0] < 0.5 and 0.1 < share[1] < 0.5 and 0.05 < share[2] < 0.5
    notes = decode_notes(rondo[:256] + drawn)
    assert notes.pitch.min() >= 21 and notes.pitch.max() <= 108
    assert len(np.unique((notes.end_s - notes.start_s).round(2))) > 10


def test_stored_takes_are_what_the_networks_play(networks) -> None:
    kept = stored.music()
    assert kept is not None
    for position in POSITIONS:
        ids, primer = kept[position], kept["primer"]
        uniforms = sampling.uniforms_of(kept["seed"], 1000)
        player = sample.Player(networks[position], ids[:primer])
        rules = sample.EventGrammar(ids[:primer])
        options = sampling.Options(top_p=0.98)
        for n in range(12):  # rounding may part them later
            event = player.draw(uniforms[0, n], options, rules.allowed())
            assert event == ids[primer + n]
            rules.push(event)
            player.hear([event])


def test_attention_of_the_shipped_network_is_causal_and_sums_to_one(networks, rondo) -> None:
    _, rows = networks["relative"].look(torch.tensor([rondo[:64]]))
    assert float(rows.triu(1).abs().max()) == 0
    torch.testing.assert_close(rows.sum(dim=-1), torch.ones(rows.shape[:-1]), atol=1e-5, rtol=0)
