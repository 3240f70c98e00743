"""Reading sound files that anybody may have made: every limit, and every message about one, is here.

Use it as `core.audio.read`.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import torch
from torch import Tensor

from core.errors import AudioError

MAX_SECONDS = 600.0
MAX_FILE_BYTES = 256_000_000
MAX_VALUES = 72_000_000  # samples x channels: twelve minutes of stereo at 48 kHz, 288 MB as float32
SAMPLE_RATES_HZ = (4_000, 384_000)
MAX_CHANNELS = 64
FFMPEG_TIMEOUT_S = 60
# What ffmpeg may open for us. Playlists (hls, concat) are not here: they could name other files of this machine.
FFMPEG_FORMATS = "aac,aiff,amr,ape,asf,au,caf,flac,matroska,mov,mp3,ogg,wav,w64,wv"
ANOTHER_FORMAT = "export it as WAV, FLAC, MP3, OGG or M4A"


def read(path: str | Path, *, max_seconds: float = MAX_SECONDS) -> tuple[Tensor, int]:
    """Read a sound file: WAV, FLAC, MP3, OGG by soundfile (libsndfile), anything else, such as M4A, by ffmpeg.

    The length is looked up before anything is decoded, so an hour of audio is refused at once.

    Args:
        path: a file on this machine, under any name.
        max_seconds: the longest sound accepted.
    Returns:
        float32 [C, T] as stored, nominally in [-1, 1], and the sample rate in Hz.
    Raises:
        AudioError: no such file, empty, not audio, cut off, too long, too large, an unusual sample rate, NaN;
            or a format that needs ffmpeg where there is none.
    """
    path = _checked_path(path)
    name = _shown(path)
    with path.open("rb") as file:
        _check_whole(file, name)
        try:
            # A descriptor, not a name: libsndfile then goes by the content, whatever the file is called.
            sound = soundfile.SoundFile(file.fileno(), closefd=False)
        except (soundfile.SoundFileError, TypeError, ValueError):
            sound = None
        if sound is None or sound.frames >= 2**62:  # a FLAC stream that does not say how long it is
            sound = soundfile.SoundFile(_ffmpeg_to_wav(path, name, max_seconds))
        with sound:
            return _decode(sound, name, max_seconds), sound.samplerate


def _shown(path: Path) -> str:
    """A file's name, made harmless for a message that a web page shows."""
    return re.sub(r"[^\w .()-]", "?", path.name)[:60] or "the file"


def _checked_path(path: str | Path) -> Path:
    """An absolute path to a regular file of acceptable size, or AudioError."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise AudioError("There is no sound: record one, upload one or choose a sample first.")
    try:
        path = Path(path).absolute()
        status = path.stat()
    except FileNotFoundError:
        raise AudioError(f"There is no file {_shown(Path(path))}: check the name, or upload it again.") from None
    except (OSError, ValueError) as error:  # no permission, a name too long, a name with a zero byte
        raise AudioError(
            f"The sound cannot be opened ({type(error).__name__}): check its name and rights."
        ) from None
    name = _shown(path)
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"{name} is a folder or a device: choose a sound file inside it.")
    if status.st_size == 0:
        raise AudioError(f"{name} is empty (0 bytes): record or export it again.")
    if status.st_size > MAX_FILE_BYTES:
        raise AudioError(
            f"{name} has {status.st_size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB are taken. "
            "Cut out the part you need, or export it as FLAC or MP3."
        )
    if not os.access(path, os.R_OK):
        raise AudioError(f"{name} may not be read: change its rights, or upload it again.")
    return path


def _check_whole(file: BinaryIO, name: str) -> None:
    """Raise AudioError for a WAV or AIFF file that holds less than its header promises."""
    head = file.read(8)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if head[:4] not in (b"RIFF", b"FORM"):
        return
    promised = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big") + 8
    streamed = promised > 0xFFFF_F000  # written without knowing the length, as through a pipe: no promise
    if not streamed and size < promised - 64:
        raise _cut_off(name, size / promised)


def _cut_off(name: str, fraction: float | None = None) -> AudioError:
    part = "" if fraction is None else f" after {100 * fraction:.0f} % of its length"
    return AudioError(f"{name} is cut off{part}: copy or download it again, or {ANOTHER_FORMAT}.")


def _ffmpeg_to_wav(path: Path, name: str, max_seconds: float) -> io.BytesIO:
    """Decode by ffmpeg, at most a second more than is allowed; it may open sound files of this machine only."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise AudioError(
            f"{name} is not WAV, FLAC, MP3 or OGG, and ffmpeg, which reads other formats, is not installed: "
            "install ffmpeg (apt install ffmpeg, brew install ffmpeg), or export the sound as WAV."
        )
    command = [
        ffmpeg, "-nostdin", "-v", "error", "-threads", "1",
        "-protocol_whitelist", "file,pipe", "-format_whitelist", FFMPEG_FORMATS,
        "-i", f"file:{path}", "-map", "0:a:0", "-t", str(max_seconds + 1), "-fs", str(4 * MAX_VALUES + 4096),
        "-c:a", "pcm_f32le", "-f", "wav", "pipe:1",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=FFMPEG_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise AudioError(f"{name} takes too long to decode: {ANOTHER_FORMAT}.") from None
    except OSError as error:
        raise AudioError(f"ffmpeg cannot be started ({type(error).__name__}): export {name} as WAV.") from None
    if b"partial file" in done.stderr:
        raise _cut_off(name)
    if done.returncode != 0 or len(done.stdout) < 100:
        raise AudioError(f"{name} is not a sound that can be read: {ANOTHER_FORMAT}.")
    return io.BytesIO(done.stdout)


def _decode(sound: soundfile.SoundFile, name: str, max_seconds: float) -> Tensor:
    """All samples of an opened file, float32 [C, T], after checking what its header says."""
    rate, channels = sound.samplerate, sound.channels
    low, high = SAMPLE_RATES_HZ
    if not low <= rate <= high:
        raise AudioError(f"{name} has a sample rate of {rate} Hz; {low} to {high} Hz are read. Resample it first.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"{name} has {channels} channels; at most {MAX_CHANNELS} are read. Mix it down first.")
    if sound.frames > max_seconds * rate:
        raise _too_long(name, sound.frames / rate, max_seconds)
    limit = min(int(max_seconds * rate), MAX_VALUES // channels) + 1
    try:
        samples = sound.read(frames=min(sound.frames, limit), dtype="float32", always_2d=True)  # [T, C]
    except (soundfile.SoundFileError, MemoryError):
        raise _cut_off(name) from None
    if len(samples) >= limit:
        raise _too_long(name, len(samples) / rate, (limit - 1) / rate)
    if len(samples) < 0.98 * sound.frames - 4096:
        raise _cut_off(name, len(samples) / sound.frames)
    if len(samples) == 0:
        raise AudioError(f"{name} has a header but no sound in it, or is cut off: record or export it again.")
    x = torch.from_numpy(np.ascontiguousarray(samples.T))
    if not bool(torch.isfinite(x).all()):
        raise AudioError(f"{name} contains NaN or infinity; export it again from the program that made it.")
    if float(x.abs().max()) > 100.0:
        raise AudioError(
            f"The amplitudes of {name} reach {float(x.abs().max()):.3g}; scale them to [-1, 1] first."
        )
    return x


def _too_long(name: str, seconds: float, max_seconds: float) -> AudioError:
    return AudioError(
        f"{name} lasts {seconds:.0f} s or more; at most {max_seconds:.0f} s are taken. Cut out the part you need."
    )
