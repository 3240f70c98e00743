"""Damaged files for the tests of faults: of every type that the site takes, changed by chance, and known tricks."""

from __future__ import annotations

import gzip
import io
import random
import struct
import subprocess
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

SOUNDS = ("wav", "flac", "ogg", "mp3", "aiff", "au", "caf")


@cache
def good() -> dict[str, bytes]:
    """One small file of each type that is as it should be."""
    t = np.arange(4_000) / 16_000
    x = (0.4 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    found = {}
    for kind in SOUNDS:
        out = io.BytesIO()
        soundfile.write(out, x, 16_000, format=kind)
        found[kind] = out.getvalue()
    made = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "-", "-c:a", "aac", "-f", "adts", "-"],
        input=found["wav"], capture_output=True, check=True,
    )  # fmt: skip
    found["aac"] = made.stdout
    notes = b"".join(b"\0\x90" + bytes([60 + k, 80]) + b"\x60\x80" + bytes([60 + k, 0]) for k in range(12))
    track = notes + b"\0\xff\x2f\0"
    found["mid"] = b"MThd" + struct.pack(">LHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">L", len(track)) + track
    return found


def damaged(count: int, kinds: tuple[str, ...], seed: int = 11) -> list[tuple[str, bytes]]:
    """(name, content) of files with bytes changed, cut out, put in, repeated, or cut off at the end."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        data = bytearray(good()[kind])
        for _ in range(chance.randrange(1, 7)):
            place = min(int(chance.expovariate(0.01)), len(data) - 1)  # mostly in the header
            what = chance.randrange(5)
            if what == 0:
                data[place] = chance.randrange(256)
            elif what == 1:
                del data[place : place + chance.randrange(1, 40)]
            elif what == 2:
                data[place:place] = chance.randbytes(chance.randrange(1, 20))
            elif what == 3:
                data[place:place] = data[place : place + 64] * chance.randrange(1, 9)
            elif len(data) > 20:
                del data[chance.randrange(12, len(data)) :]
        found.append((f"{number}.{kind}", bytes(data)))
    return found


def zip_bomb() -> bytes:
    """100 MB of zeros in a tenth of a megabyte."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("song.wav", bytes(100_000_000))
    return out.getvalue()


def tricks() -> list[tuple[str, bytes]]:
    """Files that are not what they say, with names that are more than names."""
    wav = good()["wav"]
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\nhttp://127.0.0.1:9/x.wav\n"
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"
    return [
        ("empty.wav", b""), ("text.wav", b"this is a text, not a sound"), ("bomb.wav", zip_bomb()),
        ("bomb.flac", gzip.compress(bytes(50_000_000))), ("list.m3u8", playlist), ("list.wav", playlist),
        ("page.html", b"<script>alert(1)</script>"), ("drawing.svg", svg),
        ("../../../etc/passwd.wav", b"x"), ("<img src=x onerror=alert(1)>.wav", b"x"), ("a" * 300 + ".wav", b"x"),
        ("CON.wav", b"x"), ("-i.wav", b"x"), ("$(touch hacked).wav", b"x"), ("\u202eavw.exe", b"x"),
        ("😀 노래.wav", b"x"), ("half.wav", wav[: len(wav) // 2]),
    ]  # fmt: skip


def proc(process: int, name: str) -> str:
    """A line of what Linux says of a process."""
    return next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith(name))
