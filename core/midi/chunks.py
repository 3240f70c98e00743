"""What is wrong with a MIDI file, mended before mido and pretty_midi parse it.

A Standard MIDI File is a header and tracks; a track is a row of events, each after a number of ticks. Files of the wild
break off, lie about lengths, hold tempos of 0 and notes that never end, or are made to fill the memory. `clean` walks
over the bytes once, keeps what music needs, and writes a plain file of format 1 anew; each mending has a sentence.

Source: the MIDI Association's "Standard MIDI Files 1.0" (RP-001).
"""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass, field

from core.errors import MidiError

SECOND_US = 1_000_000
DEFAULT_TEMPO_US = 500_000  # a beat, where the file says nothing
SHORTEST_BEAT_US = 6_000  # 10,000 beats a minute: below it a tempo is a mistake
MOST_TICKS = 9_900_000  # pretty_midi makes a table of all ticks, and refuses 10 million
MOST_TRACKS = 1024
LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}  # data bytes of a channel event
KEPT = (0x80, 0x90, 0xB0, 0xC0, 0xE0)  # notes, controls, programs, bends; not aftertouch
TRACK_NAME, END_OF_TRACK, SET_TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x03, 0x2F, 0x51, 0x58, 0x59
SIGNATURES = (TIME_SIGNATURE, KEY_SIGNATURE)

Event = tuple[int, bytes]  # tick since the start, the event as a file holds it


@dataclass(frozen=True)
class Limits:
    """What a file may hold: beyond `file_bytes` and `events` it is refused, beyond the others cut, with a word."""

    file_bytes: int = 5_000_000
    events: int = 500_000
    notes: int = 50_000
    seconds: float = 3600.0
    drums_alone: bool = False  # take a file with nothing but drums


@dataclass
class _Track:
    events: list[Event] = field(default_factory=list)
    last_tick: int = 0
    seen: int = 0  # events, the ones left out among them
    stop: int = 0  # where the walk ended
    ended: bool = False  # by an end of track
    broken: bool = False  # by something that is no event


@dataclass(frozen=True)
class Cleaned:
    data: bytes  # a Standard MIDI File of format 1
    repairs: list[str]
    format: int  # of the file as it came


def clean(data: bytes, name: str, limits: Limits) -> Cleaned:
    """A file as mido and pretty_midi read it without complaint, and what was done to it.

    Args:
        data: the file.
        name: how messages call it.
    Raises:
        MidiError: not a MIDI file, damaged beyond use, too many events, no notes.
    """
    data, repairs = _unwrapped(data, name)
    kind, division, start = _header(data, name, repairs)
    tracks = _tracks(data, start, name, limits, repairs)
    if not any(_is_note_on(event) for track in tracks for _, event in track.events):
        raise MidiError(f"There are no notes in {name}: choose a file with some, or export it again.")
    if kind == 2 and len(tracks) > 1:
        repairs.append(f"Format 2 holds {len(tracks)} separate pieces: they are played one after another.")
        _in_a_row(tracks)
    if division >= 0x8000:  # frames a second, ticks a frame
        repairs.append("Time is counted in film frames (SMPTE): it was read in seconds, without the tempo.")
        frames = 256 - (division >> 8)
        division = min({29: 30}.get(frames, frames) * max(division & 0xFF, 1), 0x7FFF)
        tempo = [(0, _meta(SET_TEMPO, SECOND_US.to_bytes(3, "big")))]
    else:
        tempo = _tempos(tracks, kind, repairs)
    signatures = [one for track in tracks for one in track.events if _is_meta(one[1], *SIGNATURES)]
    for track in tracks:
        track.events = [one for one in track.events if not _is_meta(one[1], SET_TEMPO, *SIGNATURES)]
    # The first track of a file of format 1 has what conducts them all.
    conductor = _Track(sorted(tempo + signatures, key=lambda one: one[0]))
    conductor.last_tick = max((tick for tick, _ in conductor.events), default=0)
    tracks = [conductor, *(track for track in tracks if track.events)]
    division = _coarser(tracks, division)
    _cut(tracks, division, name, limits, repairs)
    _end_all(tracks, division, repairs)
    head = struct.pack(">4sLHHH", b"MThd", 6, 1, len(tracks), division)
    return Cleaned(head + b"".join(_written(track.events) for track in tracks), repairs, kind)


