"""A discrete autoencoder of speech: a spectrogram becomes 20 to 80 whole numbers a second, and speech again.

    mel [B, 80, F] -> Encoder -> bottleneck -> codes [B, N] -> Voice, told who speaks -> frames [B, 80, F] -> WaveNet

Everything up to the frames is here; the WaveNet is that of core.wavenet, which several of these share.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import MelError, SamplingError
from core.vqvae.quantiser import ArgmaxQuantiser, Quantised, VectorQuantiser, checked

BANDS = 80
SPEAKERS = ("kathleen", "FA", "FB", "MC")
QUANTISERS = ("vq", "argmax")
MEAN, SPREAD = -5.0, 3.0  # of log-mels, about


@dataclass(frozen=True)
class VQVAEConfig:
    """Sizes of an autoencoder.

    quantiser: "vq" or "argmax".  codes: K.  code_channels: D.  frames_per_code: 1, 2 or 4 frames of 12.5 ms.
    width: channels inside.  blocks: residual blocks before and after the halvings of time, in encoder and voice.
    update, commitment, decay, restart: of `VectorQuantiser`.  commitment, diversity, rank: of `ArgmaxQuantiser`.
    speakers: whom the voice can be.  decoder: name of the WaveNet's weights.
    """

    quantiser: str = "vq"
    codes: int = 512
    code_channels: int = 64
    frames_per_code: int = 2
    width: int = 112
    blocks: int = 2
    update: str = "ema"
    commitment: float = 0.25
    decay: float = 0.99
    restart: bool = True
    diversity: float = 0.1
    rank: bool = False
    speakers: tuple[str, ...] = SPEAKERS
    decoder: str = "vqvae-decoder"

    def __post_init__(self) -> None:
        object.__setattr__(self, "speakers", tuple(self.speakers))  # JSON has lists only
        if self.frames_per_code not in (1, 2, 4):
            raise ValueError(f"frames_per_code is 1, 2 or 4, got {self.frames_per_code}")
        if self.quantiser not in QUANTISERS:
            raise ValueError(f"quantiser is one of {', '.join(QUANTISERS)}, got {self.quantiser!r}")

    @property
    def halvings(self) -> int:
        return self.frames_per_code.bit_length() - 1

    @property
    def codes_per_s(self) -> float:
        return 80 / self.frames_per_code

    def to_dict(self) -> dict:
        return asdict(self)


PRESETS = {"speech": VQVAEConfig(), "small": VQVAEConfig(width=64, blocks=1, code_channels=32)}
PRESETS["argmax"] = replace(PRESETS["speech"], quantiser="argmax", commitment=0.02)
PRESETS["piano"] = VQVAEConfig(frames_per_code=1, speakers=("piano",), decoder="vqvae-piano-decoder")
PRESETS["tiny"] = VQVAEConfig(codes=16, code_channels=8, width=16, blocks=1)


class Taps(nn.Module):
    """A convolution along time as one matrix product over shifted copies: [B, T, C] -> [B, T, C']."""

    def __init__(self, inputs: int, outputs: int, *, width: int = 3, dilation: int = 1) -> None:
        super().__init__()
        self.width, self.dilation = width, dilation
        self.linear = nn.Linear(width * inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        time, reach = x.shape[1], self.dilation * (self.width // 2)
        padded = F.pad(x, (0, 0, reach, reach))
        places = range(0, self.width * self.dilation, self.dilation)
        return self.linear(
            torch.cat([padded[:, k : k + time] for k in places], dim=-1)
        )  # [B, T, width * C] before


class Block(nn.Module):
    """x + W relu(convolution(norm(x))): float [B, T, C] -> [B, T, C]."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.taps = Taps(width, width, dilation=dilation)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.out(torch.relu(self.taps(self.norm(x))))


class Encoder(nn.Module):
    """Frames -> one vector a code. Each halving lays two neighbours side by side and mixes them.

    Source: van den Oord et al. 2017, section 4.3: strided convolutions. Spectral features in place of the waveform as
    the encoder's input: Chorowski et al. 2019 (arXiv:1901.08810).
    """

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        width = config.width
        self.first = Taps(BANDS, width)
        self.before = nn.Sequential(*(Block(width, 2**i) for i in range(config.blocks)))
        self.halve = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(config.halvings))
        self.after = nn.Sequential(*(Block(width, 2**i) for i in range(config.blocks)))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, config.codes if config.quantiser == "argmax" else config.code_channels)

    def forward(self, mel: Tensor) -> Tensor:
        """float [B, 80, F], F a multiple of frames_per_code, means taken away -> [B, N, D or K]."""
        x = self.before(self.first((mel / SPREAD).transpose(1, 2)))  # [B, F, C]
        for halve in self.halve:
            batch, time, width = x.shape
            x = halve(x.reshape(batch, time // 2, 2 * width))
        return self.out(self.norm(self.after(x)))


class Voice(nn.Module):
    """Code vectors and a speaker -> the frames in which that speaker would say them.

    Source: van den Oord et al. 2017, section 4.3: the speaker is given to the decoder only, so that the codes need not
    hold it.
    """

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        width, blocks = config.width, config.blocks
        self.first = Taps(config.code_channels, width)
        self.before = nn.ModuleList(Block(width, 2**i) for i in range(blocks))
        self.stretch = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(config.halvings))
        self.after = nn.ModuleList(Block(width, 2**i) for i in range(blocks + 1))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, BANDS)
        self.speakers = nn.Embedding(len(config.speakers), (2 * blocks + 1) * width)

    def forward(self, vectors: Tensor, speaker: Tensor) -> Tensor:
        """vectors float [B, N, D], speaker int64 [B] -> float [B, 80, N * frames_per_code], natural logarithm."""
        x = self.first(vectors)
        told = iter(self.speakers(speaker)[:, None].chunk(len(self.before) + len(self.after), dim=-1))
        for block in self.before:
            x = block(x + next(told))
        for stretch in self.stretch:
            batch, time, width = x.shape
            x = stretch(x).reshape(batch, 2 * time, width)
        for block in self.after:
            x = block(x + next(told))
        return (MEAN + SPREAD * self.out(self.norm(x)).float()).transpose(1, 2)  # [B, 80, F]


class Heard(NamedTuple):
    """What the autoencoder makes of a mel: its codes with their losses, and frames [B, 80, F]."""

    quantised: Quantised
    frames: Tensor


class VQVAE(nn.Module):
    """Encoder, bottleneck and voice.

    Source: van den Oord et al. 2017 (arXiv:1711.00937); with quantiser "argmax" Dieleman et al. 2018
    (arXiv:1806.10474).
    Differs from the papers: the encoder reads log-mels, of which each band's mean over the utterance is taken away
    (so less of the speaker and of the microphone has to go into the codes), as Chorowski et al. 2019 read spectral
    features; the decoder is told what to say by frames that also have a loss of their own, and its WaveNet begins from
    a trained vocoder: two hours on two cores are not two weeks on many GPUs.
    """

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.quantiser: VectorQuantiser | ArgmaxQuantiser
        if config.quantiser == "vq":
            self.quantiser = VectorQuantiser(
                config.codes, config.code_channels, update=config.update, commitment=config.commitment,
                decay=config.decay, restart=config.restart,
            )  # fmt: skip
        else:
            self.quantiser = ArgmaxQuantiser(
                config.codes, config.code_channels, weight=config.diversity, commitment=config.commitment,
                rank=config.rank,
            )  # fmt: skip
        self.voice = Voice(config)

    def forward(self, mel: Tensor, speaker: Tensor, mean: Tensor | None = None) -> Heard:
        """Through the bottleneck and back.

        Args:
            mel: float [B, 80, F], natural logarithm.  speaker: int64 [B], places in config.speakers.
            mean: float [B, 80], each band's mean over the utterance, where mel is a part of one.
        Returns:
            Heard, with frames [B, 80, F].
        Raises:
            MelError: the mel has another shape or is not finite.  SamplingError: there is no such speaker.
        """
        speaker = self.checked_speaker(speaker, mel.shape[0])
        quantised = self.quantiser(self.encoder(self.centred(mel, mean)).float())
        return Heard(quantised, self.voice(quantised.vectors, speaker)[..., : mel.shape[2]])

    @torch.no_grad()
    def encode(self, mel: Tensor) -> Tensor:
        """float [B, 80, F] -> int64 [B, N], N = F / frames_per_code rounded up.  MelError as in `forward`."""
        training, _ = self.quantiser.training, self.quantiser.eval()  # listening does not move the codes
        codes = cast(Quantised, self.quantiser(self.encoder(self.centred(mel)))).codes
        self.quantiser.train(training)
        return codes

    @torch.no_grad()
    def frames(self, codes: Tensor, speaker: str | int | Tensor = 0) -> Tensor:
        """What a speaker's spectrogram of these codes is: int64 [B, N] -> float [B, 80, N * frames_per_code].

        Args:
            speaker: a name of config.speakers, its place there, or int64 [B].
        Raises:
            SamplingError: a code out of range, or no such speaker.
        """
        if isinstance(speaker, str):
            if speaker not in self.config.speakers:
                raise SamplingError(
                    f"There is no speaker {speaker!r:.40}; choose one of {', '.join(self.config.speakers)}."
                )
            speaker = self.config.speakers.index(speaker)
        if not isinstance(speaker, Tensor):
            speaker = torch.full((codes.shape[0],), int(speaker), dtype=torch.int64, device=codes.device)
        codes = checked(codes, self.config.codes)
        return self.voice(self.quantiser.embed(codes), self.checked_speaker(speaker, codes.shape[0]))

    def centred(self, mel: Tensor, mean: Tensor | None = None) -> Tensor:
        """What the encoder reads: means taken away, the end held until a code is full."""
        if mel.dim() != 3 or mel.shape[1] != BANDS or mel.shape[2] < 1:
            raise MelError(
                f"The mel must be [batch, {BANDS}, frames], got {list(mel.shape)}; core.audio.mel makes one."
            )
        if not bool(torch.isfinite(mel).all()):
            raise MelError("The mel contains NaN or infinity: check the audio it was made from.")
        mel = mel.float()
        x = mel - (mel.mean(dim=2) if mean is None else mean)[..., None]
        missing = -x.shape[2] % self.config.frames_per_code
        return torch.cat([x, x[..., -1:].expand(-1, -1, missing)], dim=2) if missing else x

    def checked_speaker(self, speaker: Tensor, batch: int) -> Tensor:
        """int64 [B] within range, or a SamplingError."""
        count = len(self.config.speakers)
        whole = speaker.dtype == torch.int64 and list(speaker.shape) == [batch]
        if not whole or not (0 <= int(speaker.min()) and int(speaker.max()) < count):
            raise SamplingError(
                f"Give one speaker for each row, 0 … {count - 1}: {', '.join(self.config.speakers)}."
            )
        return speaker
