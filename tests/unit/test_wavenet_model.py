"""The network against a NumPy restatement of the paper's equations, and what "causal" and "receptive field" claim."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.wavenet import PRESETS, WaveNet, WaveNetConfig
from core.wavenet.conditioning import Room, condition_at, frames_between
from core.wavenet.count import count, trace_step

SMALL = WaveNetConfig(
    levels=11, residual_channels=5, gate_channels=6, skip_channels=7, head_channels=4, layers=5, layers_per_cycle=3
)
CONDITIONED = replace(SMALL, mel_channels=4, condition_channels=6, hop_samples=5)
CLOCK = {"harmonics": 2, "condition_hop_samples": 5}


def network(config: WaveNetConfig, seed: int = 0) -> WaveNet:
    torch.manual_seed(seed)
    return WaveNet(config).double()


def numbers(parameter: torch.Tensor) -> np.ndarray:
    return parameter.detach().numpy()


def numpy_logits(model: WaveNet, codes: list[int], condition: np.ndarray | None = None) -> np.ndarray:
    """Equations 2 and 3 and figure 4 at every moment, one column vector at a time: [levels, N].

    condition: [N, L, G], what the mel adds.
    """
    c = model.config
    half, silence = c.gate_channels // 2, c.levels // 2
    inputs = {}  # (layer, time) -> x
    result = []
    for t in range(len(codes)):
        past = [codes[t - k] if t - k >= 0 else silence for k in range(c.kernel_size, 0, -1)]
        x = sum(numbers(tap.weight)[code] for tap, code in zip(model.embedding.taps, past))
        skip = numbers(model.layers[-1].skip.bias).copy()
        for index, (layer, dilation) in enumerate(zip(model.layers, c.dilations)):
            inputs[index, t] = x
            pre = numbers(layer.dilated.bias).copy()
            weight = numbers(layer.dilated.weight).reshape(c.gate_channels, c.kernel_size, c.residual_channels)
            for k in range(c.kernel_size):
                before = t - (c.kernel_size - 1 - k) * dilation
                pre += weight[:, k] @ inputs.get((index, before), np.zeros(c.residual_channels))
            if condition is not None:
                pre += condition[t, index]
            z = np.tanh(pre[:half]) / (1 + np.exp(-pre[half:]))
            skip += numbers(layer.skip.weight) @ z
            if index < c.layers - 1:
                x = x + numbers(layer.residual.weight) @ z + numbers(layer.residual.bias)
        hidden = numbers(model.head1.weight) @ np.maximum(skip, 0) + numbers(model.head1.bias)
        result.append(numbers(model.head2.weight) @ np.maximum(hidden, 0) + numbers(model.head2.bias))
    return np.stack(result, axis=1)


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
def test_forward_is_the_papers_equations(kernel_size):
    model = network(replace(SMALL, kernel_size=kernel_size))
    codes = torch.randint(0, 11, (2, 30), generator=torch.Generator().manual_seed(1))
    logits = model(codes)
    assert logits.shape == (2, 11, 30)
    for b in range(2):
        np.testing.assert_allclose(numbers(logits[b]), numpy_logits(model, codes[b].tolist()), atol=1e-12)


def per_sample_condition(model: WaveNet, mel: torch.Tensor) -> torch.Tensor:
    """The paper's order: upsample by a transposed convolution, then project every sample. [B, F * hop, L * G]"""
    c, conditioner = model.config, model.condition
    x = torch.relu(conditioner.conv2(torch.relu(conditioner.conv1((mel + 5) / 3))))  # [B, C, F]
    x = torch.cat([x, x[..., -1:]], dim=-1)
    u = conditioner.upsample  # a frame reaches the hop before it with u[:, 1], the hop after it with u[:, 0]
    kernel = torch.cat([u[:, 1], u[:, 0]]).expand(c.condition_channels, 1, -1)
    y = F.conv_transpose1d(x, kernel, stride=c.hop_samples, groups=c.condition_channels)
    y = y[..., c.hop_samples : c.hop_samples * (mel.shape[2] + 1)].transpose(1, 2)  # [B, F * hop, C]
    bias = u.sum(dim=1).repeat(mel.shape[2])[:, None] * conditioner.project.bias  # upsampled like the rest
    return F.linear(y, conditioner.project.weight) + bias


def test_conditioner_is_a_transposed_convolution_and_a_projection():
    model = network(CONDITIONED)
    model.condition.upsample.data += 0.3 * torch.randn(5, 2, dtype=torch.double)
    mel = torch.randn(2, 4, 6, dtype=torch.double)
    wanted = per_sample_condition(model, mel)
    frames = model.condition.frames(mel)
    got = torch.cat([model.condition.layer(frames, index) for index in range(5)], dim=-1)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)
    one = torch.stack([condition_at(model.condition.upsample, frames, t, 0) for t in range(30)], dim=1)
    torch.testing.assert_close(one, wanted, rtol=0, atol=1e-12)


def test_conditioned_forward_is_the_papers_equations():
    model = network(CONDITIONED)
    mel = torch.randn(1, 4, 6, dtype=torch.double)
    codes = torch.randint(0, 11, (1, 28))
    condition = numbers(per_sample_condition(model, mel)).reshape(30, 5, 6)
    wanted = numpy_logits(model, codes[0].tolist(), condition)
    np.testing.assert_allclose(numbers(model(codes, mel)[0]), wanted, atol=1e-12)


