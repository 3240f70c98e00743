"""core.weights: what is saved comes back; what is damaged, foreign or misnamed is refused with a useful text."""

import hashlib
import json
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch

from core import weights
from core.errors import WeightsError
from core.wavenet.model import PRESETS, WaveNet

NAME = "wavenet-tiny"
CARD = {
    "description": "A tiny network for the tests.",
    "sample_rate_hz": 16_000,
    "training_command": "python -m core.wavenet.train --preset tiny",
    "commit": "abc1234",
    "seed": 3,
    "steps": 10,
    "device": "2 CPU cores",
    "hours": 0.01,
    "data": [{"name": "noise", "license": "CC0-1.0", "source": "torch.rand"}],
    "metrics": [{"name": "bits per sample", "value": 8.0, "command": "python -m benchmarks.none"}],
    "known_failures": ["It says nothing."],
}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return WaveNet(PRESETS["tiny"])


@pytest.fixture
def saved(model, tmp_path):
    weights.save(model, NAME, folder=tmp_path, **CARD)
    return tmp_path


def edit_config(folder, **changes):
    path = folder / NAME / "config.json"
    config = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            del config[key]
        else:
            config[key] = value
    path.write_text(json.dumps(config))


def replace_file(folder, content):
    """Put other bytes in place of the weights, with the hash that belongs to them."""
    (folder / NAME / "model.safetensors").write_bytes(content)
    edit_config(folder, sha256=hashlib.sha256(content).hexdigest())


def read_safetensors(content):
    """The format by hand, as its specification says: u64 header length, JSON header, data."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    types = {"F16": np.float16, "F32": np.float32}
    return {
        key: np.frombuffer(data[slice(*one["data_offsets"])], dtype=types[one["dtype"]]).reshape(one["shape"])
        for key, one in header.items()
        if key != "__metadata__"
    }


def test_loads_what_was_saved_rounded_to_half_precision(model, saved):
    loaded = weights.load(NAME, folder=saved)
    assert type(loaded) is WaveNet and loaded.config == model.config and not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for key, tensor in loaded.state_dict().items():
        assert tensor.dtype == torch.float32
        expected = model.state_dict()[key].numpy().astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(tensor.numpy(), expected)


def test_full_precision_gives_the_same_logits(model, tmp_path):
    weights.save(model, NAME, folder=tmp_path, half=False, **CARD)
    codes = torch.randint(0, 256, (1, 50))
    torch.testing.assert_close(weights.load(NAME, folder=tmp_path)(codes), model(codes), rtol=0, atol=0)


def test_eight_bits_halve_the_file_keep_the_network_and_survive_renewal(model, tmp_path):
    """Oracle: NumPy's rounding of each row to 127 steps of its largest magnitude."""
    sixteen = weights.save(model, NAME, folder=tmp_path / "16", **CARD) / "model.safetensors"
    eight = weights.save(model, NAME, folder=tmp_path / "8", bits=8, **CARD) / "model.safetensors"
    assert eight.stat().st_size < 0.65 * sixteen.stat().st_size
    found = weights.load(NAME, folder=tmp_path / "8")
    matrix, kept = model.head2.weight.detach().numpy(), found.head2.weight.detach().numpy()
    step = np.abs(matrix).max(axis=1, keepdims=True) / 127
    assert np.allclose(kept, np.round(matrix / step) * step, atol=1e-6)
    content = eight.read_bytes()
    weights.renew(NAME, [], folder=tmp_path / "8")
    assert weights.card(NAME, folder=tmp_path / "8")["bits"] == 8 and eight.read_bytes() == content


def test_the_file_is_safetensors_by_its_specification(model, saved):
    found = read_safetensors((saved / NAME / "model.safetensors").read_bytes())
    assert found.keys() == model.state_dict().keys()
    np.testing.assert_array_equal(found["head1.bias"], model.head1.bias.detach().numpy().astype(np.float16))


