"""A look inside the network while it reads a real sentence: what every block computes for a few milliseconds.

    python -m core.wavenet.inside            # writes assets/tables/wavenet-inside-<model>.npz for the site

A stored look belongs to the weights it was taken from; `stored` gives None for any others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import weights
from core.errors import AudioError

if TYPE_CHECKING:
    from torch import Tensor

    from core.wavenet.model import WaveNet

ROOT = Path(__file__).resolve().parent.parent.parent
TABLES = ROOT / "assets" / "tables"
SENTENCE = ROOT / "assets" / "audio" / "kathleen_b0487.flac"
MODELS = ("wavenet-vocoder", "wavenet-speech")
WINDOW_SAMPLES = 240  # 15 ms at 16 kHz: two or three periods of a voice
CONDITION_STEP = 20  # the condition changes slowly
MOMENT_S = 1.0
STORED_BATCH, STORED_SAMPLES = 1, 1600

Look = dict[str, Any]


def sentence(path: Path = SENTENCE) -> Tensor:
    """The sentence that the network reads: float32 [T] at 16 kHz."""
    from core import audio

    return audio.load_voice(path)


def look(model: WaveNet, voice: Tensor, *, moment_s: float = MOMENT_S, window: int = WINDOW_SAMPLES) -> Look:
    """Every block's values while the network reads `window` samples of a voice, teacher-forced.

    The forward pass begins a receptive field earlier, so the values are those of a pass over the whole sentence.

    Args:
        voice: float [T] at 16 kHz.  moment_s: where the window begins, clamped to the voice.
    Returns:
        arrays float32, W = window: `audio` [W], `codes` int [W]; `embedded` [W, R]; `pre` [L, W, G];
        `stream_rms` [L] of what enters each layer, `update_rms` [L] of what it adds (0 for the last);
        `skip_norm` [L, W], the length of each layer's skip vector; `skip_sum` [W, S], `hidden` [W, H] after their
        ReLU; `probabilities` [W, levels]; with a mel `mel` [80, F] and, at every 20th sample, `condition`
        [L, W / 20, G]; and `start`, `window`.
    Raises:
        AudioError: the voice is shorter than the window.
    """
    import torch

    from core import audio
    from core.wavenet.shapes import skip_of, watch

    config, hop = model.config, model.config.hop_samples
    if voice.shape[0] < window:
        raise AudioError(f"The voice has {voice.shape[0]} samples; the look inside needs at least {window}.")
    codes = audio.mu_law_encode(voice, levels=config.levels)
    start = min(max(0, round(moment_s * audio.SAMPLE_RATE_HZ)), voice.shape[0] - window)
    first = max(0, start - config.receptive_field_samples) // hop * hop  # a whole frame
    mel = audio.mel(voice[None]) if config.mel_channels else None  # [1, 80, F]
    near, left = None, 0
    if mel is not None:  # two frames of context on either side, so that the edges do not matter
        left = max(0, first // hop - 2)
        near = model.condition.prepare(mel)[:, :, left : (start + window) // hop + 4]
    begin = left * hop if mel is not None else first
    with torch.no_grad(), watch(model) as seen:
        logits = model(codes[None, begin : start + window], near)
    at = slice(start - begin, start - begin + window)
    layers = range(config.layers)
    gated = [seen[f"layers.{i}.gated"][0, at] for i in layers]
    rms = lambda x: float(x.double().square().mean().sqrt())  # noqa: E731
    out: Look = {
        "audio": voice[start : start + window].numpy(), "codes": codes[start : start + window].numpy(),
        "embedded": seen["embedded"][0, at].numpy(),
        "pre": np.stack([(seen[f"layers.{i}.pre"][0, at] + _condition(seen, i, at)).numpy() for i in layers]),
        "stream_rms": np.array([rms(seen[f"layers.{i}.input"][0, at]) for i in layers]),
        "update_rms": np.array(
            [rms(seen[f"layers.{i}.residual"][0, at]) if f"layers.{i}.residual" in seen else 0.0 for i in layers]
        ),
        "skip_norm": np.stack([skip_of(layer, z).norm(dim=-1).numpy() for layer, z in zip(model.layers, gated)]),
        "skip_sum": seen["skip_sum"][0, at].numpy(), "hidden": seen["hidden_relu"][0, at].numpy(),
        "probabilities": torch.softmax(logits[0, :, at].T, dim=-1).numpy(),
        "start": start, "window": window,
    }  # fmt: skip
    if mel is not None:
        out["mel"] = mel[0].numpy()
        out["condition"] = np.stack([seen[f"layers.{i}.condition"][0, at][::CONDITION_STEP].numpy() for i in layers])
    return out


def _condition(seen: dict[str, Tensor], layer: int, at: slice) -> Any:
    """What the mel adds to a gate, 0 without one."""
    condition = seen.get(f"layers.{layer}.condition")
    return 0.0 if condition is None else condition[0, at]


def gate(look: Look, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """tanh, sigmoid and their product in one layer, each [W, G / 2], from the look's `pre`."""
    pre = np.asarray(look["pre"][layer], dtype=np.float32)
    filter_, gate_ = np.split(pre, 2, axis=-1)
    tanh, sigmoid = np.tanh(filter_), 1 / (1 + np.exp(-gate_))
    return tanh, sigmoid, tanh * sigmoid


def facts(model: WaveNet, shapes: dict[str, list[int]]) -> dict[str, Any]:
    """What the diagram writes beside the shapes: sizes, dilations, parameters."""
    from core.wavenet.shapes import parameters

    config = model.config
    return {
        "config": config.to_dict(), "dilations": config.dilations, "shapes": shapes,
        "parameters": parameters(model), "total": sum(p.numel() for p in model.parameters()),
        "receptive_field": config.receptive_field_samples,
    }  # fmt: skip


def write(name: str, *, folder: Path = TABLES) -> Path:
    """Store the look and the facts of a shipped model."""
    from core.wavenet.shapes import record

    model: Any = weights.load(name)
    taken = look(model, sentence())
    kept = {key: _small(value) for key, value in taken.items() if isinstance(value, np.ndarray)}
    about = facts(model, record(model, batch=STORED_BATCH, samples=STORED_SAMPLES))
    about |= {"sha256": weights.card(name)["sha256"], "start": taken["start"], "window": taken["window"]}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"wavenet-inside-{name.removeprefix('wavenet-')}.npz"
    kept["facts"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez_compressed(path, **kept)  # type: ignore[arg-type]
    return path


def _small(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float16) if x.dtype.kind == "f" else x.astype(np.uint8)


def stored(name: str, *, folder: Path = TABLES) -> tuple[Look, dict[str, Any]] | None:
    """The stored look and facts of a shipped model; None if there are none, or none of these weights."""
    path = folder / f"wavenet-inside-{name.removeprefix('wavenet-')}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(file["facts"].tobytes())
            if about["sha256"] != weights.card(name)["sha256"]:
                return None
            arrays = {key: file[key] for key in file.files if key != "facts"}
    except (OSError, ValueError, KeyError):
        return None
    return arrays | {"start": about["start"], "window": about["window"]}, about


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Store what the architecture cell shows first.")
    parser.add_argument("models", nargs="*", default=list(MODELS))
    for one in parser.parse_args().models:
        print(write(one))
