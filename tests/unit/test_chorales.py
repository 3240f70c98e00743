"""Chorales as rows of tokens, the split by content, their sampler, and what is measured: against slower ways."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.errors import DataError, MidiError, SamplingError
from core.sampling import Options, uniforms_of
from core.transformer import (
    chorales,
    chorales_corpus,
    chorales_figures,
    chorales_measure,
    chorales_sample,
    chorales_train,
)  # fmt: skip
from core.transformer.chorales import EDGE, IGNORED, REST, SILENT, VOCABULARY, Chorale
from core.transformer.model import MusicTransformer

BASES = np.array([70, 62, 55, 45])  # voices that never share a pitch, so that a token tells its voice


def chorale(seed: int, steps: int, name: str = "") -> Chorale:
    """Random lines that move every other sixteenth, by at most three semitones around their base."""
    rng = np.random.default_rng(seed)
    moves = rng.integers(-3, 4, size=((steps + 1) // 2, 4)).repeat(2, axis=0)[:steps]
    return Chorale(name or f"bwv{seed}", BASES + moves)


@pytest.fixture(scope="module")
def model() -> MusicTransformer:
    torch.manual_seed(0)
    found = MusicTransformer(replace(chorales_train.TINY, dropout=0.0)).eval()
    for p in found.parameters():
        p.data.mul_(3)  # so that its distributions are far from flat
    return found


def test_a_row_is_soprano_alto_tenor_bass_step_after_step():
    steps = np.array([[72, 67, 64, 48], [72, SILENT, 62, 36]])
    assert chorales.serialise(steps).tolist() == [36, 31, 28, 12, 36, REST, 26, 0]
    assert chorales.framed(steps)[[0, -1]].tolist() == [EDGE, EDGE]
    np.testing.assert_array_equal(chorales.deserialise(chorales.framed(steps)), steps)
    np.testing.assert_array_equal(chorales.deserialise([36, 31, 28, 12]), steps[:1])
    assert chorales.deserialise([EDGE]).shape == (0, 4)


@pytest.mark.parametrize(
    "steps", [[[72, 67, 64]], [72, 67, 64, 48], [[82, 67, 64, 48]], [[72, 67, 64, 35]], [[0.5] * 4]]
)
def test_what_is_no_chorale_is_refused(steps):
    with pytest.raises(MidiError):
        chorales.serialise(steps)


@pytest.mark.parametrize("ids", [[1, 2, 3], [1, EDGE, 2, 3], [-1, 1, 2, 3], [VOCABULARY, 1, 2, 3]])
def test_rows_that_are_no_chorale_are_refused(ids):
    with pytest.raises(MidiError):
        chorales.deserialise(ids)


def test_the_midi_sounds_as_the_steps_say():
    """pretty_midi's own piano roll, sampled in the middle of every sixteenth."""
    steps = chorale(3, 40).steps.copy()
    steps[10:14, 1] = SILENT
    midi = chorales.to_midi(steps, quarters_per_minute=60.0)
    assert [one.name for one in midi.instruments] == list(chorales.VOICES)
    for voice, instrument in enumerate(midi.instruments):
        roll = instrument.get_piano_roll(fs=8)[:, 1::2]  # [128, T], at 1/8, 3/8, ... of a second
        heard = [int(column.argmax()) if column.any() else SILENT for column in roll.T]
        assert heard == steps[:, voice].tolist()
        assert len(instrument.notes) == len([r for r in chorales.runs(steps[:, voice]) if r[0] != SILENT])


