"""Tacotron 2 against torchaudio's, with the same weights and dropout off; and its three ways against each other."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
import torchaudio

from core.errors import SamplingError
from core.tacotron2.model import PRESETS, Tacotron2, Tacotron2Config

SMALL = Tacotron2Config(
    symbols=12, embedding=16, prenet=8, attention_rnn=24, decoder_rnn=20, attention_size=10, location_filters=4,
    location_kernel=5, postnet_channels=12, mel_channels=6, mel_mean=-5.0, mel_scale=2.0,
)  # fmt: skip


def theirs(config: Tacotron2Config) -> torchaudio.models.Tacotron2:
    return torchaudio.models.Tacotron2(
        n_symbol=config.symbols, n_mels=config.mel_channels, symbol_embedding_dim=config.embedding,
        encoder_embedding_dim=config.embedding, encoder_n_convolution=config.encoder_layers,
        encoder_kernel_size=config.encoder_kernel, decoder_rnn_dim=config.decoder_rnn, decoder_dropout=0.0,
        decoder_max_step=12, prenet_dim=config.prenet, attention_rnn_dim=config.attention_rnn,
        attention_hidden_dim=config.attention_size, attention_location_n_filter=config.location_filters,
        attention_location_kernel_size=config.location_kernel, attention_dropout=0.0,
        postnet_n_convolution=config.postnet_layers, postnet_kernel_size=config.postnet_kernel,
        postnet_embedding_dim=config.postnet_channels, gate_threshold=0.5,
    )  # fmt: skip


RENAMED = (
    (r"^encoder\.embedding\.", "embedding."),
    (r"^prenet\.(\d)\.", r"decoder.prenet.layers.\1."),
    (r"\.convolutions\.(\d)\.convolution\.", r".convolutions.\1.0."),
    (r"\.convolutions\.(\d)\.normalisation\.", r".convolutions.\1.1."),
    (r"^postnet\.(\d)\.convolution\.", r"postnet.convolutions.\1.0."),
    (r"^postnet\.(\d)\.normalisation\.", r"postnet.convolutions.\1.1."),
    (r"^(attention_rnn|decoder_rnn)\.(\w+)_l0$", r"decoder.\1.\2"),
    (r"^attention\.query\.", "decoder.attention_layer.query_layer."),
    (r"^attention\.memory\.", "decoder.attention_layer.memory_layer."),
    (r"^attention\.energy\.", "decoder.attention_layer.v."),
    (r"^attention\.filters\.", "decoder.attention_layer.location_layer.location_conv."),
    (r"^attention\.spread\.", "decoder.attention_layer.location_layer.location_dense."),
    (r"^projection\.", "decoder.linear_projection."),
    (r"^stop\.", "decoder.gate_layer."),
)


def copied(model: Tacotron2, other: torchaudio.models.Tacotron2) -> None:
    """Every tensor of ours into theirs, none left over on either side."""
    found = {}
    for name, value in model.state_dict().items():
        renamed = name
        for pattern, new in RENAMED:
            renamed = re.sub(pattern, new, renamed)
        found[renamed] = value
    other.load_state_dict(found, strict=True)


@pytest.fixture
def no_dropout(monkeypatch):
    """torchaudio's prenet drops always."""
    monkeypatch.setattr(F, "dropout", lambda x, *_, **__: x)


def settled(config: Tacotron2Config) -> Tacotron2:
    """Weights with life in them: batch normalisation has seen something, biases are not zero."""
    torch.manual_seed(0)
    model = Tacotron2(config)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif name.endswith(("running_mean", "bias")):
                value.uniform_(-0.3, 0.3)
    return model.eval()


@pytest.mark.parametrize(
    "config", [replace(SMALL, mel_mean=0.0, mel_scale=1.0), PRESETS["paper"]], ids=["small", "paper"]
)
@torch.no_grad()
def test_it_is_torchaudio_s(config, no_dropout):
    model, other = settled(config), theirs(config).eval()
    copied(model, other)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, config.symbols, (3, 9), generator=generator)
    lengths, frames = torch.tensor([9, 7, 4]), 11
    ids = ids * (torch.arange(9) < lengths[:, None])
    mel = torch.randn(3, config.mel_channels, frames, generator=generator)
    ours = model(ids, lengths, mel)
    before, after, stop, alignment = other(ids, lengths, mel, torch.full((3,), frames))
    for mine, its in ((ours.before, before), (ours.after, after), (ours.stop, stop), (ours.alignment, alignment)):
        assert torch.allclose(mine, its, atol=1e-5)
    # speaking: its own frames, its own attention
    said, _, their_alignment = other.infer(ids[:1], lengths[:1])
    state, spoken, weights = model.begin(ids[:1]), [], []
    for _ in range(said.shape[2]):
        frame, _, weight = model.step(state)
        spoken.append(frame)
        weights.append(weight)
    assert torch.allclose(model.refine(torch.cat(spoken, dim=2)), said, atol=1e-5)
    assert torch.allclose(torch.stack(weights, dim=1), their_alignment, atol=1e-5)