def _unwrapped(data: bytes, name: str) -> tuple[bytes, list[str]]:
    """The bytes from MThd on."""
    if data[:4] == b"RIFF" and data[8:12] == b"RMID" and 0 <= (found := data.find(b"MThd")):
        return data[found:], ["The file is wrapped as RIFF (RMID): the wrapping was taken off."]
    found = data[:1024].find(b"MThd")
    if found == 0:
        return data, []
    if found > 0:
        return data[found:], [f"{found} bytes before the MIDI header were left out."]
    raise MidiError(f"{name} is {_guess(data)}. Choose a MIDI file (.mid), or export the piece as one.")


def _guess(data: bytes) -> str:
    """What it is, if not MIDI."""
    sounds = (b"RIFF", b"ID3", b"fLaC", b"OggS", b"FORM", b"\xff\xfb", b"\xff\xf3")
    if data.startswith(sounds) or data[4:8] == b"ftyp":
        return "a sound recording and not MIDI, which holds notes and no sound"
    if data.startswith(b"PK"):
        return "a ZIP archive; unpack it first"
    if data.lstrip()[:5] in (b"<?xml", b"<scor", b"<muse"):
        return "a score in XML and not MIDI"
    return "not a MIDI file: it does not begin with MThd"


def _header(data: bytes, name: str, repairs: list[str]) -> tuple[int, int, int]:
    """Format, division, and where the first track begins."""
    if len(data) < 14:
        raise MidiError(f"{name} breaks off in its header: copy or export it again.")
    length, kind, _, division = struct.unpack(">LHHH", data[4:14])
    if division == 0:
        raise MidiError(f"{name} says that a beat has 0 ticks, so that its notes have no times: export it again.")
    if kind > 2:
        repairs.append(f"Format {kind} does not exist: it was read as format 1.")
        kind = 1
    start = 8 + length if 6 <= length <= len(data) - 8 else 14
    if data[start : start + 4] != b"MTrk" and data[14:18] == b"MTrk":
        start = 14
    return kind, division, start


def _tracks(data: bytes, place: int, name: str, limits: Limits, repairs: list[str]) -> list[_Track]:
    """All tracks, whatever the header says about their number and the chunks about their lengths."""
    tracks: list[_Track] = []
    left = limits.events
    lied = False
    while len(tracks) < MOST_TRACKS and 0 <= place <= len(data) - 8:
        end = place + 8 + int.from_bytes(data[place + 4 : place + 8], "big")
        believed = end == len(data) or _is_chunk(data[end : end + 4])
        if data[place : place + 4] != b"MTrk":
            place = end if believed else data.find(b"MTrk", place)
            continue
        track = _walk(data, place + 8, min(end, len(data)), left, name, limits)
        left -= track.seen
        if not believed and not (track.ended and track.stop == end):
            track = _walk(data, place + 8, len(data), left, name, limits)
            left -= track.seen
            track.broken |= end > len(data) and not track.ended
            lied |= not track.broken
            end = data.find(b"MTrk", track.stop)
        if track.broken:
            repairs.append(f"Track {len(tracks) + 1} is damaged or breaks off: the rest of it was left out.")
        tracks.append(track)
        place = end
    if not tracks:
        raise MidiError(f"{name} has a MIDI header but no track: copy or export it again.")
    if lied:
        repairs.append("A track's length is not what the file says: it was read up to its end.")
    return tracks


