"""The shipped chorale networks against what their cards say, on chorales that neither has learned from."""

from __future__ import annotations

import numpy as np
import pytest

from core import weights
from core.sampling import uniforms_of
from core.transformer import chorales, chorales_corpus, chorales_sample, chorales_train

NAMES = {position: f"transformer-chorales-{position}" for position in chorales_train.POSITIONS}
pytestmark = [
    pytest.mark.golden,
    pytest.mark.skipif(not set(NAMES.values()) <= set(weights.names()), reason="the weights are not here yet"),
]


def card(position: str) -> dict[tuple[str, str], float]:
    return {(one["name"], one["split"]): one["value"] for one in weights.card(NAMES[position])["metrics"]}


def test_both_networks_know_more_than_counting_does():
    """And were compared as the page says: same size, data, steps and seed; the cards admit who is ahead."""
    split = "test, 77 chorales"
    counting = card("relative")["NLL (nats a token), counting pairs of a voice", split]
    found = {position: card(position)[f"NLL (nats a token), {position}", split] for position in NAMES}
    assert max(found.values()) < 0.85 * counting
    gain = card("relative")["absolute less relative (nats), mean over chorales", split]
    assert abs(gain) > 3 * card("relative")["its standard error", split]  # the difference is no accident of 77 pieces
    cards = [weights.card(name) for name in NAMES.values()]
    assert len({(one["steps"], one["seed"], one["config"]["width"], one["config"]["layers"]) for one in cards}) == 1
    behind = [any("position is behind" in line for line in one["known_failures"]) for one in cards]
    assert behind == [found["relative"] >= found["absolute"]] * 2
    assert all((weights.FOLDER / name / "model.safetensors").stat().st_size <= 2_000_000 for name in NAMES.values())


@pytest.mark.parametrize(("position", "most"), [("relative", 0.6), ("absolute", 0.55)])
def test_held_out_openings_cost_no_more_than_they_did(position, most):
    """Nats a token over the stored openings of held-out chorales, computed anew."""
    model = weights.load(NAMES[position])
    costs = [chorales_train.nll_of(model, one.steps).numpy() for one in chorales_corpus.examples()]
    assert float(np.concatenate(costs).mean()) < most


def test_a_harmonised_melody_is_a_chorale():
    """Voices in their order most of the time, in their ranges, and no slower than a page can wait for."""
    import time

    model = weights.load(NAMES["relative"])
    soprano = chorales_corpus.examples()[0].steps[:64, 0]
    started = time.process_time()
    steps = chorales_sample.harmonise(model, soprano, uniforms_of(1, 3 * len(soprano)))[0].steps
    assert 4 * len(soprano) / (time.process_time() - started) > 150
    np.testing.assert_array_equal(steps[:, 0], soprano)
    sung = steps[(steps != chorales.SILENT).all(axis=1)]
    assert len(sung) > 0.9 * len(steps)
    assert (np.diff(sung, axis=1) <= 0).all(axis=1).mean() > 0.9
    held = np.mean(steps[1:, 1:] == steps[:-1, 1:])
    assert 0.6 < held < 0.95
