"""Weights of the training's earlier steps, and of another attention, shipped beside the last with 8 bits a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.errors import SamplingError
from core.packing import unpacked
from core.tacotron2.model import Tacotron2, Tacotron2Config

__all__ = ["CONTENT", "at_step", "content_based", "kept_steps"]
CONTENT = "content.safetensors"


def kept_steps(files: Iterable[str]) -> list[int]:
    """The steps among a card's files, in order."""
    return sorted(int(file[len("step-") : -len(".safetensors")]) for file in files if file.startswith("step-"))


def at_step(model: Tacotron2, step: int) -> Tacotron2:
    """The network as it was after so many steps of its training.

    Args:
        model: as `core.weights.load` gives it, with its files.  step: one of `kept_steps(model.others)`.
    Raises:
        SamplingError: no weights of that step were kept.
    """
    if step not in kept_steps(model.others):
        known = ", ".join(map(str, kept_steps(model.others))) or "none"
        raise SamplingError(f"No weights of step {step} were kept; there are: {known}.")
    return _other(model, f"step-{step}.safetensors", model.config)


def content_based(model: Tacotron2) -> Tacotron2:
    """The network that learned its attention without location features.

    Raises:
        SamplingError: there is none beside this model.
    """
    if CONTENT not in model.others:
        raise SamplingError("No network with content-based attention was kept beside this one.")
    return _other(model, CONTENT, replace(model.config, attention="content"))


def _other(model: Tacotron2, file: str, config: Tacotron2Config) -> Tacotron2:
    network = Tacotron2(config)
    network.load_state_dict(unpacked(model.others[file].read_bytes()), strict=True)
    return network.eval()
