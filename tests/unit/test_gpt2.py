"""GPT-2 against transformers, against itself written out, and against what a language model must not do: look ahead."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from core import weights
from core.errors import SamplingError, WeightsError
from core.gpt2 import load as loading
from core.gpt2.model import (
    GPT2,
    PRESETS,
    GPT2Config,
    attention_mask,
    block,
    expand_tile,
    gelu,
    mlp,
    model,
    norm,
    past_shape,
    positions_for,
    softmax,
)  # fmt: skip

TINY = PRESETS["tiny"]


def network(config=TINY, seed=0):
    """A GPT-2 whose weights are larger than at the start of training, so that its logits differ clearly."""
    torch.manual_seed(seed)
    made = GPT2(config).eval()
    with torch.no_grad():
        for value in made.parameters():
            value.add_(torch.randn(value.shape) * 0.15)
    return made


def tokens(batch, count, seed=1, vocabulary=TINY.n_vocab):
    return torch.randint(vocabulary, (batch, count), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def saved(tmp_path):
    """A small random GPT-2 of transformers, and the folder where it saved itself."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=67, n_positions=40, n_embd=48, n_head=3, n_layer=3, bos_token_id=0, eos_token_id=None
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for value in theirs.parameters():
            value.add_(torch.randn(value.shape) * 0.1)
    theirs.save_pretrained(tmp_path / "small")
    return theirs, tmp_path / "small"


def test_logits_are_those_of_transformers(saved):
    theirs, folder = saved
    ours = loading.load(folder)
    ids = tokens(4, 40, vocabulary=67)
    with torch.no_grad():
        wanted = theirs(ids).logits
        for found in (ours(ids)[0], model(ours.config, ids, scope=ours.scope)["logits"]):
            assert wanted.std() > 0.5
            assert float((found - wanted).abs().max()) < 1e-4


def test_present_is_the_cache_of_transformers(saved):
    theirs, folder = saved
    ours, ids = loading.load(folder), tokens(2, 9, vocabulary=67)
    with torch.no_grad():
        cache = theirs(ids, use_cache=True).past_key_values
        present = ours(ids)[1]
    for layer in range(3):
        for kind, wanted in enumerate((cache.layers[layer].keys, cache.layers[layer].values)):
            np.testing.assert_allclose(present[:, layer, kind], wanted, atol=1e-5)


@pytest.mark.parametrize("cut", [1, 7, 19])
def test_with_a_past_the_rest_is_the_same(cut):
    ours, ids = network(), tokens(3, 20)
    with torch.no_grad():
        whole = model(TINY, ids, scope=ours.scope)
        first = model(TINY, ids[:, :cut], scope=ours.scope)
        for second in (
            model(TINY, ids[:, cut:], first["present"], scope=ours.scope),
            dict(zip(("logits", "present"), ours(ids[:, cut:], first["present"]))),
        ):
            assert list(second["present"].shape) == past_shape(hparams=TINY, batch_size=3, sequence=20 - cut)
            np.testing.assert_allclose(second["logits"], whole["logits"][:, cut:], atol=2e-5)
            np.testing.assert_allclose(second["present"], whole["present"][..., cut:, :], atol=2e-5)


def test_the_fast_forward_is_the_written_out_one_gradients_too():
    ours, ids = network(), tokens(2, 21)
    gradients = []
    for logits in (ours(ids[:, :-1])[0], model(TINY, ids[:, :-1], scope=ours.scope)["logits"]):
        ours.zero_grad()
        F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        gradients.append([p.grad.clone() for p in ours.parameters()])
    for name, ours_, written in zip(ours.state_dict(), *gradients):
        assert float(written.abs().max()) > 0, name
        np.testing.assert_allclose(ours_, written, atol=2e-5, err_msg=name)


def test_the_future_does_not_change_the_present():
    ours, ids = network(), tokens(1, 30)
    other = ids.clone()
    other[:, 17:] = (other[:, 17:] + 1) % TINY.n_vocab
    with torch.no_grad():
        a, b = ours(ids)[0], ours(other)[0]
    assert torch.equal(a[:, :17], b[:, :17]) and not torch.allclose(a[:, 17:], b[:, 17:])


