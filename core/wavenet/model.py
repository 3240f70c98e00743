"""WaveNet: a generative model for raw audio (van den Oord et al. 2016, arXiv:1609.03499).

The network reads the past of a waveform, as mu-law codes, and gives a probability to each of the 256 codes that
may come next. Everything is laid out [B, T, C], time before channels, so that every 1x1 convolution is a plain
matrix product, and a dilated convolution of kernel 2 is a matrix product over two taps laid side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import MelError, SamplingError
from core.wavenet.pitch import MelPitch, between, pack, sines, unpack


@dataclass(frozen=True)
class WaveNetConfig:
    """Sizes of a WaveNet. Networks M and S are the two that the benchmarks compare.

    levels: number of mu-law codes.  residual / gate / skip / head: channels of each path; the gate's first half
    goes through tanh, its second half through the sigmoid.  layers, layers_per_cycle: the dilation doubles
    1, 2, 4, ... within a cycle and then starts again.  mel_channels: 0 for an unconditional network.
    """

    levels: int = 256
    residual_channels: int = 64
    gate_channels: int = 128
    skip_channels: int = 256
    head_channels: int = 256
    layers: int = 20
    layers_per_cycle: int = 10
    kernel_size: int = 2
    mel_channels: int = 0
    condition_channels: int = 128
    hop_samples: int = 200
    harmonics: int = 0  # of the voice's pitch, given to the network as sines; 0: the mel alone
    condition_hop_samples: int = 0  # how often the condition is given; 0: once a frame of the mel
    gate: str = "multiply"  # "multiply" is the paper; "add" and "relu" exist for the lesson's ablation

    @property
    def dilations(self) -> list[int]:
        """Dilation of every layer, in samples."""
        return [2 ** (layer % self.layers_per_cycle) for layer in range(self.layers)]

    @property
    def receptive_field_samples(self) -> int:
        """How many past samples one prediction sees: the input convolution's taps plus (K - 1) * d per layer."""
        return self.kernel_size + (self.kernel_size - 1) * sum(self.dilations)

    @property
    def condition_hop(self) -> int:
        """Samples from one moment at which the condition is given to the next."""
        return self.condition_hop_samples or self.hop_samples

    @property
    def moments(self) -> int:
        """How often the condition is given in one frame of the mel."""
        return self.hop_samples // self.condition_hop

    @property
    def prepared_channels(self) -> int:
        """Channels of a mel that `MelConditioner.prepare` has been over: bands, and the sines of its moments."""
        return self.mel_channels + (self.moments * (2 * self.harmonics + 1) if self.harmonics else 0)

    def to_dict(self) -> dict:
        return asdict(self)


PRESETS = {
    "m": WaveNetConfig(),
    "s": WaveNetConfig(residual_channels=32, gate_channels=64, skip_channels=64),
    "vocoder": WaveNetConfig(
        skip_channels=128,
        head_channels=128,
        layers=16,
        layers_per_cycle=8,
        mel_channels=80,
        harmonics=2,
        condition_hop_samples=10,
    ),
    "speech": WaveNetConfig(residual_channels=48, gate_channels=96, skip_channels=96, head_channels=128),
    "tiny": WaveNetConfig(
        residual_channels=16, gate_channels=32, skip_channels=32, head_channels=32, layers=6, layers_per_cycle=6
    ),
}


def shift_right(x: Tensor, samples: int) -> Tensor:
    """Delay by `samples` along time, filling with zeros: what makes a convolution causal.

    Args:
        x: float [B, T, C].
    Returns:
        float [B, T, C]; row t holds row t - samples of x.
    """
    time = x.shape[1]
    return F.pad(x, (0, 0, samples, 0))[:, :time]


