"""MIDI files of the wild: each is mended by name or refused with a message that is there in Korean, too."""

import io
import random
import re
import struct
import time

import mido
import numpy as np
import pretty_midi
import pytest

from core import midi
from core.errors import DataError, MidiError
from core.midi import collection, events, files
from core.midi.files import Limits
from demos._jobs import translate


def number(n):
    out = [n & 127]
    while n := n >> 7:
        out.append(128 | n & 127)
    return bytes(reversed(out))


def track(*rows, end=True, length=None):
    body = b"".join(number(wait) + event for wait, event in rows) + (b"\x00\xff\x2f\x00" if end else b"")
    return b"MTrk" + struct.pack(">L", len(body) if length is None else length) + body


def header(kind=1, count=1, division=100):
    return b"MThd" + struct.pack(">LHHH", 6, kind, count, division)


def on(key, loud=64, channel=0):
    return bytes((0x90 | channel, key, loud))


def off(key, channel=0):
    return bytes((0x80 | channel, key, 0))


def tempo(beat_us):
    return b"\xff\x51\x03" + beat_us.to_bytes(3, "big")


NOTE = [(0, on(60)), (100, off(60))]  # a beat of 0.5 s, by default
PLAIN = header() + track(*NOTE)


def heard(score):
    return sorted(
        (round(n.start, 3), round(n.end, 3), n.pitch) for one in score.midi.instruments for n in one.notes
    )  # fmt: skip


def in_korean(text):
    return re.search("[가-힣]", translate(text, "ko")) is not None


def refused(data, says, **limits):
    with pytest.raises(MidiError, match=says) as caught:
        files.read(data, limits=Limits(**limits))
    assert in_korean(str(caught.value)), caught.value


def repairs(data, *said, **limits):
    score = files.read(data, limits=Limits(**limits))
    assert len(score.repairs) == len(said), score.repairs
    for text, part in zip(score.repairs, said):
        assert part in text and in_korean(text), text
    return score


def test_a_good_file_is_read_without_a_word():
    score = repairs(PLAIN)
    assert heard(score) == [(0.0, 0.5, 60)] and (score.format, score.notes, score.seconds) == (1, 1, 0.5)


def test_the_three_formats():
    low = track((0, tempo(1_000_000)), *NOTE)
    high = track((0, on(72)), (50, off(72)))
    assert heard(repairs(header(0, 1) + low)) == [(0, 1, 60)]
    assert heard(repairs(header(1, 2) + low + high)) == [(0, 0.5, 72), (0, 1, 60)]
    # Independent pieces: the second begins when the first is over, at its own tempo.
    in_turn = repairs(header(2, 2) + low + high, "Format 2 holds 2")
    assert heard(in_turn) == [(0, 1, 60), (pytest.approx(1.01, abs=0.02), pytest.approx(1.26, abs=0.02), 72)]
    assert heard(repairs(header(7, 1) + track(*NOTE), "Format 7 does not exist")) == [(0, 0.5, 60)]


def test_running_status_goes_on_through_meta_events():
    body = [(0, on(60)), (0, b"\x40\x40"), (0, b"\xff\x01\x02hi"), (100, b"\x3c\x00"), (0, b"\x40\x00")]
    assert heard(repairs(header() + track(*body))) == [(0, 0.5, 60), (0, 0.5, 64)]


def test_a_riff_wrapper_is_taken_off():
    wrapped = b"RIFF" + struct.pack("<L", len(PLAIN) + 12) + b"RMIDdata" + struct.pack("<L", len(PLAIN)) + PLAIN
    assert heard(repairs(wrapped, "RIFF")) == [(0, 0.5, 60)]
    assert heard(repairs(b"\0" * 128 + PLAIN, "128 bytes")) == [(0, 0.5, 60)]


def test_tempos_that_nobody_can_play_are_left_out():
    score = repairs(header() + track((0, tempo(0)), *NOTE[:1], (50, tempo(1)), (50, off(60))), "left out: 2")
    assert heard(score) == [(0, 0.5, 60)]


