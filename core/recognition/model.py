"""The recogniser: log-mel frames -> for every 25 ms, how probable each letter is, or that none begins (the blank).

Sources: Graves, Fernández, Gomez, Schmidhuber 2006, "Connectionist temporal classification" (the outputs and the
blank); Graves, Mohamed, Hinton 2013 (arXiv:1303.5778: several bidirectional LSTM layers, one upon the other); Amodei
et al. 2015 (arXiv:1512.02595, section 3: convolutions first, which halve the frame rate).
Differs from the papers: letters, not phonemes (2006, 2013); 1.7 million parameters, where they had up to 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import audio
from core.errors import TextError

BLANK = 0
ALPHABET = "␣' abcdefghijklmnopqrstuvwxyz"  # its place is a letter's number; the first stands for the blank
LANGUAGE_FILE = "language.bin"
STEP_FRAMES = 2  # mel frames to an output
SECONDS_PER_STEP = STEP_FRAMES * audio.HOP_SAMPLES / audio.SAMPLE_RATE_HZ  # 0.025
PRIOR_FRAMES = 80.0  # as many frames of an average voice are heard before each sound, see `Recogniser.normalise`


def encode_text(text: str) -> list[int]:
    """The numbers of a text's letters: "it's" -> [11, 22, 1, 21].

    Args:
        text: as `core.recognition_metrics.as_read` gives it: a to z, apostrophes, single spaces.
    Raises:
        TextError: another character.
    """
    places = {letter: place for place, letter in enumerate(ALPHABET)}
    places.pop(ALPHABET[BLANK])
    other = next((letter for letter in text if letter not in places), None)
    if other is not None:
        raise TextError(f"The recogniser writes a to z, apostrophes and spaces; it has no {other!r}.")
    return [places[letter] for letter in text]


def decode_text(numbers: list[int]) -> str:
    """The letters of these numbers, without blanks."""
    return "".join(ALPHABET[number] for number in numbers if number != BLANK)


@dataclass(frozen=True)
class RecogniserConfig:
    """bands: of the mel.  channels: of the convolutions.  width: of each direction of an LSTM.  layers: of them."""

    bands: int = 80
    channels: int = 16
    width: int = 160
    layers: int = 3
    dropout: float = 0.2


PRESETS = {
    "english": RecogniserConfig(),
    "tiny": RecogniserConfig(channels=4, width=16, layers=1, dropout=0.0),  # for tests
}


class Recogniser(nn.Module):
    """Convolutions, bidirectional LSTMs, a softmax over the 28 letters and the blank."""

    mean: Tensor
    variance: Tensor
    calibration: Tensor

    def __init__(self, config: RecogniserConfig) -> None:
        super().__init__()
        self.config = config
        c, d = config.channels, config.width
        self.halve_time = nn.Conv2d(1, c, 3, stride=2, padding=1)
        self.halve_bands = nn.Conv2d(c, c, 3, stride=(2, 1), padding=1)
        self.join = nn.Linear(c * -(-config.bands // 4), d)
        self.recurrent = nn.ModuleList(
            nn.LSTM(d if layer == 0 else 2 * d, d, batch_first=True, bidirectional=True)
            for layer in range(config.layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(d if layer == 0 else 2 * d) for layer in range(config.layers + 1))
        self.output = nn.Linear(2 * d, len(ALPHABET))
        self.register_buffer("mean", torch.zeros(config.bands))  # of all training voices
        self.register_buffer("variance", torch.ones(config.bands))
        self.register_buffer("calibration", torch.tensor([1.0, -1.0, 0.0, 0.0, 0.0]))  # see sample.confidence
        self.language_model: Any = None  # a CharacterModel, where the weights have one

    def set_statistics(self, mels: list[Tensor]) -> None:
        """What `normalise` takes an average voice to be, from log-mels [bands, F]."""
        frames = torch.cat(mels, dim=1)
        self.mean.copy_(frames.mean(dim=1))
        self.variance.copy_(frames.var(dim=1))

    def normalise(self, mel: Tensor, frames: Tensor | None = None) -> Tensor:
        """Zero mean and unit variance of each band over the utterance, which takes the microphone's colour away.

        A single word does not tell its microphone from its vowels; so the average voice counts as PRIOR_FRAMES more
        frames: the mean is (sum x + n0 m) / (n + n0), the maximum a posteriori of a Gaussian's mean.

        Args:
            mel: float [B, bands, F], natural logarithm.  frames: int64 [B], how many of F are sound; all, if None.
        Returns:
            float [B, bands, F]; 0, the mean, beyond each utterance's frames.
        """
        if frames is None:
            frames = torch.full((len(mel),), mel.shape[2], device=mel.device)
        inside = (torch.arange(mel.shape[2], device=mel.device) < frames[:, None])[:, None].to(mel)  # [B, 1, F]
        count = frames.to(mel)[:, None] + PRIOR_FRAMES  # [B, 1]
        mean = ((mel * inside).sum(dim=2) + PRIOR_FRAMES * self.mean) / count
        centred = (mel - mean[..., None]) * inside
        spread = (centred.square().sum(dim=2) + PRIOR_FRAMES * self.variance) / count
        return centred / spread.sqrt().clamp(min=0.1)[..., None]

    def scores(self, features: Tensor) -> Tensor:
        """Logits of each output step: float [B, bands, F], as from `normalise` -> [B, ceil(F / 2), K]."""
        x = F.relu(self.halve_time(features[:, None]))  # [B, C, bands / 2, F / 2]
        x = F.relu(self.halve_bands(x))  # [B, C, bands / 4, F / 2]
        x = self.join(x.flatten(1, 2).transpose(1, 2))  # [B, F / 2, D]
        for layer, norm in zip(self.recurrent, self.norms):
            x, _ = layer(self.thinned(norm(x)))  # [B, F / 2, 2 D]
        return self.output(self.thinned(self.norms[-1](x)))

    def thinned(self, x: Tensor) -> Tensor:
        """Dropout that silences the same units through a whole utterance (Gal and Ghahramani 2016, arXiv:1512.05287).
        float [B, T, D] -> the same shape."""
        return x * F.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), self.config.dropout, self.training)

    def forward(self, mel: Tensor, frames: Tensor | None = None) -> Tensor:
        """Log-probabilities of the K symbols at each step, the blank first.

        Args:
            mel: float [B, bands, F], as from `core.audio.mel`.  frames: int64 [B], how many of F are sound.
        Returns:
            float32 [B, T, K], T = ceil(F / 2): step t is about the sound around 25 t ms.
        """
        return self.scores(self.normalise(mel, frames)).float().log_softmax(dim=-1)

    def attach(self, files: dict[str, Path]) -> None:
        """Take the file that comes with the weights: the language model's."""
        from core.recognition.language import CharacterModel

        self.language_model = CharacterModel.from_bytes(files[LANGUAGE_FILE].read_bytes())
