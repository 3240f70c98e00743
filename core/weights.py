"""Trained weights: `load(name)` gives a model that is checked, complete and ready to use.

    assets/weights/<name>/model.safetensors   tensors only, often fp16
    assets/weights/<name>/config.json         what they are, how they came about, and their SHA-256
    assets/weights/<name>/README.md           the same for people: the model card, written from config.json
    assets/weights/<name>/...                 other files, where a model needs them: the sound of a voice of units

Nothing is unpickled, and a file that is not the one config.json describes is refused. Importing this module loads
neither torch nor any model.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import WeightsError

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "weights"
LICENCE = "LICENSE.txt"  # beside weights whose licence wants its text to go with them
MAX_FILE_BYTES = 10_000_000  # larger files need Git LFS, and would not be small models
# Where each architecture lives. Its config is the dataclass of the same name with "Config" after it.
ARCHITECTURES = {
    "WaveNet": "core.wavenet.model:WaveNet",
    "DurationModel": "core.parametric.model:DurationModel",
    "AcousticModel": "core.parametric.model:AcousticModel",
    "Voice": "core.unit_selection.model:Voice",
    "Tacotron2": "core.tacotron2.model:Tacotron2",
    "Listener": "core.tacotron2.listener:Listener",
    "Recogniser": "core.recognition.model:Recogniser",
    "MMDenseLSTM": "core.separation.model:MMDenseLSTM",
    "CRN": "core.enhancement.model:CRN",
    "MusicTransformer": "core.transformer.model:MusicTransformer",
    "GPT2": "core.gpt2.model:GPT2",
    "Musicnn": "core.tags.model:Musicnn",
    "EventCNN": "core.events.model:EventCNN",
    "MelNet": "core.melnet.model:MelNet",
    "VQVAE": "core.vqvae.model:VQVAE",
    "SecondLevel": "core.vqvae.hierarchy:SecondLevel",
    "Crepe": "core.mir.model:Crepe",
}
REQUIRED = ("architecture", "config", "sample_rate_hz", "parameters", "sha256")


def names(*, folder: Path | None = None) -> list[str]:
    """The names that `load` takes, sorted."""
    root = folder or FOLDER
    found = root.glob("*/config.json") if root.is_dir() else []
    return sorted(path.parent.name for path in found if is_name(path.parent.name))


def card(name: str, *, folder: Path | None = None) -> dict[str, Any]:
    """All that config.json says: sizes, data and its licence, training, metrics, known failures.

    Raises:
        WeightsError: no weights of that name, or a config.json that is damaged.
    """
    path = _place(name, folder) / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _missing(name, folder) from None
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{name}/config.json cannot be read ({type(error).__name__}): {_restore(name)}"
        ) from None
    absent = [key for key in REQUIRED if not isinstance(config, dict) or key not in config]
    if absent:
        raise WeightsError(f"{name}/config.json lacks {', '.join(absent)}: {_restore(name)}")
    return config


def load(name: str, *, folder: Path | None = None) -> Any:
    """A trained model, in eval mode, in float32 on the CPU.

    Args:
        name: one of `names()`, such as "wavenet-vocoder".  folder: where to look, normally assets/weights.
    Returns:
        the model, an nn.Module of the class that the name stands for; `model.config` is its configuration. One
        that has other files is given them, checked: `model.attach({file name: path})`.
    Raises:
        WeightsError: no weights of that name; a file missing, damaged or cut off (its SHA-256 differs), not
            safetensors; an architecture we do not have; tensors that do not fit it one to one.
    """
    import torch
    from safetensors import SafetensorError

    from core.packing import unpacked

    description = card(name, folder=folder)
    data = _checked_bytes(name, folder, description["sha256"])
    try:
        tensors = unpacked(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{name}/model.safetensors is not in the safetensors format: {_restore(name)}"
        ) from error
    model: Any = _build(name, description["architecture"], description["config"])
    broken = [key for key, t in tensors.items() if not bool(torch.isfinite(t).all())]
    if broken:
        raise WeightsError(
            f"{name} holds NaN or infinity in {broken[0]}: train it again from an earlier checkpoint."
        )
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:400]
        raise WeightsError(
            f"The tensors of {name} do not fit a {description['architecture']} of its config: {_restore(name)} {reason}"
        ) from error
    if files := other_files(name, description):
        for file, sha256 in files.items():
            _checked_bytes(name, folder, sha256, file)
        model.attach({file: _place(name, folder) / file for file in files})
    return model.eval()


def contents(name: str, *, folder: Path | None = None) -> dict[str, bytes]:
    """Every file of these weights by its name, checked as `load` checks them; no model is made.

    Raises:
        WeightsError: no weights of that name; a file that is missing or not the one that config.json describes.
    """
    place, config = _place(name, folder), card(name, folder=folder)
    hashes = {"model.safetensors": config["sha256"], **other_files(name, config)}
    found = {file: _checked_bytes(name, folder, sha256, file) for file, sha256 in hashes.items()}
    plain = ["config.json", "README.md", *([LICENCE] if (place / LICENCE).exists() else [])]
    try:
        return found | {file: (place / file).read_bytes() for file in plain}
    except OSError as error:
        raise WeightsError(f"{name} lacks a file ({type(error).__name__}): {_restore(name)}") from None


def other_files(name: str, config: dict[str, Any]) -> dict[str, str]:
    """The files beside model.safetensors that a card names, each with its SHA-256."""
    files = config.get("files") or {}
    if not isinstance(files, dict) or not all(re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", key) for key in files):
        raise WeightsError(f"{name}/config.json names files that cannot be: {_restore(name)}")
    return files


def save(
    model: nn.Module,
    name: str,
    *,
    description: str,
    sample_rate_hz: int,
    training_command: str,
    commit: str,
    seed: int,
    steps: int,
    device: str,
    hours: float,
    data: list[dict[str, str]],
    metrics: list[dict[str, Any]],
    known_failures: list[str],
    license: str = "apache-2.0",
    half: bool = True,
    bits: int = 16,
    files: dict[str, bytes] | None = None,
    folder: Path | None = None,
) -> Path:
    """Write a model with its card: model.safetensors, config.json, README.md, and its other files.

    Args:
        model: of an architecture in `ARCHITECTURES`, with its dataclass in `model.config`.
        name: lower-case letters, digits and hyphens; begins with the slug of its tab.
        description: a sentence or two for the model card.
        device, hours: where and how long it trained.
        data: of each data set "name", "license", "source".
        metrics: of each "name", "value", and the "command" that prints it on a fresh checkout; "split" if any.
        known_failures: what it does badly.
        half: store fp16; `load` gives float32 again.
        bits: 8 to store the matrices with 8 bits a number (core.packing); measure the model as it is loaded again.
        files: name -> content of other files that the model needs; `load` hands them to its method `attach`.
    Returns:
        the folder written.
    Raises:
        WeightsError: unknown architecture, a bad name, values that are not finite (in fp16), a file over 10 MB, a
            data set or metric without its fields.
    """
    from safetensors.torch import save as bytes_of

    from core.packing import packed

    place = _place(name, folder)
    architecture = type(model).__name__
    if architecture not in ARCHITECTURES or not dataclasses.is_dataclass(getattr(model, "config", None)):
        raise WeightsError(
            f"{architecture} is not in core.weights.ARCHITECTURES: add it, and give it a dataclass `config`."
        )
    _require_fields("data set", data, ("name", "license", "source"))
    _require_fields("metric", metrics, ("name", "value", "command"))
    content = packed(_stored(model, half=False)) if bits == 8 else bytes_of(_stored(model, half=half))
    for file, size in (("", len(content)), *((f"/{key}", len(value)) for key, value in (files or {}).items())):
        if size > MAX_FILE_BYTES:
            raise WeightsError(
                f"{name}{file} takes {size / 1e6:.1f} MB, more than 10: store half, or make it smaller."
            )
    config = {
        "architecture": architecture,
        "config": dataclasses.asdict(model.config),  # type: ignore[call-overload]
        "sample_rate_hz": sample_rate_hz,
        "parameters": sum(p.numel() for p in model.parameters()),
        "sha256": hashlib.sha256(content).hexdigest(),
        **({"bits": 8} if bits == 8 else {}),
        "license": license,
        "description": description,
        "training_command": training_command,
        "commit": commit,
        "seed": seed,
        "steps": steps,
        "device": device,
        "hours": round(hours, 3),
        "data": data,
        "metrics": metrics,
        "known_failures": known_failures,
    }
    if files:
        config["files"] = {key: hashlib.sha256(value).hexdigest() for key, value in sorted(files.items())}
    place.mkdir(parents=True, exist_ok=True)
    for key, value in (files or {}).items():
        _replace(place / key, value)
    _replace(place / "model.safetensors", content)
    _replace(place / "config.json", (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode())
    _replace(place / "README.md", model_card(name, config).encode())
    return place


def renew(
    name: str, metrics: list[dict[str, Any]], *, model: nn.Module | None = None, files: dict[str, bytes] | None = None,
    folder: Path | None = None, **words: Any,
) -> Path:  # fmt: skip
    """Write a shipped card again, with these metrics in place of earlier ones of the same commands.

    Args:
        metrics: as for `save`.  model: the one of that name, where it has been loaded already.
        files: the model's other files; None for those that are there.
        words: fields of the card that change, as `save` takes them.
    Raises:
        WeightsError: as `load` and `save`.
    """
    before = card(name, folder=folder)
    rows: list[dict[str, Any]] = []
    for command in dict.fromkeys(row["command"] for row in before["metrics"] + metrics):  # in the card's order
        fresh = [row for row in metrics if row["command"] == command]
        rows += fresh or [row for row in before["metrics"] if row["command"] == command]
    fields = ("description", "sample_rate_hz", "training_command", "commit", "seed", "steps", "device", "hours",
              "license", "data", "known_failures")  # fmt: skip
    if files is None:
        files = {file: (_place(name, folder) / file).read_bytes() for file in before.get("files", {})}
    return save(
        model or load(name, folder=folder), name, metrics=rows, files=files, folder=folder, bits=before.get("bits", 16),
        **{field: before[field] for field in fields} | words,
    )  # fmt: skip


def model_card(name: str, config: dict[str, Any]) -> str:
    """The model card in the Hub's format (YAML front matter, then Markdown), from what config.json says."""
    lines = ["---", f"license: {config['license']}", "library_name: pytorch", "tags:", "- audio", "---", ""]
    lines += [f"# {name}", "", config["description"], ""]
    rate = f", {config['sample_rate_hz']} Hz" if config["sample_rate_hz"] else ""  # 0: it writes notes, not sound
    lines += [f"{config['architecture']}, {config['parameters']:,} parameters{rate}.", ""]
    lines += ["```python", "from core import weights", "", f'model = weights.load("{name}")', "```", ""]
    lines += ["## Training", "", "```", config["training_command"], "```", ""]
    again = "" if config.get("files") else f" To continue from these weights, add `--resume {name}`."
    lines += [
        f"Commit {config['commit']}, seed {config['seed']}, {config['steps']:,} steps, {config['hours']} h on "
        f"{config['device']}.{again}",
        "", "## Data", "", "| data set | licence | source |", "|---|---|---|",
    ]  # fmt: skip
    lines += [f"| {one['name']} | {one['license']} | {one['source']} |" for one in config["data"]]
    lines += ["", "## Metrics", "", "| metric | value | split | command |", "|---|---|---|---|"]
    lines += [
        f"| {one['name']} | {one['value']} | {one.get('split', '')} | `{one['command']}` |"
        for one in config["metrics"]
    ]
    lines += ["", "## Known failures", "", *[f"- {one}" for one in config["known_failures"]]]
    return "\n".join(lines) + "\n"