def test_tempos_of_later_tracks_count():
    score = repairs(header(1, 2) + track(*NOTE) + track((0, tempo(1_000_000))), "were moved")
    assert heard(score) == [(0, 1, 60)]


def test_film_frames_are_seconds():
    # 25 frames a second, 40 ticks a frame: a tick is a millisecond, whatever the tempo says.
    division = struct.unpack(">H", bytes((256 - 25, 40)))[0]
    score = repairs(header(0, 1, division) + track((0, tempo(9_000)), *NOTE), "SMPTE")
    assert heard(score) == [(0, 0.1, 60)]


def test_notes_that_never_end_are_ended():
    endless = header() + track((0, on(60)), (50, on(64)), (150, off(64)))
    score = repairs(endless, "never end were ended with the piece: 1")
    assert heard(score) == [(0, 1, 60), (0.25, 1, 64)]
    assert heard(repairs(header() + track((0, on(60))), "never end")) == [(0, 0.5, 60)]


def test_notes_without_a_length_are_kept():
    score = repairs(header() + track((100, on(60)), (0, off(60)), (100, on(62)), (100, off(62))), "without a length")
    assert heard(score) == [(0.5, 0.505, 60), (1, 1.5, 62)]


def test_what_breaks_off_is_read_up_to_there():
    whole = header(1, 2) + track(*NOTE, (0, on(62)), (100, off(62))) + track((0, on(72)), (100, off(72)))
    assert (0.0, 1.0, 72) in heard(repairs(whole[:-8], "Track 2 is damaged", "never end"))
    damaged = header() + track(*NOTE, (0, b"\xf5\x00"), (0, on(62)))
    assert heard(repairs(damaged, "Track 1 is damaged")) == [(0, 0.5, 60)]
    loud = header() + track(*NOTE, (0, b"\x90\x3c\xff"))
    assert heard(repairs(loud, "Track 1 is damaged")) == [(0, 0.5, 60)]


@pytest.mark.parametrize("length", [0, 3, 500, 2**32 - 1])
def test_a_track_that_lies_about_its_length_is_read_to_its_end(length):
    data = header(1, 2) + track(*NOTE, length=length) + track((0, on(72)), (100, off(72)))
    score = repairs(data, "not what the file")
    assert heard(score) == [(0, 0.5, 60), (0, 0.5, 72)]


