"""Reading sounds: every format, every limit, and what is not a sound."""

import io
import math
import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sounds import speech_like, tone, write

from core import audio, sound_file
from core.errors import AudioError

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_wav_of_every_sample_type(tmp_path, subtype):
    x = np.stack([tone(), 0.5 * tone()], axis=1)  # [T, C]
    got, rate = audio.read(write(tmp_path / "a.wav", x, 22_050, subtype=subtype))
    assert rate == 22_050 and got.shape == (2, len(x)) and got.dtype == torch.float32
    np.testing.assert_allclose(got.T, x, atol=0.03 if subtype in ("PCM_U8", "ULAW", "ALAW") else 1e-4)


def correlation(a, b):
    """The largest normalised cross-correlation: 1 for the same sound, also when a codec has delayed it."""
    n = 1 << (len(a) + len(b)).bit_length()
    products = np.fft.irfft(np.fft.rfft(a, n) * np.conj(np.fft.rfft(b, n)))
    return float(products.max() / np.sqrt((a**2).sum() * (b**2).sum()))


@pytest.mark.parametrize("extension", ["flac", "mp3", "ogg", "aiff"])
def test_formats_of_libsndfile(tmp_path, extension):
    got, rate = audio.read(write(tmp_path / f"a.{extension}", tone()))
    assert rate == 16_000 and correlation(got[0].numpy(), tone()) > 0.98


@needs_ffmpeg
@pytest.mark.parametrize(
    ("extension", "codec"),
    [
        ("m4a", ["-c:a", "aac"]),
        ("aac", ["-c:a", "aac"]),
        ("webm", ["-c:a", "libopus"]),
        ("opus", ["-c:a", "libopus"]),
    ],
)
def test_formats_of_ffmpeg(tmp_path, extension, codec):
    source = write(tmp_path / "a.wav", tone(rate=48_000), 48_000)
    path = tmp_path / f"a.{extension}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *codec, path], check=True, stdin=subprocess.DEVNULL)
    got, rate = audio.read(path)
    assert rate == 48_000 and correlation(got[0].numpy(), tone(rate=48_000)) > 0.98


def test_the_content_counts_not_the_name(tmp_path):
    for name in ("sound.raw", "sound.txt", "sound.mp3", "sound"):
        path = tmp_path / name
        path.write_bytes(audio.wav_bytes(torch.from_numpy(tone()), 16_000))
        assert audio.read(path)[0].shape == (1, 8000)


STRANGE_NAMES = [
    "-rf.wav", "--version", "a b.wav", "it's \"quoted\".wav", "new\nline.wav", "한국어 소리.wav", "😀.wav", "$(id).wav",
    "`id`;id|id&.wav", "concat:a|b.wav", "http:x.wav", "%d.wav", "a" * 250, "*.wav", "\\x.wav",
    os.fsdecode(b"\xff\xfe.wav"),
]  # fmt: skip


@pytest.mark.parametrize("by_ffmpeg", [False, pytest.param(True, marks=needs_ffmpeg)])
@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_strange_names(tmp_path, monkeypatch, name, by_ffmpeg):
    monkeypatch.chdir(tmp_path)
    try:
        with open(name, "wb") as file:
            file.write(audio.wav_bytes(torch.from_numpy(tone()), 16_000))
    except OSError:
        pytest.skip("this file system does not take the name")
    if by_ffmpeg:
        wav = sound_file._ffmpeg_to_wav(sound_file._checked_path(name), "a", 60)
        assert soundfile.info(wav).samplerate == 16_000
    assert audio.read(name)[0].shape == (1, 8000)


def test_what_is_not_there(tmp_path):
    cases = {
        tmp_path / "none.wav": "no file none.wav",
        tmp_path: "is a folder",
        "a\0b.wav": "cannot be opened",
        "x" * 5000: "cannot be opened",
        "": "record one, upload one",
        None: "record one, upload one",
    }
    for path, message in cases.items():
        with pytest.raises(AudioError, match=message):
            audio.read(path)


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="device"):
        audio.read(tmp_path / "pipe.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    path.chmod(0)
    with pytest.raises(AudioError, match="may not be read"):
        audio.read(path)


def test_messages_show_a_harmless_name(tmp_path):
    path = tmp_path / "<img src=x onerror=alert(1)>.wav"
    path.write_bytes(b"")
    with pytest.raises(AudioError) as caught:
        audio.read(path)
    assert "<" not in str(caught.value) and "empty (0 bytes)" in str(caught.value)


NOT_AUDIO = {
    "text": b"This is a letter, not a sound.\n" * 50,
    "html": b"<!doctype html><title>404</title>" * 20,
    "zeros": bytes(5000),
    "one byte": b"R",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "riff without wave": b"RIFF\x24\0\0\0AVI " + bytes(40),
    "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile other.wav\n",
}


@pytest.mark.parametrize("kind", NOT_AUDIO)
def test_not_audio_at_all(tmp_path, kind):
    write(tmp_path / "other.wav", tone())  # a playlist must not lead to it
    path = tmp_path / "fake.wav"
    path.write_bytes(NOT_AUDIO[kind])
    with pytest.raises(AudioError, match=r"not a sound|ffmpeg|cut off"):
        audio.read(path)


def test_without_ffmpeg_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "voice.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(AudioError, match=r"apt install ffmpeg.*export the sound as WAV"):
        audio.read(path)
    assert audio.read(write(tmp_path / "a.flac", tone()))[1] == 16_000  # what libsndfile reads needs no ffmpeg


@pytest.mark.parametrize(
    ("script", "message"), [("exec sleep 30", "too long to decode"), ("exit 1", "not a sound")]
)
def test_an_ffmpeg_that_hangs_or_fails(tmp_path, monkeypatch, script, message):
    fake = tmp_path / "ffmpeg"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sound_file, "FFMPEG_TIMEOUT_S", 0.5)
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(AudioError, match=message):
        audio.read(tmp_path / "a.m4a")


