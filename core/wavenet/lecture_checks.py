"""What the lecture's network does differently from the paper, each point tried out.

python -m core.wavenet.lecture_checks        writes assets/tables/wavenet-lecture.json, what the page shows first
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.wavenet.lecture import LectureWaveNet
from core.wavenet.line_trace import line_by_line
from core.wavenet.model import GatedLayer, WaveNet, WaveNetConfig

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "assets/tables/wavenet-lecture.json"
SPEECH = ROOT / "assets/audio/kathleen_b0487.flac"
SAMPLES, CHANGED = 64, 40  # of the small checks: length, and the sample that is changed
LAYERS, WIDTH = 4, 32
LEAK_STEPS, LEAK_LEARNING_RATE = 240, 5e-3


class CentredWaveNet(LectureWaveNet):
    """The same network with the cut in the wrong place: half the padding on either side. It sees the future."""

    def cut(self, y: Tensor, time: int) -> Tensor:
        """Keep the middle."""
        start = (y.shape[-1] - time) // 2
        return y[:, :, start : start + time]


def paper(layers: int = LAYERS, width: int = WIDTH, gate: str = "multiply") -> WaveNet:
    """Our WaveNet in the lecture network's sizes."""
    return WaveNet(
        WaveNetConfig(
            residual_channels=width, gate_channels=2 * width, skip_channels=width, head_channels=width,
            layers=layers, layers_per_cycle=layers, gate=gate,
        )
    )  # fmt: skip


def networks(seed: int = 0) -> dict[str, Any]:
    """The three networks of the checks, with random weights: causality is a matter of wiring, not of training."""
    torch.manual_seed(seed)
    made: dict[str, Any] = {"lecture": LectureWaveNet(), "centred": CentredWaveNet(), "paper": paper()}
    return {name: network.eval() for name, network in made.items()}


@torch.no_grad()
def moved(network: Callable[[Tensor], Tensor], codes: Tensor, changed: Tensor) -> Tensor:
    """How far the logits of every sample move when the input is changed.

    Args:
        codes, changed: int64 [1, T].
    Returns:
        float [T], the largest change of any of a sample's logits. Exactly 0 where nothing changed.
    """
    return (network(codes) - network(changed)).abs().amax(dim=1)[0]


def change(codes: Tensor, first: int, last: int | None = None) -> Tensor:
    """codes [1, T] with samples first … last (to the end without it) turned into other codes."""
    out, span = codes.clone(), slice(first, None if last is None else last + 1)
    out[:, span] = (out[:, span] + 128) % 256
    return out


def influence(seed: int = 0, *, only_one: bool = False, changed: int = CHANGED) -> dict[str, list[float]]:
    """For each network, how far each sample's logits move: by a changed future, or by one changed sample.

    Returns:
        name -> T numbers; the change begins at sample `changed`.
    """
    codes = torch.randint(256, (1, SAMPLES), generator=torch.Generator().manual_seed(seed))
    other = change(codes, changed, changed if only_one else None)
    return {name: moved(network, codes, other).tolist() for name, network in networks(seed).items()}


def gate_curves(filter_value: float = 1.0, points: int = 65) -> dict[str, list[float]]:
    """What leaves a gate whose filter half is fixed, while its other half goes from shut to open.

    Returns:
        gate: float [points] from -8 to 8, and multiply, add, relu: what `GatedLayer.activate` makes of it.
    """
    gate = torch.linspace(-8, 8, points)
    pre = torch.stack([torch.full_like(gate, filter_value), gate], dim=-1)  # [points, 2]: filter half, gate half
    curves = {"gate": gate.tolist()}
    for kind in ("multiply", "add", "relu"):
        config = WaveNetConfig(residual_channels=1, gate_channels=2, skip_channels=1, gate=kind)
        layer = GatedLayer(config, dilation=1, last=True)
        curves[kind] = layer.activate(pre)[:, 0].tolist()
    return curves


def residual_gradients(seed: int = 0) -> dict[str, list[float]]:
    """Norm of the gradient that reaches each layer's residual convolution; 0 is a convolution that cannot learn.

    Our network has none in its last layer, so its list is one shorter.
    """
    codes = torch.randint(256, (2, 4 * SAMPLES), generator=torch.Generator().manual_seed(seed))
    made = networks(seed)
    lecture, ours = made["lecture"], made["paper"]
    F.cross_entropy(lecture(codes[:, :-1]), codes[:, 1:]).backward()
    F.cross_entropy(ours(codes), codes).backward()

    def norm(layer: Any) -> float:
        gradient = layer.weight.grad
        return 0.0 if gradient is None else float(gradient.norm())

    return {
        "lecture": [norm(layer) for layer in lecture.residual],
        "paper": [norm(layer.residual) for layer in ours.layers if layer.residual is not None],
    }