@pytest.mark.parametrize("config", [CONDITIONED, replace(CONDITIONED, hop_samples=15, **CLOCK)])
def test_frames_between_is_a_slice_of_all_frames(config):
    model = network(config).float()
    mel = model.condition.prepare(torch.randn(2, 4, 9))
    whole = model.condition.frames(mel).detach()
    room = Room()  # memory that is used again gives the same
    for start, samples in [(0, 45), (0, 1), (4, 1), (5, 1), (13, 9), (40, 5), (44, 1), (22, 23)]:
        part = frames_between(model, mel, start, samples)
        last = (start + samples - 1) // 5 + 1
        torch.testing.assert_close(frames_between(model, mel, start, samples, room), part, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(part, whole[:, start // 5 : last + 1], rtol=1e-5, atol=1e-6)


def test_the_future_does_not_reach_the_past():
    model = network(SMALL)
    codes = torch.randint(0, 11, (1, 40))
    changed = codes.clone()
    changed[0, 20] = (changed[0, 20] + 1) % 11
    before, after = model(codes), model(changed)
    assert torch.equal(before[..., :21], after[..., :21])  # logits[20] predicts code 20
    assert (before[..., 21] - after[..., 21]).abs().max() > 1e-6


@pytest.mark.parametrize(("kernel_size", "layers"), [(2, 5), (3, 4), (2, 1)])
def test_receptive_field_by_gradient(kernel_size, layers):
    config = replace(SMALL, kernel_size=kernel_size, layers=layers)
    model = network(config)
    looked_up = []

    def keep(module, args, output):
        output.retain_grad()
        looked_up.append(output)

    model.embedding.taps[0].register_forward_hook(keep)
    samples = config.receptive_field_samples + 10
    model(torch.randint(0, 11, (1, samples)))[0, :, -1].square().sum().backward()
    seen = looked_up[0].grad[0].abs().sum(dim=-1).nonzero()[:, 0]  # places in silence x K + codes
    oldest = int(seen.min()) - kernel_size
    assert (samples - 1) - oldest == config.receptive_field_samples


def test_receptive_field_of_the_presets():
    assert PRESETS["m"].receptive_field_samples == 2 * 1023 + 2
    assert PRESETS["vocoder"].receptive_field_samples == 2 * 255 + 2


@pytest.mark.parametrize("gate", ["multiply", "add"])
def test_gradients_by_finite_differences(gate):
    model = network(replace(CONDITIONED, gate=gate))
    codes, mel = torch.randint(0, 11, (2, 20)), torch.randn(2, 4, 4, dtype=torch.double)

    def loss() -> torch.Tensor:
        return F.cross_entropy(model(codes, mel), codes)

    loss().backward()
    step = 1e-6
    for name, parameter in model.named_parameters():
        flat, place = parameter.data.view(-1), int(parameter.grad.abs().argmax())
        kept = float(flat[place])
        with torch.no_grad():
            flat[place] = kept + step
            high = float(loss())
            flat[place] = kept - step
            low = float(loss())
            flat[place] = kept
        assert float(parameter.grad.view(-1)[place]) == pytest.approx((high - low) / (2 * step), rel=1e-4), name


@pytest.mark.parametrize(("gate", "formula"), [
    ("multiply", lambda a, b: np.tanh(a) / (1 + np.exp(-b))),
    ("add", lambda a, b: np.tanh(a) + 1 / (1 + np.exp(-b))),
    ("relu", lambda a, b: np.maximum(a, 0)),
])  # fmt: skip
def test_gate_variants(gate, formula):
    pre = torch.randn(4, 6, dtype=torch.double)
    z = network(replace(SMALL, gate=gate)).layers[0].activate(pre)
    np.testing.assert_allclose(z.numpy(), formula(pre[:, :3].numpy(), pre[:, 3:].numpy()), atol=1e-12)


@pytest.mark.parametrize("config", [*PRESETS.values(), CONDITIONED, replace(SMALL, kernel_size=3)])
def test_parameters_are_counted_as_torch_counts_them(config):
    assert count(config).parameters == sum(p.numel() for p in WaveNet(config).parameters())


@pytest.mark.parametrize("generated", [0, 3, 100])
def test_multiply_adds_are_counted_as_torch_counts_them(generated):
    from torch.utils.flop_counter import FlopCounterMode

    from core.wavenet.engines import create

    config = replace(SMALL, kernel_size=3)
    model = network(config).float()
    codes = torch.zeros(1, generated, dtype=torch.long)
    for name in ("naive", "cached"):
        session = create(name, model).session(1)
        if generated:
            session.feed(codes)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            session.next_logits()
        assert counter.get_total_flops() == 2 * getattr(count(config, generated), name)


def test_traced_step_is_what_the_gradient_says():
    """Which columns of which layer the newest output depends on, by autograd instead of by the formula."""
    config = replace(SMALL, layers=3)
    model = network(config)
    inputs = []

    def keep(module, args):
        args[0].retain_grad()
        inputs.append(args[0])

    for layer in model.layers:
        layer.register_forward_pre_hook(keep)
    model(torch.randint(0, 11, (1, 12)))[0, :, 11].square().sum().backward()
    trace = trace_step(config.dilations, 2, 11)
    for layer in range(3):
        times = inputs[layer].grad[0].abs().sum(dim=-1).nonzero()[:, 0].tolist()
        assert times == [time for level, time in trace["needed"] if level == layer]
    assert trace["read"] == [[0, 10], [1, 9], [2, 7]]
    assert trace["rings"] == [[10], [9, 10], [7, 8, 9, 10]]
    assert sorted(trace["recomputed"] + trace["new"]) == sorted(trace["needed"])
