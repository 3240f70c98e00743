"""Sounds that the tests of reading and representing share."""

import numpy as np
import soundfile


def tone(seconds=0.5, rate=16_000, hz=440.0, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def speech_like(seconds=1.0, seed=0):
    """Harmonics of a gliding pitch under a slow envelope, with some noise: float32 [T] at 16 kHz."""
    t = np.arange(round(seconds * 16_000)) / 16_000
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 1.5 * t)) / 16_000
    x = sum(np.sin(k * phase) / k for k in range(1, 30)) * (0.3 + 0.2 * np.sin(2 * np.pi * 3 * t))
    return (0.3 * x + 0.005 * np.random.default_rng(seed).standard_normal(t.size)).astype(np.float32)


def write(path, x, rate=16_000, **options):
    soundfile.write(path, x, rate, **options)
    return path


UNUSABLE = ("nothing", "silence", "nan", "empty", "text")


def unusable(folder, kind):
    """What a visitor may bring that is no sound: the path of a file, None for no file at all."""
    path = folder / "a.wav"
    {
        "nothing": lambda: None, "empty": lambda: path.write_bytes(b""), "text": lambda: path.write_text("No." * 99),
        "silence": lambda: soundfile.write(path, np.zeros(8000), 8000),
        "nan": lambda: soundfile.write(path, np.full(8000, np.nan), 8000, subtype="FLOAT"),
    }[kind]()  # fmt: skip
    return None if kind == "nothing" else str(path)
