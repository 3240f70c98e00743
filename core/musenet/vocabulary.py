"""The 769 tokens: composers, instruments, volumes, waits, and notes of each instrument that begin and end.

    chopin +piano <start> v72 piano:G1 piano:B4 wait:240ms piano:v0:G1 ...

Source: Payne 2019, "MuseNet" (openai.com/index/musenet), whose rows begin with composer and instruments and go on with
tokens that name instrument, volume and pitch at once, such as piano:v72:G1, with volume 0 for the end of a note, and
with waits.
Differs from MuseNet: volume is a token of its own, written only when it changes, and holds until the next. All three at
once would be 8 volumes x 368 keys = 2,944 tokens, each with a row of weights of its own that our few notes seldom
train; so there are 368 + 321, and a row gets about a seventh longer. Time is counted in steps of 20 ms, not in beats;
and <middle> in the place of <start> says that a row goes on from what was not shown, which is how a long piece is
continued.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.errors import MidiError

COMPOSERS = (
    "bach", "haydn", "mozart", "beethoven", "schubert", "schumann", "chopin", "liszt", "rachmaninoff", "joplin",
    "pop", "game", "various",
)  # fmt: skip


class Instrument(NamedTuple):
    """A group of General MIDI programs that one token stands for."""

    name: str
    program: int  # what it is played with
    lowest: int  # MIDI pitches; what lies outside is moved by octaves
    highest: int
    programs: tuple[range, ...]  # what is read as it, counted from 0

    @property
    def is_drum(self) -> bool:
        return self.name == "drums"


INSTRUMENTS = (
    Instrument("piano", 0, 21, 108, (range(0, 16), range(108, 109), range(112, 116))),  # with bells and mallets
    Instrument("strings", 48, 28, 100, (range(40, 47), range(48, 56), range(88, 96), range(110, 111))),  # and choirs
    Instrument("winds", 73, 34, 96, (range(16, 24), range(56, 88), range(109, 110), range(111, 112))),  # and organs
    Instrument("guitar", 24, 36, 88, (range(24, 32), range(104, 108))),
    Instrument("bass", 33, 24, 67, (range(32, 40),)),
    Instrument("drums", 0, 35, 81, ()),
)
NAMES = tuple(one.name for one in INSTRUMENTS)
DRUMS = NAMES.index("drums")

STEP_S = 0.02
WAITS = 50  # the longest is 1 s
VOLUMES = 8  # volume b holds the MIDI velocities 16 b to 16 b + 15 and is played as 16 b + 8
VOLUME_STEP = 128 // VOLUMES
DEFAULT_VOLUME = 4  # v72: before any volume token; `encode` always writes one

END, START, MIDDLE = 0, 1, 2
COMPOSER = 3
INSTRUMENT = COMPOSER + len(COMPOSERS)
VOLUME = INSTRUMENT + len(INSTRUMENTS)
WAIT = VOLUME + VOLUMES
NOTE = WAIT + WAITS  # the first token of a note; all before are not notes


def _notes() -> tuple[list[tuple[int, int, bool]], dict[tuple[int, int], int], dict[tuple[int, int], int]]:
    """Every note token (instrument, pitch, begins), and where (instrument, pitch) begins and ends."""
    tokens: list[tuple[int, int, bool]] = []
    on: dict[tuple[int, int], int] = {}
    off: dict[tuple[int, int], int] = {}
    for begins, where in ((True, on), (False, off)):
        for number, one in enumerate(INSTRUMENTS):
            if one.is_drum and not begins:
                continue  # a drum is struck; its sound ends by itself
            for pitch in range(one.lowest, one.highest + 1):
                where[number, pitch] = NOTE + len(tokens)
                tokens.append((number, pitch, begins))
    return tokens, on, off


NOTES, ON, OFF = _notes()
VOCABULARY = NOTE + len(NOTES)
# For each token, or -1: its instrument, its pitch, and the token that ends (or begins) the same note.
INSTRUMENT_OF = np.array([-1] * NOTE + [one[0] for one in NOTES])
PITCH_OF = np.array([-1] * NOTE + [one[1] for one in NOTES])
IS_ON = np.array([False] * NOTE + [one[2] for one in NOTES])
IS_OFF = np.array([False] * NOTE + [not one[2] for one in NOTES])
OTHER = np.array([-1] * NOTE + [(OFF if begins else ON).get((who, key), -1) for who, key, begins in NOTES])

PITCH_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def name(token: int) -> str:
    """A token for people: "chopin", "+piano", "<start>", "v72", "wait:240ms", "piano:G1", "piano:v0:G1".

    Raises:
        MidiError: no such token.
    """
    if not 0 <= token < VOCABULARY:
        raise MidiError(f"Token {token} is not one of 0 to {VOCABULARY - 1}: choose one of these.")
    if token < COMPOSER:
        return ("<end>", "<start>", "<middle>")[token]
    if token < INSTRUMENT:
        return COMPOSERS[token - COMPOSER]
    if token < VOLUME:
        return "+" + NAMES[token - INSTRUMENT]
    if token < WAIT:
        return f"v{(token - VOLUME) * VOLUME_STEP + VOLUME_STEP // 2}"
    if token < NOTE:
        return f"wait:{round((token - WAIT + 1) * STEP_S * 1000)}ms"
    instrument, pitch, begins = NOTES[token - NOTE]
    key = f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"
    return f"{NAMES[instrument]}:{key}" if begins else f"{NAMES[instrument]}:v0:{key}"


TOKENS = {name(token): token for token in range(VOCABULARY)}


def parse(text: str) -> int:
    """The token of a name, as `name` gives it.

    Raises:
        MidiError: no token has this name.
    """
    try:
        return TOKENS[text.strip()]
    except KeyError:
        raise MidiError(
            f"No token is called {text.strip()!r:.60}: write such as chopin, +piano, <start>, v72, wait:240ms, "
            "piano:G1 or piano:v0:G1."
        ) from None


def composer_token(composer: str) -> int:
    """The token of a composer.

    Raises:
        MidiError: not one of `COMPOSERS`.
    """
    if composer not in COMPOSERS:
        raise MidiError(f"The composer {composer!r:.60} is not known: choose one of {', '.join(COMPOSERS)}.")
    return COMPOSER + COMPOSERS.index(composer)


def instrument_tokens(instruments: tuple[str, ...] | list[str]) -> list[int]:
    """The tokens that declare a set of instruments, in the vocabulary's order.

    Raises:
        MidiError: none given, or one that is not in `NAMES`.
    """
    unknown = [one for one in instruments if one not in NAMES]
    if unknown or not instruments:
        what = f"The instrument {unknown[0]!r:.60} is not known" if unknown else "No instrument is given"
        raise MidiError(f"{what}: choose from {', '.join(NAMES)}.")
    return [INSTRUMENT + number for number, one in enumerate(NAMES) if one in instruments]


def header(composer: str, instruments: tuple[str, ...] | list[str], *, first: int = START) -> list[int]:
    """How a row begins: composer, instruments, and <start> or <middle>.

    Raises:
        MidiError: as `composer_token` and `instrument_tokens`.
    """
    return [composer_token(composer), *instrument_tokens(instruments), first]