@pytest.mark.parametrize("extension", ["wav", "flac", "aiff"])
@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_named_as_such(tmp_path, extension, fraction):
    path = write(tmp_path / f"a.{extension}", speech_like(2))
    path.write_bytes(path.read_bytes()[: int(fraction * path.stat().st_size)])
    with pytest.raises(AudioError, match="cut off"):
        audio.read(path)


@needs_ffmpeg
@pytest.mark.parametrize("faststart", [True, False])
def test_a_truncated_m4a(tmp_path, faststart):
    source, path = write(tmp_path / "a.wav", speech_like(3)), tmp_path / "a.m4a"
    flags = ["-movflags", "+faststart"] if faststart else []
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *flags, path], check=True, stdin=subprocess.DEVNULL)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"cut off|not a sound"):
        audio.read(path)


@pytest.mark.parametrize("extension", ["ogg", "mp3"])
def test_a_format_without_a_length_gives_what_is_there_or_an_error(tmp_path, extension):
    path = write(tmp_path / f"a.{extension}", speech_like(2))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        got, _ = audio.read(path)
        assert 0 < got.shape[1] < 32_000
    except AudioError as error:
        assert "cut off" in str(error)


def test_a_wav_written_through_a_pipe_is_whole(tmp_path):
    """Programs that cannot go back leave 0xFFFFFFFF for the length."""
    content = bytearray(audio.wav_bytes(torch.from_numpy(tone()), 16_000))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(content)
    assert audio.read(tmp_path / "a.wav")[0].shape == (1, 8000)


def test_a_header_without_sound(tmp_path):
    with pytest.raises(AudioError, match="no sound in it"):
        audio.read(write(tmp_path / "a.wav", np.zeros(0, np.float32)))