def _is_chunk(four: bytes) -> bool:
    return len(four) == 4 and four.isalpha() and four.isascii()


def _walk(data: bytes, place: int, end: int, most: int, name: str, limits: Limits) -> _Track:
    """One track, with the events that are kept."""
    track = _Track()
    events, tick, status = track.events, 0, 0
    try:
        while place < end:
            track.seen += 1
            if track.seen > most:
                raise MidiError(
                    f"{name} holds more than {limits.events} events; at most that many are read. Cut it first."
                )
            wait, place = _number(data, place, end)
            tick += wait
            first = data[place]
            if first >= 0xF0:
                if first in (0xF0, 0xF7, 0xFF):
                    meta = first == 0xFF
                    kind = data[place + 1] if meta else -1
                    length, body = _number(data, place + 1 + meta, end)
                    if body + length > end:
                        raise IndexError
                    place = body + length
                    if kind == END_OF_TRACK:
                        track.ended = True
                        break
                    if _is_kept(kind, data[body:place]):
                        events.append((tick, _meta(kind, data[body:place][:64])))
                elif first >= 0xF8:
                    place += 1  # a clock tick or the like, which has no business here
                else:
                    raise IndexError
                continue
            if first >= 0x80:
                status, place = first, place + 1
            length = LENGTHS[status & 0xF0]  # KeyError: running status with nothing to run on
            rest = data[place : place + length]
            if place + length > end or max(rest) > 127:
                raise IndexError
            place += length
            if status & 0xF0 in KEPT:
                events.append((tick, bytes((status,)) + rest))
    except (IndexError, KeyError):
        track.broken = True
    track.last_tick, track.stop = tick, place
    return track


def _number(data: bytes, place: int, end: int) -> tuple[int, int]:
    """A number of variable length, at most four bytes, and the place after it."""
    value = 0
    for at in range(place, min(place + 4, end)):
        value = value << 7 | data[at] & 0x7F
        if data[at] < 0x80:
            return value, at + 1
    raise IndexError


def _is_kept(kind: int, body: bytes) -> bool:
    """Is it a meta event that we keep, and in order?"""
    if kind == SET_TEMPO:
        return len(body) == 3
    if kind == TIME_SIGNATURE:
        return len(body) == 4 and body[0] > 0 and body[1] <= 6
    if kind == KEY_SIGNATURE:
        return len(body) == 2 and body[0] in (*range(8), *range(249, 256)) and body[1] <= 1
    return kind == TRACK_NAME


def _in_a_row(tracks: list[_Track]) -> None:
    """Move the tracks of a file of format 2 one behind the other, each beginning with a tempo."""
    offset = 0
    for track in tracks:
        default = _meta(SET_TEMPO, DEFAULT_TEMPO_US.to_bytes(3, "big"))
        track.events = [(offset, default)] + [(tick + offset, event) for tick, event in track.events]
        offset += track.last_tick + 1
        track.last_tick = offset - 1


def _tempos(tracks: list[_Track], kind: int, repairs: list[str]) -> list[Event]:
    """All changes of tempo, in the order of time, without those that nobody can play."""
    found = [(tick, event) for track in tracks for tick, event in track.events if _is_meta(event, SET_TEMPO)]
    good = [one for one in found if int.from_bytes(one[1][3:], "big") >= SHORTEST_BEAT_US]
    if len(good) < len(found):
        repairs.append(f"Tempos of 0, or under 6 ms a beat, were left out: {len(found) - len(good)}.")
    if kind == 1 and any(_is_meta(event, SET_TEMPO) for track in tracks[1:] for _, event in track.events):
        repairs.append("Changes of tempo outside the first track were moved to it.")
    return sorted(good, key=lambda one: one[0])


def _coarser(tracks: list[_Track], division: int) -> int:
    """Bring very fine ticks down to 960 a beat where a piece would otherwise not fit; the new division."""
    if division <= 960 or max(track.last_tick for track in tracks) <= MOST_TICKS:
        return division
    for track in tracks:
        track.events = [(round(tick * 960 / division), event) for tick, event in track.events]
        track.last_tick = round(track.last_tick * 960 / division)
    return 960


