"""The benchmarks measure what they say: the child's memory and not its parent's, a past that was generated."""

import numpy as np
import pytest
import torch

from benchmarks import wavenet
from core.wavenet import engines

MB = 2**20


def test_a_child_reports_its_own_memory_and_not_that_of_a_large_parent():
    """On Linux `ru_maxrss` of a new process begins with its parent's, so that 1 s and 60 s seemed to take the same."""
    ballast = np.ones(400 * MB // 8)  # beside torch, which the child loads, too
    ours = wavenet.peak_mb()
    child = wavenet.peak_mb_of(0.02)
    assert ballast[-1] == 1 and ours > 500
    assert 100 < child < ours - 200


@pytest.mark.parametrize("engine", ["cached", "native"])
def test_the_past_of_a_timed_sample_was_generated(engine, monkeypatch):
    model, calls, draws = wavenet.network("tiny"), [], wavenet.draws
    if reason := engines.why_not(engine, model):
        pytest.skip(reason)

    def spy(session, samples, *others):
        calls.append((session.position, samples))
        return draws(session, samples, *others)

    monkeypatch.setattr(wavenet, "draws", spy)
    lengths = [0, 250, 900] if engine == "cached" else [0, 5000, 16_000]
    costs = wavenet.costs_by_length(engine, model, lengths, quick=True)
    assert len(costs) == 3 and all(cost > 0 for cost in costs)
    drawn = 0
    for position, samples in calls:
        assert position == drawn  # nobody has set it
        drawn += samples
    timed = {"cached": 60, "native": 1500}[engine]
    starts = [position for position, samples in calls if samples == timed]
    assert [min(starts[3 * i : 3 * i + 3]) >= length for i, length in enumerate(lengths)] == [True] * 3


def test_the_past_of_the_naive_engine_is_as_long_as_it_says():
    model = wavenet.network("tiny")
    session = wavenet.at_full_field(model, 300)
    assert session.codes.shape == (1, 300) and session.position == 300
    session.draw(torch.rand(1, 2))
    assert session.codes.shape == (1, 302)
    assert wavenet.PAST["naive"] == "random codes"
