"""GPT-2 from a folder as Hugging Face's transformers saves it: config.json and model.safetensors, nothing unpickled."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import WeightsError
from core.gpt2.model import GPT2, GPT2Config

SIZES = {
    "n_vocab": "vocab_size",
    "n_ctx": "n_positions",
    "n_embd": "n_embd",
    "n_head": "n_head",
    "n_layer": "n_layer",
}
# What the source does, with the name of each option in transformers and the value it has when left out.
FIXED = {
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
LEAVES = {"g": "weight", "b": "bias", "w": "weight"}  # of norms and of dense layers, the source's name first


def load(folder: Path | str) -> GPT2:
    """A GPT-2 that transformers saved, in eval mode, in float32 on the CPU.

    Args:
        folder: with config.json and model.safetensors, such as `GPT2LMHeadModel.save_pretrained` writes.
    Returns:
        the network; its logits are those of `GPT2LMHeadModel`.
    Raises:
        WeightsError: a file missing or damaged, an option that GPT-2's source does not have, tensors missing, too
            many, of another shape, or not finite.
    """
    place = Path(folder)
    config = _config(place)
    tensors = _tensors(place)
    network = GPT2(config)
    wanted = {theirs(name): (name, value.shape) for name, value in network.state_dict().items()}
    missing, foreign = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or foreign:
        what = [f"lacks {key}" for key in missing[:1]] + [f"has {key:.80} too much" for key in foreign[:1]]
        raise WeightsError(
            f"{place.name}/model.safetensors {' and '.join(what)}: it is not the GPT-2 that config.json describes."
        )
    for key, (_, shape) in wanted.items():
        if tensors[key].shape != shape:
            raise WeightsError(
                f"{key} in {place.name}/model.safetensors has the shape {list(tensors[key].shape)}, but config.json "
                f"wants {list(shape)}: the two files belong to different models."
            )
        if not bool(torch.isfinite(tensors[key]).all()):
            raise WeightsError(
                f"{key} in {place.name}/model.safetensors holds NaN or infinity: fetch the file again."
            )
    network.load_state_dict({name: tensors[key].float() for key, (name, _) in wanted.items()}, strict=True)
    return network.eval()


def theirs(name: str) -> str:
    """The source's name of a variable in transformers: model/h0/attn/c_attn/w is transformer.h.0.attn.c_attn.weight.

    Both keep a dense layer's matrix as [in, out].
    """
    scope, _, leaf = name.removeprefix("model/").rpartition("/")
    if not scope:  # wte, wpe
        return f"transformer.{leaf}.weight"
    return "transformer." + re.sub(r"^h(\d+)/", r"h.\1.", scope).replace("/", ".") + "." + LEAVES[leaf]


def _config(place: Path) -> GPT2Config:
    try:
        given: Any = json.loads((place / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(
            f"There is no config.json in {place.name}: give the folder that transformers' save_pretrained wrote."
        ) from None
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{place.name}/config.json cannot be read ({type(error).__name__}): fetch it again."
        ) from None
    if not isinstance(given, dict) or given.get("model_type") != "gpt2":
        raise WeightsError(f"{place.name}/config.json does not describe a GPT-2: its model_type must be gpt2.")
    absent = [key for key in SIZES.values() if key not in given]
    if absent:
        raise WeightsError(f"{place.name}/config.json lacks {', '.join(absent)}: fetch it again.")
    sizes = {ours: given[key] for ours, key in SIZES.items()}
    if given.get("n_inner") not in (None, 4 * sizes["n_embd"]):
        raise WeightsError(
            f"{place.name} has an n_inner of {given['n_inner']!r:.40}; GPT-2's is 4 times its n_embd."
        )
    for key, value in FIXED.items():
        if given.get(key, value) != value:
            raise WeightsError(f"{place.name} has {key} = {given[key]!r:.40}; GPT-2's source has {value}.")
    return GPT2Config(**sizes, dropout=given.get("resid_pdrop", 0.1))


def _tensors(place: Path) -> dict[str, Tensor]:
    """The checkpoint's tensors under the names of GPT2LMHeadModel, without what can be left out."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = place / "model.safetensors"
    if not path.is_file():
        others = [
            one.name
            for one in (place / "model.safetensors.index.json", place / "pytorch_model.bin")
            if one.is_file()
        ]
        hint = (
            f" ({others[0]} is not read: save the model again, whole and with safe_serialization)"
            if others
            else ""
        )
        raise WeightsError(f"There is no model.safetensors in {place.name}{hint}.")
    try:
        found = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{place.name}/model.safetensors is not in the safetensors format, or cut off: fetch it again."
        ) from error
    tensors = {}
    for key, value in found.items():
        if re.fullmatch(r"(transformer\.)?h\.\d+\.attn\.(masked_)?bias", key):
            continue  # the causal mask, which older versions saved
        bare = key == "lm_head.weight" or key.startswith("transformer.")
        tensors[key if bare else f"transformer.{key}"] = value  # GPT2Model saves without the first word
    head = tensors.pop("lm_head.weight", None)
    if head is not None and not torch.equal(head, tensors.get("transformer.wte.weight", torch.empty(0))):
        raise WeightsError(
            f"{place.name} has an output layer of its own (lm_head); in GPT-2 it is the embedding wte."
        )
    return tensors
