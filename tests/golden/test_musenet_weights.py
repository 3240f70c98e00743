"""The shipped composer against what its card says, on scores that it has never heard."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import pytest

from core import midi, weights
from core.musenet import encoding, examples, grammar, sample
from core.musenet import vocabulary as v

NAME = "musenet-composer"
SCORES = Path(__file__).resolve().parents[2] / "assets/midi"
HELD_OUT = {"rondo-alla-turca.mid": "mozart", "bach-prelude-bwv862.mid": "bach", "joplin-entertainer.mid": "joplin",
            "schumann-foreign-lands.mid": "schumann"}  # fmt: skip
pytestmark = [
    pytest.mark.golden, pytest.mark.skipif(NAME not in weights.names(), reason="the weights are not here yet")
]  # fmt: skip


@functools.lru_cache(maxsize=1)
def network():
    return weights.load(NAME)


@functools.lru_cache(maxsize=1)
def card() -> dict[str, float]:
    return {one["name"]: one["value"] for one in weights.card(NAME)["metrics"]}


def test_the_card_knows_music_and_composers() -> None:
    found = card()
    plain = found["bits an event, knowing only how often tokens come"]
    assert found["bits an event, mean over composers"] < 0.65 * plain
    chance, real = found["composer recognised, chance"], found["composer recognised, real works"]
    assert real > 4 * chance and found["composer recognised, composed"] > 2 * chance
    for what in ("pitch classes", "intervals"):
        assert found[f"divergence of {what}, composed (bits)"] < 0.2
    assert weights.card(NAME)["license"] == "cc-by-nc-sa-4.0"


def test_it_reads_held_out_scores_better_than_by_frequencies() -> None:
    """Bits an event on the first 700 tokens; knowing nothing would cost log2 769 = 9.6, frequencies alone about 7."""
    from core.musenet import train

    for file, composer in HELD_OUT.items():
        row = encoding.encode(midi.read(SCORES / file).midi, composer)
        assert train.bits(network(), [row[:700]]) < 5.0


def test_it_goes_on_in_order_and_fast() -> None:
    settings = sample.Settings("chopin", tokens=400, ending=False)
    row = sample.begin(settings, midi.read(SCORES / "rondo-alla-turca.mid").midi)
    started = time.process_time()
    new = list(sample.generate(network(), row, settings, seed=1))
    assert len(new) / (time.process_time() - started) > 150  # tokens a second, by the time this process was given
    assert len(new) == 400 and grammar.faults(row + new) == 0
    assert sample.produced(new)["piano"] > 40
    music = encoding.decode_notes(row + new)
    assert all(n.end_s - n.start_s < 20 for n in music)  # no note hangs


def test_it_mostly_keeps_to_the_grammar_by_itself() -> None:
    """Of 600 tokens without the mask, fewer than a fifth break it; a network that knows nothing breaks it with most."""
    broken = 0
    for seed in (2, 3):
        settings = sample.Settings("bach", tokens=300, ending=False, grammar=False)
        row = sample.begin(settings)
        broken += grammar.faults(row + list(sample.generate(network(), row, settings, seed=seed)))
    assert broken < 120


def test_stored_pieces_are_what_the_weights_compose() -> None:
    stored = examples.stored()
    assert len(stored) == len(examples.EXAMPLES) == 4
    for one in stored:
        row, begun = one["tokens"], one["begun"]
        assert grammar.faults(row) == 0 and encoding.declared(row)[1] == one["instruments"]
        assert set(sample.produced(row[begun:])) <= set(one["instruments"])
        notes = encoding.decode_notes(row)
        again = encoding.notes(midi.read(examples.FOLDER / one["file"]).midi)
        assert len(again) == len(notes) > 100
    first = next(one for one in stored if one["composer"] == "haydn")
    settings = sample.Settings("haydn", ("strings",), tokens=4000, seconds=40.0, ending=False)
    drawn = sample.generate(network(), first["tokens"][: first["begun"]], settings, seed=first["seed"])
    assert [next(drawn) for _ in range(20)] == first["tokens"][first["begun"] :][:20]
    assert first["tokens"][0] == v.composer_token("haydn")