def forward_pass(batch: int = 1, time: int = 1600, layers: int = LAYERS, seed: int = 0) -> dict:
    """A live pass through `LectureWaveNet.forward`: the shapes of what every line made.

    Returns:
        batch, time, layers, receptive_field, parameters by child module, and lines: {line: [{name: shape}, ...]}.
    """
    torch.manual_seed(seed)
    network = LectureWaveNet(layers=layers).eval()
    codes = torch.randint(256, (batch, time), generator=torch.Generator().manual_seed(seed))
    _, lines = line_by_line(network.forward, codes)
    return {
        "batch": batch, "time": time, "layers": layers, "dilations": network.dilations,
        "receptive_field": 1 + sum(network.dilations),
        "parameters": {name: sum(p.numel() for p in m.parameters()) for name, m in network.named_children()},
        "lines": {str(line): seen for line, seen in lines.items()},
    }  # fmt: skip


def pairs(codes: Tensor, shift: bool) -> tuple[Tensor, Tensor]:
    """What the caller feeds and asks for: with the shift, each sample is predicted from those before it."""
    return (codes[:, :-1], codes[:, 1:]) if shift else (codes, codes)


def leak_training(
    speech: Tensor, *, shift: bool, steps: int = LEAK_STEPS, seed: int = 0, batch: int = 4, crop: int = 400
) -> Iterator[tuple[int, float, LectureWaveNet]]:
    """Train the lecture's network on crops of one sentence.

    Args:
        speech: int64 [T] codes.  shift: False is the caller who forgot.
    Yields:
        (step, bits per sample, network) after every step.
    """
    torch.manual_seed(seed)
    network = LectureWaveNet(layers=LAYERS)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEAK_LEARNING_RATE)
    generator = torch.Generator().manual_seed(seed)
    for step in range(1, steps + 1):
        starts = torch.randint(len(speech) - crop, (batch,), generator=generator).tolist()
        inputs, targets = pairs(torch.stack([speech[s : s + crop] for s in starts]), shift)
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield step, loss.item() / math.log(2), network


@torch.no_grad()
def repeated(network: LectureWaveNet, prime: Tensor, samples: int = 200, seed: int = 0) -> float:
    """Let the network speak after `prime` int64 [T]: the share of samples that repeat the one before them."""
    generator = torch.Generator().manual_seed(seed)
    codes = prime[None, -64:].clone()
    for _ in range(samples):
        odds = torch.softmax(network(codes[:, -64:])[0, :, -1], dim=0)
        codes = torch.cat([codes, torch.multinomial(odds, 1, generator=generator)[None]], dim=1)
    new = codes[0, -samples - 1 :]
    return float((new[1:] == new[:-1]).float().mean())


def speech_codes(path: Path = SPEECH) -> Tensor:
    """The bundled sentence as mu-law codes, int64 [T]."""
    from core.wavenet.data import read

    return read(path).codes.long()


def leak(speech: Tensor, steps: int = LEAK_STEPS) -> dict:
    """Both callers: curves of bits per sample, and how often each network repeats itself when it speaks."""
    out: dict = {"steps": steps}
    for name, shift in (("shifted", True), ("leaking", False)):
        run = list(leak_training(speech, shift=shift, steps=steps))
        out[name] = [round(bits, 4) for _, bits, _ in run]
        out[f"{name}_repeats"] = repeated(run[-1][2], speech)
    same = (speech[1:] == speech[:-1]).float().mean()
    return out | {"speech_repeats": float(same)}


def rounded(value: Any) -> Any:
    """Numbers to five significant digits, in lists and tables."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main(arguments: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=LEAK_STEPS)
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args(arguments)
    table: dict[str, Any] = {
        "command": "python -m core.wavenet.lecture_checks", "forward": forward_pass(), "future": influence(),
        "one": influence(only_one=True), "gate": gate_curves(), "unused": residual_gradients(),
        "leak": leak(speech_codes(), options.steps),
    }  # fmt: skip
    options.table.parent.mkdir(parents=True, exist_ok=True)
    options.table.write_text(json.dumps(rounded(table)) + "\n", encoding="utf-8")
    last = {name: sum(table["leak"][name][-20:]) / 20 for name in ("shifted", "leaking")}
    print(f"bits per sample at the end: {last['shifted']:.3f} with the shift, {last['leaking']:.3f} without it")
    print({key: round(value, 3) for key, value in table["leak"].items() if key.endswith("repeats")})
    return table


if __name__ == "__main__":
    main()
