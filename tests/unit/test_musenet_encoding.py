"""The composer's tokens: music to tokens and back, against rows written by hand; the grammar by brute force."""

import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MidiError
from core.musenet import encoding, grammar
from core.musenet import vocabulary as v
from core.musenet.encoding import Note

PIANO, STRINGS, DRUMS = 0, v.NAMES.index("strings"), v.DRUMS


def tokens(text: str) -> list[int]:
    return [v.parse(word) for word in text.split()]


def test_the_vocabulary_is_below_a_thousand_and_every_name_finds_its_token() -> None:
    assert v.VOCABULARY < 1000
    names = [v.name(token) for token in range(v.VOCABULARY)]
    assert len(set(names)) == v.VOCABULARY
    assert [v.parse(name) for name in names] == list(range(v.VOCABULARY))
    # MIDI pitch 60 is C4, 69 is A4: 440 Hz.
    assert v.name(v.ON[PIANO, 60]) == "piano:C4" and v.name(v.OFF[STRINGS, 69]) == "strings:v0:A4"
    assert pretty_midi.note_number_to_name(33) == v.name(v.ON[PIANO, 33]).split(":")[1]
    for wrong in (-1, v.VOCABULARY):
        with pytest.raises(MidiError, match="0 to"):
            v.name(wrong)
    with pytest.raises(MidiError, match="write such as"):
        v.parse("piano:H9")


def test_a_bar_is_written_as_one_would_by_hand() -> None:
    music = [Note(PIANO, 60, 72, 1.0, 1.5), Note(PIANO, 64, 72, 1.0, 1.24), Note(PIANO, 60, 100, 1.5, 2.75)]
    row = encoding.encode_notes(music, "mozart")
    # Time begins with the first note; a key struck again is let go first; 1.25 s falls on 1.26 or 1.24.
    assert row[:-3] == tokens(
        "mozart +piano <start> v72 piano:C4 piano:E4 wait:240ms piano:v0:E4 wait:260ms piano:v0:C4 v104 piano:C4 "
        "wait:1000ms"
    )
    assert row[-3] in tokens("wait:240ms wait:260ms") and row[-2:] == tokens("piano:v0:C4 <end>")


def test_volume_is_a_token_only_where_it_changes() -> None:
    music = [Note(PIANO, 60 + i, velocity, i * 0.1, i * 0.1 + 0.1) for i, velocity in enumerate((64, 79, 80, 79, 1))]
    row = encoding.encode_notes(music, "liszt")
    assert [v.name(t) for t in row if v.VOLUME <= t < v.WAIT] == ["v72", "v88", "v72", "v8"]
    assert [n.velocity for n in encoding.decode_notes(row)] == [72, 72, 88, 72, 8]


notes = st.lists(
    st.tuples(
        st.sampled_from(range(len(v.INSTRUMENTS))), st.integers(36, 64), st.integers(1, 127),
        st.floats(0, 20), st.floats(0, 4),
    ).map(lambda n: Note(n[0], n[1], n[2], n[3], n[3] + n[4])),
    min_size=1, max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(notes)
def test_there_and_back(music: list[Note]) -> None:
    row = encoding.encode_notes(music, "bach")
    assert grammar.faults(row) == 0
    again = encoding.decode_notes(row)
    assert encoding.encode_notes(again, "bach") == row
    assert encoding.encode(encoding.decode(row), "bach") == row
    # Each onset of the music is there, within half a step of 20 ms and one bin of volume, and no other.
    zero = min(n.start_s for n in music)
    for n in music:
        near = [m for m in again if m[:2] == n[:2] and abs(m.start_s - (n.start_s - zero)) <= 0.01 + 1e-9]
        assert near and max(m.velocity for m in near) >= n.velocity // 16 * 16 + 8 - 1e-9
    for m in again:
        assert any(n[:2] == m[:2] and abs(m.start_s - (n.start_s - zero)) <= 0.01 + 1e-9 for n in music)
    # What sounds at a time sounds then in both, but for half a step at the edges and notes made a step long.
    for time in np.linspace(0.013, 23, 37):
        inside = {n[:2] for n in music if n[0] != DRUMS and n.start_s - zero + 0.031 < time < n.end_s - zero - 0.031}
        assert inside <= {m[:2] for m in again if m.start_s <= time <= m.end_s}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, v.VOCABULARY - 1), max_size=60))
def test_any_row_of_tokens_decodes(row: list[int]) -> None:
    found = encoding.decode_notes(row)
    read = row[: row.index(v.END)] if v.END in row else row
    assert len(found) == sum(bool(v.IS_ON[t]) for t in read)
    assert all(n.end_s > n.start_s for n in found)
    encoding.decode(row)


def test_a_token_out_of_range_is_named() -> None:
    with pytest.raises(MidiError, match=f"{v.VOCABULARY} is not one of"):
        encoding.decode([1, v.VOCABULARY])


