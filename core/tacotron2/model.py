"""Tacotron 2: text in, mel spectrogram out, by a decoder that looks back at the text with attention.

Source: Shen et al. 2018, "Natural TTS synthesis by conditioning WaveNet on mel spectrogram predictions"
(arXiv:1712.05884), section 2.2 and figure 1; attention: Chorowski et al. 2015 (arXiv:1506.07503), section 2.1.

Three ways through one network:
    forward   the paper's training: the decoder gets the true frames and its own attention, step after step;
    teach     the decoder gets the true frames and a true alignment, so all steps are computed at once: many times
              faster, for corpora whose phones have been aligned (core.text.alignment);
    begin, step   speaking: the decoder gets its own frames and its own attention.

Differs from the paper: dropout on the outputs of the decoder's LSTMs in place of zoneout, as public implementations
do; several frames a step as an option (Wang et al. 2017, section 3.3), which halves or thirds the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from core.audio import MEL_BANDS
from core.errors import SamplingError

__all__ = ["PRESETS", "Attention", "DecoderState", "Outputs", "Tacotron2", "Tacotron2Config"]

Activation = Literal["linear", "relu", "tanh"]
LSTM_DROPOUT = 0.1
DROPOUT = 0.5


@dataclass(frozen=True)
class Tacotron2Config:
    """Sizes; the defaults are the paper's.

    symbols: of the table that turns text into ids (core.text.tokens), named by language and unit.
    embedding: also the width of the encoder's convolutions and of its output.
    attention: "location" (queries, text, and where it has looked) or "content" (without the last: Bahdanau's).
    frames_per_step: the decoder's reduction factor r.
    mel_mean, mel_scale: log-mels enter and leave the network as (mel - mean) / scale.
    """

    symbols: int = 80
    language: str = "en"
    unit: str = "phones"
    embedding: int = 512
    encoder_layers: int = 3
    encoder_kernel: int = 5
    prenet: int = 256
    attention_rnn: int = 1024
    decoder_rnn: int = 1024
    attention: str = "location"
    attention_size: int = 128
    location_filters: int = 32
    location_kernel: int = 31
    postnet_channels: int = 512
    postnet_layers: int = 5
    postnet_kernel: int = 5
    mel_channels: int = MEL_BANDS
    frames_per_step: int = 1
    mel_mean: float = 0.0
    mel_scale: float = 1.0


PRESETS = {
    "paper": Tacotron2Config(),
    "small": Tacotron2Config(
        embedding=256, prenet=128, attention_rnn=384, decoder_rnn=384, postnet_channels=128, frames_per_step=3,
        mel_mean=-5.0, mel_scale=2.0,
    ),
}  # fmt: skip


@dataclass
class Outputs:
    """What the network says of a batch, in the scale of log-mels.

    before, after: float [B, 80, F], without and with what the postnet adds.  stop: float [B, S], logits, one a
    decoder step.  alignment: float [B, S, N], each row over the tokens sums to 1.  energies: float [B, S, N] before
    the softmax, -inf at padding.
    """

    before: Tensor
    after: Tensor
    stop: Tensor
    alignment: Tensor
    energies: Tensor


@dataclass
class DecoderState:
    """Where a decoder stands between two steps. memory [B, N, E] and keys [B, N, A] are the text's, and stay."""

    memory: Tensor
    keys: Tensor
    mask: Tensor | None  # bool [B, N], True at padding
    frame: Tensor  # [B, 80 r], the last group of frames, in the network's scale
    attention_rnn: tuple[Tensor, Tensor]
    decoder_rnn: tuple[Tensor, Tensor]
    context: Tensor  # [B, E]
    weights: Tensor  # [B, N], of the step before
    cumulative: Tensor  # [B, N], of all steps so far
    step: int = 0


class ConvolutionBlock(nn.Module):
    """Convolution over time, batch normalisation, an activation, dropout. [B, C, T] -> [B, D, T]."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, activation: Activation) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(channels_in, channels_out, kernel, padding=kernel // 2)
        self.normalisation = nn.BatchNorm1d(channels_out)
        self.activation = activation
        nn.init.xavier_uniform_(self.convolution.weight, gain=nn.init.calculate_gain(activation))

    def forward(self, x: Tensor) -> Tensor:
        x = self.normalisation(self.convolution(x))
        if self.activation == "relu":
            x = F.relu(x)
        elif self.activation == "tanh":
            x = torch.tanh(x)
        return F.dropout(x, DROPOUT, self.training)


class Encoder(nn.Module):
    """Symbols as vectors, three convolutions, a bidirectional LSTM. ids [B, N] -> memory [B, N, E]."""

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.symbols, config.embedding)
        nn.init.uniform_(self.embedding.weight, -((6 / config.embedding) ** 0.5), (6 / config.embedding) ** 0.5)
        self.convolutions = nn.ModuleList(
            ConvolutionBlock(config.embedding, config.embedding, config.encoder_kernel, "relu")
            for _ in range(config.encoder_layers)
        )
        self.lstm = nn.LSTM(config.embedding, config.embedding // 2, batch_first=True, bidirectional=True)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.embedding(ids).transpose(1, 2)
        for block in self.convolutions:
            x = block(x)
        packed = pack_padded_sequence(x.transpose(1, 2), lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=ids.shape[1])[0]


class Attention(nn.Module):
    """Energies e_j = v' tanh(W s + V h_j + U f_j + b) over the tokens j of a text.

    s: the decoder's state (query). h_j: the encoder's output (memory); V h_j are its keys. f_j: location features,
    filters run over the weights of the step before and over their sum so far; without them this is Bahdanau's
    content-based attention.

    Source: Chorowski et al. 2015, equations 8 and 9; the sum so far: Shen et al. 2018, section 2.2.
    """

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        if config.attention not in ("location", "content"):
            raise SamplingError(f'Attention is "location" or "content", got {config.attention!r}.')
        size = config.attention_size
        self.query = nn.Linear(config.attention_rnn, size, bias=False)  # W
        self.memory = nn.Linear(config.embedding, size, bias=False)  # V
        self.energy = nn.Linear(size, 1, bias=False)  # v
        self.location = config.attention == "location"
        if self.location:
            self.filters = nn.Conv1d(
                2, config.location_filters, config.location_kernel, padding=config.location_kernel // 2, bias=False
            )
            self.spread = nn.Linear(config.location_filters, size, bias=False)  # U
        for layer in (self.query, self.memory):
            nn.init.xavier_uniform_(layer.weight, gain=nn.init.calculate_gain("tanh"))
        nn.init.xavier_uniform_(self.energy.weight)

    def location_terms(self, weights: Tensor, cumulative: Tensor) -> Tensor:
        """U f: [M, N] and [M, N] -> [M, N, A], filters and matrix in one product."""
        kernel = torch.einsum("af,fck->cka", self.spread.weight, self.filters.weight)  # [2, K, A]
        reach = kernel.shape[1]
        both = F.pad(torch.stack([weights, cumulative], dim=1), (reach // 2, reach // 2))  # [M, 2, N + K - 1]
        windows = both.unfold(2, reach, 1)  # [M, 2, N, K]
        return torch.einsum("mcnk,cka->mna", windows, kernel)

    def terms(self, query: Tensor, keys: Tensor, weights: Tensor, cumulative: Tensor) -> dict[str, Tensor]:
        """The three summands under the tanh, each [M, N or 1, A]: query, memory, location (without one: none)."""
        found = {"query": self.query(query)[:, None], "memory": keys}
        if self.location:
            found["location"] = self.location_terms(weights, cumulative)
        return found

    def forward(self, query: Tensor, keys: Tensor, weights: Tensor, cumulative: Tensor, mask: Tensor | None) -> Tensor:
        """Energies [M, N], -inf at padding. query [M, R], keys [M, N, A], weights and cumulative [M, N]."""
        total = self.query(query)[:, None] + keys
        if self.location:
            total = total + self.location_terms(weights, cumulative)
        energies = self.energy(torch.tanh(total))[..., 0]
        return energies if mask is None else energies.masked_fill(mask, -torch.inf)


class Tacotron2(nn.Module):
    """The network. Its log-mels are those of `core.audio.mel`."""

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        self.config = config
        group = config.mel_channels * config.frames_per_step
        self.encoder = Encoder(config)
        self.prenet = nn.ModuleList(
            nn.Linear(a, config.prenet, bias=False) for a in (group, config.prenet)
        )
        self.attention_rnn = nn.LSTM(config.prenet + config.embedding, config.attention_rnn, batch_first=True)
        self.attention = Attention(config)
        self.decoder_rnn = nn.LSTM(config.attention_rnn + config.embedding, config.decoder_rnn, batch_first=True)
        self.projection = nn.Linear(config.decoder_rnn + config.embedding, group)
        self.stop = nn.Linear(config.decoder_rnn + config.embedding, 1)
        widths = [config.mel_channels, *[config.postnet_channels] * (config.postnet_layers - 1), config.mel_channels]
        self.others: dict[str, Path] = {}  # see `attach`
        self.postnet = nn.ModuleList(
            ConvolutionBlock(a, b, config.postnet_kernel, "linear" if i == config.postnet_layers - 1 else "tanh")
            for i, (a, b) in enumerate(zip(widths, widths[1:]))
        )

    def attach(self, files: dict[str, Path]) -> None:
        """Weights of the same network at earlier steps, or with another attention, for core.tacotron2.checkpoints."""
        self.others = dict(files)

    def forward(self, ids: Tensor, lengths: Tensor, mel: Tensor, *, prenet_dropout: float = DROPOUT) -> Outputs:
        """Teacher forcing: each step gets the true frames before it, and attends by itself.

        Args:
            ids: int64 [B, N], 0 beyond lengths [B].  mel: float [B, 80, F], F a multiple of frames_per_step.
            prenet_dropout: the paper keeps it on when speaking, too.
        Returns:
            Outputs with S = F / frames_per_step.
        """
        state = self.begin(ids, lengths)
        inputs = self._prenet(self._shifted(mel), prenet_dropout)  # [B, S, P]
        hidden, cell = state.attention_rnn
        kept: list[tuple[Tensor, ...]] = []  # query, context, weights, energies of each step
        context, weights, cumulative = state.context, state.weights, state.cumulative
        for s in range(inputs.shape[1]):
            hidden, cell = self._cell(self.attention_rnn, torch.cat([inputs[:, s], context], dim=1), (hidden, cell))
            query = F.dropout(hidden, LSTM_DROPOUT, self.training)
            energy = self.attention(query, state.keys, weights, cumulative, state.mask)
            weights = torch.softmax(energy, dim=1)
            cumulative = cumulative + weights
            context = torch.bmm(weights[:, None], state.memory)[:, 0]
            kept.append((query, context, weights, energy))
        return self._decoded(*(torch.stack(x, dim=1) for x in zip(*kept)))

    def teach(
        self, ids: Tensor, lengths: Tensor, mel: Tensor, alignment: Tensor, *, prenet_dropout: float = DROPOUT
    ) -> Outputs:
        """Teacher forcing of frames and of attention: every step looks where `alignment` says.

        Source: the idea of aligning beforehand, Zhu et al. 2019, "Pre-alignment guided attention for improving
        training efficiency and model stability in end-to-end speech synthesis".

        Args:
            alignment: float [B, S, N], rows over the tokens that sum to 1 (to 0 beyond the end).
            others: as in `forward`.
        Returns:
            Outputs; its alignment and energies are what the attention itself would choose at each step.
        """
        state = self.begin(ids, lengths)
        batch, steps, count = alignment.shape
        contexts = torch.bmm(alignment, state.memory)  # [B, S, E]
        before = F.pad(contexts, (0, 0, 1, 0))[:, :-1]
        inputs = self._prenet(self._shifted(mel), prenet_dropout)
        queries = self.attention_rnn(torch.cat([inputs, before], dim=2))[0]
        queries = F.dropout(queries, LSTM_DROPOUT, self.training)
        weights = F.pad(alignment, (0, 0, 1, 0))[:, :-1]
        keys = state.keys[:, None].expand(-1, steps, -1, -1).reshape(batch * steps, count, -1)
        energies = self.attention(
            queries.reshape(batch * steps, -1), keys, weights.reshape(-1, count),
            weights.cumsum(dim=1).reshape(-1, count), None,
        ).reshape(batch, steps, count)  # fmt: skip
        if state.mask is not None:
            energies = energies.masked_fill(state.mask[:, None], -torch.inf)
        return self._decoded(queries, contexts, torch.softmax(energies, dim=2), energies)

    def begin(self, ids: Tensor, lengths: Tensor | None = None) -> DecoderState:
        """Read a text: ids int64 [B, N]. The state before the first step."""
        lengths = torch.full((ids.shape[0],), ids.shape[1]) if lengths is None else lengths
        memory = self.encoder(ids, lengths)
        mask = torch.arange(ids.shape[1], device=ids.device) >= lengths.to(ids.device)[:, None]
        batch, count, width = memory.shape
        zeros = lambda size: memory.new_zeros(batch, size)  # noqa: E731
        rnn, decoder = self.config.attention_rnn, self.config.decoder_rnn
        return DecoderState(
            memory, self.attention.memory(memory), mask if bool(mask.any()) else None,
            zeros(self.projection.out_features), (zeros(rnn), zeros(rnn)), (zeros(decoder), zeros(decoder)),
            zeros(width), zeros(count), zeros(count),
        )  # fmt: skip

    def step(self, state: DecoderState, *, prenet_dropout: float = DROPOUT) -> tuple[Tensor, Tensor, Tensor]:
        """One decoder step; `state` moves on in place.

        Returns:
            frames float [B, 80, r] in the scale of log-mels, stop logits [B], weights [B, N].
        """
        inputs = torch.cat([self._prenet(state.frame, prenet_dropout), state.context], dim=1)
        state.attention_rnn = self._cell(self.attention_rnn, inputs, state.attention_rnn)
        query = state.attention_rnn[0]
        energies = self.attention(query, state.keys, state.weights, state.cumulative, state.mask)
        state.weights = torch.softmax(energies, dim=1)
        state.cumulative = state.cumulative + state.weights
        state.context = torch.bmm(state.weights[:, None], state.memory)[:, 0]
        state.decoder_rnn = self._cell(self.decoder_rnn, torch.cat([query, state.context], dim=1), state.decoder_rnn)
        features = torch.cat([state.decoder_rnn[0], state.context], dim=1)
        state.frame = self.projection(features)
        state.step += 1
        frames = state.frame.reshape(len(features), self.config.frames_per_step, -1).transpose(1, 2)
        return self._out(frames), self.stop(features)[:, 0], state.weights

    def refine(self, before: Tensor) -> Tensor:
        """What the postnet makes of frames: float [B, 80, F] -> [B, 80, F], both log-mels."""
        x = (before - self.config.mel_mean) / self.config.mel_scale
        return self._out(x + self._residual(x))

    def _residual(self, x: Tensor) -> Tensor:
        for block in self.postnet:
            x = block(x)
        return x

    def _out(self, x: Tensor) -> Tensor:
        return x * self.config.mel_scale + self.config.mel_mean

    def _shifted(self, mel: Tensor) -> Tensor:
        """Groups of true frames, each a step late; before the first, zeros. [B, 80, F] -> [B, S, 80 r]."""
        x = (mel - self.config.mel_mean) / self.config.mel_scale
        groups = x.transpose(1, 2).reshape(mel.shape[0], -1, self.config.mel_channels * self.config.frames_per_step)
        return F.pad(groups, (0, 0, 1, 0))[:, :-1]

    def _prenet(self, x: Tensor, dropout: float) -> Tensor:
        for layer in self.prenet:
            x = F.dropout(F.relu(layer(x)), dropout, training=True)
        return x

    @staticmethod
    def _cell(lstm: nn.LSTM, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """One step of a one-layer LSTM: the same weights, without the cost of a sequence."""
        weights = cast(tuple[Tensor, Tensor, Tensor, Tensor], lstm.all_weights[0])
        return torch.lstm_cell(x, state, *weights)

    def _decoded(self, queries: Tensor, contexts: Tensor, alignment: Tensor, energies: Tensor) -> Outputs:
        """All that follows attention, for all steps at once: nothing of it comes back to it."""
        hidden = self.decoder_rnn(torch.cat([queries, contexts], dim=2))[0]
        features = torch.cat([F.dropout(hidden, LSTM_DROPOUT, self.training), contexts], dim=2)
        x = self.projection(features)  # [B, S, 80 r]
        x = x.reshape(x.shape[0], -1, self.config.mel_channels).transpose(1, 2)
        stop = self.stop(features)[..., 0]
        return Outputs(self._out(x), self._out(x + self._residual(x)), stop, alignment, energies)
