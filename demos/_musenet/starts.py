"""What a composition begins with: a piece, a visitor's own MIDI file, or nothing; and the presets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.musenet import vocabulary as v
from demos import _widgets as w
from demos._links import within
from demos._tab import ROOT, Strings

if TYPE_CHECKING:
    from core.midi import Score
    from core.musenet.sample import Settings

FOLDER = ROOT / "assets/midi"
NOTHING, OWN = "nothing", "own"
PIECES = {  # name in menus and links -> file
    "rondo": "rondo-alla-turca.mid", "prelude": "bach-prelude-bwv862.mid",
    "adagio": "beethoven-pathetique-adagio.mid", "entertainer": "joplin-entertainer.mid",
    "lands": "schumann-foreign-lands.mid", "chords": "four-chords.mid",
}  # fmt: skip
STARTS = (*PIECES, NOTHING, OWN)
PRESETS = {  # name -> style, start, instruments
    "turca": ("chopin", "rondo", ["piano"]),
    "rag": ("joplin", "prelude", ["piano"]),
    "quartet": ("haydn", NOTHING, ["strings"]),
    "band": ("game", "chords", ["strings", "guitar", "bass", "drums"]),
}
USUAL = PRESETS["turca"]


@dataclass(frozen=True)
class Asked:
    """What the controls say, in the order of the page."""

    style: Any
    start: Any
    instruments: Any
    seconds: Any
    temperature: Any
    top_k: Any
    top_p: Any
    seed: Any
    grammar: Any
    primer_s: Any

    def mended(self) -> Asked:
        """The same with numbers in the ranges of the sliders, and instruments that are a list."""
        return replace(
            self, instruments=list(self.instruments) if isinstance(self.instruments, list | tuple) else [],
            seconds=within(self.seconds, 2, 20, 10), temperature=within(self.temperature, 0.2, 2, 1),
            top_k=within(self.top_k, 0, 200), top_p=within(self.top_p, 0.05, 1, 0.98), seed=within(self.seed, 0, 999),
            primer_s=within(self.primer_s, 1, 30, 12),
        )  # fmt: skip

    def settings(self, tokens: int) -> Settings:
        """The settings of the sampler.

        Raises:
            MidiError, SamplingError: no instrument, a number that is none.
        """
        from core.musenet.sample import Settings

        return Settings(
            composer=str(self.style), instruments=tuple(self.instruments or ()), tokens=tokens,
            seconds=float(self.seconds), temperature=float(self.temperature), top_k=int(self.top_k or 0) or None,
            top_p=float(self.top_p), grammar=bool(self.grammar),
        )  # fmt: skip


def path(start: Any, own: str | None) -> str | None:
    """Where the music to begin with lies; None to begin with nothing."""
    if start == NOTHING:
        return None
    return own or "" if start == OWN else str(FOLDER / PIECES.get(str(start), PIECES[USUAL[1]]))


def score(start: Any, own: str | None) -> Score | None:
    """The music to begin with.

    Raises:
        MidiError: a file that cannot be used, or none where one was promised.
    """
    from core import midi

    where = path(start, own)
    return None if where is None else midi.read(where)


def said(t: Strings, start: Any, own: str | None, found: Score | None) -> str:
    """What was read, and what had to be mended, in sentences; nothing for our own pieces.

    The name is a visitor's wording: it goes where text is shown as it stands.
    """
    if found is None or start != OWN:
        return ""
    name = "".join(c for c in Path(own or "").name if c.isprintable())[:60]
    names = sorted({number for part in found.midi.instruments if part.notes
                    if (number := _instrument(part)) is not None})  # fmt: skip
    lines = [t("read", name=name, notes=found.notes, seconds=f"{found.seconds:.0f}",
               instruments=", ".join(t(f"instrument_{v.NAMES[number]}") for number in names))]  # fmt: skip
    return " ".join([*lines, *(w.translate(repair, t.language) for repair in found.repairs)])


def _instrument(part: Any) -> int | None:
    from core.musenet.encoding import instrument_of

    return instrument_of(part.program, is_drum=part.is_drum)