def test_small_oddities_are_no_matter():
    unknown = b"XFIH" + struct.pack(">L", 4) + b"abcd"
    assert heard(repairs(header(1, 9) + unknown + track(*NOTE) + b"\0" * 7)) == [(0, 0.5, 60)]
    assert heard(repairs(header() + track(*NOTE, end=False))) == [(0, 0.5, 60)]
    key_of_nonsense, metre_of_nonsense = b"\xff\x59\x02\x63\x09", b"\xff\x58\x04\x00\xff\x18\x08"
    exclusive = b"\xf0\x03\x7e\x09\xf7"
    odd = [(0, key_of_nonsense), (0, metre_of_nonsense), (0, exclusive), (0, b"\xf8"), (0, b"\xa0\x3c\x40")]
    assert heard(repairs(header() + track(*odd, *NOTE))) == [(0, 0.5, 60)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"MThd", "breaks off in its header"),
        (header(), "no track"),
        (header(division=0) + track(*NOTE), "0 ticks"),
        (header() + track(), "no notes"),
        (header() + track((0, off(60)), (100, on(60, 0))), "no notes"),
        (header() + track((0, on(36, channel=9)), (9, off(36, 9))), "only drums"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "sound recording"),
        (b"ID3\x04" + bytes(99), "sound recording"),
        (b"PK\x03\x04" + bytes(99), "ZIP"),
        (b"<?xml version='1.0'?><score-partwise>", "XML"),
        ("안녕 <script>alert(1)</script>".encode(), "does not begin with MThd"),
        (bytes(range(256)) * 50, "does not begin with MThd"),
        (header() + track((2**27, on(60)), (1, off(60))), "more than 60 minutes"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_says_why(data, says):
    refused(data, says)


def test_drums_alone_may_be_asked_for():
    score = files.read(header() + track((0, on(36, channel=9)), (9, off(36, 9))), limits=Limits(drums_alone=True))
    assert score.notes == 0 and score.midi.instruments[0].is_drum


def test_paths(tmp_path):
    good = tmp_path / "<b>song.mid"
    good.write_bytes(PLAIN)
    assert heard(files.read(good)) == heard(files.read(str(good)))
    for place, says in [(tmp_path, "folder"), (tmp_path / "no.mid", "no file"), ("", "There is no MIDI"),
                        ("a\0b", "cannot be opened|no file"), (None, "There is no MIDI")]:  # fmt: skip
        refused(place, says)
    (tmp_path / "large.mid").write_bytes(PLAIN + bytes(1000))
    refused(tmp_path / "large.mid", "MB are taken", file_bytes=1000)
    (tmp_path / "<i>.mid").write_bytes(b"hello")
    with pytest.raises(MidiError) as caught:
        files.read(tmp_path / "<i>.mid")
    assert "<" not in str(caught.value)


def test_a_hundred_thousand_notes_are_cut_and_a_million_events_refused():
    many = header(0) + track(*((3, event) for k in range(100_000) for event in (on(k % 88 + 21), off(k % 88 + 21))))
    began = time.perf_counter()
    score = repairs(many, "the first 2000 of its 100000 notes were kept", notes=2000)
    assert score.notes == 2000
    refused(many, "more than 150000 events", events=150_000)
    assert time.perf_counter() - began < 30


def test_ten_hours_are_cut_to_one():
    hourly = [row for _ in range(600) for row in [(0, on(60)), (100, off(60)), (11_900, on(60, 0))]]
    score = repairs(header(0) + track(*hourly), "the first 60 of its 600 notes")
    assert score.notes == 60 and 3500 < score.seconds < 3600
    # With ticks so fine that their table would not fit.
    fine = [row for _ in range(600) for row in [(0, on(60)), (10_000, off(60)), (1_190_000, on(60, 0))]]
    score = repairs(header(0, 1, 10_000) + track(*fine), "the first 60 of its 600 notes")
    assert heard(score)[1] == (pytest.approx(60, abs=0.01), pytest.approx(60.5, abs=0.01), 60)


def test_bombs_are_refused_or_cut_at_once():
    began = time.perf_counter()
    hidden = header(1, 0xFFFF) + (b"MTrk" + struct.pack(">L", 0)) * 400_000
    with pytest.raises(MidiError):
        files.read(hidden)
    huge_name = b"\xff\x03" + number(2**28 - 1) + b"x" * 50
    with pytest.raises(MidiError):
        files.read(header() + track((0, huge_name)))
    far = [(2**28 - 1, on(60)), (2**28 - 1, off(60))] * 100
    score = files.read(header(0, 1, 32_767) + track(*NOTE, *far))
    assert score.notes == 1 and score.seconds < 1
    lies = b"".join(track(*NOTE, length=2**31) for _ in range(2000))
    assert files.read(header(1, 2000) + lies).notes == 1024
    assert time.perf_counter() - began < 20


def test_damage_of_any_kind_never_crashes():
    chance = random.Random(5)
    ids = events.encode_notes([0, 1, 2, 2], [1, 2, 3, 4], [60, 62, 64, 65], [9, 60, 90, 127])
    good = midi.to_bytes(events.decode(ids))
    for _ in range(300):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            place = chance.randrange(len(data))
            what = chance.randrange(3)
            if what == 0:
                data[place] = chance.randrange(256)
            elif what == 1:
                del data[place : place + chance.randrange(1, 20)]
            else:
                data[place:place] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
            if not data:
                break
        try:
            score = files.read(bytes(data))
        except MidiError as error:
            assert in_korean(str(error)), error
        else:
            assert all(in_korean(text) for text in score.repairs)
            events.decode(events.encode(score.midi))


def test_a_file_that_mido_reads_means_what_pretty_midi_says():
    """Nothing is lost by writing a good file anew: against pretty_midi on the file as it came."""
    source = mido.MidiFile(ticks_per_beat=384)
    lead = mido.MidiTrack([
        mido.MetaMessage("set_tempo", tempo=400_000), mido.MetaMessage("time_signature", numerator=3, denominator=4),
        mido.MetaMessage("key_signature", key="F#m"), mido.MetaMessage("set_tempo", tempo=700_000, time=1000),
    ])  # fmt: skip
    melody = mido.MidiTrack([mido.MetaMessage("track_name", name="Violin"), mido.Message("program_change", program=40)])
    chance = np.random.default_rng(2)
    for key in chance.integers(50, 80, 60).tolist():
        melody.append(mido.Message("note_on", note=key, velocity=int(chance.integers(1, 128)), time=3))
        melody.append(mido.Message("control_change", control=64, value=int(chance.integers(0, 128)), time=5))
        melody.append(mido.Message("pitchwheel", pitch=int(chance.integers(-8192, 8192)), time=1))
        melody.append(mido.Message("note_off", note=key, time=int(chance.integers(1, 300))))
    drums = mido.MidiTrack([
        mido.Message("note_on", note=38, channel=9), mido.Message("note_off", note=38, channel=9, time=9),
    ])  # fmt: skip
    source.tracks += [lead, melody, drums]
    out = io.BytesIO()
    source.save(file=out)
    wanted, got = pretty_midi.PrettyMIDI(io.BytesIO(out.getvalue())), repairs(out.getvalue()).midi

    def everything(score):
        return [
            (one.program, one.is_drum, one.name, [vars(n) for n in one.notes], [vars(c) for c in one.control_changes],
             [vars(b) for b in one.pitch_bends]) for one in score.instruments
        ]  # fmt: skip

    assert everything(got) == everything(wanted)
    assert [vars(k) for k in got.key_signature_changes] == [vars(k) for k in wanted.key_signature_changes]
    assert [vars(k) for k in got.time_signature_changes] == [vars(k) for k in wanted.time_signature_changes]
    np.testing.assert_allclose(got.get_tempo_changes(), wanted.get_tempo_changes())


def test_what_is_written_is_read_again():
    ids = events.encode_notes([0, 0.5], [0.5, 1], [60, 64], [80, 100])
    score = repairs(midi.to_bytes(events.decode(ids)))
    assert events.encode(score.midi) == ids.tolist()


def test_a_collection_is_walked_with_its_archives(tmp_path, capsys):
    import tarfile

    from core.midi import measure

    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/a.MID").write_bytes(PLAIN)
    (tmp_path / "readme.txt").write_text("no")
    with tarfile.open(tmp_path / "more.tar.xz", "w:xz") as bundle:
        for name in ("b.mid", "a.mid"):
            entry = tarfile.TarInfo(f"x/{name}")
            entry.size = len(PLAIN)
            bundle.addfile(entry, io.BytesIO(PLAIN))
    names = [name for name, _ in collection.files(tmp_path)]
    assert names == ["inside/a.MID", "more.tar.xz/x/a.mid", "more.tar.xz/x/b.mid"]
    (tmp_path / "broken.mid").write_bytes(b"no")
    measure.main(["--data", str(tmp_path)])
    said = capsys.readouterr().out
    assert "refused, 1: the file is not a MIDI file" in said
    assert re.search(r"^files +3$", said, re.MULTILINE) and re.search(r"^events +12$", said, re.MULTILINE)
    assert re.search(r"^worst onset error +0\.00 ms$", said, re.MULTILINE)
    for place in (tmp_path / "none", tmp_path / "readme.txt"):
        with pytest.raises(DataError):
            list(collection.files(place))
