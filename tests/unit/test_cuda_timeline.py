"""The pipeline of the GPU lesson: nobody works on two things at once, and nothing begins before what it needs."""

import json
from collections import defaultdict

import pytest

from core.wavenet import cuda_figures, cuda_timeline
from core.wavenet.engines.cuda_plan import LAYER_CYCLES
from demos._tab import ROOT, strings
from demos._wavenet import gpu


@pytest.mark.parametrize("name", gpu.GPUS)
@pytest.mark.parametrize("network", gpu.NETWORKS)
@pytest.mark.parametrize("sounds", [1, 3])
def test_the_order_of_the_kernel(network, name, sounds):
    plan = gpu.plan_for(network, name)
    tasks = cuda_timeline.simulate(plan, samples=3, sounds=sounds)
    by_unit, chain, older = defaultdict(list), {}, {}
    for task in tasks:
        by_unit[task.unit].append((task.start, task.end))
        if task.kind in ("chain", "older"):
            (chain if task.kind == "chain" else older)[task.sample, task.sound, task.layer] = task
    for spans in by_unit.values():
        spans.sort()
        assert all(second[0] >= first[1] - 1e-6 for first, second in zip(spans, spans[1:]))
    draws = {(task.sample, task.sound): task for task in tasks if task.kind == "draw"}
    layers = plan.config.layers
    for (sample, sound), draw in draws.items():
        for layer in range(1, layers):
            before, after = chain[sample, sound, layer - 1], chain[sample, sound, layer]
            moved = (layer - 1) // plan.per_stage != layer // plan.per_stage
            assert after.start >= before.end + (plan.hop_cycles if moved else 0)
        assert draw.start > chain[sample, sound, layers - 1].end
        if (sample + 1, sound) in draws:
            for layer in range(layers):
                assert chain[sample + 1, sound, layer].start >= older[sample, sound, layer].end
            assert chain[sample + 1, sound, 0].start >= draw.end + plan.hop_cycles
    assert cuda_timeline.cycles_per_sample(tasks) >= layers * LAYER_CYCLES


def test_more_sounds_use_the_time_in_which_stages_wait():
    plan = gpu.plan_for("m", "H100")
    alone, four = (cuda_timeline.simulate(plan, samples=4, sounds=n) for n in (1, 4))
    one = cuda_timeline.cycles_per_sample(alone)
    assert cuda_timeline.cycles_per_sample(four) < 1.5 * one
    busy = [cuda_timeline.busy(tasks, "stage 0 chain") for tasks in (alone, four)]
    assert 0 < busy[0] < 0.3 and busy[1] > 2 * busy[0]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", gpu.GPUS)
def test_the_cell_shows_every_layout(language, name):
    t = strings("wavenet", language).cell("gpu")
    for network in gpu.NETWORKS:
        timeline, memory, words, floor = gpu.show(t, network, name, 8)
        assert name in words and name in floor and timeline and memory
        plan = gpu.plan_for(network, name)
        assert (t("distributed") in words) == plan.cluster and t("l2") in words
        bars = json.loads(timeline["figure"])["data"][0]
        assert bars["text"] == [str(layer) for _, layer, _ in bars["customdata"]] and "1" in bars["text"]
    assert gpu.climb(t)


def test_every_frame_moves_the_line_within_the_picture():
    tasks = cuda_timeline.simulate(gpu.plan_for("vocoder", "H100"), samples=2, sounds=1)
    units = {"stage 0 chain": "a", "head 0": "b"}
    figure = cuda_figures.timeline(
        tasks, units=units, kinds={"chain": "c", "draw": "d"}, start=0, end=5000, x_title="x", texts=("p", "s")
    )
    assert len(figure.frames) == cuda_figures.FRAMES + 1
    assert [frame.data[0].x[0] for frame in figure.frames][:: cuda_figures.FRAMES] == [0, 5000]
    assert {row for bar in figure.data[:2] for row in bar.y} <= {"a", "b"}


def test_the_floor_stands_on_the_page_with_its_inputs_and_not_yet_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "MEASURED", tmp_path / "none.json")
    for language in ("en", "ko"):
        t = strings("wavenet", language).cell("gpu")
        *_, floor = gpu.show(t, "m", "H100", 1)
        for piece in ("$L = 20$", "39", "$n = 9$", "$k = 2$", "$p = 122$", "5,928", "1.755 GHz", "296,053"):
            assert piece in floor, piece  # 39 (122 + 30) cycles; 1.755e9 / 5928
        assert t("floor_assumed") in floor and t("floor_unmeasured") in floor


@pytest.mark.parametrize(
    "text", ['{"gpu": "X", "networks": {}}', "no json", "[]", '{"gpu": "X", "clock_hz": 1}', None]
)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_without_a_usable_file_the_ladders_last_rung_is_not_yet_measured(text, language, tmp_path, monkeypatch):
    if text is not None:
        (tmp_path / "cuda.json").write_text(text)
    monkeypatch.setattr(gpu, "MEASURED", tmp_path / "cuda.json")
    t = strings("wavenet", language).cell("gpu")
    ladder, table = gpu.climb(t)
    assert gpu.stored() is None and table == t("not_measured")
    assert "benchmarks.wavenet --cuda" in ladder["summary"]
    assert json.loads(ladder["figure"])["data"][0]["text"][-1] == t("unmeasured")


def test_readme_and_page_agree_on_whether_a_gpu_has_measured_it():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert ("not yet measured" in " ".join(readme.split())) == (gpu.stored() is None)
    if gpu.stored() is not None:
        assert gpu.stored()["gpu"] in readme
