"""The shipped separator against what its card says."""

from __future__ import annotations

import pytest

from core import weights

NAME = "separation-vocals"
pytestmark = [
    pytest.mark.golden, pytest.mark.skipif(NAME not in weights.names(), reason="the weights are not here yet")
]  # fmt: skip


def test_the_card_beats_the_recurrent_networks_of_2015():
    """GNSDR of voice: 7.45 dB for DRNN (Huang et al. 2015) on the whole test part."""
    found = {one["name"]: one["value"] for one in weights.card(NAME)["metrics"]}
    assert found["GNSDR, voice (dB), network"] >= 7.5
    assert found["GNSDR, voice (dB), network"] < found["GNSDR, voice (dB), ideal ratio mask"]
    assert found["times real time, 1 thread"] >= 4


FOUR = "separation-4stems"
needs_four = pytest.mark.skipif(FOUR not in weights.names(), reason="the weights are not here yet")


@needs_four
def test_four_stems_are_nearer_to_the_truth_than_the_mixture_is():
    """On a song that was held out, by the card: each stem gains, and the ideal ratio mask stays ahead."""
    found = {(one["name"], one["split"]): one["value"] for one in weights.card(FOUR)["metrics"]}
    split = "5-rubidium, stems equally loud"
    for stem in ("vocals", "drums", "bass"):
        mixture, network, ideal = (
            found[f"SDR, {stem} (dB), {method}", split] for method in ("mixture", "network", "ideal ratio mask")
        )
        assert mixture + 2 < network < ideal
    assert found["times real time, 1 thread", "stereo, 44.1 kHz"] >= 2


FLOORS = [(NAME, {"vocals": 9.0}), (FOUR, {"vocals": 9.0, "drums": 3.0, "bass": 3.0})]


@needs_four
@pytest.mark.parametrize(("name", "floors"), FLOORS)
def test_an_excerpt_comes_apart(name, floors):
    """Eight seconds of the held-out verse: decibels of SDR above those of the mixture."""
    from core.separation import excerpts, oracle
    from core.separation.sample import separate

    rate = 44_100
    parts = {stem: x[:, 6 * rate : 14 * rate] for stem, x in excerpts.load("verse").items()}
    mixture = sum(parts.values())
    found = separate(mixture, rate, model=name)
    for stem, floor in floors.items():
        assert oracle.sdr(parts[stem], found[stem]) > oracle.sdr(parts[stem], mixture) + floor
