"""The Music Transformer's data, training and sampling, on generated performances."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import torch

from core import sampling
from core.errors import DataError, SamplingError
from core.midi.events import NOTE_OFF, NOTE_ON, SET_VELOCITY, TIME_SHIFT, Notes, decode_notes, encode_notes
from core.transformer import data, measure, sample, train
from core.transformer.model import MusicTransformer, MusicTransformerConfig

TINY = train.PRESETS["tiny"]


def performance(seed: int, notes: int = 120) -> pretty_midi.PrettyMIDI:
    random = np.random.default_rng(seed)
    midi = pretty_midi.PrettyMIDI()
    player = pretty_midi.Instrument(0)
    start = 0.0
    for _ in range(notes):
        start += float(random.choice([0.1, 0.25, 0.5]))
        velocity, pitch = int(random.integers(40, 80)), int(random.integers(30, 100))
        player.notes.append(pretty_midi.Note(velocity, pitch, start, start + 0.3))
    midi.instruments.append(player)
    return midi


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """ASAP's layout: three works of which one is held out, a deadpan score, a broken file, no metadata needed."""
    places = ("Bach/Fugue/bwv_846/A.mid", "Chopin/Etudes_op_10/1/B.mid", "Chopin/Etudes_op_10/12/C.mid")
    for seed, name in enumerate(places):
        file = tmp_path / "asap" / name
        file.parent.mkdir(parents=True)
        performance(seed).write(str(file))
    performance(9).write(str(tmp_path / "asap/Bach/Fugue/bwv_846/midi_score.mid"))
    (tmp_path / "asap/Bach/Fugue/bwv_846/D.mid").write_bytes(b"MThd nothing")
    return tmp_path / "asap"


def test_whole_works_are_held_out(corpus: Path) -> None:
    heard, away = (data.load(corpus, held_out=held_out) for held_out in (False, True))
    assert [piece.name for piece in heard] == ["Bach/Fugue/bwv_846/A.mid", "Chopin/Etudes_op_10/1/B.mid"]
    assert [piece.name for piece in away] == ["Chopin/Etudes_op_10/12/C.mid"]
    assert data.is_held_out("Beethoven/Piano_Sonatas/17-1_no_repeat/X.mid")
    assert not data.is_held_out("Beethoven/Piano_Sonatas/1-1/X.mid")
    assert not data.is_held_out("Chopin/Ballades/1/X.mid") and data.is_held_out("Chopin/Ballades/4/X.mid")


def test_archive_folder_and_cache_give_the_same(corpus: Path, tmp_path: Path) -> None:
    packed = tmp_path / "asap.tar.xz"
    with tarfile.open(packed, "w:xz") as archive:
        archive.add(corpus, "asap")
    cache = tmp_path / "runs/notes.npz"
    first = data.load(corpus, held_out=False)
    for pieces in (data.load(packed, held_out=False, cache=cache), data.load(packed, held_out=False, cache=cache)):
        assert sorted(p.name for p in pieces) == [p.name for p in first]
        for one in first:
            same = next(p for p in pieces if p.name == one.name)
            assert all(np.array_equal(a, b) for a, b in zip(one.notes, same.notes))
    assert cache.exists()


def test_maestro_brings_its_own_split(tmp_path: Path) -> None:
    rows = ["canonical_composer,split,midi_filename"]
    for split in ("train", "validation", "test"):
        (tmp_path / "2004").mkdir(exist_ok=True)
        performance(1).write(str(tmp_path / f"2004/{split}.midi"))
        rows.append(f"Bach,{split},2004/{split}.midi")
    (tmp_path / "maestro-v3.0.0.csv").write_text("\n".join(rows))
    assert [p.name for p in data.load(tmp_path, held_out=False)] == ["2004/train.midi"]
    assert sorted(p.name for p in data.load(tmp_path, held_out=True)) == ["2004/test.midi", "2004/validation.midi"]


def test_nothing_to_train_with(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no MIDI performances"):
        data.load(tmp_path, held_out=False)
    with pytest.raises(DataError, match="neither a folder nor an archive"):
        data.load(tmp_path / "absent", held_out=False)
    piece = data.Piece("a/b.mid", Notes(np.array([0.0]), np.array([1.0]), np.array([60]), np.array([64])))
    with pytest.raises(DataError, match="--window"):
        next(data.batches([piece], batch=1, window=64, seed=0))
    with pytest.raises(DataError, match="--window"):
        data.windows([piece], window=64)


def test_augmentation_moves_pitches_and_times_and_nothing_else() -> None:
    notes = Notes(np.array([0.0, 1.0]), np.array([0.5, 3.0]), np.array([60, 108]), np.array([64, 64]))
    moved = decode_notes(data.augmented(notes, semitones=2, stretch=1.05))
    assert moved.pitch.tolist() == [62, 98]  # 110 is beyond the piano: an octave lower
    np.testing.assert_allclose(moved.start_s, [0, 1.05], atol=0.0051)
    np.testing.assert_allclose(moved.end_s, [0.525, 3.15], atol=0.0051)


def test_windows_are_cut_from_the_events_themselves(corpus: Path) -> None:
    pieces = data.load(corpus, held_out=True)
    ids = data.augmented(pieces[0].notes)
    rows = data.windows(pieces, window=64)
    for i, row in enumerate(rows):
        assert row.tolist() == ids[64 * i : 64 * i + 65].tolist()
    assert len(rows) == (len(ids) - 1) // 64
    drawn = next(data.batches(pieces, batch=3, window=64, seed=0, pool=8))
    assert drawn.shape == (3, 65) and drawn.dtype == torch.int64


@pytest.mark.parametrize("position", ["relative", "absolute"])
def test_training_ships_a_network_that_can_be_measured_and_resumed(corpus, tmp_path, monkeypatch, position) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--data", str(corpus), "--position", position, "--preset", "tiny", "--window", "64", "--batch", "2",
                 "--learning-rate", "1e-2", "--cache", "notes.npz", "--run", f"runs/transformer-{position}"]
    train.main([*arguments, "--steps", "2"])
    model, state = measure.of_run(Path(f"runs/transformer-{position}"), position, "tiny")
    assert state["step"] == 2 and state["evaluation"]["held_out_bits"] < np.log2(388) + 0.5
    monkeypatch.setattr(measure.weights, "FOLDER", tmp_path / "weights")
    found = measure.measure(model, data.load(corpus, held_out=True), limit=2)
    measure.ship(model, state, [measure.row("x", 1.0, "y")] + found)
    train.main([*arguments, "--steps", "1"])
    assert measure.of_run(Path(f"runs/transformer-{position}"), position, "tiny")[1]["step"] == 3
    train.main([*arguments[:-1], "runs/other", "--resume", f"transformer-{position}", "--steps", "1"])