@pytest.mark.parametrize("attention", ["location", "content"])
@pytest.mark.parametrize("frames_per_step", [1, 3])
@torch.no_grad()
def test_taught_its_own_alignment_it_says_the_same(attention, frames_per_step, no_dropout):
    """`teach` computes all steps at once; given what `forward` attended to, it must find just that again."""
    config = replace(SMALL, attention=attention, frames_per_step=frames_per_step)
    model = settled(config)
    ids, lengths = torch.randint(1, 12, (2, 7), generator=torch.Generator().manual_seed(2)), torch.tensor([7, 5])
    mel = torch.randn(2, 6, 12, generator=torch.Generator().manual_seed(3)) * 2 - 5
    free = model(ids, lengths, mel)
    taught = model.teach(ids, lengths, mel, free.alignment)
    for name in ("before", "after", "stop", "alignment"):
        assert torch.allclose(getattr(free, name), getattr(taught, name), atol=1e-5), name
    assert free.alignment.shape == (2, 12 // frames_per_step, 7)
    assert torch.allclose(free.alignment.sum(dim=2), torch.ones(2, 12 // frames_per_step), atol=1e-5)
    assert float(free.alignment[1, :, 5:].abs().max()) == 0.0  # padding is not looked at


@torch.no_grad()
def test_energies_are_the_sum_of_the_terms(no_dropout):
    """e_j = v' tanh(W s + V h_j + U f_j), with the location filters as a convolution, written out."""
    model = settled(SMALL)
    attention = model.attention
    generator = torch.Generator().manual_seed(4)
    query, memory = torch.randn(2, 24, generator=generator), torch.randn(2, 7, 16, generator=generator)
    weights, cumulative = torch.rand(2, 7, generator=generator), torch.rand(2, 7, generator=generator)
    keys = attention.memory(memory)
    features = attention.filters(torch.stack([weights, cumulative], dim=1)).transpose(1, 2)
    summed = attention.query(query)[:, None] + keys + attention.spread(features)
    expected = attention.energy(torch.tanh(summed))[..., 0]
    assert torch.allclose(attention(query, keys, weights, cumulative, None), expected, atol=1e-5)
    terms = attention.terms(query, keys, weights, cumulative)
    assert set(terms) == {"query", "memory", "location"}
    assert torch.allclose(attention.energy(torch.tanh(sum(terms.values())))[..., 0], expected, atol=1e-5)


@torch.no_grad()
def test_a_step_moves_on_as_the_loop_does(no_dropout):
    """Fed the true frames one by one, `step` finds what `forward` finds."""
    model = settled(replace(SMALL, frames_per_step=2))
    ids, lengths = torch.randint(1, 12, (2, 6), generator=torch.Generator().manual_seed(5)), torch.tensor([6, 4])
    mel = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(6))
    free, state = model(ids, lengths, mel), model.begin(ids, lengths)
    groups = ((mel + 5) / 2).transpose(1, 2).reshape(2, 4, 12)
    for s in range(4):
        frames, stop, weights = model.step(state)
        assert torch.allclose(frames, free.before[:, :, 2 * s : 2 * s + 2], atol=1e-5)
        assert torch.allclose(stop, free.stop[:, s], atol=1e-5)
        assert torch.allclose(weights, free.alignment[:, s], atol=1e-5)
        state.frame = groups[:, s]


def test_the_prenet_drops_also_when_speaking():
    model = settled(SMALL)
    ids = torch.randint(1, 12, (1, 6))
    with torch.no_grad():
        torch.manual_seed(0)
        state = model.begin(ids)
        state.frame = torch.ones_like(state.frame)
        first = model.step(state)[0]
        state = model.begin(ids)
        state.frame = torch.ones_like(state.frame)
        second = model.step(state)[0]
    assert not torch.allclose(first, second)


def test_other_attentions_are_refused():
    with pytest.raises(SamplingError):
        Tacotron2(replace(SMALL, attention="forward"))