def test_the_card_says_what_is_in_the_file(model, saved):
    card = weights.card(NAME, folder=saved)
    content = (saved / NAME / "model.safetensors").read_bytes()
    assert card["sha256"] == hashlib.sha256(content).hexdigest()
    assert card["parameters"] == sum(a.size for a in read_safetensors(content).values())
    assert card["architecture"] == "WaveNet" and card["config"] == model.config.to_dict()
    assert {key: card[key] for key in CARD} == CARD
    text = (saved / NAME / "README.md").read_text()
    assert text.startswith("---\nlicense: apache-2.0\n")
    for words in ("torch.rand", "bits per sample", "It says nothing.", "abc1234"):
        assert words in text


def test_names_lists_what_loads(saved):
    (saved / "no-config").mkdir()
    assert weights.names(folder=saved) == [NAME]
    assert weights.names(folder=saved / "nowhere") == []


def test_saving_again_replaces_the_weights(saved):
    torch.manual_seed(1)
    other = WaveNet(PRESETS["tiny"])
    weights.save(other, NAME, folder=saved, half=False, **CARD)
    torch.testing.assert_close(weights.load(NAME, folder=saved).head2.weight, other.head2.weight, rtol=0, atol=0)
    assert sorted(p.name for p in (saved / NAME).iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_renewed_metrics_take_the_place_of_those_of_their_command(saved):
    """In the order of the card, whatever the number of rows; all else, the weights too, stays as it was."""
    rows = [{"name": name, "value": value, "command": command} for name, value, command in (
        ("a", 1.0, "first"), ("b", 2.0, "second"), ("c", 3.0, "first"))]  # fmt: skip
    weights.renew(NAME, rows, folder=saved)
    before = weights.card(NAME, folder=saved)
    assert [row["name"] for row in before["metrics"]] == ["bits per sample", "a", "c", "b"]
    weights.renew(NAME, [{"name": "d", "value": 4.0, "command": "first"}], folder=saved, known_failures=["None."])
    after = weights.card(NAME, folder=saved)
    assert [row["name"] for row in after["metrics"]] == ["bits per sample", "d", "b"]
    assert after["known_failures"] == ["None."]
    assert {k: v for k, v in after.items() if k not in ("metrics", "known_failures")} == {
        k: v for k, v in before.items() if k not in ("metrics", "known_failures")
    }


@pytest.mark.parametrize("flip", [0, 9, 5000, -1])
def test_one_flipped_bit_is_found(saved, flip):
    path = saved / NAME / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[flip] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged.*git checkout"):
        weights.load(NAME, folder=saved)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_truncated_file_is_found(saved, keep):
    path = saved / NAME / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="cut off"):
        weights.load(NAME, folder=saved)


