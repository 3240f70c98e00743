"""Songs as visitors bring them, and their parts as files."""

from __future__ import annotations

import shutil
import subprocess
import zipfile

import numpy as np
import pytest
import soundfile
import torch

from core.errors import AudioError
from core.separation import files, song

RATE_HZ = 44_100


def noise(channels: int, seconds: float, rate: int = RATE_HZ) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal((int(rate * seconds), channels))).astype(np.float32)


def saved(tmp_path, x, rate=RATE_HZ, name="song.wav", **options):
    soundfile.write(tmp_path / name, x, rate, **options)
    return tmp_path / name


@pytest.mark.parametrize(("rate", "now"), [(8_000, 44_100), (44_100, 44_100), (48_000, 48_000), (192_000, 44_100)])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_becomes_one_that_browsers_play(tmp_path, rate, now, channels):
    found = song.load(saved(tmp_path, noise(channels, 0.2, rate), rate))
    assert found.x.shape == (channels, round(0.2 * now)) and found.sample_rate_hz == now
    assert (found.channels, found.file_rate_hz) == (channels, rate) and found.seconds == pytest.approx(0.2)


def test_eight_channels_are_folded_into_two(tmp_path):
    x = np.zeros((RATE_HZ, 8), dtype=np.float32)
    x[:, 2], x[:, 5] = noise(1, 1)[:, 0], -noise(1, 1)[:, 0]
    found = song.load(saved(tmp_path, x))
    assert found.x.shape == (2, RATE_HZ) and found.channels == 8
    wanted = x[:, 2] / 4 - (x[:, 2] / 4).mean()
    np.testing.assert_allclose(found.x[0], wanted, atol=1e-4)
    np.testing.assert_allclose(found.x[1], -wanted, atol=1e-4)


def test_a_constant_is_taken_out_and_clipping_is_let_in(tmp_path):
    x = np.clip(10 * noise(2, 0.5), -1, 1) * 0.5 + 0.4
    found = song.load(saved(tmp_path, x))
    assert float(found.x.mean(dim=1).abs().max()) < 1e-5 and float(found.x.abs().max()) > 0.4


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((RATE_HZ, 2)), "silent"),
        (np.full((RATE_HZ, 1), 0.5), "silent"),  # a constant
        (noise(1, 0.05), "at least 0.1 s"),
        (np.zeros((8_000 * 721, 1)), "at most 720 s"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(tmp_path, x, message):
    path = saved(tmp_path, x, 8_000 if len(x) > 10 * RATE_HZ else RATE_HZ)
    with pytest.raises(AudioError, match=message):
        song.load(path)
    with pytest.raises(AudioError, match="no sound"):
        song.load(None)


def test_twelve_minutes_of_stereo_are_taken(tmp_path):
    """Nothing is decoded before the length is known to be all right; here only the limits are looked at."""
    from core import sound_file

    assert 720 * 48_000 * 2 <= sound_file.MAX_VALUES and song.MAX_SECONDS == 720


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_the_sound_of_a_film_is_taken(tmp_path):
    saved(tmp_path, noise(2, 1.0))
    command = "ffmpeg -v error -f lavfi -i color=c=red:s=64x64:d=1 -i song.wav -c:a aac -shortest film.mp4"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    found = song.load(tmp_path / "film.mp4")
    assert found.x.shape[0] == 2 and found.seconds == pytest.approx(1, abs=0.1)


def test_pieces_and_wholes_hold_the_same_samples(tmp_path):
    out = files.StemFiles(tmp_path, ("vocals", "other"), channels=2, sample_rate_hz=RATE_HZ)
    x = torch.from_numpy(noise(2, 1.0).T.copy())
    pieces = [out.add({"vocals": part, "other": 20 * part}) for part in x.split(20_000, dim=1)]
    out.close()
    assert pieces[0] == ["0000-vocals.flac", "0000-other.flac"] and len(pieces) == 3
    joined = np.concatenate([soundfile.read(tmp_path / piece[0], dtype="int16")[0] for piece in pieces])
    whole, rate = soundfile.read(tmp_path / "vocals.flac", dtype="int16")
    assert np.array_equal(joined, whole) and rate == RATE_HZ
    np.testing.assert_allclose(whole / 32768, x.T, atol=2**-15)
    loud = soundfile.read(tmp_path / "other.flac")[0]
    assert 0.999 < np.abs(loud).max() <= 1.0 and np.array_equal(np.sign(loud[100]), np.sign(x[:, 100].numpy()))
    files.as_wav(tmp_path / "vocals.flac", tmp_path / "vocals.wav")
    assert np.array_equal(soundfile.read(tmp_path / "vocals.wav", dtype="int16")[0], whole)
    files.as_zip({"My song (vocals).flac": tmp_path / "vocals.flac"}, tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None and archive.namelist() == ["My song (vocals).flac"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("My Song.mp3", "My Song"), ("../../etc/passwd", "passwd"), ("C:\\music\\a.b.wav", "a.b".replace(".", "_")),
        ("노래 (1).flac", "노래 (1)"), ("<script>alert(1)</script>.mp3", "script"), ("🙂.ogg", "song"), ("", "song"),
        ("a" * 300 + ".wav", "a" * 60), ("...", "song"), ("x\n\ty.wav", "x__y"),
    ],
)  # fmt: skip
def test_names_are_made_harmless(name, wanted):
    assert files.sane(name) == wanted


def test_a_file_that_is_longer_than_its_header_says_is_read_as_far_as_it_says(tmp_path):
    path = saved(tmp_path, noise(2, 1.0))
    path.write_bytes(path.read_bytes() + bytes(100_000))
    assert song.load(path).x.shape == (2, RATE_HZ)