def is_name(name: object) -> bool:
    """Can weights be called this? Lower-case letters, digits and hyphens."""
    return isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name) is not None


def _place(name: str, folder: Path | None) -> Path:
    """The folder of these weights; a name cannot lead anywhere else."""
    if not is_name(name):
        raise WeightsError(
            f"{name!r:.80} cannot be the name of weights: use lower-case letters, digits and hyphens."
        )
    return (folder or FOLDER) / name


def _missing(name: str, folder: Path | None) -> WeightsError:
    there = ", ".join(names(folder=folder)) or "none"
    return WeightsError(f"There are no weights called {name} (there are: {there}). Train them: make train-{name}")


def _restore(name: str) -> str:
    return f"restore the folder with `git checkout -- assets/weights/{name}`, or train the model again."


def _checked_bytes(name: str, folder: Path | None, sha256: str, file: str = "model.safetensors") -> bytes:
    """The content of model.safetensors or another file, read once, if it is what config.json describes."""
    path = _place(name, folder) / file
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise WeightsError(f"{name}/{file} cannot be read ({type(error).__name__}): {_restore(name)}") from None
    if content.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{name}/{file} is a pointer of Git LFS: run `git lfs pull`.")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsError(
            f"{name}/{file} is damaged or cut off ({len(content):,} bytes, its SHA-256 differs from "
            f"config.json): {_restore(name)}"
        )
    return content