def test_a_phrase_can_be_learnt_by_heart() -> None:
    torch.manual_seed(0)
    ids = torch.from_numpy(data.augmented(data.Piece("x", _scale()).notes))[None, :65]
    model = MusicTransformer(TINY)
    optimizer = train.optimizer_for(model, 5e-3)
    first = train.loss_of(model, ids).item()
    for _ in range(60):
        optimizer.zero_grad()
        train.step_loss(model, ids)
        optimizer.step()
    assert train.loss_of(model, ids).item() < 0.2 * first


def _scale(notes: int = 40) -> Notes:
    start = np.arange(notes) * 0.25
    return Notes(start, start + 0.2, 60 + np.arange(notes) % 12, np.full(notes, 64))


@pytest.fixture(scope="module")
def network() -> MusicTransformer:
    torch.manual_seed(1)
    return MusicTransformer(MusicTransformerConfig(width=32, layers=2, heads=2, hidden=64, length=48)).eval()


def test_cached_sampling_equals_the_whole_network_draw_by_draw(network) -> None:
    prompt, events = [SET_VELOCITY + 16, NOTE_ON + 60, TIME_SHIFT + 20], 30
    uniforms = sampling.uniforms_of(7, events)
    drawn = list(sample.generate(network, prompt, events=events, uniforms=uniforms, grammar=False))
    ids = list(prompt)
    with torch.inference_mode():
        for n in range(events):
            probabilities = sampling.distribution(network(torch.tensor([ids]))[0, -1])
            ids.append(int(sampling.draw(probabilities, uniforms[0, n])))
    assert drawn == ids[3:]


def test_sampling_goes_on_beyond_what_the_network_reaches(network) -> None:
    drawn = list(sample.generate(network, events=150, seed=3, grammar=False))
    assert len(drawn) == 150
    # After the past was full it is as if the network had begun with the last half of it.
    player = sample.Player(network, drawn[:48])
    player.hear(drawn[48:49])
    assert player.done == 24
    fresh = sample.Player(network, drawn[25:49])
    torch.testing.assert_close(player.logits, fresh.logits)


def test_the_grammar_lifts_only_what_is_down(network) -> None:
    free = list(sample.generate(network, events=200, seed=1, grammar=False))
    kept = list(sample.generate(network, events=200, seed=1, grammar=True))

    def wrong(ids: list[int]) -> int:
        down: set[int] = set()
        count = 0
        for event in ids:
            if event < NOTE_OFF:
                count += event in down
                down.add(event)
            elif event < TIME_SHIFT:
                count += event - NOTE_OFF not in down
                down.discard(event - NOTE_OFF)
        return count

    assert wrong(free) > 20 and wrong(kept) == 0
    assert not any(a >= SET_VELOCITY and b >= SET_VELOCITY for a, b in zip(kept, kept[1:]))


def test_the_melody_sounds_as_it_was_given(network) -> None:
    melody = _scale(12)
    drawn = list(sample.accompany(network, melody, seed=2))
    notes, given = decode_notes(drawn), decode_notes(encode_notes(*melody))
    played = {(round(s, 2), int(p)): round(e, 2) for s, e, p, _ in zip(*notes)}
    for s, e, p, _ in zip(*given):
        assert played[(round(s, 2), int(p))] == round(e, 2)
    own = {(round(s, 2), int(p)) for s, p in zip(given.start_s, given.pitch)}
    others = [(s, int(p)) for s, p in zip(notes.start_s, notes.pitch) if (round(s, 2), int(p)) not in own]
    assert others
    for s, p in others:  # below the melody's latest note
        latest = given.pitch[given.start_s <= s + 1e-6][-1]
        assert p < latest - 2


def test_sampling_says_what_is_wrong(network) -> None:
    with pytest.raises(SamplingError, match="at least one event"):
        next(sample.generate(network, []))
    with pytest.raises(SamplingError, match="1 to 20,000 events"):
        next(sample.generate(network, events=0))
    with pytest.raises(SamplingError, match="no upper voice"):
        next(sample.accompany(network, Notes(np.zeros(0), np.zeros(0), np.zeros(0, int), np.zeros(0, int))))


def test_the_command_writes_a_midi_file(network, tmp_path, monkeypatch) -> None:
    from core import weights

    monkeypatch.setattr(weights, "load", lambda name: network)
    performance(0).write(str(tmp_path / "primer.mid"))
    sample.main(["--primer", str(tmp_path / "primer.mid"), "--primer-events", "40", "--events", "40",
                 "--out", str(tmp_path / "made.mid")])  # fmt: skip
    made = pretty_midi.PrettyMIDI(io.BytesIO((tmp_path / "made.mid").read_bytes()))
    assert sum(len(one.notes) for one in made.instruments) > 3