def test_a_voice_is_written_in_letters_and_read_again():
    line = chorales.parse_line("C5 d5:0.5, Eb5:1.5 | r:0.25 F#4")
    assert line.tolist() == [72] * 4 + [74] * 2 + [75] * 6 + [SILENT] + [66] * 4
    assert chorales.line_text(line) == "C5 D5:0.5 Eb5:1.5 r:0.25 F#4"
    assert chorales.parse_line("D♯5 B#3").tolist() == [75] * 4 + [60] * 4
    for one in chorales_corpus.examples():
        for voice in one.steps.T:
            np.testing.assert_array_equal(chorales.parse_line(chorales.line_text(voice)), voice)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no melody"), ("r:2 r", "no melody"), ("H4", "not a note"), ("<b>", "not a note"), ("C", "octave"),
     ("r4", "octave"), ("C5:0.3", "0.25"), ("C5:0", "0.25"), ("C5:9999", "0.25"), ("C9", "Pitch 120"),
     ("C5:30 C5:3", "longer than 32 quarters"), ("C5:1e9", "not a note"), ("C5 ٥", "not a note")],
)  # fmt: skip
def test_a_melody_that_cannot_be_read_says_what_to_mend(text, said):
    from demos._jobs import translate

    with pytest.raises(MidiError, match=said) as error:
        chorales.parse_line(text, most_steps=128)
    assert translate(str(error.value), "ko") != str(error.value)


def test_a_picture_shows_every_sounding_note():
    steps = chorale(3, 12).steps.copy()
    steps[4:6, 2] = SILENT
    nats = np.arange(48, dtype=np.float32).reshape(12, 4)
    words = {key: key for key in ("time", "pitch", *chorales.VOICES)} | {"nats": "{nats} nats"}
    figure = chorales_figures.settings({"A": (steps, nats), "B": (steps, None)}, words=words)
    assert len(figure.data) == 8
    for trace, voice in zip(figure.data, range(4)):
        drawn = {(x, y) for x, y in zip(trace.x, trace.y) if y is not None and x * 4 == int(x * 4)}
        assert drawn == {(i / 4, int(p)) for i, p in enumerate(steps[:, voice]) if p != SILENT}
        begins = [first for pitch, first, _ in chorales.runs(steps[:, voice]) if pitch != SILENT]
        assert {said.split(", ")[1] for said in trace.text} == {f"{nats[i, voice]:.2f} nats" for i in begins}