def smooth_codes(levels: int, channels: int) -> Tensor:
    """Initial embeddings in which neighbouring codes are alike, float [levels, channels].

    Waves of half a cycle to 32 cycles over the codes, turned by a random rotation. A code is a loudness, not a word:
    begun like this, 200 steps of training reach what 300 reach from independent random rows.
    """
    place = torch.linspace(-1, 1, levels)[:, None]  # [levels, 1]
    cycles = 0.5 * 64 ** torch.linspace(0, 1, (channels + 1) // 2)  # [channels / 2]
    loudness = (1 + 0.15 * cycles).rsqrt()
    waves = torch.cat([torch.sin(torch.pi / 2 * place * cycles), torch.cos(torch.pi / 2 * place * cycles)], dim=1)
    rotation = torch.linalg.qr(torch.randn(channels, channels)).Q
    return (waves * loudness.repeat(2))[:, :channels] @ rotation


class CausalEmbedding(nn.Module):
    """The input layer: a causal convolution of kernel K over one-hot codes, computed as K table look-ups.

    Source: section 2.3 and figure 4 ("causal conv"). A matrix product with a one-hot vector picks a row, so the
    convolution is a sum of K rows.
    """

    def __init__(self, levels: int, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.taps = nn.ModuleList(nn.Embedding(levels, channels) for _ in range(kernel_size))
        for tap in self.taps:
            with torch.no_grad():
                cast(nn.Embedding, tap).weight.copy_(smooth_codes(levels, channels))

    def forward(self, previous: Tensor) -> Tensor:
        """int64 [B, K - 1 + T] codes, the oldest first -> float [B, T, R]."""
        kernel = len(self.taps)
        time = previous.shape[1] - (kernel - 1)
        x = self.taps[0](previous[:, :time])
        for k in range(1, kernel):
            x = x + self.taps[k](previous[:, k : k + time])  # [B, T, R]
        return x


class GatedLayer(nn.Module):
    """One dilated gated layer: z = tanh(W_f * x + V_f h) ⊙ sigmoid(W_g * x + V_g h).

    Source: equations 2 and 3 and figure 4. `dilated` holds W_f and W_g stacked, its K taps side by side, the
    oldest first.
    """

    def __init__(self, config: WaveNetConfig, dilation: int, last: bool) -> None:
        super().__init__()
        self.dilation, self.kernel_size, self.gate = dilation, config.kernel_size, config.gate
        half = config.gate_channels // 2
        self.dilated = nn.Linear(config.kernel_size * config.residual_channels, config.gate_channels)
        # The last layer's residual output would feed nothing, so it has none.
        self.residual = None if last else nn.Linear(half, config.residual_channels)
        self.skip = nn.Linear(half, config.skip_channels, bias=last)  # one bias is enough for the sum

    def taps(self, x: Tensor) -> Tensor:
        """The K inputs of each output, side by side: [B, T, R] -> [B, T, K * R]."""
        delays = [(self.kernel_size - 1 - k) * self.dilation for k in range(self.kernel_size)]
        return torch.cat([shift_right(x, delay) if delay else x for delay in delays], dim=-1)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """x [B, T, R], condition [B, T, G] or None -> z [B, T, G / 2], before the 1x1 convolutions."""
        pre = self.dilated(self.taps(x))
        if condition is not None:
            pre = pre + condition  # the V h of equation 3
        return self.activate(pre)

    def activate(self, pre: Tensor) -> Tensor:
        """The gate itself: [..., G] -> [..., G / 2]."""
        filter_, gate = pre.chunk(2, dim=-1)  # [..., G / 2] each
        if self.gate == "multiply":
            return torch.tanh(filter_) * torch.sigmoid(gate)
        if self.gate == "add":  # the lecture's code
            return torch.tanh(filter_) + torch.sigmoid(gate)
        return torch.relu(filter_) + 0.0 * gate  # "relu": the activation the paper found worse (section 2.3)


class MelConditioner(nn.Module):
    """Mel frames -> what each layer adds to its gate, at every sample: local conditioning, section 2.5.

    Two convolutions look at five frames around the present one. A 1x1 convolution, the V of equation 3 for all
    layers at once, then gives L x G numbers a frame. The learned upsampling y = f(h) is a transposed convolution
    of stride `hop` and kernel 2 x hop, one kernel shared by all channels: a sample is a mixture of its two
    neighbouring frames with weights learned for its place between them. Being shared by channels it commutes with
    the 1x1 convolution, so V is applied once a frame instead of once a sample.

    With `harmonics` the network also hears the pitch: F0 is read off the mel (core.wavenet.pitch) and runs a clock,
    whose sines and cosines join the frames, `moments` times a frame. A period of the voice is then where the clock
    says; without it a network has to be trained very long until it turns a mel into a pitch at all.

    Differs from the paper: there the upsampled features are projected at every sample (the results are equal), and
    F0 comes from the text's side (section 3.2) as a number and not as a clock; sines as a source are from Wang,
    Takaki and Yamagishi 2019, "Neural source-filter waveform models" (arXiv:1904.12088).
    """

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        channels, hop = config.condition_channels, config.condition_hop
        self.config, self.layers, self.gate_channels = config, config.layers, config.gate_channels
        self.conv1 = nn.Conv1d(config.mel_channels, channels, 3, padding=1)
        self.conv2 = nn.Conv1d(channels, channels, 3, padding=1)
        self.project = nn.Linear(channels, config.layers * config.gate_channels)
        ramp = torch.arange(hop) / hop
        self.upsample = nn.Parameter(torch.stack([1 - ramp, ramp], dim=1))  # [hop, 2], begins as linear
        # Trained before everything else, by core.wavenet.pitch_train, and then left as it is.
        self.pitch = MelPitch(config.mel_channels).requires_grad_(False) if config.harmonics else None
        self.excite = (
            nn.Linear(2 * config.harmonics + 1, config.layers * config.gate_channels, bias=False)
            if config.harmonics else None
        )  # fmt: skip

    def prepare(self, mel: Tensor) -> Tensor:
        """Add the pitch's sines to a mel as further channels; a mel that has them, or needs none, stays as it is.

        Done once for the whole mel: the clock of a later frame depends on the pitch of all earlier ones.

        Args:
            mel: float [B, M, F].
        Returns:
            float [B, prepared_channels, F].
        """
        if self.pitch is None or mel.shape[1] == self.config.prepared_channels:
            return mel
        phase, voiced = self.pitch.clock(mel, hop=self.config.hop_samples, moments=self.config.moments)
        return torch.cat([mel, pack(sines(phase, voiced, self.config.harmonics), self.config.moments)], dim=1)

    def frames(self, mel: Tensor, out: Tensor | None = None) -> Tensor:
        """float [B, M or prepared_channels, F] -> float [B, F * moments + 1, L * G].

        The last one is repeated so that F hops can be filled. out: memory for the result, without gradients.
        """
        mel = self.prepare(mel)
        x = (mel[:, : self.config.mel_channels] + 5.0) / 3.0  # to about zero mean and unit variance
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x)).transpose(1, 2)  # [B, F, C]
        x = self.project(x)
        if self.excite is None:
            return torch.cat([x, x[:, -1:]], dim=1, out=out)
        moments = self.config.moments
        clock = unpack(mel[:, self.config.mel_channels :], moments)  # [B, F * moments, 2 * harmonics + 1]
        if out is None:
            x = between(x, moments) + self.excite(clock)
            return torch.cat([x, x[:, -1:]], dim=1)
        share = (torch.arange(moments) / moments)[:, None]  # [moments, 1]
        following = torch.cat([x[:, 1:], x[:, -1:]], dim=1)
        for row, frame, after, hand in zip(out, x, following, clock):  # the same in place
            lines = row[:-1].view(-1, moments, row.shape[1])  # [F, moments, L * G]
            torch.lerp(frame[:, None], after[:, None], share, out=lines)
            row[:-1].addmm_(hand, self.excite.weight.T)
            row[-1] = row[-2]
        return out

    def layer(self, frames: Tensor, index: int) -> Tensor:
        """The condition of one layer at every sample: [B, n + 1, L * G] -> [B, n * condition_hop, G]."""
        batch, count, _ = frames.shape
        one = frames[..., index * self.gate_channels : (index + 1) * self.gate_channels]
        pairs = torch.stack([one[:, :-1], one[:, 1:]], dim=2)  # [B, F, 2, G]
        return torch.matmul(self.upsample, pairs).view(batch, -1, self.gate_channels)  # [B, F, hop, G]


