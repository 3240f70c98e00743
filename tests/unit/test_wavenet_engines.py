"""Every engine against the network's own logits, and against each other draw by draw on the same uniforms."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.wavenet import WaveNet, WaveNetConfig, engines, generate
from core.wavenet.engines.contract import inverse_cdf

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[2]
SMALL = WaveNetConfig(
    levels=64, residual_channels=16, gate_channels=32, skip_channels=24, head_channels=20, layers=8, layers_per_cycle=4
)
CONFIGS = {
    "small": SMALL,
    "odd": replace(
        SMALL, levels=61, residual_channels=13, gate_channels=22, skip_channels=37, head_channels=7, layers=5
    ),
    "kernel3": replace(SMALL, kernel_size=3, layers_per_cycle=3, layers=6),
    "mel": replace(SMALL, mel_channels=6, condition_channels=9, hop_samples=7),
    "oddmel3": replace(SMALL, kernel_size=3, gate_channels=18, mel_channels=5, condition_channels=4, hop_samples=11),
    "clock": replace(
        SMALL, mel_channels=6, condition_channels=9, hop_samples=12, harmonics=2, condition_hop_samples=4
    ),
    "wide": replace(SMALL, levels=256, residual_channels=72, gate_channels=80, skip_channels=200, layers=3),
    "long": replace(SMALL, layers=6, layers_per_cycle=6, levels=256),
    "one layer": replace(SMALL, layers=1),
}
BOUNDS = {"cuda": 2e-3, "cuda-bf16": 2e-2} | {name: 2e-3 for name in engines.ENGINES if "fp16" in name}
NAMES = [
    pytest.param(name, marks=[pytest.mark.skipif(bool(reason), reason=reason)] + [pytest.mark.gpu] * ("cuda" in name))
    for name in engines.ENGINES
    for reason in [engines.why_not(name)]
]
EXACT = [p for p in NAMES if p.values[0] not in BOUNDS]
FAST = [p for p in EXACT if p.values[0] not in ("naive", "cached")]


def network(config: WaveNetConfig, seed: int = 0) -> WaveNet:
    """Random, with weights large enough that the distributions are far from flat."""
    torch.manual_seed(seed)
    model = WaveNet(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "upsample" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
            elif parameter.dim() > 1 and "embedding" not in name:
                parameter.mul_(1.8)
    return model


def mel_for(config: WaveNetConfig, batch: int, samples: int) -> torch.Tensor | None:
    if not config.mel_channels:
        return None
    return torch.randn(batch, config.mel_channels, -(-samples // config.hop_samples))


def relative_error(got: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((got - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", CONFIGS)
def test_teacher_forced_logits_equal_the_network(name, sizes):
    config = CONFIGS[sizes]
    model = network(config)
    for batch, samples in [(1, 120), (3, 60)]:
        codes, mel = torch.randint(0, config.levels, (batch, samples)), mel_for(config, batch, samples)
        with torch.no_grad():
            wanted = model(codes, mel)
        got = engines.create(name, model).logits(codes, mel)
        assert got.shape == wanted.shape and got.dtype == torch.float32
        assert relative_error(got, wanted) <= BOUNDS.get(name, 1e-5)


@pytest.mark.parametrize("name", [p for p in NAMES if "fp16" in p.values[0]])
def test_fp16_weights_are_fp16(name):
    """Exact for weights that fp16 can hold, and not exact for others: the storage is what it says."""
    config = CONFIGS["odd"]
    codes = torch.randint(0, config.levels, (1, 60))
    model = network(config)
    with torch.no_grad():
        assert relative_error(engines.create(name, model).logits(codes), model(codes)) > 1e-5
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
        assert relative_error(engines.create(name, model).logits(codes), model(codes)) <= 1e-5


_drawn: dict[tuple[str, int], torch.Tensor] = {}


def drawn_by_cached(sizes: str, batch: int, model: WaveNet, mel: torch.Tensor | None, uniforms: torch.Tensor):
    """Once for all engines: model, mel and uniforms are the same every time, from the same seed."""
    if (sizes, batch) not in _drawn:
        _drawn[sizes, batch] = generate(model, mel, uniforms=uniforms, engine="cached", temperature=0.9)
    return _drawn[sizes, batch]


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("sizes", CONFIGS)
@pytest.mark.parametrize("batch", [1, 3])
def test_same_uniforms_same_codes(name, sizes, batch):
    """400 draws, as the cached engine draws them; naive follows in its own test, being slow."""
    config = CONFIGS[sizes]
    model, samples = network(config), 400 if batch == 1 else 150
    mel, uniforms = mel_for(config, batch, samples), torch.rand(batch, samples)
    wanted = drawn_by_cached(sizes, batch, model, mel, uniforms)
    got = generate(model, mel, samples, uniforms, engine=name, temperature=0.9)
    assert got.dtype == torch.int64 and torch.equal(got, wanted)
    assert len(got.unique()) > 10  # not a constant


@pytest.mark.parametrize("sizes", ["odd", "mel", "kernel3"])
def test_naive_draws_as_cached(sizes):
    config = CONFIGS[sizes]
    model = network(config)
    mel, uniforms = mel_for(config, 2, 300), torch.rand(2, 300)
    wanted = generate(model, mel, 300, uniforms, engine="naive")
    assert torch.equal(generate(model, mel, 300, uniforms, engine="cached"), wanted)


@pytest.mark.parametrize("name", NAMES)
def test_stream_in_blocks_of_any_size_is_generate(name):
    config = CONFIGS["mel"]
    model, mel = network(config), mel_for(config, 2, 100)
    whole = generate(model, mel, 100, seed=5, engine=name)
    for block in (1, 13, 64, 1000):
        blocks = list(generate.stream(model, mel, 100, seed=5, engine=name, block=block))
        assert [b.shape[1] for b in blocks[:-1]] == [block] * (len(blocks) - 1)
        assert torch.equal(torch.cat(blocks, dim=1), whole)


def test_chunks_within_a_block_change_nothing(monkeypatch):
    model, mel = network(CONFIGS["mel"]), mel_for(CONFIGS["mel"], 1, 120)
    whole = generate(model, mel, 120, seed=2, engine="cached")
    monkeypatch.setattr("core.wavenet.sample.CHUNK_SAMPLES", 17)
    assert torch.equal(generate(model, mel, 120, seed=2, engine="cached"), whole)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", ["small", "mel"])
def test_prime_continues_as_if_it_had_been_drawn(name, sizes):
    config = CONFIGS[sizes]
    model, mel, uniforms = network(config), mel_for(config, 2, 90), torch.rand(2, 90)
    whole = generate(model, mel, 90, uniforms, engine=name)
    rest = generate(model, mel, 49, uniforms[:, 41:], engine=name, prime=whole[:, :41])
    assert torch.equal(rest, whole[:, 41:])


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_those_of_the_last_draw(name):
    model = network(SMALL)
    codes = torch.empty(1, 0, dtype=torch.long)
    stream = generate.stream(model, None, 30, seed=1, temperature=0.7, engine=name, block=10, with_probabilities=True)
    for block, probabilities in stream:
        codes = torch.cat([codes, block], dim=1)
        with torch.no_grad():
            wanted = torch.softmax(model(codes)[0, :, -1] / 0.7, dim=-1)
        assert probabilities.shape == (1, 64)
        torch.testing.assert_close(probabilities[0], wanted, rtol=5e-3 if "fp16" in name else 1e-4, atol=1e-6)


def test_a_closed_stream_stops_and_an_unread_one_never_starts():
    model = network(SMALL)
    drawn = []
    engine = engines.create("cached", model)

    def counted(batch, temperature=1.0):
        session = type(engine).session(engine, batch, temperature)
        draw = session.draw
        session.draw = lambda uniforms, frames=None: drawn.append(uniforms.shape[1]) or draw(uniforms, frames)
        return session

    engine.session = counted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "create", lambda name, model: engine)
        stream = generate.stream(model, None, 900_000, block=8)
        assert drawn == []
        next(stream), next(stream)
        stream.close()
    assert drawn == [8, 8] and list(stream) == []


@pytest.mark.parametrize("name", [p for p in NAMES if p.values[0] in ("cached", "numba", "native", "native-fp16-2")])
def test_two_generations_at_once_do_not_disturb_each_other(name):
    model = network(CONFIGS["mel"])
    samples = 200 if name == "cached" else 2000
    mels = [mel_for(CONFIGS["mel"], 1, samples) for _ in range(3)]
    alone = [generate(model, mel, samples, seed=i, engine=name) for i, mel in enumerate(mels)]
    together = [[] for _ in mels]

    def work(i: int) -> None:
        together[i].extend(generate.stream(model, mels[i], samples, seed=i, engine=name, block=50))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for codes, blocks in zip(alone, together):
        assert torch.equal(torch.cat(blocks, dim=1), codes)


def test_seeds():
    model = network(SMALL)
    first = generate(model, samples=80, seed=3, engine="cached")
    assert torch.equal(generate(model, samples=50, seed=3, engine="cached"), first[:, :50])
    assert not torch.equal(generate(model, samples=80, seed=4, engine="cached"), first)


def test_samples_default_to_what_the_mel_reaches_for():
    model = network(CONFIGS["mel"])
    mel = torch.randn(2, 6, 5)
    assert generate(model, mel).shape == (2, 35)
    assert generate(model, mel, prime=torch.zeros(2, 4, dtype=torch.long)).shape == (2, 31)


def test_inverse_cdf_by_searchsorted_and_by_frequency():
    logits = 2 * torch.randn(500, 64, generator=torch.Generator().manual_seed(0))
    uniforms = torch.rand(500, generator=torch.Generator().manual_seed(1))
    codes, probabilities = inverse_cdf(logits, uniforms, 0.8)
    scaled = np.exp(logits.numpy().astype(np.float64) / 0.8)
    exact = scaled / scaled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities.numpy(), exact, rtol=1e-5)
    wanted = [np.searchsorted(np.cumsum(row), u, side="right") for row, u in zip(exact, uniforms.numpy())]
    assert codes.tolist() == wanted
    count = 20_000  # an even grid of uniforms gives every code as often as its probability says
    grid = (torch.arange(count) + 0.5) / count
    drawn = torch.bincount(inverse_cdf(logits[:1].expand(count, -1), grid, 0.8)[0], minlength=64) / count
    np.testing.assert_allclose(drawn.numpy(), exact[0], atol=1.01 / count)


@pytest.mark.parametrize("name", NAMES)
def test_extreme_uniforms_and_certain_networks(name):
    """u = 0 takes the first code that is possible, u just below 1 the last; saturated gates give no NaN."""
    model = network(SMALL)
    with torch.no_grad():
        model.layers[0].dilated.weight *= 1e4
        model.head2.weight.zero_()
        model.head2.bias.fill_(-1000.0)
        model.head2.bias[[20, 41]] = 100.0
    below_one = 1.0 - 2.0**-24
    uniforms = torch.tensor([[0.0, 0.499, 0.501, below_one, 0.0]])
    assert generate(model, uniforms=uniforms, engine=name).tolist() == [[20, 20, 41, 41, 20]]
    logits = engines.create(name, model).logits(torch.randint(0, 64, (1, 20)))
    assert bool(torch.isfinite(logits).all())


@pytest.mark.parametrize("name", [p for p in NAMES if p.values[0].startswith("native")])
def test_gate_function_over_its_whole_range(name):
    """The polynomial behind tanh and sigmoid against NumPy in double precision, through a network that shows it."""
    config = WaveNetConfig(
        levels=256, residual_channels=1, gate_channels=2, skip_channels=2, head_channels=2, layers=1, layers_per_cycle=1
    )
    model = WaveNet(config)
    values = torch.cat([torch.linspace(-12, 12, 196), torch.logspace(-6, -1, 30), -torch.logspace(-6, -1, 30)]).half()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.embedding.taps[1].weight[:, 0] = values.float()
        model.layers[0].dilated.weight[0, 1] = 1.0  # filter = x
        model.layers[0].dilated.weight[1, 1] = -0.5  # gate = -x / 2
        model.layers[0].skip.weight[0, 0] = 1.0
        model.layers[0].skip.weight[1, 0] = -1.0  # so that the ReLU keeps one of the two
        model.head1.weight.copy_(torch.eye(2))
        model.head2.weight[0] = torch.tensor([1.0, -1.0])
    codes = torch.arange(256).view(1, -1)
    got = engines.create(name, model).logits(torch.cat([codes, codes[:, :1]], dim=1))[0, 0, 1:].double().numpy()
    x = values.double().numpy()
    wanted = np.tanh(x) / (1 + np.exp(x / 2))
    np.testing.assert_allclose(got, wanted, rtol=5e-7)


@pytest.mark.parametrize("gate", ["add", "relu"])
def test_other_gates_run_on_the_pytorch_engines(gate):
    model = network(replace(SMALL, gate=gate))
    codes = torch.randint(0, 64, (2, 50))
    for name in ("naive", "cached"):
        with torch.no_grad():
            assert relative_error(engines.create(name, model).logits(codes), model(codes)) <= 1e-5
    name, sentence = generate.best(model)
    assert name == "cached" and "gate" in sentence


def test_auto_names_its_choice():
    model = network(SMALL)
    name, sentence = generate.best(model)
    assert name in sentence and not engines.why_not(name, model)
    assert {row[0] for row in generate.engines()} == set(engines.ENGINES)
    assert generate(model, samples=20).shape == (1, 20)


@pytest.mark.parametrize("name", [p for p in NAMES if p.values[0] in {"cached", "numba", "cuda", *engines.NATIVE}])
@pytest.mark.parametrize("config", ["small", "clock"])
def test_the_engine_chosen_has_drawn_and_nothing_else_has_changed(name, config, monkeypatch):
    """What is compiled at a first draw is compiled when the choice is known; the draws of a visitor are the same."""
    model, mel = network(CONFIGS[config]), mel_for(CONFIGS[config], 1, 60)
    wanted = generate(model, mel=mel, samples=60, seed=3, engine=name)
    monkeypatch.setattr(engines, "_choices", {})
    monkeypatch.setattr(engines, "_warm", set())
    works = engines.why_not
    monkeypatch.setattr(engines, "why_not", lambda n, m=None: works(n, m) if n == name else "not in this test")
    drawn, real = [], engines.engine_class(name).session

    def session(self, *arguments):
        made = real(self, *arguments)
        draw = made.draw
        made.draw = lambda uniforms, frames=None: drawn.append(self.name) or draw(uniforms, frames)
        return made

    monkeypatch.setattr(engines.engine_class(name), "session", session)
    chance = torch.get_rng_state()
    assert generate.best(model)[0] == name
    assert set(drawn) == {name}
    assert torch.equal(torch.get_rng_state(), chance)
    drawn.clear()
    generate.best(model)
    engines._choices.clear()
    if name in ("cached", "numba", "cuda"):  # native is timed again; these have nothing to compile any more
        generate.best(model)
    assert not drawn
    assert torch.equal(generate(model, mel=mel, samples=60, seed=3), wanted)


def test_after_the_choice_numba_compiles_nothing_more():
    """In a process of its own, where nothing has run: neither a mel, nor a prime, nor another batch is new to it."""
    code = f"""
import torch
from core.wavenet import WaveNet, WaveNetConfig, engines, generate
from core.wavenet.engines import numba_engine
jitted = [f for f in vars(numba_engine).values() if hasattr(f, "signatures")]
compiled = lambda: sum(len(f.signatures) for f in jitted)
model = WaveNet(WaveNetConfig(**{SMALL.to_dict()}))
vocoder = WaveNet(WaveNetConfig(**{CONFIGS["clock"].to_dict()}))
before = compiled()
engines.why_not = lambda n, m=None, works=engines.why_not: works(n, m) if n == "numba" else "not in this test"
name, after = generate.best(model)[0], compiled()
generate(model, samples=20, prime=torch.zeros(2, 5, dtype=torch.long), temperature=0.5)
generate(vocoder, mel=torch.randn(1, 6, 5))
print(name, before, after, compiled())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    name, before, after, later = done.stdout.split()
    assert (name, before) == ("numba", "0")
    assert int(after) > 0 and later == after