class Bomb:
    """Unpickling this would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_a_pickle_in_disguise_is_refused_and_never_run(saved, writer, tmp_path):
    trace = tmp_path / "executed"
    source = tmp_path / "bomb"
    if writer == "pickle":
        source.write_bytes(pickle.dumps(Bomb(trace)))
    else:
        torch.save(Bomb(trace), source)
    replace_file(saved, source.read_bytes())
    with pytest.raises(WeightsError, match="not in the safetensors format"):
        weights.load(NAME, folder=saved)
    assert not trace.exists()


def test_a_header_that_promises_too_much_is_refused(saved):
    replace_file(saved, struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(WeightsError, match="not in the safetensors format"):
        weights.load(NAME, folder=saved)


def test_a_git_lfs_pointer_is_named(saved):
    (saved / NAME / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(WeightsError, match="git lfs pull"):
        weights.load(NAME, folder=saved)


def test_a_missing_tensor_and_an_extra_one_are_named(model, saved):
    from safetensors.torch import save

    tensors = dict(model.state_dict())
    del tensors["head2.bias"]
    tensors["surprise"] = torch.zeros(1)
    replace_file(saved, save(tensors))
    with pytest.raises(WeightsError, match=r"head2\.bias.*surprise"):
        weights.load(NAME, folder=saved)


def test_a_tensor_of_another_shape_is_named(saved):
    config = PRESETS["tiny"].to_dict() | {"skip_channels": 16}
    edit_config(saved, config=config)
    with pytest.raises(WeightsError, match="size mismatch"):
        weights.load(NAME, folder=saved)


def test_nan_in_the_weights_is_found(model, saved):
    from safetensors.torch import save

    tensors = dict(model.state_dict())
    tensors["head2.bias"] = torch.full_like(tensors["head2.bias"], float("nan"))
    replace_file(saved, save(tensors))
    with pytest.raises(WeightsError, match="NaN"):
        weights.load(NAME, folder=saved)


@pytest.mark.parametrize("architecture", ["Tacotron9", "os:system", 3, ["WaveNet"]])
def test_an_unknown_architecture_is_refused(saved, architecture):
    edit_config(saved, architecture=architecture)
    with pytest.raises(WeightsError, match="not one of WaveNet"):
        weights.load(NAME, folder=saved)


@pytest.mark.parametrize(
    "config", [{"colour": "red"}, {"residual_channels": "many"}, {"layers_per_cycle": 0}, [1], 7]
)
def test_a_config_that_describes_no_network_is_refused(saved, config):
    if isinstance(config, dict):
        config = PRESETS["tiny"].to_dict() | config
    edit_config(saved, config=config)
    with pytest.raises(WeightsError, match="does not describe"):
        weights.load(NAME, folder=saved)


@pytest.mark.parametrize("key", weights.REQUIRED)
def test_a_config_without_a_field_is_refused(saved, key):
    edit_config(saved, **{key: None})
    with pytest.raises(WeightsError, match=f"lacks {key}"):
        weights.load(NAME, folder=saved)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'"text"'])
def test_a_damaged_config_is_refused(saved, content):
    (saved / NAME / "config.json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"config\.json"):
        weights.load(NAME, folder=saved)


def test_missing_files_are_named(saved):
    (saved / NAME / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors cannot be read"):
        weights.load(NAME, folder=saved)
    with pytest.raises(WeightsError, match=rf"no weights called wavenet-giant \(there are: {NAME}\)"):
        weights.load("wavenet-giant", folder=saved)


BAD_NAMES = [
    "../wavenet-tiny", "/etc", "a/b", "a\\b", "..", ".", "", "-x", "wavenet tiny", "Wavenet", "a\0b", "a\n", "é",
    "x" * 65, None, 3, f"../{NAME}",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_cannot_be_a_path(saved, model, name):
    inside = saved / "inside"
    with pytest.raises(WeightsError, match="cannot be the name"):
        weights.load(name, folder=inside)
    with pytest.raises(WeightsError, match="cannot be the name"):
        weights.save(model, name, folder=inside, **CARD)
    assert not inside.exists()


def test_save_refuses_what_it_cannot_describe(model, tmp_path):
    with pytest.raises(WeightsError, match="Linear is not in"):
        weights.save(torch.nn.Linear(2, 2), NAME, folder=tmp_path, **CARD)
    with pytest.raises(WeightsError, match=r"data set 'noise' lacks license, source"):
        weights.save(model, NAME, folder=tmp_path, **(CARD | {"data": [{"name": "noise"}]}))
    with pytest.raises(WeightsError, match="metric 'loss' lacks command"):
        weights.save(model, NAME, folder=tmp_path, **(CARD | {"metrics": [{"name": "loss", "value": 0.0}]}))
    with torch.no_grad():
        model.head2.bias[0] = 1e6  # beyond fp16
    with pytest.raises(WeightsError, match=r"head2\.bias"):
        weights.save(model, NAME, folder=tmp_path, **CARD)
    assert list(tmp_path.iterdir()) == []


def test_save_refuses_more_than_ten_megabytes(model, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "MAX_FILE_BYTES", 1000)
    with pytest.raises(WeightsError, match="more than 10"):
        weights.save(model, NAME, folder=tmp_path, **CARD)


def test_every_architecture_of_the_registry_exists():
    import importlib

    for name, target in weights.ARCHITECTURES.items():
        module, attribute = target.split(":")
        assert attribute == name
        assert issubclass(getattr(importlib.import_module(module), name), torch.nn.Module)
        assert hasattr(importlib.import_module(module), name + "Config")


def test_importing_the_module_loads_no_torch():
    code = "import sys, core.weights; print('torch' in sys.modules, core.weights.names())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False")


@pytest.mark.golden
def test_every_shipped_model_loads_and_has_its_card():
    for name in weights.names():
        card = weights.card(name)
        assert sum(p.numel() for p in weights.load(name).parameters()) == card["parameters"]
        assert (weights.FOLDER / name / "README.md").read_text() == weights.model_card(name, card)
