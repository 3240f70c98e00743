"""Songs in folders, random remixing, songs that are rendered."""

from __future__ import annotations

import json

import numpy as np
import pretty_midi
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from core.errors import DataError
from core.separation import data, remix, render, train

RATE_HZ = 44_100
SOURCES = ("vocals", "drums", "bass", "other")
HERTZ = {"vocals": 2000, "drums": 6000, "bass": 100, "other": 700}


def tone(hertz: float, seconds: float, gain: float = 0.1) -> np.ndarray:
    n = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return np.stack([gain * np.sin(2 * np.pi * hertz * n)] * 2, axis=1)


def write(folder, parts, seconds=1.0, suffix="wav"):
    folder.mkdir(parents=True)
    for part in parts:
        soundfile.write(folder / f"{part}.{suffix}", tone(HERTZ[part], seconds), RATE_HZ)


@pytest.fixture
def songs(tmp_path):
    write(tmp_path / "1-one", SOURCES)
    write(tmp_path / "2-two", ("drums", "bass"), suffix="ogg")
    write(tmp_path / data.HELD_OUT, SOURCES)
    write(tmp_path / data.VALIDATION_SONG, SOURCES, seconds=47.0)
    return tmp_path


def test_held_out_songs_stay_out(songs):
    assert data.whole(data.load_stems(songs, SOURCES, RATE_HZ)[1], seconds=0.5).parts.shape == (4, 2, RATE_HZ // 2)
    parts = {part: data.load_stems(songs, SOURCES, RATE_HZ, part=part) for part in ("train", "validation", "test")}
    assert [[t.name for t in tracks] for tracks in parts.values()] == [
        ["1-one", "2-two", data.VALIDATION_SONG], [data.VALIDATION_SONG], [data.HELD_OUT]
    ]  # fmt: skip
    assert parts["validation"][0].samples == 45 * RATE_HZ and parts["train"][2].samples == 2 * RATE_HZ
    assert [stem is None for stem in parts["train"][1].stems] == [True, False, False, True]


def test_musdb18_in_folders_has_its_own_parts(tmp_path):
    for name in ("train/A - B", "train/Meaxic - Take A Step", "test/C - D"):
        write(tmp_path / name, SOURCES)
        soundfile.write(tmp_path / name / "mixture.wav", tone(50, 1), RATE_HZ)
    found = [
        [track.name for track in data.load_stems(tmp_path, SOURCES, RATE_HZ, part=part)]
        for part in ("train", "validation", "test")
    ]
    assert found == [["A - B"], ["Meaxic - Take A Step"], ["C - D"]]


def test_what_cannot_be_used_is_refused(songs, tmp_path):
    with pytest.raises(DataError, match="is not a folder"):
        data.load_stems(tmp_path / "none", SOURCES, RATE_HZ)
    with pytest.raises(DataError, match="No songs of the train part"):
        data.load_stems(songs / data.HELD_OUT, ("flute",), RATE_HZ)
    with pytest.raises(DataError, match="44100 Hz; the network wants 16000 Hz"):
        data.load_stems(songs, SOURCES, 16_000)
    with pytest.raises(DataError, match="a source that no song has"):
        remix.Remixer(data.load_stems(songs, (*SOURCES[1:3], "flute"), RATE_HZ), 1000)
    with pytest.raises(DataError, match="different sample rates"):
        tracks = [remix.Track("a", (remix.Recording(torch.zeros(1, 9000)),), rate) for rate in (1, 2)]
        remix.Remixer(tracks, 1000)


def test_a_mixture_has_of_each_source_what_was_drawn(songs):
    """Tones tell the sources apart, their frequencies the speed, their heights the gains."""
    tracks = data.load_stems(songs, SOURCES, RATE_HZ)
    remixer = remix.Remixer(tracks, RATE_HZ // 2, seed=3, channels=2)
    released = set()
    for _ in range(40):
        drawn = remixer.draw()
        parts = remixer.render(drawn)
        assert parts.shape == (4, 2, RATE_HZ // 2) and float(parts.sum(dim=0).square().mean()) == pytest.approx(0.01)
        for one, part, source in zip(drawn, parts, SOURCES):
            assert one.source == SOURCES.index(source) and tracks[one.track].stems[one.source] is not None
            peak = int(torch.fft.rfft(part[0]).abs().argmax()) * 2
            assert peak == pytest.approx(HERTZ[source] * one.speed, abs=3)
        rms = parts.square().mean(dim=(1, 2)).sqrt()
        if all(one.levelled for one in drawn):
            wanted = torch.tensor([10 ** (one.gain_db / 20) for one in drawn])
            torch.testing.assert_close(rms / rms[0], wanted / wanted[0], rtol=0.02, atol=0)
        if not any(one.levelled for one in drawn):
            assert len({(one.track, one.start, one.speed) for one in drawn}) == 1
        released.add(sum(one.levelled for one in drawn))
    assert {0, 4} <= released and released & {2}  # of one song; all of others; a song that lacks two


def test_parts_are_read_where_they_are_wanted(songs):
    wanted = tone(HERTZ["bass"], 1.0)
    for path in (songs / "1-one/bass.wav",):
        stem = remix.RecordingFile(path)
        np.testing.assert_allclose(stem.read(1000, 500).T, wanted[1000:1500], atol=1e-4)
        late = stem.read(stem.samples - 10, 30)
        assert late.shape == (2, 30) and float(late[:, 10:].abs().max()) == 0
    held = remix.Recording(torch.from_numpy((wanted.T * 32767).astype(np.int16)))
    np.testing.assert_allclose(held.read(1000, 500).T, wanted[1000:1500], atol=1e-4)


def test_silent_stretches_are_mostly_passed_over():
    """A part that sounds in a tenth of its song is heard in most mixtures all the same."""
    x = torch.zeros(1, 100_000)
    x[:, 50_000:60_000] = torch.randn(1, 10_000)
    track = remix.Track("a", (remix.Recording(x), remix.Recording(torch.randn(1, 100_000))), 1000)
    remixer = remix.Remixer([track, track], 2000, seed=0)
    heard = [float(remixer.render(remixer.draw())[0].abs().max()) > 0 for _ in range(200)]
    assert 0.18 < np.mean(heard) < 0.45  # 13 % of the places; a song as released is not tried again


def test_the_voices_of_mir1k_are_lent(tmp_path):
    stereo = np.stack([tone(300, 1.0)[:16_000, 0], tone(900, 1.0)[:16_000, 0]], axis=1)
    soundfile.write(tmp_path / "amy_1_01.wav", stereo, 16_000)
    track = data.voices(tmp_path, SOURCES, RATE_HZ)[0]
    assert [stem is None for stem in track.stems] == [False, True, True, True] and track.samples == RATE_HZ
    voice = track.stems[0].read(0, RATE_HZ)
    assert int(torch.fft.rfft(voice[0]).abs().argmax()) == pytest.approx(900 * 16_000 / 44_100, abs=1)


def test_two_steps_on_four_stems(songs, tmp_path, monkeypatch):
    from core.separation.model import PRESETS, BandConfig, MMDenseLSTMConfig

    band = BandConfig(65, 2, (2, 2, 2), (1, 1, 1), (0, 4, 0))
    tiny = MMDenseLSTMConfig(SOURCES, (band,), band, 2, 1, RATE_HZ, 128, 64, 2)
    monkeypatch.setitem(PRESETS, "4stems", tiny)
    write(tmp_path / "more/x", ("drums", "bass", "other"))
    run = tmp_path / "run"
    train.main(
        f"--preset 4stems --data {songs} --more {tmp_path / 'more'} --run {run} --steps 2 --batch 1 --seconds 0.1 "
        "--evaluate-every 2 --apart 1".split()
    )
    assert '"held_out_sdr"' in (run / "state.json").read_text()


def test_training_goes_on_from_shipped_weights(songs, tmp_path, monkeypatch):
    """The network begins as it was shipped, its statistics too; steps and commands are added to the card's."""
    from core.separation.model import BandConfig, MMDenseLSTM, MMDenseLSTMConfig

    band = BandConfig(65, 2, (2, 2, 2), (1, 1, 1), (0, 4, 0))
    shipped = MMDenseLSTM(MMDenseLSTMConfig(SOURCES, (band,), band, 2, 1, RATE_HZ, 128, 64, 2))
    shipped.set_statistics([torch.rand(2, 9, 65)])
    before = {name: value.clone() for name, value in shipped.state_dict().items()}
    card = {"steps": 7, "hours": 1.5, "training_command": "the first command"}
    monkeypatch.setattr(train.weights, "load", {"separation-4stems": shipped}.__getitem__)
    monkeypatch.setattr(train.weights, "card", {"separation-4stems": card}.__getitem__)
    run = tmp_path / "run"
    train.main(
        f"--preset 4stems --data {songs} --resume separation-4stems --run {run} --steps 2 --batch 1 --seconds 0.1 "
        "--learning-rate 1e-6".split()
    )
    state = json.loads((run / "state.json").read_text())
    assert state["step"] == 9 and state["hours"] > 1.5 and state["former_commands"] == ["the first command"]
    after = load_file(run / "model.safetensors")
    assert torch.equal(after["mean"], before["mean"]) and torch.equal(after["deviation"], before["deviation"])
    for name, _ in shipped.named_parameters():
        torch.testing.assert_close(after[name], before[name], atol=3e-6, rtol=0)


def test_musdb18_in_stems_files_is_read_by_the_musdb_package(tmp_path, monkeypatch):
    from core.separation import musdb
    from core.separation.model import PRESETS

    (tmp_path / "train").mkdir()
    (tmp_path / "train/A - B.stem.mp4").write_bytes(b"")
    asked = []
    monkeypatch.setattr(musdb, "tracks", lambda folder, *, part: asked.append((folder, part)) or [])
    assert train.songs_of(tmp_path, PRESETS["4stems"], "train") == [] and asked == [(tmp_path, "train")]


def test_stems_of_a_midi_file_add_up(tmp_path):
    """Which instrument goes where; bass and drums apart are the file played whole."""
    song = pretty_midi.PrettyMIDI()
    for program, drum, pitch in ((0, False, 60), (33, False, 36), (0, True, 38)):
        instrument = pretty_midi.Instrument(program, is_drum=drum)
        instrument.notes = [pretty_midi.Note(100, pitch, 0.5 + i / 2, 0.9 + i / 2) for i in range(4)]
        song.instruments.append(instrument)
    assert [render.stem_of(one) for one in song.instruments] == ["other", "bass", "drums"]
    parts = render.split(song)
    assert {stem: len(part.instruments) for stem, part in parts.items()} == {"drums": 1, "bass": 1, "other": 1}
    assert len(song.instruments) == 3
    (tmp_path / "no.mid").write_bytes(b"not MIDI")
    with pytest.raises(DataError, match="not a MIDI file"):
        render.rendered(tmp_path / "no.mid", tmp_path, 1.0)


def test_a_machine_plays_drums_and_bass(tmp_path):
    for name in ("bd_a", "sn_a", "drum_cymbal_closed", "perc_a", "bass_c"):
        shot = tone(60 if name == "bass_c" else 2000, 0.1) * np.linspace(1, 0, 4410)[:, None]
        soundfile.write(tmp_path / f"{name}.ogg", shot, RATE_HZ)
    one, again = (render.machine(tmp_path, 4.0, seed=1) for _ in range(2))
    assert set(one) == {"drums", "bass"} and all(np.array_equal(one[k], again[k]) for k in one)
    for stem, (low, high) in {"bass": (30, 130), "drums": (1500, 2500)}.items():
        assert one[stem].shape == (4 * RATE_HZ, 2) and np.abs(one[stem]).max() == pytest.approx(0.5, abs=1e-3)
        assert low < np.abs(np.fft.rfft(one[stem][:, 0])).argmax() / 4 < high
    with pytest.raises(DataError, match="no samples called"):
        render.machine(tmp_path / "..", 1.0, seed=0)