def _cut(tracks: list[_Track], division: int, name: str, limits: Limits, repairs: list[str]) -> None:
    """Leave out what lies beyond the limits of time, notes and ticks. The conductor's track comes first."""
    starts = sorted(tick for track in tracks for tick, event in track.events if _is_note_on(event))
    stop = min(_tick_at(limits.seconds, tracks[0].events, division), MOST_TICKS)
    if starts[0] >= stop:
        minutes = limits.seconds / 60
        raise MidiError(f"The first note of {name} comes after more than {minutes:.0f} minutes: cut it first.")
    if len(starts) > limits.notes:
        stop = min(stop, max(starts[limits.notes], starts[0] + 1))
    kept = bisect.bisect_left(starts, stop)
    if kept < len(starts):
        repairs.append(f"The piece is too long: the first {kept} of its {len(starts)} notes were kept.")
    for track in tracks:
        if track.last_tick >= stop:
            track.events = [one for one in track.events if one[0] < stop]
            track.last_tick = stop - 1


def _tick_at(seconds: float, tempos: list[Event], division: int) -> int:
    """The tick at which a time is reached."""
    left, tick, beat_us = seconds * SECOND_US, 0, DEFAULT_TEMPO_US
    for change, event in tempos:
        if not _is_meta(event, SET_TEMPO):
            continue
        takes = (change - tick) * beat_us / division
        if takes > left:
            break
        left, tick, beat_us = left - takes, change, int.from_bytes(event[3:], "big")
    return tick + int(left * division / beat_us)


def _end_all(tracks: list[_Track], division: int, repairs: list[str]) -> None:
    """End the notes that never end, with the piece, and give a tick to those that end where they begin."""
    last = max(track.last_tick for track in tracks)
    ended = lengthened = 0
    for track in tracks:
        down: dict[tuple[int, int], list[int]] = {}  # as pretty_midi counts: one end for all begun before its tick
        events: list[Event] = []
        for tick, event in track.events:
            at = tick
            if event[0] & 0xE0 == 0x80:  # a note
                place = (event[0] & 15, event[1])
                if _is_note_on(event):
                    down.setdefault(place, []).append(tick)
                elif place in down:
                    fresh = [begun for begun in down[place] if begun == tick]
                    if len(fresh) < len(down[place]):
                        down[place] = fresh
                    else:
                        at = tick + 1
                        lengthened += 1
                    if not fresh or at > tick:
                        del down[place]
            events.append((at, event))
        for (channel, key), begun in down.items():
            ended += len(begun)
            end = last if last > begun[-1] else begun[-1] + division
            events.append((end, bytes((0x80 | channel, key, 0))))
        track.events = sorted(events, key=lambda one: one[0])
    if lengthened:
        repairs.append(f"Notes without a length were given the shortest one: {lengthened}.")
    if ended:
        repairs.append(f"Notes that never end were ended with the piece: {ended}.")


def _is_note_on(event: bytes) -> bool:
    return event[0] & 0xF0 == 0x90 and event[2] > 0


def _is_meta(event: bytes, *kinds: int) -> bool:
    return event[0] == 0xFF and event[1] in kinds


def _meta(kind: int, body: bytes) -> bytes:
    return bytes((0xFF, kind, len(body))) + body


def _variable(number: int) -> bytes:
    """A number as MIDI files hold it: seven bits a byte."""
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(0x80 | number & 0x7F)
    return bytes(reversed(out))


def _written(events: list[Event]) -> bytes:
    """A track chunk."""
    parts, now = [], 0
    for tick, event in events:
        parts.append(_variable(tick - now) + event)
        now = tick
    body = b"".join(parts) + b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">L", len(body)) + body
