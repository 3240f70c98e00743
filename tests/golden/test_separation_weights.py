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