def _build(name: str, architecture: Any, config: Any) -> nn.Module:
    """A freshly initialised model of the architecture."""
    target = ARCHITECTURES.get(architecture) if isinstance(architecture, str) else None
    if target is None:
        raise WeightsError(
            f"{name} is of the architecture {architecture!r:.80}, which is not one of {', '.join(ARCHITECTURES)}: "
            "update the code, or choose other weights."
        )
    module_name, class_name = target.split(":")
    module = importlib.import_module(module_name)
    config_class = getattr(module, class_name + "Config")
    try:
        return getattr(module, class_name)(config_class(**config))
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, IndexError) as error:
        raise WeightsError(
            f"The config of {name} does not describe a {architecture} ({error}): {_restore(name)}"
        ) from error


def _require_fields(what: str, entries: list[dict[str, Any]], fields: tuple[str, ...]) -> None:
    for entry in entries:
        absent = [field for field in fields if not str(entry.get(field, "")).strip()]
        if absent:
            raise WeightsError(
                f"The {what} {entry.get('name', '')!r} lacks {', '.join(absent)}: say it in the card."
            )


def _stored(model: nn.Module, *, half: bool) -> dict[str, Any]:
    """The tensors as they go to disk: contiguous, on the CPU, fp16 if wanted and if every value survives it."""
    import torch

    tensors = {}
    for key, tensor in model.state_dict().items():
        kept = tensor.detach().cpu()
        if kept.is_floating_point():
            kept = kept.to(torch.float16 if half else torch.float32)
            if not bool(torch.isfinite(kept).all()):
                raise WeightsError(
                    f"{key} holds values that are not finite as {kept.dtype}: train again, or half=False."
                )
        tensors[key] = kept.clone().contiguous()
    return tensors


def _replace(path: Path, content: bytes) -> None:
    """Write beside the old file, then rename: a crash leaves one or the other whole."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