def test_parts_against_numpy():
    ours, rng = network(), np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 32)) * 3
    tensor = torch.from_numpy(x).float()
    with torch.no_grad():
        g, b = (ours.scope / "h1" / "ln_2")["g"].numpy(), (ours.scope / "h1" / "ln_2")["b"].numpy()
        expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * g + b
        np.testing.assert_allclose(norm(tensor, ours.scope / "h1" / "ln_2"), expected, atol=1e-5)
        inside = ours.scope / "h0" / "mlp"
        w1, b1 = (inside / "c_fc")["w"].numpy(), (inside / "c_fc")["b"].numpy()
        w2, b2 = (inside / "c_proj")["w"].numpy(), (inside / "c_proj")["b"].numpy()
        h = x @ w1 + b1
        h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
        np.testing.assert_allclose(mlp(tensor, inside, 128, hparams=TINY), h @ w2 + b2, rtol=1e-4, atol=1e-3)
    exact = np.array([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x.ravel()]).reshape(x.shape)
    np.testing.assert_allclose(gelu(tensor), exact, atol=1e-3)  # x P(X <= x), which tanh approximates
    np.testing.assert_allclose(softmax(tensor * 100).sum(-1), np.ones((2, 5)), atol=1e-5)


def test_mask_positions_and_shapes():
    assert attention_mask(2, 5, dtype=torch.int64).tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    assert positions_for(torch.zeros(2, 3, dtype=torch.int64), 4).tolist() == [[4, 5, 6], [4, 5, 6]]
    assert expand_tile(torch.arange(2), 3).tolist() == [[0, 1]] * 3
    assert past_shape(hparams=PRESETS["small"], batch_size=2, sequence=7) == [2, 12, 2, 12, 7, 64]


def test_a_block_adds_to_what_came_in():
    ours = network()
    with torch.no_grad():
        for name, value in ours.named_parameters():
            if "c_proj" in name:
                value.zero_()
        x = torch.randn(1, 4, 32)
        y, present = block(x, ours.scope / "h0", past=None, hparams=TINY)
    assert torch.equal(x, y) and list(present.shape) == [1, 2, 4, 4, 8]


def test_the_start_is_the_papers():
    torch.manual_seed(0)
    config = GPT2Config(n_vocab=500, n_ctx=64, n_embd=128, n_head=4, n_layer=8)
    values = GPT2(config).state_dict()
    wanted = {"model/wte": 0.02, "model/wpe": 0.01, "model/h3/attn/c_attn/w": 0.02, "model/h3/mlp/c_fc/w": 0.02,
              "model/h3/attn/c_proj/w": 0.02 / 4, "model/h7/mlp/c_proj/w": 0.02 / 4}  # fmt: skip
    for name, deviation in wanted.items():
        assert float(values[name].std()) == pytest.approx(deviation, rel=0.05), name
    assert sum(v.numel() for v in values.values()) == 500 * 128 + 64 * 128 + 8 * (12 * 128**2 + 13 * 128) + 2 * 128


def test_the_smallest_of_the_paper_has_124_million_parameters():
    with torch.device("meta"):
        made = GPT2(PRESETS["small"])
    assert sum(p.numel() for p in made.parameters()) == 124_439_808
    assert len(made.state_dict()) == 12 * 12 + 4


