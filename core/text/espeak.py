"""espeak-ng through its C library from PyPI (espeakng-loader): words to IPA, and text to sound with its phones.

phonemizer offers the first with many packages around it; a few C functions are all we need, called by ctypes.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import Any, NamedTuple

import numpy as np

from core.errors import PackageError

# speak_lib.h
_SYNCHRONOUS, _PHONEME_EVENTS, _DO_NOT_EXIT, _UTF8, _IPA = 2, 0x01, 0x8000, 1, 0x02
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_LIST_ENDS, _PHONEME = 0, 7  # espeak_EVENT_TYPE
_lock = threading.Lock()  # the library holds one voice for the whole process
_current = {"voice": ""}


class Phone(NamedTuple):
    """A phone that espeak said. name: its own, as "s-" for ㅆ, stress ' or , before it, "_..." for a pause.
    start_s: when it begins; it lasts to the next one."""

    name: str
    start_s: float

    @property
    def is_pause(self) -> bool:
        return self.name.startswith("_")


class _Value(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    """espeak_EVENT."""

    _fields_ = [
        ("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_position_ms", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", _Value),
    ]  # fmt: skip


_samples: list[np.ndarray] = []  # what was heard, int16, under the lock
_phones: list[tuple[str, int]] = []  # and which phones, with the first sample of each


def _hear(samples: Any, count: int, events: Any) -> int:
    """What the library calls with each piece of sound and its events; 0 asks for more."""
    if samples and count:
        _samples.append(np.ctypeslib.as_array(samples, (count,)).copy())
    i = 0
    while events and events[i].type != _LIST_ENDS:
        if events[i].type == _PHONEME:
            _phones.append((events[i].id.string.decode(), events[i].sample))
        i += 1
    return 0


# The library keeps a pointer to it, so it must live as long as the process.
_callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))(_hear)


@functools.lru_cache(maxsize=1)
def _library() -> tuple[ctypes.CDLL, int]:
    """The library, and the rate in Hz of what it says."""
    try:
        import espeakng_loader

        library = ctypes.CDLL(espeakng_loader.get_library_path())
        options = _DO_NOT_EXIT | _PHONEME_EVENTS
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), options)
    except (ImportError, OSError, RuntimeError) as error:
        raise PackageError(f"espeak-ng cannot be loaded ({error}): run `pip install espeakng-loader`.") from error
    if rate <= 0:
        raise PackageError("espeak-ng cannot be loaded (no data): run `pip install espeakng-loader`.")
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p,
        ctypes.c_void_p,
    ]  # fmt: skip
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    library.espeak_SetSynthCallback(_callback)
    return library, rate


def _choose(library: ctypes.CDLL, voice: str) -> None:
    """Set the voice, if it is not set already; under the lock."""
    if voice != _current["voice"]:
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise PackageError(f"espeak-ng has no voice {voice!r}: run `pip install espeakng-loader`.")
        _current["voice"] = voice


def ipa(text: str, *, voice: str = "en-us") -> list[str]:
    """IPA of a text, one string a phone, stress marks before their vowel: ipa("hello") -> ["h", "ə", "l", "ˈoʊ"].

    Args:
        text: a word or some, without a zero byte.  voice: espeak-ng's name of the language.
    Raises:
        PackageError: espeakng-loader is not installed, or does not know the voice.
    """
    out: list[str] = []
    with _lock:
        library, _ = _library()
        _choose(library, voice)
        rest = ctypes.c_char_p(text.encode())
        while rest.value:
            out.append(library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA | ord("_") << 8).decode())
    return [phone for phone in " ".join(out).replace(" ", "_").split("_") if phone]


def speak(
    text: str, *, voice: str = "en-us", rate_wpm: int = 175, pitch: int = 50, pitch_range: int = 50, seed: int = 0
) -> tuple[np.ndarray, int, list[Phone]]:
    """Say a text.

    Args:
        text: a sentence or some, without a zero byte.  voice: a language, or with a variant, "ko+f3".
        rate_wpm: 80 to 450 English words a minute.  pitch, pitch_range: 0 to 100, 50 as the voice was made.
        seed: of its noise. The flutter of its pitch goes on from what the process said before, so only the same
            sentences in the same order sound the same to the last bit.
    Returns:
        float32 [T] in [-1, 1], their rate in Hz, and the phones in the order of time, pauses among them.
    Raises:
        PackageError: espeakng-loader is not installed, or does not know the voice.
    """
    data = text.encode()
    with _lock:
        library, rate_hz = _library()
        _choose(library, voice)
        for parameter, value in ((_RATE, rate_wpm), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_ng_SetRandSeed(seed)
        _samples.clear()
        _phones.clear()
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        samples = np.concatenate([np.zeros(0, np.int16), *_samples]).astype(np.float32) / 32768
        return samples, rate_hz, [Phone(name, first / rate_hz) for name, first in _phones]
