"""Sound in and out, and the one definition of each representation that the project uses.

16 kHz mono; log-mel spectrograms of 80 bands from 0 to 8 kHz, window 1024, hop 200 (12.5 ms); mu-law codes.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from core.errors import AudioError, MelError
from core.sound_file import MAX_SECONDS, read

__all__ = [
    "HOP_SAMPLES", "MAX_SECONDS", "MAX_VOICE_SECONDS", "MEL_BANDS", "MEL_FLOOR", "MIN_VOICE_SECONDS",
    "SAMPLE_RATE_HZ", "WINDOW_SAMPLES", "Synthesis", "griffin_lim", "level_to", "load_voice", "magnitudes", "mel",
    "mu_law_decode", "mu_law_encode", "read", "resample", "to_int16", "wav_bytes",
]  # fmt: skip

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 200  # 12.5 ms
WINDOW_SAMPLES = 1024
MEL_BANDS = 80
MEL_FLOOR = 1e-5  # log(1e-5) = -11.5 is silence

MAX_VOICE_SECONDS = 30.0  # what the models are asked to speak
MIN_VOICE_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Synthesis:
    """What every speaker of the project returns; each method adds its own fields in a subclass.

    audio: float32 [T].  sample_rate_hz: samples per second.
    """

    audio: Tensor
    sample_rate_hz: int

    def __post_init__(self) -> None:
        if self.audio.dim() != 1 or self.audio.dtype != torch.float32:
            raise AudioError(f"A synthesis holds float32 [T], got {self.audio.dtype} {list(self.audio.shape)}.")

    @property
    def seconds(self) -> float:
        return self.audio.shape[0] / self.sample_rate_hz

    def wav(self) -> bytes:
        """The sound as a WAV file of 16 bits."""
        return wav_bytes(self.audio, self.sample_rate_hz)


def resample(x: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Change the sample rate, by soxr (a band-limited polyphase filter; nothing above the lower Nyquist stays).

    soxr and not torchaudio, so that reading works where torchaudio cannot be loaded. No gradient flows.

    Args:
        x: float [..., T].  from_hz, to_hz: sample rates.
    Returns:
        float32 [..., T'] with T' = T * to_hz / from_hz, rounded.
    Raises:
        AudioError: a rate that is not positive.
    """
    if from_hz <= 0 or to_hz <= 0:
        raise AudioError(f"Sample rates must be positive, got {from_hz} and {to_hz} Hz.")
    if from_hz == to_hz or x.numel() == 0:
        return x.float()
    import soxr

    flat = x.detach().cpu().float().reshape(-1, x.shape[-1])  # [N, T]
    out = soxr.resample(np.ascontiguousarray(flat.numpy().T), from_hz, to_hz, quality="HQ")  # [T', N]
    return torch.from_numpy(np.ascontiguousarray(out.T)).reshape(*x.shape[:-1], -1)


def load_voice(path: str | Path, *, max_seconds: float = MAX_VOICE_SECONDS) -> Tensor:
    """A voice as our models take it: mono (the mean of the channels), 16 kHz, levelled by `level_to`.

    A longer sound is refused, not trimmed: which half minute matters is the speaker's to say.

    Returns:
        float32 [T] at 16 kHz.
    Raises:
        AudioError: as `read`; silence; shorter than 0.1 s, longer than `max_seconds`.
    """
    x, rate = read(path, max_seconds=max_seconds)
    seconds = x.shape[1] / rate
    if seconds < MIN_VOICE_SECONDS:
        raise AudioError(f"The sound lasts {seconds:.3f} s; say something of at least {MIN_VOICE_SECONDS} s.")
    mono = resample(x.mean(dim=0), rate, SAMPLE_RATE_HZ)
    if float(mono.abs().max()) < 1e-4:  # -80 dBFS
        raise AudioError("The sound is silent: check the microphone and its level, then record again.")
    return level_to(mono)


