"""MUSDB18 in both of its forms, made up and short: read, separated, judged; museval reads back what was written."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.errors import DataError
from core.separation import musdb, sisec

pytest.importorskip("museval", reason="pip install -r tests/requirements.txt")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="musdb asks ffprobe about every file")
pytestmark = needs_ffmpeg
RATE_HZ, SECONDS = 44_100, 3
SONGS = {"train": ("A - One", "ANiMAL - Rockshow"), "test": ("B - Three & a half", "C - Four")}


def made_up(seed: int) -> dict[str, np.ndarray]:
    """Four coloured noises [N, 2] and their sum, as 16 bits hold them."""
    generator = np.random.default_rng(seed)
    stems = {}
    for i, name in enumerate(musdb.STEMS):
        x = generator.standard_normal((SECONDS * RATE_HZ, 2))
        stems[name] = np.round(0.05 * (x + np.roll(x, i + 1, axis=0)) * 32768) / 32768
    return {"mixture": sum(stems.values()), **stems}


@pytest.fixture(scope="module")
def hq(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("musdb18hq")
    for i, (subset, name) in enumerate((subset, name) for subset, names in SONGS.items() for name in names):
        (folder / subset / name).mkdir(parents=True)
        for stem, x in made_up(i).items():
            soundfile.write(folder / subset / name / f"{stem}.wav", x, RATE_HZ, subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def mp4(hq, tmp_path_factory) -> Path:
    """The same as *.stem.mp4: AAC, the mixture first."""
    folder = tmp_path_factory.mktemp("musdb18")
    for subset, names in SONGS.items():
        (folder / subset).mkdir()
        for name in names:
            stems = sorted(musdb.STREAMS, key=lambda stem: musdb.STREAMS[stem])
            inputs = [part for stem in stems for part in ("-i", str(hq / subset / name / f"{stem}.wav"))]
            maps = [part for i in range(len(stems)) for part in ("-map", str(i))]
            out = str(folder / subset / f"{name}.stem.mp4")
            # without noise substitution, whose noise is another one after every jump
            subprocess.run(["ffmpeg", "-v", "error", *inputs, *maps, "-c:a", "aac", "-aac_pns", "0", out], check=True)
    return folder


def halves(mixture: torch.Tensor, rate_hz: int) -> dict[str, torch.Tensor]:
    """A bad separator: a quarter of the mixture, delayed, for every stem."""
    assert rate_hz == RATE_HZ
    return {name: torch.roll(mixture, i, dims=1) / (3 + i) for i, name in enumerate(musdb.STEMS)}


def test_parts_and_orders(hq):
    assert musdb.is_wav(hq)
    for part, names in (("train", SONGS["train"][:1]), ("validation", SONGS["train"][1:]), ("test", SONGS["test"])):
        assert tuple(track.name for track in musdb.tracks(hq, part=part)) == tuple(sorted(names))
    songs = musdb.load(hq, part="train")
    song = next(songs)
    assert next(songs, None) is None and song.parts.dtype == torch.float32 and song.sample_rate_hz == RATE_HZ
    wanted = np.stack([made_up(0)[name].T for name in musdb.STEMS])
    assert song.parts.numpy() == pytest.approx(wanted, abs=1e-6)
    track = musdb.tracks(hq, part="test", limit=1)[0]
    assert track.stems[2].read(1000, 50).numpy() == pytest.approx(made_up(2)["bass"].T[:, 1000:1050], abs=1e-6)


def test_a_stretch_of_a_stem_file_is_that_of_the_whole(mp4, hq):
    assert not musdb.is_wav(mp4)
    track = musdb.tracks(mp4, part="test", limit=1)[0]
    wavs = musdb.tracks(hq, part="test", limit=1)[0]
    assert abs(track.samples - SECONDS * RATE_HZ) <= 1024
    for stem, wav in zip(track.stems, wavs.stems):
        whole = stem.read(0, stem.samples)
        at = wav.read(0, stem.samples)
        assert np.corrcoef(whole.reshape(-1), at.reshape(-1))[0, 1] > 0.5  # AAC of noise; in time
        for start, count in ((0, 2000), (5000, 3000), (70_001, 4444), (stem.samples - 500, 1000)):
            stretch = stem.read(start, count)
            there = whole[:, start : start + count]
            assert stretch.shape == (2, count)
            assert float((stretch[:, : there.shape[1]] - there).abs().max()) < 1e-5
            assert not stretch[:, there.shape[1] :].any()
    assert not track.stems[0].read(track.samples + 10, 5).any()


def voice(mixture: torch.Tensor, rate_hz: int) -> dict[str, torch.Tensor]:
    """A bad separator of two stems, which are judged in a tenth of the time of four."""
    return {"vocals": 0.3 * mixture, "accompaniment": torch.roll(mixture, 1, dims=1)}


def test_four_stems_are_judged_and_museval_reads_the_scores(hq, tmp_path):
    import museval
    from museval import metrics

    (song, found), = musdb.measure(hq, halves, tmp_path / "halves", limit=1).items()
    assert found == json.loads((tmp_path / f"halves/test/{song}.json").read_text(encoding="utf-8"))
    store = museval.TrackStore(track_name=song)
    store.scores = found
    store.validate()
    table = musdb.rows("halves", song, found)
    assert {row[2] for row in table} == {*musdb.STEMS, "accompaniment"} and len(table) == 20
    assert all(row[5] == row[6] == SECONDS for row in table)

    sounds = made_up(2)  # accompaniment and vocals are judged against each other alone
    rest = sum(sounds[name] for name in musdb.STEMS[1:])
    given = {name: x.numpy().T.astype(float) for name, x in halves(torch.tensor(sounds["mixture"].T), RATE_HZ).items()}
    estimates = np.stack([given["vocals"], sum(given[name] for name in musdb.STEMS[1:])])
    sdr, _, sir, *_ = metrics.bss_eval(np.stack([sounds["vocals"], rest]), estimates, window=RATE_HZ, hop=RATE_HZ)
    for j, target in enumerate(("vocals", "accompaniment")):
        frames = next(one["frames"] for one in found["targets"] if one["name"] == target)
        assert [frame["metrics"]["SDR"] for frame in frames] == pytest.approx(sdr[j], abs=1e-3)
        assert [frame["metrics"]["SIR"] for frame in frames] == pytest.approx(sir[j], abs=1e-2)


def test_medians_are_those_of_museval(hq, tmp_path, capsys):
    import museval

    musdb.main(["--data", str(hq), "--out", str(tmp_path), "--model", "voice"], separator=voice)
    assert "accompaniment SAR: median over 2 songs" in capsys.readouterr().out
    files = sorted((tmp_path / "voice/test").glob("*.json"))
    assert [file.stem for file in files] == sorted(SONGS["test"])
    method = museval.MethodStore()
    method.add_eval_dir(str(tmp_path / "voice"))
    theirs = method.agg_frames_scores()
    for file in files:
        for name, track, target, metric, median, *_ in musdb.rows("voice", file.stem, json.loads(file.read_text())):
            assert float(median) == pytest.approx(theirs[name, track, target, metric], abs=1e-4)


def test_scores_that_are_there_are_kept(hq, tmp_path):
    calls = []

    def counted(mixture: torch.Tensor, rate_hz: int) -> dict[str, torch.Tensor]:
        calls.append(1)
        return voice(mixture, rate_hz)

    for _ in range(2):
        found = musdb.measure(hq, counted, tmp_path, limit=1)
    assert calls == [1]
    (scores,) = found.values()
    assert [target["name"] for target in scores["targets"]] == ["vocals", "accompaniment"]


def test_frames_without_a_score_do_not_count():
    frames = [{"metrics": dict.fromkeys(sisec.METRICS, value)} for value in (1.0, float("nan"), 2.0, 6.0)]
    table = musdb.rows("m", "t", {"targets": [{"name": "bass", "frames": frames}]})
    assert table[0] == ["m", "t", "bass", "SDR", "2.0000", 3, 4]
    table = musdb.rows("m", "t", {"targets": [{"name": "bass", "frames": frames[1:2]}]})
    assert table[3] == ["m", "t", "bass", "SAR", "", 0, 1]


def test_the_table_of_ours_joins_the_others(mp4, tmp_path, monkeypatch):
    for name in ("scores.csv.gz", "methods.csv"):
        shutil.copy(sisec.FOLDER / name, tmp_path)
    monkeypatch.setattr(sisec, "FOLDER", tmp_path)
    musdb.main(["--data", str(mp4), "--out", str(tmp_path / "out"), "--table"], separator=voice)
    assert len(sisec._rows(tmp_path / sisec.OURS)) == 2 * 8
    joined = sisec.read(tmp_path)
    assert joined.methods[-1].ours and joined.methods[-1].name == musdb.MODEL
    assert np.isnan(joined.values[-1]).all()  # these songs are not SiSEC's


def test_what_is_not_musdb_is_explained(hq, tmp_path):
    with pytest.raises(DataError, match="not MUSDB18"):
        musdb.tracks(tmp_path, part="test")
    with pytest.raises(DataError, match="has the parts"):
        musdb.tracks(hq, part="dev")
    with pytest.raises(SystemExit, match="--table"):
        musdb.main(["--data", str(hq), "--out", str(tmp_path), "--table"], separator=halves)
    track = musdb._of(hq, "test")[0]
    with pytest.raises(DataError, match="must give vocals"):
        musdb.evaluate(track, lambda x, rate_hz: {"bass": x}, tmp_path)
    with pytest.raises(DataError, match="ffmpeg cannot decode"):
        musdb.StemOfFile(tmp_path / "no.stem.mp4", 0, 10, RATE_HZ).read(0, 5)