def test_batches_are_whole_rows_shifted_by_one_in_some_key():
    """Every row is a piece of a chorale, moved by one number; its places mean the same voice everywhere."""
    corpus = [chorale(seed, steps) for seed, steps in enumerate((12, 30, 70, 9))]
    limits = chorales.ranges(corpus)
    stream, again = (chorales.batches(corpus, batch=2, length=64, seed=4) for _ in range(2))
    seen: Counter[str] = Counter()
    ends = 0
    for _ in range(60):
        inputs, targets = next(stream)
        assert torch.equal(inputs, next(again)[0])
        assert inputs.shape == targets.shape and inputs.shape[1] <= 64
        for row, wanted in zip(inputs.numpy(), targets.numpy()):
            used = wanted != IGNORED
            np.testing.assert_array_equal(row[1:][used[1:]], wanted[:-1][used[1:]])
            ends += int((wanted == EDGE).any())
            sung = wanted[used & (wanted != EDGE)]
            pitches = sung[: len(sung) // 4 * 4].reshape(-1, 4) + chorales.LOWEST
            assert ((pitches >= limits[0]) & (pitches <= limits[1])).all()
            found = [one.name for one in corpus if any(_holds(one.steps, pitches, k) for k in range(-5, 7))]
            assert len(found) == 1
            seen[found[0]] += 1
    assert set(seen) == {one.name for one in corpus}
    assert seen["bwv2"] > 2 * seen["bwv0"] and ends > seen["bwv0"] + seen["bwv3"]  # the long one ends sometimes, too


def _holds(steps: np.ndarray, piece: np.ndarray, semitones: int) -> bool:
    """Whether the transposed chorale has this piece, beginning on a quarter."""
    moved = steps + semitones
    return any(np.array_equal(moved[i : i + len(piece)], piece) for i in range(0, len(moved), 4))


@pytest.mark.parametrize("steps", [1, 7, 16, 17, 24, 25, 100])
def test_windows_ask_for_every_token_once_with_enough_before_it(steps):
    one, length = chorale(1, steps), 64
    row, asked = chorales.serialise(one.steps), []
    for inputs, targets in chorales.windows(one.steps, length=length):
        assert len(inputs) <= length
        for place in np.flatnonzero(targets != IGNORED):
            asked.append(int(targets[place]))
            before = len(asked) - 1  # tokens of the row before this one
            seen = inputs[: place + 1]
            whole = [EDGE, *row[:before]]
            assert seen.tolist() == whole[len(whole) - len(seen) :]
            assert len(seen) == len(whole) or len(seen) > length // 2
    assert asked == row.tolist()


def test_nll_is_that_of_one_token_after_the_other(model):
    """Each token by a forward pass of its own on what stands before it in its window."""
    one = chorale(5, 20)
    row = [EDGE, *chorales.serialise(one.steps).tolist()]
    expected = []
    for n in range(1, len(row)):
        first = 0 if n <= 64 else 32
        logits = model(torch.tensor([row[first:n]]))[0, -1].detach().double()
        expected.append(float(torch.logsumexp(logits, 0) - logits[row[n]]))
    np.testing.assert_allclose(chorales_train.nll_of(model, one.steps).flatten(), expected, rtol=1e-4, atol=1e-4)


def test_generate_is_what_sampling_without_a_past_gives(model):
    """The naive way: the whole row again for every token, then inverse CDF in NumPy."""
    primer = chorale(7, 3).steps
    uniforms = uniforms_of(11, 24)
    row = chorales.serialise(primer).tolist()
    for u in uniforms[0].double().numpy():
        logits = model(torch.tensor([[EDGE, *row]]))[0, -1].detach().double().numpy() / 0.8
        if len(row) % 4:
            logits[EDGE] = -np.inf
        p = np.exp(logits - logits.max())
        token = int(np.searchsorted(np.cumsum(p / p.sum()), u, side="right"))
        if token == EDGE:
            break
        row.append(token)
    found = chorales_sample.generate(model, uniforms, primer=primer, options=Options(0.8))
    np.testing.assert_array_equal(found[: len(primer)], primer)
    assert chorales.serialise(found).tolist() == row[: len(row) // 4 * 4]
    assert len(chorales_sample.generate(model, uniforms_of(1, 64))) <= 16


def test_harmonising_keeps_the_soprano_and_counts_what_it_drew(model):
    """Costs against one pass of teacher forcing over the finished chorale; rows alone against rows together."""
    soprano = chorale(9, 10).steps[:, 0].copy()
    soprano[4] = SILENT
    uniforms = uniforms_of(5, 30, batch=3)
    found = chorales_sample.harmonise(model, soprano, uniforms, options=Options(0.9))
    for one in found:
        np.testing.assert_array_equal(one.steps[:, 0], soprano)
        row = torch.from_numpy(chorales.framed(one.steps))[:-1]
        logits = torch.log_softmax(model(row[None, :-1])[0], dim=-1)
        costs = -logits.gather(-1, row[1:, None])[:, 0].detach().reshape(-1, 4).numpy()
        np.testing.assert_allclose(one.nats[:, 1:], costs[:, 1:], atol=1e-4)
        assert not one.nats[:, 0].any()
    means = [float(one.nats.mean()) for one in found]
    assert means == sorted(means) and len({one.steps.tobytes() for one in found}) == 3
    alone = {chorales_sample.harmonise(model, soprano, uniforms[i : i + 1], options=Options(0.9))[0].steps.tobytes()
             for i in range(3)}  # fmt: skip
    assert alone == {one.steps.tobytes() for one in found}


def test_what_cannot_be_sampled_is_refused(model):
    with pytest.raises(SamplingError, match="17 sixteenths are more than the 16"):
        chorales_sample.harmonise(model, [70] * 17, uniforms_of(0, 51))
    with pytest.raises(SamplingError, match="more than the 16"):
        chorales_sample.generate(model, uniforms_of(0, 68))
    with pytest.raises(SamplingError, match="3 T uniforms"):
        chorales_sample.harmonise(model, [70] * 4, uniforms_of(0, 11))
    with pytest.raises(MidiError, match="Pitch 90"):
        chorales_sample.harmonise(model, [90] * 4, uniforms_of(0, 12))


def test_counting_against_a_dictionary():
    learned, held_out = [chorale(seed, 30) for seed in range(4)], [chorale(9, 25)]
    pairs: Counter[tuple[int, int, int]] = Counter()
    for one in learned:
        for voice in range(4):
            line = [EDGE, *chorales.pitch_tokens(one.steps[:, voice]).tolist()]
            pairs.update((voice, a, b) for a, b in zip(line, line[1:]))
    smooth = chorales_measure.SMOOTHING
    both, single = [], []
    for voice in range(4):
        line = [EDGE, *chorales.pitch_tokens(held_out[0].steps[:, voice]).tolist()]
        for a, b in zip(line, line[1:]):
            seen = sum(n for (v, x, _), n in pairs.items() if (v, x) == (voice, a))
            both.append(-math.log((pairs[voice, a, b] + smooth) / (seen + smooth * VOCABULARY)))
            now = sum(n for (v, _, y), n in pairs.items() if (v, y) == (voice, b))
            total = sum(n for (v, _, _), n in pairs.items() if v == voice)
            single.append(-math.log((now + smooth * VOCABULARY) / (total + smooth * VOCABULARY**2)))
    counts = chorales_measure.Counts(learned)
    assert counts.nll(held_out, bigram=True) == pytest.approx(float(np.mean(both)))
    assert counts.nll(held_out, bigram=False) == pytest.approx(float(np.mean(single)))


def test_the_difference_of_both_networks_is_paired_by_chorale(model):
    torch.manual_seed(2)
    other = MusicTransformer(replace(model.config, position="absolute")).eval()
    held_out = [chorale(seed, 8 + seed) for seed in range(5)]
    rows = chorales_measure.compared({"relative": model, "absolute": other}, held_out, "test")["relative"]
    found = {row.name: row.value for row in rows}
    gains = [float(chorales_train.nll_of(other, one.steps).mean() - chorales_train.nll_of(model, one.steps).mean())
             for one in held_out]  # fmt: skip
    assert found["absolute less relative (nats), mean over chorales"] == pytest.approx(np.mean(gains), abs=1e-5)
    assert found["its standard error"] == pytest.approx(np.std(gains, ddof=1) / 5**0.5, abs=1e-5)
    tokens = np.concatenate([chorales_train.nll_of(model, one.steps).numpy().ravel() for one in held_out])
    assert found["NLL (nats a token), relative"] == pytest.approx(tokens.mean(), abs=1e-5)


def test_a_score_becomes_what_sounds_at_each_sixteenth():
    def part(*notes):
        made = [
            SimpleNamespace(offset=at, pitches=[SimpleNamespace(midi=pitch)],
                            duration=SimpleNamespace(quarterLength=q, isGrace=False))
            for at, q, pitch in notes
        ]  # fmt: skip
        return SimpleNamespace(flatten=lambda: SimpleNamespace(notes=made), duration=SimpleNamespace(quarterLength=1.0),
                               partName=None)  # fmt: skip

    triplet = part((0, 1 / 3, 60), (1 / 3, 1 / 3, 62), (2 / 3, 1 / 3, 64))
    voices = [part((0, 1, 72)), part((0, 0.5, 67), (0.75, 0.25, 65)), triplet, part((0, 0.125, 48), (0.125, 0.875, 47))]
    found = chorales_corpus.grid(voices)
    assert found.tolist() == [[72, 67, 60, 48], [72, 67, 60, 47], [72, SILENT, 62, 47], [72, 65, 64, 47]]
    assert chorales_corpus.voices_of(SimpleNamespace(parts=voices)) == voices
    five = [SimpleNamespace(partName=name) for name in ("Horn 1", "Soprano\rOboe", "Alto", "Tenor", "Bass")]
    assert chorales_corpus.voices_of(SimpleNamespace(parts=five)) == five[1:]
    assert chorales_corpus.voices_of(SimpleNamespace(parts=five[:3])) is None


def test_a_setting_is_known_in_any_key_and_rhythm_and_kept_out_of_training():
    pieces = [chorale(seed, 60) for seed in range(6)]
    public = {"train": pieces[:3], "valid": pieces[3:4], "test": pieces[4:5]}
    ours = {f"bwv{i}": chorales.transposed(one.steps, i - 2).repeat(2, axis=0) for i, one in enumerate(pieces)}
    ours["other"] = np.column_stack([pieces[0].steps[:, :1], chorale(99, 60).steps[:, 1:]])  # its hymn, new harmonies
    found = chorales_corpus.match(public, ours)
    assert found == {"train": ["bwv0", "bwv1", "bwv2"], "valid": ["bwv3"], "test": ["bwv4"]}
    assert chorales_corpus.likeness(*(chorales_corpus.grams(ours[n]) for n in ("other", "bwv0"))) < 0.5
    twice = {**public, "train": [*pieces[:3], pieces[4]]}  # the standard split has a piece in train and in test
    ours["again"] = ours["bwv4"]
    found = chorales_corpus.match(twice, ours)
    assert found["train"] == ["bwv0", "bwv1", "bwv2"] and found["test"] in (["bwv4"], ["again"])


def test_the_shipped_split_has_every_chorale_in_one_part():
    table = chorales_corpus.split_table()
    names = [name for split in chorales.SPLITS for name in table[split]]
    assert len(set(names)) == len(names) and set(table["once"]) <= set(names)
    assert table["pieces"] == {"train": 229, "valid": 76, "test": 77}  # the standard split
    assert [len(table[split]) for split in chorales.SPLITS] == [223, 75, 77]
    assert all(name.startswith("bwv") for name in names)


def test_the_public_layout_is_read_and_others_are_refused(tmp_path):
    path = tmp_path / "Jsb16thSeparated.json"
    nan = float("nan")
    path.write_text(json.dumps({"train": [[[60, 57, 53, 48]]], "valid": [[[nan, 57, -1, 48]]], "test": []}))
    found = chorales.read(path)
    assert found["valid"][0].steps.tolist() == [[SILENT, 57, SILENT, 48]] and found["train"][0].name == "train 0"
    for content in ("{", "[]", '{"train": []}', '{"train": [[[1, 2]]], "valid": [], "test": []}',
                    '{"train": [[[99, 57, 53, 48]]], "valid": [], "test": []}',
                    '{"train": [["x"]], "valid": [], "test": []}'):  # fmt: skip
        path.write_text(content)
        with pytest.raises(DataError):
            chorales.read(path)
    with pytest.raises(DataError, match="pickled"):
        chorales.read(tmp_path / "Jsb16thSeparated.npz")
    with pytest.raises(DataError, match="chorales_corpus"):
        chorales.read(tmp_path / "none.json")


@pytest.mark.parametrize("position", chorales_train.POSITIONS)
def test_two_steps_of_the_command_and_what_ships_them(tmp_path, position):
    corpus = {
        split: [chorale(3 * i + k, 20).steps.tolist() for k in range(3)] for i, split in enumerate(chorales.SPLITS)
    }
    path, run = tmp_path / "chorales.json", tmp_path / "run"
    path.write_text(json.dumps(corpus))
    chorales_train.main(f"--preset tiny --position {position} --data {path} --run {run} --steps 2".split())
    found, state = chorales_measure.of_run(run)
    assert state["step"] == 2 and found.config.position == position
    held_out = chorales.read(path)["valid"]
    by_hand = np.concatenate([chorales_train.nll_of(found, one.steps) for one in held_out]).mean()
    assert state["evaluation"]["held_out_nll"] == pytest.approx(float(by_hand), abs=1e-4)
    with pytest.raises(SystemExit, match="--minutes"):
        chorales_train.main(f"--preset tiny --data {path}".split())


def test_one_batch_is_learnt():
    torch.manual_seed(0)
    model = MusicTransformer(replace(chorales_train.TINY, width=32, dropout=0.0)).train()
    batch = next(chorales.batches([chorale(seed, 14) for seed in range(2)], batch=2, length=64, seed=0))
    optimizer = chorales_train.optimizer_for(model, 3e-3)
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        losses.append(chorales_train.step_loss(model, batch))
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]
