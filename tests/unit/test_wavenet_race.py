"""The story of naive and cached against what the engines are seen doing; sums against loops."""

from __future__ import annotations

import pytest
import torch

from core.errors import EngineError
from core.wavenet import WaveNet, WaveNetConfig, race
from core.wavenet.count import count
from core.wavenet.engines import cached, create

SMALL = race.Small()


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return WaveNet(
        WaveNetConfig(
            residual_channels=SMALL.residual_channels, gate_channels=SMALL.gate_channels, head_channels=32,
            skip_channels=SMALL.skip_channels, layers=4, layers_per_cycle=4,
        )
    ).eval()  # fmt: skip


def test_the_animated_network_is_an_ordinary_configuration(model):
    assert model.config.dilations == SMALL.dilations == [1, 2, 4, 8]
    assert model.config.receptive_field_samples == SMALL.receptive_field_samples == 17


def test_naive_computes_the_columns_that_the_story_says(model):
    """Count the rows that go through each layer of the real naive engine."""
    rows: list[int] = []
    hooks = [layer.register_forward_hook(lambda m, args, out: rows.append(out.shape[1])) for layer in model.layers]
    session = create("naive", model).session(1)
    for step in race.story(samples=25):
        rows.clear()
        session.draw(torch.full((1, 1), 0.5))
        assert sum(rows) == step["columns"]
        assert set(rows) == {step["window"][1] - step["window"][0] + 1}
    for hook in hooks:
        hook.remove()


def test_cached_reads_and_holds_what_the_story_says(model, monkeypatch):
    """Watch the real ring buffers: which sample each read finds, and what each buffer holds before the step."""
    session = create("cached", model).session(1)
    written: list[dict[int, int]] = [{} for _ in session.rings]  # slot -> time
    seen: list[list[int]] = []
    exchange = cached.Ring.exchange

    def watched(ring, x, t):
        layer = session.rings.index(ring)
        seen.extend([layer, written[layer][(t - d) % ring.length]] for d in ring.delays if t - d >= 0)
        written[layer][t % ring.length] = t
        return exchange(ring, x, t)

    monkeypatch.setattr(cached.Ring, "exchange", watched)
    for step in race.story(samples=25):
        assert [sorted(slots.values()) for slots in written] == step["rings"]
        seen.clear()
        session.draw(torch.full((1, 1), 0.5))
        assert seen == step["read"]


def test_what_is_recomputed_was_there_before():
    steps = race.story(samples=30)
    for step in steps:
        needed, new, recomputed = ({tuple(pair) for pair in step[key]} for key in ("needed", "new", "recomputed"))
        assert needed == new | recomputed and not new & recomputed
        assert {time for _, time in new} == {step["t"]}
        assert all(step["window"][0] <= time <= step["window"][1] for _, time in needed)
    assert len(steps[-1]["needed"]) == 16 + 8 + 4 + 2 + 1  # a full binary tree


@pytest.mark.parametrize("samples", [1, 2, 17, 18, 60])
def test_cumulative_is_the_sum(samples):
    naive = sum(count(SMALL, t).naive for t in range(samples))
    cached_ = sum(count(SMALL, t).cached for t in range(samples))
    assert race.cumulative(SMALL, samples) == (naive, cached_)
    last = race.story(samples=samples)[-1]
    assert (last["naive_total"], last["cached_total"]) == (naive, cached_)


def test_multiply_adds_are_those_of_the_matrix_products(model):
    """Count multiplications at the real Linear layers of one cached step and of one naive step."""
    for name, expected in (("cached", count(SMALL, 30).cached), ("naive", count(SMALL, 30).naive)):
        total = 0

        def add(module, args, out):
            nonlocal total
            total += out.numel() * module.in_features

        session = create(name, model).session(1)
        session.draw(torch.full((1, 30), 0.5))
        linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
        hooks = [module.register_forward_hook(add) for module in linear]
        session.draw(torch.full((1, 1), 0.5))
        for hook in hooks:
            hook.remove()
        skips = sum(layer.skip.weight.numel() for layer in model.layers)  # one product over all layers, no module
        assert total + skips == expected


@pytest.mark.parametrize("bands", [0, 80])
@pytest.mark.parametrize("engine", ["naive", "cached"])
def test_a_course_goes_where_a_generation_would(engine, bands):
    """The naive engine is told about codes instead of fed: its next logits must be those of a fed session."""
    torch.manual_seed(1)
    config = WaveNetConfig(
        residual_channels=4, gate_channels=6, skip_channels=5, head_channels=6, layers=3, layers_per_cycle=3,
        mel_channels=bands, condition_channels=4,
    )  # fmt: skip
    model = WaveNet(config).eval()
    course = race.Course(model, engine)
    course.go_to(250)
    assert course.session.position == 250
    codes = torch.randint(256, (1, 250), generator=torch.Generator().manual_seed(0))
    mel = None if not bands else torch.full((1, bands, 3), -5.0)
    with torch.no_grad():
        wanted = model(torch.cat([codes, torch.zeros(1, 1, dtype=torch.long)], dim=1), mel)[..., -1]
    course.draw(1)
    if engine == "naive":  # the cached engine only has its clock put forward
        got = course.session.probabilities
        torch.testing.assert_close(got, torch.softmax(wanted, dim=-1), atol=1e-5, rtol=1e-4)
    assert course.session.position == 251
    assert course.speed(0.05) > 0


def test_costs_come_in_order_of_length(model):
    costs = list(race.cost_by_length(model, "cached", lengths=(20, 1), seconds=0.01))
    assert [length for length, _ in costs] == [1, 20]
    assert all(cost > 0 for _, cost in costs)


def test_an_engine_that_does_not_work_says_so(model, monkeypatch):
    monkeypatch.setattr(cached.CachedEngine, "unavailable", classmethod(lambda cls, model=None: "It is tired."))
    with pytest.raises(EngineError, match="It is tired"):
        race.measure(model, "cached", seconds=0.01)


def test_the_processor_has_a_name():
    assert race.processor().strip()