def brute_allowed(row: list[int]) -> set[int]:
    """What the grammar's words say, by going through the row for every token."""
    body = row[next(i for i, t in enumerate(row) if t in (v.START, v.MIDDLE)) :]
    named = [t - v.INSTRUMENT for t in row if v.INSTRUMENT <= t < v.VOLUME]
    down = {t for i, t in enumerate(body) if v.IS_ON[t] and v.OTHER[t] >= 0 and v.OTHER[t] not in body[i:]}
    volumes = [t for t in body if v.VOLUME <= t < v.WAIT]
    last, may = body[-1], set()
    for t in range(v.VOCABULARY):
        if v.IS_ON[t]:
            fits = v.INSTRUMENT_OF[t] in named and t not in down
        elif v.IS_OFF[t]:
            fits = int(v.OTHER[t]) in down
        elif t >= v.WAIT:
            fits = last != v.START and not v.WAIT <= last < v.NOTE - 1
        elif t >= v.VOLUME:
            fits = not v.VOLUME <= last < v.WAIT and (len(body) == 1 or t != (volumes or [v.VOLUME + 4])[-1])
        else:
            fits = t == v.END and not down and last != v.START and not v.VOLUME <= last < v.WAIT
        if fits:
            may.add(t)
    return may


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_grammar_allows_what_its_words_say(data: st.DataObject) -> None:
    row = v.header("pop", ["piano", "drums"])
    for _ in range(data.draw(st.integers(0, 30))):
        may = np.flatnonzero(grammar.State(row).allowed())
        assert set(may.tolist()) == brute_allowed(row)
        choice = [t for t in may.tolist() if t != v.END and (not v.IS_ON[t] or v.PITCH_OF[t] in (40, 41, 42))]
        row.append(data.draw(st.sampled_from(choice)))
    assert grammar.faults(row) == 0


def test_the_grammar_of_a_header() -> None:
    state = grammar.State()
    assert set(np.flatnonzero(state.allowed())) == {v.composer_token(c) for c in v.COMPOSERS}
    state.push(v.parse("bach"))
    state.push(v.parse("+winds"))
    assert set(np.flatnonzero(state.allowed())) == set(tokens("+guitar +bass +drums <start> <middle>"))


def test_faults_are_counted() -> None:
    good = "pop +piano <start> v72 piano:C4 wait:500ms piano:v0:C4 <end>"
    assert grammar.faults(tokens(good)) == 0
    assert grammar.faults(tokens(good.replace("piano:v0:C4", "piano:v0:D4 piano:v0:C4"))) == 1
    assert grammar.faults(tokens(good.replace("piano:C4", "piano:C4 strings:C4 strings:v0:C4"))) == 1
    undeclared = tokens(good.replace("piano:C4", "piano:C4 strings:C4 strings:v0:C4"))
    assert grammar.faults(undeclared, declared_only=False) == 0


def test_a_row_is_taken_up_with_what_sounds() -> None:
    row = tokens("bach +piano +strings <start> v40 strings:C3 v72 piano:C4 piano:E4 wait:20ms piano:v0:C4 v104")
    again = grammar.resumed(grammar.State(row))
    assert again == tokens("bach +piano +strings <middle> v40 strings:C3 v72 piano:E4 v104")
    assert grammar.faults(again) == 0
    state = grammar.State(again)
    assert state.sounding == grammar.State(row).sounding and state.volume == 6


def test_what_cannot_be_encoded_says_how_to_mend_it() -> None:
    one = [Note(PIANO, 60, 72, 0.0, 1.0)]
    with pytest.raises(MidiError, match="choose one of bach"):
        encoding.encode_notes(one, "salieri")
    with pytest.raises(MidiError, match="choose from piano"):
        encoding.encode_notes(one, "bach", ["kazoo"])
    with pytest.raises(MidiError, match="declare an instrument"):
        encoding.encode_notes(one, "bach", ["strings"])
    with pytest.raises(MidiError, match="no notes"):
        encoding.notes(pretty_midi.PrettyMIDI())


def test_parts_find_their_instrument_and_the_pedal_holds() -> None:
    midi = pretty_midi.PrettyMIDI()
    for program, drum in ((0, False), (42, False), (73, False), (33, False), (0, True), (122, False)):
        part = pretty_midi.Instrument(program, is_drum=drum)
        part.notes = [pretty_midi.Note(80, 38, 0.0, 0.5)]
        midi.instruments.append(part)
    midi.instruments[0].control_changes = [
        pretty_midi.ControlChange(64, 127, 0.2), pretty_midi.ControlChange(64, 0, 1.7),
    ]  # fmt: skip
    found = encoding.notes(midi)
    assert [v.NAMES[n.instrument] for n in found] == ["piano", "strings", "winds", "bass", "drums"]  # no sea shore
    assert found[0].end_s == pytest.approx(1.7) and found[1].end_s == 0.5
    assert encoding.notes(midi, pedal=False)[0].end_s == 0.5
    low = pretty_midi.Instrument(73, name="flute")
    low.notes = [pretty_midi.Note(80, 10, 0, 1), pretty_midi.Note(80, 127, 0, 1)]
    midi.instruments = [low]
    assert [n.pitch for n in encoding.notes(midi)] == [34, 91]  # by octaves into 34 to 96
