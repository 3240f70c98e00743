"""Compose: python -m core.musenet.sample --composer chopin --primer piece.mid --out continued.mid

    model = weights.load("musenet-composer")
    settings = Settings(composer="chopin", instruments=("piano",), tokens=600)
    row = begin(settings, primer=pretty_midi.PrettyMIDI("piece.mid"))
    for token in generate(model, row, settings, seed=1):
        row.append(token)
    decode(row).write("continued.mid")

The tokens come as they are drawn. Keys and values of all that came before are kept, so that a token costs one position.
When the network's context is full, the row is taken up anew: its second half is read again behind a header that says
<middle> and the notes that sound there (`core.musenet.grammar.resumed`), which is how the network saw pieces when it
learned; what lies before is forgotten.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core import sampling
from core.errors import SamplingError
from core.gpt2.model import GPT2
from core.gpt2.sample import BufferedPast
from core.musenet import encoding
from core.musenet import vocabulary as v
from core.musenet.grammar import State, resumed

if TYPE_CHECKING:
    import pretty_midi

MAX_TOKENS = 20_000
PRIMER_S = 12.0
LONGEST_NOTE_S = 6.0


@dataclass(frozen=True)
class Settings:
    """What to compose.

    composer: one of `vocabulary.COMPOSERS`.  instruments: those that may play, of `vocabulary.NAMES`.
    tokens: how many at most; <end> may come before.  seconds: of new music at most; None for no limit.
    temperature, top_k, top_p: as `sampling.Options`.
    grammar: only tokens that fit: no end of a note that does not sound, no instrument that is not declared; and a note
        that has sounded for `LONGEST_NOTE_S` is ended, as a network that has forgotten it would never do.
    ending: let the piece end by itself; else <end> is never drawn (with the grammar, at least).

    Raises:
        SamplingError, MidiError: a number out of range, an unknown name; the text says which.
    """

    composer: str = "chopin"
    instruments: tuple[str, ...] = ("piano",)
    tokens: int = 600
    seconds: float | None = None
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = 0.98
    grammar: bool = True
    ending: bool = True

    def __post_init__(self) -> None:
        v.header(self.composer, self.instruments)
        if isinstance(self.tokens, bool) or not isinstance(self.tokens, int) or not 1 <= self.tokens <= MAX_TOKENS:
            raise SamplingError(f"Compose 1 to {MAX_TOKENS} tokens, not {self.tokens!r:.40}.")
        if self.seconds is not None and not 0 < self.seconds <= 3600:
            raise SamplingError(f"The seconds must be above 0, at most 3600, got {self.seconds!r:.40}.")
        _ = self.options

    @property
    def options(self) -> sampling.Options:
        return sampling.Options(self.temperature, self.top_k, self.top_p)


def begin(
    settings: Settings, primer: pretty_midi.PrettyMIDI | Sequence[int] | None = None, *,
    primer_s: float | None = PRIMER_S,
) -> list[int]:  # fmt: skip
    """What the composer goes on from: the header asked for, then the primer's music.

    Args:
        primer: music; or a row of tokens, whose header, if it has one, is replaced by that of the settings, and whose
            <end> is taken off; None to begin with nothing.
        primer_s: seconds of the primer that are kept, from its first note; None for all.
    Returns:
        header, music. Notes that sound at the cut go on sounding: the network ends them.
    Raises:
        MidiError: a primer without notes, or with tokens out of range.
    """
    row = v.header(settings.composer, settings.instruments)
    if primer is None:
        return row
    if hasattr(primer, "instruments"):
        music = encoding.encode(primer, settings.composer)
    else:
        music = encoding.checked(primer)
        if v.MIDDLE in music:
            row[-1] = v.MIDDLE
    kept, steps = [], 0
    for token in music:
        if token == v.END:
            break
        if token < v.VOLUME:
            continue
        steps += token - v.WAIT + 1 if v.WAIT <= token < v.NOTE else 0
        if primer_s is not None and steps * v.STEP_S > primer_s:
            break
        kept.append(token)
    return row + kept


def generate(
    model: GPT2, row: Sequence[int], settings: Settings, *, seed: int = 0, uniforms: Tensor | None = None
) -> Iterator[int]:
    """Go on from a row, a token at a time.

    Args:
        model: over this vocabulary.
        row: header and music, as `begin` gives it, or with tokens that were generated before.
        seed: of the uniform numbers, unless they are given.
        uniforms: float [tokens] in [0, 1), one for each token.
    Yields:
        tokens as they are drawn, <end> last if it comes.
    Raises:
        SamplingError: uniforms of the wrong number or range; a model of another vocabulary; an empty row.
        MidiError: the row has a token out of range.
    """
    _check(model, row)
    given = sampling.uniforms_of(seed, settings.tokens) if uniforms is None else uniforms[None]
    sampling.check_uniforms(given)
    if given.shape[1] < settings.tokens:
        raise SamplingError(f"{settings.tokens} tokens need as many uniforms, got {given.shape[1]}.")
    row = encoding.checked(row)
    state = State(row)
    last_step = state.steps + (settings.seconds or 3600.0) / v.STEP_S
    reader = Reader(model, row)
    for i in range(settings.tokens):
        token = _draw(reader.logits, given[:, i], settings, [state])[0]
        yield token
        state.push(token)
        if state.ended or state.steps > last_step:
            return
        if i + 1 < settings.tokens:
            reader.read(token)


def continuations(
    model: GPT2, row: Sequence[int], settings: Settings, *, seed: int = 0, count: int = 4
) -> list[list[int]]:
    """Several ways to go on: what `together` draws, all of it.

    Returns:
        `count` rows of new tokens; each stops behind <end>, or where the seconds are over.
    Raises:
        SamplingError, MidiError: as `together`.
    """
    found: list[list[int]] = [[] for _ in range(count)]
    for drawn in together(model, row, settings, seed=seed, count=count):
        for mine, token in zip(found, drawn):
            if token is not None:
                mine.append(token)
    return found


def together(
    model: GPT2, row: Sequence[int], settings: Settings, *, seed: int = 0, count: int = 4
) -> Iterator[list[int | None]]:
    """Several ways to go on from one row, drawn step by step in one batch, each with uniforms of its own.

    Args:
        row: as for `generate`.  count: how many, 1 to 16.
        settings: at most half the network's context of tokens.
    Yields:
        the next token of each row; None for one that is over.
    Raises:
        SamplingError: too many tokens or rows; else as `generate`.
    """
    _check(model, row)
    most = model.config.n_ctx // 2
    if not 1 <= count <= 16 or settings.tokens > most:
        raise SamplingError(f"Choose from 1 to 16 continuations of at most {most} tokens each.")
    row = encoding.checked(row)
    uniforms = sampling.uniforms_of(seed, settings.tokens, count)
    states = [State(row) for _ in range(count)]
    last_step = states[0].steps + (settings.seconds or 3600.0) / v.STEP_S
    reader = Reader(model, row if len(row) <= most else taken_up(row, most), rows=count)
    for i in range(settings.tokens):
        tokens = _draw(reader.logits, uniforms[:, i], settings, states)
        over = [state.ended or state.steps > last_step for state in states]
        yield [None if done else token for done, token in zip(over, tokens)]
        for state, done, token in zip(states, over, tokens):
            if not done:
                state.push(token)
        if all(state.ended or state.steps > last_step for state in states):
            return
        if i + 1 < settings.tokens:
            reader.read_each(tokens)


class Reader:
    """The network with what it has read: `logits` of the next token, float [K, V].

    Keys and values of the past lie in the buffer of `core.gpt2.sample.BufferedPast`; when it is full, the row is taken
    up anew from its second half.
    """

    def __init__(self, model: GPT2, row: list[int], *, rows: int = 1) -> None:
        self.past, self.row = BufferedPast(model, rows), list(row)
        self.room = model.config.n_ctx
        first = self.row if len(row) < self.room else taken_up(row, self.room // 2)
        self.logits = self.past.feed(torch.tensor([first] * rows))

    def read(self, token: int) -> None:
        """Go on by one token."""
        self.row.append(token)
        if self.past.position == self.room:
            self.past.forget()
            self.logits = self.past.feed(torch.tensor([taken_up(self.row, self.room // 2)]))
        else:
            self.logits = self.past.feed(torch.tensor([[token]]))

    def read_each(self, tokens: list[int]) -> None:
        """Go on by one token in each of K rows, which share their beginning; there must be room for it."""
        self.logits = self.past.feed(torch.tensor(tokens)[:, None])


def taken_up(row: Sequence[int], most: int) -> list[int]:
    """The end of a row as a row of its own, at most `most` tokens long: header, <middle>, what sounds, the rest."""
    cut = len(row)
    while cut > 0:  # what sounds there takes up space, more or less of it with each cut
        state = State(row[: len(row) - cut])
        found = [*resumed(state), *row[len(row) - cut :]] if state.begun else list(row)
        if len(found) <= most:
            return found
        cut -= max(1, len(found) - most)
    return resumed(State(row))[:most]


def _draw(logits: Tensor, uniforms: Tensor, settings: Settings, states: list[State]) -> list[int]:
    """One token of each row: logits [K, V], uniforms [K]."""
    allowed = None
    if settings.grammar:
        allowed = torch.ones(len(states), v.VOCABULARY, dtype=torch.bool)
        for row, state in zip(allowed, states):
            if late := state.overdue(LONGEST_NOTE_S):
                row[:] = False
                row[late] = True
            elif not state.ended:
                row[:] = torch.from_numpy(state.allowed(end=settings.ending))
    probabilities = sampling.distribution(logits, settings.options, allowed)
    return [int(token) for token in sampling.draw(probabilities, uniforms)]


def _check(model: GPT2, row: Sequence[int]) -> None:
    if model.config.n_vocab != v.VOCABULARY:
        raise SamplingError(
            f"This network knows {model.config.n_vocab} tokens, the composer's vocabulary has {v.VOCABULARY}: load "
            "weights of core.musenet."
        )
    if not len(row):
        raise SamplingError("There is no row to go on from: make one with core.musenet.sample.begin.")


def produced(tokens: Iterable[int]) -> dict[str, int]:
    """How many notes each instrument begins in a row: what was played, beside what was asked for."""
    counts = Counter(int(v.INSTRUMENT_OF[token]) for token in tokens if v.IS_ON[token])
    return {name: counts[number] for number, name in enumerate(v.NAMES) if counts[number]}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--composer", choices=v.COMPOSERS, default="chopin")
    parser.add_argument("--instruments", nargs="+", choices=v.NAMES, default=["piano"])
    parser.add_argument("--primer", type=Path, help="a MIDI file to go on from")
    parser.add_argument("--primer-seconds", type=float, default=PRIMER_S)
    parser.add_argument("--tokens", type=int, default=1200)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-k", type=int)
    parser.add_argument("--top-p", type=float, default=0.98)
    parser.add_argument("--no-grammar", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", default="musenet-composer")
    parser.add_argument("--out", type=Path, required=True, help="MIDI file to write")
    options = parser.parse_args(arguments)
    from core import midi, weights

    settings = Settings(
        composer=options.composer, instruments=tuple(options.instruments), tokens=options.tokens,
        temperature=options.temperature, top_k=options.top_k, top_p=options.top_p, grammar=not options.no_grammar,
    )  # fmt: skip
    primer = midi.read(options.primer).midi if options.primer else None
    row = begin(settings, primer, primer_s=options.primer_seconds)
    torch.set_num_threads(1)  # so small a network gains nothing from more
    model = weights.load(options.weights)
    started = time.perf_counter()
    new = list(generate(model, row, settings, seed=options.seed))
    seconds = time.perf_counter() - started
    encoding.decode(row + new).write(str(options.out))
    print(f"{len(new)} tokens in {seconds:.1f} s, {len(new) / seconds:.0f} a second; notes: {produced(new)}")
    print(f"wrote {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