def test_one_batch_is_learned_by_heart():
    torch.manual_seed(0)
    ours, ids = GPT2(TINY), tokens(4, 17)
    optimizer = torch.optim.Adam(ours.parameters(), 3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        loss = F.cross_entropy(ours(ids[:, :-1])[0].flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_dropout_works_in_training_only():
    ours, ids = network(GPT2Config(61, 48, 32, 4, 2, dropout=0.5)), tokens(1, 9)
    assert torch.equal(ours(ids)[0], ours(ids)[0])
    ours.train()
    assert not torch.allclose(ours(ids)[0], ours(ids)[0])


def test_weights_come_back_from_the_project_s_own_format(tmp_path):
    ours, ids = network(), tokens(1, 12)
    weights.save(
        ours, "musenet-test", description="A test.", sample_rate_hz=16_000, training_command="none", commit="none",
        seed=0, steps=0, device="none", hours=0.0, data=[], metrics=[], known_failures=[], half=False, folder=tmp_path,
    )  # fmt: skip
    again = weights.load("musenet-test", folder=tmp_path)
    with torch.no_grad():
        assert torch.equal(again(ids)[0], ours(ids)[0])


@pytest.mark.parametrize(
    "bad",
    [{"n_head": 5}, {"n_layer": 0}, {"n_ctx": "many"}, {"n_vocab": True}, {"n_embd": 2.5}, {"dropout": 1.0},
     {"dropout": None}],
)  # fmt: skip
def test_a_config_that_cannot_be_says_why(bad):
    with pytest.raises(WeightsError, match="must be|cannot share"):
        GPT2Config(**bad)


@pytest.mark.parametrize(
    ("ids", "message"),
    [(torch.zeros(3, dtype=torch.int64), "batch"), (torch.zeros(1, 0, dtype=torch.int64), "at least one"),
     (torch.zeros(1, 2), "int64"), (torch.tensor([[61]]), "0 to 60"), (torch.tensor([[-1]]), "0 to 60"),
     (torch.zeros(1, 49, dtype=torch.int64), "48 positions")],
)  # fmt: skip
def test_tokens_that_cannot_be_read_say_why(ids, message):
    ours = network()
    with pytest.raises(SamplingError, match=message):
        ours(ids)
    with pytest.raises(SamplingError, match=message):
        model(TINY, ids, scope=ours.scope)


def test_older_checkpoints_without_the_first_word_and_with_masks_load(saved):
    theirs, folder = saved
    path = folder / "model.safetensors"
    values = {key.removeprefix("transformer."): value for key, value in load_file(path).items()}
    values["h.0.attn.bias"] = torch.ones(1, 1, 40, 40)
    values["lm_head.weight"] = values["wte.weight"].clone()
    save_file(values, path)
    ids = tokens(1, 5, vocabulary=67)
    with torch.no_grad():
        np.testing.assert_allclose(loading.load(folder)(ids)[0], theirs(ids).logits, atol=1e-4)


def spoil_tensors(change):
    def spoil(folder):
        values = load_file(folder / "model.safetensors")
        change(values)
        save_file(values, folder / "model.safetensors")

    return spoil


def spoil_config(**change):
    def spoil(folder):
        config = json.loads((folder / "config.json").read_text())
        config.update(change)
        (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v != "gone"}))

    return spoil


SPOILED = [
    (lambda folder: (folder / "config.json").unlink(), "no config.json"),
    (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
    (lambda folder: (folder / "config.json").write_text("[]"), "model_type"),
    (lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors"),
    (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "pytorch_model.bin is not"),
    (lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04N."), "safetensors format"),
    (lambda folder: (folder / "model.safetensors").write_bytes(
        (folder / "model.safetensors").read_bytes()[:-100]), "safetensors format"),
    (spoil_config(model_type="llama"), "model_type"),
    (spoil_config(n_embd="gone"), "lacks n_embd"),
    (spoil_config(n_layer=2), "too much"),
    (spoil_config(n_layer=4), "lacks transformer.h.3"),
    (spoil_config(n_positions=41), "different models"),
    (spoil_config(n_head=5), "cannot share"),
    (spoil_config(n_inner=100), "n_inner"),
    (spoil_config(activation_function="relu"), "activation_function"),
    (spoil_config(scale_attn_by_inverse_layer_idx=True), "scale_attn_by_inverse_layer_idx"),
    (spoil_tensors(lambda values: values.pop("transformer.ln_f.bias")), "lacks transformer.ln_f.bias"),
    (spoil_tensors(lambda values: values.update(extra=torch.ones(1))), "extra too much"),
    (spoil_tensors(lambda values: values.update({"lm_head.weight": torch.ones(67, 48)})), "lm_head"),
    (spoil_tensors(lambda values: values["transformer.ln_f.bias"].fill_(math.nan)), "NaN"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), SPOILED, ids=[message for _, message in SPOILED])
def test_a_checkpoint_that_is_not_whole_says_why(saved, spoil, message):
    folder = saved[1]
    spoil(folder)
    with pytest.raises(WeightsError, match=message):
        loading.load(folder)
