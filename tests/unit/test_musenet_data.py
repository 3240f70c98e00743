"""What the composer learns from: files to pieces, works held out whole, windows that go on where a piece was cut."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError
from core.musenet import data, encoding, grammar, quartets, works
from core.musenet import vocabulary as v
from core.musenet.encoding import Note


def made_up(seed: int, notes: int = 120, instruments: tuple[int, ...] = (0, 1)) -> list[Note]:
    draw = np.random.default_rng(seed)
    return [
        Note(int(draw.choice(instruments)), int(draw.integers(40, 80)), int(draw.integers(1, 128)), start, start + long)
        for start, long in zip(np.cumsum(draw.exponential(0.2, notes)), draw.exponential(0.6, notes) + 0.05)
    ]


def midi_bytes(given: list[Note]) -> bytes:
    file = io.BytesIO()
    encoding.to_midi(given).write(file)
    return file.getvalue()


def piece_of(seed: int, name: str = "made/up", work: str = "bach:up") -> data.Piece:
    found = data.piece(name, "bach", work, False, made_up(seed))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("collection", "path", "composer", "work"),
    [
        ("asap", "Chopin/Ballades/1/Shi05M.mid", "chopin", "chopin:op23"),
        ("nifc", "midi/023-1-BH.mid", "chopin", "chopin:op23"),
        ("mutopia", "midi/ChopinFF/O23__chopin-op23-ballade-1__a__b.mid", "chopin", "chopin:op23"),
        ("asap", "Mozart/Piano_Sonatas/11-3/Stahievitch02.mid", "mozart", "mozart:k331"),
        ("mutopia", "midi/MozartWA/KV331__KV331_3_RondoAllaTurca__x.mid", "mozart", "mozart:k331"),
        ("asap", "Beethoven/Piano_Sonatas/8-2/x.mid", "beethoven", "beethoven:op13"),
        ("mutopia", "midi/BeethovenLv/O13__pathetique-2__pathetique-2.mid", "beethoven", "beethoven:op13"),
        ("asap", "Beethoven/Piano_Sonatas/32-1/x.mid", "beethoven", "beethoven:op111"),
        ("asap", "Bach/Prelude/bwv_865/x.mid", "bach", "bach:bwv865"),
        ("mutopia", "midi/BachJS/BWV865__BWV865_Fuga20__BWV865_Fuga20.mid", "bach", "bach:bwv865"),
        ("asap", "Haydn/Keyboard_Sonatas/32-1_no_repeat/x.mid", "haydn", "haydn:hob16-32"),
        ("asap", "Liszt/Concert_Etude_S145/2/x.mid", "liszt", "liszt:s145"),
        ("mutopia", "midi/RachmaninoffS/O23__rach-prelude23-05__x.mid", "rachmaninoff", "rachmaninoff:op23-5"),
        ("asap", "Rachmaninoff/Preludes_op_32/5/x.mid", "rachmaninoff", "rachmaninoff:op32-5"),
        ("asap", "Schumann/Arabeske/x.mid", "schumann", "schumann:op18"),
        ("music21", "mozart/k156/movement1.mxl", "mozart", "mozart:k156"),
        ("music21", "haydn/opus1no1/movement1.mxl", "haydn", "haydn:op1"),
        ("folder", "Joplin/rags/Maple.mid", "joplin", "folder:joplin:maple"),
    ],
)
def test_editions_and_performances_are_one_work(collection: str, path: str, composer: str, work: str) -> None:
    assert works.of(collection, path) == (composer, work)
    if collection not in ("folder",) and work != "beethoven:op111":
        assert works.held_out(work)


def test_neighbours_of_held_out_works_are_not_held_out() -> None:
    for collection, path in (
        ("asap", "Chopin/Ballades/2/x.mid"), ("asap", "Chopin/Etudes_op_10/1/x.mid"), ("mutopia",
        "midi/RachmaninoffS/O23__rach-prelude23-04__x.mid"), ("asap", "Beethoven/Piano_Sonatas/18-1/x.mid"),
        ("music21", "mozart/k155/movement1.mxl"), ("asap", "Schubert/Piano_Sonatas/894-2/x.mid"),
    ):  # fmt: skip
        assert not works.held_out(works.of(collection, path)[1])
    numbers = sum(works.held_out(f"pop:{i:03d}") for i in range(1, 910))
    assert 30 < numbers < 90  # about one song in 16


def test_archives_and_public_layouts_give_the_same_pieces(tmp_path: Path) -> None:
    song, ballade = midi_bytes(made_up(1, instruments=(0,))), midi_bytes(made_up(2, instruments=(0,)))
    packed, open_ = tmp_path / "packed", tmp_path / "open"
    packed.mkdir()
    for name, inside, content in (
        ("pop909-midi", "001.mid", song), ("asap-midi", "Chopin/Ballades/2/Shi05M.mid", ballade),
    ):  # fmt: skip
        with tarfile.open(packed / f"{name}.tar.xz", "w:xz") as archive:
            for path, held in ((f"{name}/{inside}", content), (f"{name}/broken.mid", b"MThd nothing")):
                member = tarfile.TarInfo(path)
                member.size = len(held)
                archive.addfile(member, io.BytesIO(held))
    for path, content in (("POP909/001/001.mid", song), ("asap-dataset/Chopin/Ballades/2/Shi05M.mid", ballade)):
        (open_ / path).parent.mkdir(parents=True)
        (open_ / path).write_bytes(content)
    from_archives, from_folders = ([data.read(*file) for file in data.files(root)] for root in (packed, open_))
    first, second = ([one for one in found if one] for found in (from_archives, from_folders))
    assert [(one.composer, one.work, one.performed) for one in first] == [
        ("chopin", "chopin:op38", True), ("pop", "pop:001", True),
    ]  # fmt: skip
    assert [(one.name, one.work, one.ids.tolist()) for one in first] == [
        (one.name.replace("/001/", "/"), one.work, one.ids.tolist()) for one in second
    ]
    with pytest.raises(DataError, match="give the folder"):
        list(data.files(tmp_path / "nowhere"))


def test_the_cache_keeps_every_piece(tmp_path: Path) -> None:
    pieces = [piece_of(1), piece_of(2, "another/one")]
    data.store(pieces, tmp_path / "tokens.npz")
    for one, again in zip(pieces, data.restore(tmp_path / "tokens.npz")):
        assert (one.name, one.instruments, one.ids.tolist()) == (again.name, again.instruments, again.ids.tolist())
    (tmp_path / "broken.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="delete it"):
        data.restore(tmp_path / "broken.npz")


def test_a_window_goes_on_as_a_row_that_is_taken_up() -> None:
    one = piece_of(3)
    head = v.header("bach", one.instruments)
    for position in [0, *np.random.default_rng(0).integers(1, len(one.ids), 25).tolist()]:
        row = data.window(one, position, 80)
        # The grammar's own reading of the piece up to there, token by token, is the oracle.
        before = grammar.State([*head, *one.ids[:position].tolist()])
        expected = (grammar.resumed(before) if position else head) + one.ids[position : position + 80].tolist()
        assert row == expected[:80]
        state = grammar.State()
        for token in row:
            fits = state.allowed()[token]
            assert fits or (v.WAIT <= token < v.NOTE and state.last == v.MIDDLE) or v.VOLUME <= token < v.WAIT
            state.push(token)


def test_transposition_moves_every_note_and_nothing_else() -> None:
    one = piece_of(4)
    plain, moved = (encoding.decode_notes(data.window(one, 0, 10_000, shift=shift)) for shift in (0, 3))
    assert sorted((n.start_s, n.instrument, n.pitch + 3) for n in plain) == sorted(
        (n.start_s, n.instrument, n.pitch) for n in moved
    )
    low = data.piece("low", "bach", "bach:low", False, [n._replace(pitch=21, instrument=0) for n in made_up(4)])
    assert low and data.window(low, 0, 500, shift=-1) == data.window(low, 0, 500)  # below the piano's lowest key


@pytest.mark.parametrize("factor", [0.9, 1.13])
def test_stretching_moves_every_onset_by_the_factor(factor: float) -> None:
    one = piece_of(5)
    row = one.ids.astype(np.int64)
    plain = encoding.decode_notes(row.tolist())
    long = encoding.decode_notes(data.stretched(row, factor).tolist())
    assert len(plain) == len(long)
    wanted = sorted((n.instrument, n.pitch, n.start_s * factor) for n in plain)
    for (who, key, start), n in zip(wanted, sorted((n.instrument, n.pitch, n.start_s) for n in long)):
        assert (who, key) == n[:2] and abs(n[2] - start) <= 0.01 + 1e-9


def test_a_copy_under_another_name_is_left_out(capsys: pytest.CaptureFixture) -> None:
    held = made_up(6)
    copy = [n._replace(pitch=n.pitch + 2, start_s=n.start_s * 1.5, end_s=n.end_s * 1.5) for n in held]
    found = [
        data.piece("a", "mozart", "mozart:k331", False, held), data.piece("b", "mozart", "mozart:k999", False, copy),
        data.piece("c", "mozart", "mozart:k998", False, made_up(7)),
    ]  # fmt: skip
    assert [one.name for one in data.without_copies([one for one in found if one])] == ["a", "c"]
    assert "b" in capsys.readouterr().out


def test_a_slow_score_without_tempo_is_hurried() -> None:
    slow = [Note(0, 60 + i % 5, 70, float(i), i + 0.9) for i in range(50)]
    assert data.in_tempo(slow)[-1].start_s == pytest.approx(49 * 0.3)  # at most so much
    fast = [n._replace(start_s=n.start_s / 9, end_s=n.end_s / 9) for n in slow]
    assert data.in_tempo(fast) == fast


MUSICXML = """<score-partwise><part id="P1">
<measure><attributes><divisions>2</divisions></attributes><direction><sound tempo="120"/></direction>
 <note><pitch><step>C</step><octave>4</octave></pitch><duration>2</duration></note>
 <note><chord/><pitch><step>E</step><alter>-1</alter><octave>4</octave></pitch><duration>2</duration></note>
 <note><grace/><pitch><step>A</step><octave>5</octave></pitch></note>
 <note><pitch><step>G</step><octave>4</octave></pitch><duration>4</duration><tie type="start"/></note>
 <backup><duration>6</duration></backup>
 <forward><duration>3</duration></forward><note><rest/><duration>1</duration></note>
 <note><pitch><step>F</step><alter>1</alter><octave>3</octave></pitch><duration>2</duration></note>
</measure>
<measure><note><pitch><step>G</step><octave>4</octave></pitch><duration>1</duration><tie type="stop"/></note></measure>
</part></score-partwise>"""


def test_musicxml_is_read_with_chords_voices_and_ties() -> None:
    notes, bpm = quartets.read_musicxml(MUSICXML.encode())
    assert bpm == 120
    assert sorted(notes) == [(0.0, 1.0, 60), (0.0, 1.0, 63), (1.0, 3.5, 67), (2.0, 3.0, 54)]