def to_int16(x: Tensor) -> np.ndarray:
    """Samples as 16-bit integers, which players take as they are (float audio is re-levelled by Gradio).

    Args:
        x: float [..., T]; what leaves [-1, 1] is clipped.
    Returns:
        int16 [..., T], x times 32767, rounded.
    Raises:
        AudioError: x is not finite.
    """
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    scaled = (x.detach().cpu().float().clamp(-1, 1) * 32767).round()
    return scaled.to(torch.int16).numpy()


def wav_bytes(x: Tensor, sample_rate_hz: int) -> bytes:
    """A WAV file of 16 bits: float [T], or [C, T] -> bytes.

    Raises:
        AudioError: x is not finite, or of another shape.
    """
    if x.dim() not in (1, 2):
        raise AudioError(f"A WAV file holds [T] or [C, T], got {list(x.shape)}.")
    out = io.BytesIO()
    soundfile.write(out, to_int16(x).T, sample_rate_hz, format="WAV", subtype="PCM_16")
    return out.getvalue()


def mu_law_encode(x: Tensor, *, levels: int = 256) -> Tensor:
    """Quantise audio by mu-law companding.

    Source: van den Oord et al. 2016, section 2.2 (arXiv:1609.03499): f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu).

    Args:
        x: float [..., T], amplitude in [-1, 1].
        levels: number of codes, at least 2; mu = levels - 1.
    Returns:
        int64 [..., T], codes in [0, levels). levels // 2 is silence.
    Raises:
        AudioError: x is not finite, or leaves [-1, 1]; levels below 2.
    Differs from the paper: in nothing.
    """
    if levels < 2:
        raise AudioError(f"Mu-law needs at least 2 levels, got {levels}.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    if x.numel() and float(x.abs().max()) > 1.0 + 1e-4:
        raise AudioError("The sound leaves [-1, 1]; scale it down before mu-law coding.")
    mu = levels - 1
    companded = torch.sign(x) * torch.log1p(mu * x.abs()) / torch.log1p(torch.tensor(float(mu)))
    return ((companded + 1) / 2 * mu + 0.5).floor().clamp(0, mu).long()


def mu_law_decode(codes: Tensor, *, levels: int = 256) -> Tensor:
    """The amplitude in the middle of each mu-law code: the inverse of `mu_law_encode` up to quantisation.

    Args:
        codes: int64 [..., T] in [0, levels).
    Returns:
        float32 [..., T] in [-1, 1].
    """
    mu = levels - 1
    y = 2 * codes.float() / mu - 1
    return torch.sign(y) * torch.expm1(y.abs() * torch.log1p(torch.tensor(float(mu)))) / mu


@functools.lru_cache(maxsize=1)
def _mel_transform() -> torch.nn.Module:
    try:
        import torchaudio  # heavy, and absent in some environments: loaded on first use
    except (ImportError, OSError, RuntimeError) as error:
        raise AudioError(
            "torchaudio cannot be loaded here, and the mel spectrogram needs it: run `make setup`, which installs "
            f"the torch and torchaudio that belong together ({type(error).__name__})."
        ) from error

    return torchaudio.transforms.MelSpectrogram(
        sample_rate=SAMPLE_RATE_HZ, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES, n_mels=MEL_BANDS,
        f_min=0.0, f_max=8000.0, power=1.0, norm="slaney", mel_scale="slaney",
    )  # fmt: skip


def mel(x: Tensor) -> Tensor:
    """Log-mel spectrogram, the project's only one; frame f is centred on sample f * 200.

    Source: Shen et al. 2018, section 2.2 (arXiv:1712.05884): magnitudes, 80 bands, log after a floor.

    Args:
        x: float [B, T] or [T] at 16 kHz, T at least 513 (half a window, for the reflected edges).
    Returns:
        float [B, 80, F] or [80, F] with F = 1 + T // 200, natural logarithm.
    Raises:
        AudioError: x is shorter than half a window, or not finite.
    Differs from the paper: 0 to 8 kHz at 16 kHz with a 64 ms window, where the paper has 125 Hz to 7.6 kHz at
    24 kHz with 50 ms; floor 1e-5 as in public implementations (the paper: 0.01).
    """
    if x.shape[-1] <= WINDOW_SAMPLES // 2:
        raise AudioError(f"{x.shape[-1]} samples are too short for a spectrogram; use at least 0.04 s.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    return torch.log(torch.clamp(_mel_transform()(x.float()), min=MEL_FLOOR))


def level_to(x: Tensor, *, dbfs: float = -20.0, peak: float = 0.95) -> Tensor:
    """Scale to a root-mean-square level, but never above a peak: how every voice enters our models.

    Args:
        x: float [T].  dbfs: wanted RMS over the whole sound.  peak: largest allowed amplitude.
    Returns:
        float [T]; silence comes back as it is.
    """
    rms = float(x.double().square().mean().sqrt()) if x.numel() else 0.0
    if rms < 1e-6:
        return x
    gain = min(10 ** (dbfs / 20) / rms, peak / float(x.abs().max()))
    return x * gain


@functools.lru_cache(maxsize=1)
def mel_filters() -> np.ndarray:
    """The triangles of `mel`, as librosa computes them: float64 [80, 513]."""
    import librosa

    return librosa.filters.mel(
        sr=SAMPLE_RATE_HZ, n_fft=WINDOW_SAMPLES, n_mels=MEL_BANDS, fmin=0.0, fmax=8000.0, dtype=np.float64
    )


def magnitudes(mel: Tensor, *, steps: int = 10) -> np.ndarray:
    """Spectral magnitudes whose mel spectrogram is the given one, and which are smooth where it does not say.

    80 bands leave 513 bins open. Richardson-Lucy steps S <- S * W'(M / WS) / W'1 keep S positive and begin from M
    spread over its triangles. They come closer than least squares with the negative bins cut off.

    Source: Lee and Seung 2000, "Algorithms for non-negative matrix factorization", equation 5 with W fixed.

    Args:
        mel: float [80, F], natural logarithm, as from `mel`.  steps: updates.
    Returns:
        float32 [513, F].
    """
    filters = mel_filters()  # W: [80, 513]
    target = np.exp(mel.detach().cpu().double().numpy())  # M: [80, F]
    reach = filters.sum(axis=0)[:, None] + 1e-12  # W'1: [513, 1]; the outermost bins lie in no triangle
    estimate = filters.T @ (target / filters.sum(axis=1)[:, None]) / reach  # S: [513, F]
    for _ in range(steps):
        estimate *= filters.T @ (target / (filters @ estimate + 1e-12)) / reach
    return estimate.astype(np.float32)


def griffin_lim(mel: Tensor, *, iterations: int = 60, seed: int = 0) -> Tensor:
    """A waveform from a mel spectrogram with phases found by iteration: the vocoder that learns nothing.

    Source: Griffin and Lim 1984; with momentum 0.99, Perraudin et al. 2013 (librosa.griffinlim).

    Args:
        mel: float [80, F], F at least 2, natural logarithm, as from `mel`.
        iterations: of the phase search.  seed: of the phases it begins with.
    Returns:
        float32 [(F - 1) * 200] at 16 kHz, the same for the same seed.
    Raises:
        MelError: the mel has another shape, is not finite, or is far too loud.
    """
    if mel.dim() != 2 or mel.shape[0] != MEL_BANDS or mel.shape[1] < 2:
        raise MelError(f"The mel must be [{MEL_BANDS}, frames] with 2 frames or more, got {list(mel.shape)}.")
    if not bool(torch.isfinite(mel).all()) or float(mel.max()) > 20.0:
        raise MelError(
            "The mel holds NaN, infinity or values above 20: take the logarithm, as core.audio.mel does."
        )
    import librosa

    samples = (mel.shape[1] - 1) * HOP_SAMPLES
    x = librosa.griffinlim(
        magnitudes(mel), n_iter=iterations, hop_length=HOP_SAMPLES, win_length=WINDOW_SAMPLES, n_fft=WINDOW_SAMPLES,
        momentum=0.99, pad_mode="reflect", random_state=seed, length=samples,
    )  # fmt: skip
    return torch.from_numpy(x.astype(np.float32))