class WaveNet(nn.Module):
    """The whole network of figure 4.

    Source: van den Oord et al. 2016, sections 2.1 to 2.5.

    Differs from the paper: sizes; the input and output layers are 1x1 or embeddings where the paper's text leaves
    it open; conditioning is interpolated (see `MelConditioner`).
    """

    layers: Sequence[GatedLayer]

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = CausalEmbedding(config.levels, config.residual_channels, config.kernel_size)
        self.condition = MelConditioner(config) if config.mel_channels else None
        dilations = config.dilations
        self.layers = nn.ModuleList(  # type: ignore[assignment]
            GatedLayer(config, d, last=i == config.layers - 1) for i, d in enumerate(dilations)
        )
        self.head1 = nn.Linear(config.skip_channels, config.head_channels)
        self.head2 = nn.Linear(config.head_channels, config.levels)

    def forward(self, codes: Tensor, mel: Tensor | None = None) -> Tensor:
        """Logits of every code given the codes before it (teacher forcing).

        Args:
            codes: int64 [B, N], in [0, levels). Before the first code the network sees silence.
            mel: float [B, M, F] with F * hop_samples >= N, or None for an unconditional network. One that
                `MelConditioner.prepare` has been over is taken too.
        Returns:
            float [B, levels, N]; logits[..., t] predicts codes[:, t] from codes[:, :t] and the mel.
        Raises:
            SamplingError: codes are not [B, N] integers in range.
            MelError: mel missing, unexpected, of the wrong shape, too short or not finite.
        """
        self.check(codes, mel)
        kernel = self.config.kernel_size
        silence = self.config.levels // 2
        previous = F.pad(codes, (kernel, 0), value=silence)[:, :-1]  # [B, K - 1 + N]: shifted by one
        x = self.embedding(previous)  # [B, N, R]
        frames = self.condition.frames(mel) if self.condition is not None and mel is not None else None
        gated = []
        for index, layer in enumerate(self.layers):
            local = None if frames is None else self.condition.layer(frames, index)[:, : x.shape[1]]
            z = layer(x, local)
            gated.append(z)
            if layer.residual is not None:
                x = x + layer.residual(z)
        return self.head(gated).transpose(1, 2)

    def head(self, gated: list[Tensor]) -> Tensor:
        """Skip connections, ReLU, 1x1, ReLU, 1x1 (figure 4): L times [B, T, G / 2] -> [B, T, levels].

        The sum of the layers' skip products is one matrix product over all layers side by side.
        """
        weight = torch.cat([layer.skip.weight for layer in self.layers], dim=1)  # [S, L * G / 2]
        skip = F.linear(torch.cat(gated, dim=-1), weight, self.layers[-1].skip.bias)
        return self.head2(torch.relu(self.head1(torch.relu(skip))))

    def check(self, codes: Tensor, mel: Tensor | None) -> None:
        """Raise a typed error for codes or mels that this network cannot take."""
        if codes.dim() != 2 or codes.is_floating_point() or codes.shape[1] < 1:
            raise SamplingError(f"codes must be integers [batch, samples], got {list(codes.shape)} {codes.dtype}.")
        if codes.numel() and not (0 <= int(codes.min()) and int(codes.max()) < self.config.levels):
            raise SamplingError(
                f"codes must lie in 0 … {self.config.levels - 1}; encode the audio by mu-law first."
            )
        self.check_mel(mel, codes.shape[0], codes.shape[1])

    def check_mel(self, mel: Tensor | None, batch: int, samples: int) -> None:
        """Raise MelError unless mel is [B, M, F], finite and long enough for `samples`; None iff unconditional."""
        config = self.config
        if config.mel_channels == 0:
            if mel is not None:
                raise MelError("This network is unconditional: call it without a mel, or load wavenet-vocoder.")
            return
        if mel is None:
            raise MelError("This network is conditioned on a mel spectrogram: pass mel [batch, 80, frames].")
        if mel.dim() != 3 or mel.shape[0] != batch or mel.shape[2] < 1 or mel.shape[1] not in (
            config.mel_channels, config.prepared_channels
        ):  # fmt: skip
            raise MelError(
                f"The mel must be [{batch}, {config.mel_channels}, frames], got {list(mel.shape)}; "
                "core.audio.mel makes one of the right shape."
            )
        if mel.shape[2] * config.hop_samples < samples:
            raise MelError(
                f"{mel.shape[2]} frames of {config.hop_samples} samples are too few for {samples} samples: "
                f"ask for at most {mel.shape[2] * config.hop_samples}."
            )
        if not bool(torch.isfinite(mel).all()):
            raise MelError("The mel contains NaN or infinity: check the audio it was made from.")