def silence(path, seconds):
    """A long file at 8 kHz, small where the format compresses it."""
    if path.suffix == ".m4a":
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "anullsrc=r=8000:cl=mono",
            "-t",
            str(seconds),
            path,
        ]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    else:
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            for _ in range(seconds // 60):
                file.write(np.zeros(60 * 8000, np.int16))


LONG = [("wav", 3600), ("flac", 3600), ("ogg", 660), pytest.param("m4a", 660, marks=needs_ffmpeg)]


@pytest.mark.parametrize(("extension", "seconds"), LONG)
def test_an_hour_is_refused_before_it_is_decoded(tmp_path, monkeypatch, extension, seconds):
    path = tmp_path / f"hour.{extension}"
    silence(path, seconds)
    decoded = []
    original = soundfile.SoundFile.read

    def count(self, *args, **options):
        result = original(self, *args, **options)
        decoded.append(len(result))
        return result

    monkeypatch.setattr(soundfile.SoundFile, "read", count)
    with pytest.raises(AudioError, match=r"hour.* lasts .*at most 600 s"):
        audio.read(path)
    with pytest.raises(AudioError, match=r"at most 30 s"):
        audio.load_voice(path)
    assert decoded == []  # the header was enough


def test_the_limit_is_a_limit(tmp_path):
    path = write(tmp_path / "a.wav", tone(2.0))
    assert audio.read(path, max_seconds=2.0)[0].shape == (1, 32_000)
    with pytest.raises(AudioError, match="at most 2 s"):
        audio.read(write(tmp_path / "b.wav", np.zeros(32_001, np.float32)), max_seconds=2.0)


@needs_ffmpeg
def test_a_flac_stream_of_unknown_length(tmp_path):
    path = write(tmp_path / "a.flac", tone(1.0))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # STREAMINFO: the 36 bits of the number of samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert audio.read(path)[0].shape == (1, 16_000)
    with pytest.raises(AudioError, match="at most"):
        audio.read(path, max_seconds=0.5)


def test_too_many_bytes(tmp_path):
    path = tmp_path / "a.wav"
    with path.open("wb") as file:
        file.truncate(300_000_000)  # a sparse file: takes no room
    with pytest.raises(AudioError, match="300 MB; at most 256 MB"):
        audio.read(path)


@pytest.mark.parametrize("rate", [1, 100, 3_999, 384_001, 2_000_000])
def test_unusual_sample_rates_are_refused(tmp_path, rate):
    with pytest.raises(AudioError, match=f"sample rate of {rate} Hz"):
        audio.read(write(tmp_path / "a.wav", tone(), rate))


@pytest.mark.parametrize("rate", [4_000, 11_025, 37_800, 192_000, 384_000])
def test_unusual_sample_rates_that_are_read(tmp_path, rate):
    got = audio.load_voice(write(tmp_path / "a.wav", tone(1.0, rate), rate))
    assert abs(got.shape[0] - 16_000) <= 1
    assert correlation(got.numpy(), tone(1.0)) > 0.99


def test_channels_are_averaged_by_load_voice(tmp_path):
    x = np.zeros((8000, 8), np.float32)
    x[:, 3] = tone()
    assert audio.read(write(tmp_path / "a.wav", x))[0].shape == (8, 8000)
    voice = audio.load_voice(tmp_path / "a.wav")
    assert voice.shape == (8000,)
    assert float(voice.square().mean().sqrt()) == pytest.approx(0.1, rel=1e-3)
    assert correlation(voice.numpy(), tone()) > 0.999


def test_too_many_channels(tmp_path):
    with pytest.raises(AudioError, match="100 channels"):
        audio.read(write(tmp_path / "a.wav", np.zeros((10, 100), np.float32)))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite(tmp_path, value):
    x = tone()
    x[100] = value
    with pytest.raises(AudioError, match="NaN"):
        audio.read(write(tmp_path / "a.wav", x, subtype="FLOAT"))


def test_amplitudes_of_integers_stored_as_floats(tmp_path):
    with pytest.raises(AudioError, match=r"reach 1\.64e\+04"):
        audio.read(write(tmp_path / "a.wav", 32768 * tone(), subtype="FLOAT"))


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_is_no_voice(tmp_path, level):
    path = write(tmp_path / "a.wav", level * tone(), subtype="FLOAT")
    assert audio.read(path)[0].shape == (1, 8000)  # but it can be read
    with pytest.raises(AudioError, match="silent"):
        audio.load_voice(path)


def test_voices_too_short_or_too_long(tmp_path):
    with pytest.raises(AudioError, match=r"at least 0\.1 s"):
        audio.load_voice(write(tmp_path / "a.wav", tone(0.05)))
    with pytest.raises(AudioError, match="at most 30 s"):
        audio.load_voice(write(tmp_path / "b.wav", tone(30.1)))


HEADERS = [
    b"", b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80>\0\0\0}\0\0\x02\0\x10\0data",
    b"RIFF\x40\0\0\0WAVEfmt \x10\0\0\0", b"fLaC\0\0\0\x22", b"OggS\0\x02", b"ID3\x04\0\0", b"\xff\xfb\x90\x44",
    b"FORM\0\0\1\0AIFFCOMM", b".snd\0\0\0\x18", b"\0\0\0\x20ftypM4A ", b"\x1aE\xdf\xa3", b"RF64", b"caff\0\1\0\0",
    b"riff",
]  # fmt: skip


def read_any(folder, content):
    """Reading random bytes gives a proper sound or an AudioError, nothing else."""
    path = folder / "fuzz.wav"
    path.write_bytes(content)
    try:
        x, rate = audio.read(path)
    except AudioError as error:
        assert len(str(error)) > 20
        return
    assert x.dim() == 2 and x.shape[1] > 0 and bool(torch.isfinite(x).all()) and 4_000 <= rate <= 384_000


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(st.sampled_from(HEADERS), st.binary(max_size=600))
@example(HEADERS[1], b"\x10\0\0\0" + bytes(range(32)))
def test_random_bytes_for_libsndfile(tmp_path, monkeypatch, header, rest):
    monkeypatch.setenv("PATH", "")
    read_any(tmp_path, header + rest)


@needs_ffmpeg
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(st.sampled_from(HEADERS), st.binary(min_size=50, max_size=600))
def test_random_bytes_for_ffmpeg(tmp_path, header, rest):
    read_any(tmp_path, header + rest)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(st.data())
def test_damaged_files(tmp_path, monkeypatch, data):
    monkeypatch.setenv("PATH", "")
    kind = data.draw(st.sampled_from(["wav", "flac", "ogg", "mp3", "aiff", "au", "caf"]))
    sound = io.BytesIO()
    soundfile.write(sound, tone(0.1), 16_000, format=kind)
    content = bytearray(sound.getvalue())
    for position, value in data.draw(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=8)):
        content[position % len(content)] = value
    read_any(tmp_path, bytes(content))


@needs_ffmpeg
def test_ffmpeg_stops_at_the_limit(tmp_path):
    """A decoder that is asked for one second writes about two, not the minute that is there."""
    path = tmp_path / "a.m4a"
    silence(path, 60)
    out = sound_file._ffmpeg_to_wav(path, "a.m4a", 1.0)
    assert 1.9 * 8000 * 4 < len(out.getvalue()) < 2.2 * 8000 * 4
