"""Make music: python -m core.transformer.sample --primer PIECE.mid --events 600 --seed 1 --out made.mid

The network goes on from a primer event by event, with cached keys and values; `accompany` lets it play below a melody
that is given. Randomness is an argument: the same uniforms, the same music.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core import sampling
from core.errors import SamplingError
from core.midi.events import (
    LONGEST_SHIFT_STEPS,
    NOTE_OFF,
    NOTE_ON,
    SET_VELOCITY,
    TIME_SHIFT,
    VOCABULARY,
    Notes,
    decode,
    encode_notes,
)  # fmt: skip
from core.sampling import OWN, Options
from core.transformer.model import MusicTransformer

START = SET_VELOCITY + 16  # where nothing is given: SET_VELOCITY<64>
MOST_EVENTS = 20_000
KEPT = 2  # a full past is begun anew with the last 1/KEPT of its events


class EventGrammar:
    """What a performance may do next: lift only keys that are down, strike only keys that are up.

    Also no two SET_VELOCITYs in a row, of which the first would say nothing.
    """

    def __init__(self, ids: Sequence[int] = ()) -> None:
        self.down = np.zeros(128, bool)
        self.last = -1
        for event in ids:
            self.push(event)

    def push(self, event: int) -> None:
        """Take note of an event that was played."""
        if event < NOTE_OFF:
            self.down[event - NOTE_ON] = True
        elif event < TIME_SHIFT:
            self.down[event - NOTE_OFF] = False
        self.last = event

    def allowed(self) -> np.ndarray:
        """bool [388]: what may come next."""
        may = np.ones(VOCABULARY, bool)
        may[NOTE_ON:NOTE_OFF] = ~self.down
        may[NOTE_OFF:TIME_SHIFT] = self.down
        may[SET_VELOCITY:] = self.last < SET_VELOCITY
        return may


class Player:
    """A network in the middle of a piece: what it has heard, and what it thinks comes next.

    The past holds `model.config.length` events. When it is full, the last half of them is read anew and the rest is
    forgotten; with relative position no event then changes its place, it only becomes the first.
    """

    def __init__(self, model: MusicTransformer, prompt: Sequence[int]) -> None:
        if not prompt:
            raise SamplingError("Begin with at least one event, such as SET_VELOCITY<64>.")
        self.model = model
        self.past = model.empty(1)
        self.done = 0
        self.heard: list[int] = []
        self.logits = torch.empty(0)
        self.hear(list(prompt))

    def hear(self, ids: Sequence[int]) -> None:
        """Go on by these events; `logits` [V] is then for the one after them."""
        self.heard += ids
        length = self.model.config.length
        if self.done + len(ids) > length:
            ids, self.done = self.heard[-max(1, length // KEPT) :], 0
        self.logits = self.model.step(torch.tensor([ids]), self.past, self.done)[0]
        self.done += len(ids)

    def draw(self, uniform: Tensor, options: Options, allowed: np.ndarray | None) -> int:
        """The next event by inverse CDF; it is not heard yet."""
        may = None if allowed is None else torch.from_numpy(allowed)
        return int(sampling.draw(sampling.distribution(self.logits, options, may), uniform))


def generate(
    model: MusicTransformer,
    prompt: Sequence[int] = (START,),
    *,
    events: int = 512,
    seed: int = 0,
    uniforms: Tensor | None = None,
    options: Options = OWN,
    grammar: bool = True,
) -> Iterator[int]:
    """Events that continue a primer, one by one as they are drawn.

    Args:
        model: a MusicTransformer over the 388 events.
        prompt: ids of the primer, at least one; they are not repeated in what is given.
        events: how many to draw.
        seed: of the uniforms.  uniforms: float [1, events] in [0, 1), in place of the seed's.
        options: temperature, top-k, top-p.
        grammar: never lift a key that is not down, never strike one that is.
    Raises:
        SamplingError: options out of range, no prompt.
    """
    if not 1 <= events <= MOST_EVENTS:
        raise SamplingError(f"Ask for 1 to {MOST_EVENTS:,} events, got {events}.")
    uniforms = sampling.uniforms_of(seed, events) if uniforms is None else uniforms
    sampling.check_uniforms(uniforms)
    player, rules = Player(model, prompt), EventGrammar(prompt)
    for n in range(events):
        event = player.draw(uniforms[0, n], options, rules.allowed() if grammar else None)
        yield event
        rules.push(event)
        if n + 1 < events:
            player.hear([event])


class Accompanist:
    """A network that plays below a melody: which keys are whose, and what may be struck while the melody waits."""

    def __init__(self, model: MusicTransformer, uniforms: Tensor, options: Options, per_second: int, gap: int) -> None:
        self.model, self.options, self.per_second, self.gap = model, options, per_second, gap
        self.uniforms = iter(uniforms)
        self.player: Player | None = None
        self.rules = EventGrammar()
        self.own = np.zeros(128, bool)  # keys that the melody holds
        self.ceiling = 128  # the lowest key that the network must not strike

    def play(self, event: int) -> int:
        """An event that is heard, whoever plays it."""
        self.rules.push(event)
        if self.player is None:
            self.player = Player(self.model, [event])
        else:
            self.player.hear([event])
        return event

    def follow(self, event: int) -> Iterator[int]:
        """An event of the melody that is due now, and no time shift."""
        if event < NOTE_OFF:
            self.own[event - NOTE_ON], self.ceiling = True, event - NOTE_ON - self.gap
            if self.rules.down[event - NOTE_ON]:  # the network holds this key: it is lifted for the melody
                yield self.play(event + NOTE_OFF)
        elif event < TIME_SHIFT:
            self.own[event - NOTE_OFF] = False
        yield self.play(event)

    def fill(self, steps: int) -> Iterator[int]:
        """What the network plays until the melody moves on: events that together last `steps` times 10 ms."""
        assert self.player is not None  # `accompany` lets it hear something first
        left, most = steps, max(4, steps * self.per_second // 100)
        for drawn, uniform in enumerate(self.uniforms):
            may = self.rules.allowed()
            may[max(0, self.ceiling) : NOTE_OFF] = False  # nothing at or above the melody
            may[NOTE_OFF:TIME_SHIFT] &= ~self.own  # the melody lifts its own keys
            if drawn >= most:  # time has to go on
                may[:] = False
            may[TIME_SHIFT:SET_VELOCITY] = np.arange(LONGEST_SHIFT_STEPS) < left
            event = self.player.draw(uniform, self.options, may)
            yield self.play(event)
            if TIME_SHIFT <= event < SET_VELOCITY:
                left -= event - TIME_SHIFT + 1
            if not left:
                return


def accompany(
    model: MusicTransformer,
    melody: Notes,
    *,
    seed: int = 0,
    options: Options = OWN,
    per_second: int = 40,
    gap: int = 3,
) -> Iterator[int]:
    """A melody with an accompaniment below it: its events come when they are due, the network draws all others.

    The network does not know what the melody will do; it hears each note as it comes.

    Args:
        melody: one voice, in seconds.
        per_second: the most events that are drawn for a second of melody, so that time goes on.
        gap: semitones between the melody and the highest key that the network may strike.
    Yields:
        events, the melody's among them.
    Raises:
        SamplingError: the melody has no notes.
    Differs from the paper: there a second network reads the whole melody first (arXiv:1809.04281).
    """
    given = encode_notes(*melody).tolist()
    if not given:
        raise SamplingError("There is no upper voice to accompany: choose a piece, or a file that has notes.")
    both = Accompanist(model, sampling.uniforms_of(seed, MOST_EVENTS)[0], options, per_second, gap)
    for event in given:
        if not TIME_SHIFT <= event < SET_VELOCITY:
            yield from both.follow(event)
        elif both.player is None:
            yield both.play(event)  # silence before the first note
        else:
            yield from both.fill(event - TIME_SHIFT + 1)
    for key in np.flatnonzero(both.rules.down):
        yield both.play(NOTE_OFF + int(key))


def main(arguments: list[str] | None = None) -> None:
    from core import midi, weights

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="transformer-relative")
    parser.add_argument("--primer", type=Path, help="a MIDI file that is continued")
    parser.add_argument("--primer-events", type=int, default=256)
    parser.add_argument("--events", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    prompt = [START]
    if options.primer:
        prompt = midi.encode(midi.read(options.primer).midi)[: options.primer_events]
    drawn = generate(
        weights.load(options.weights), prompt, events=options.events, seed=options.seed,
        options=Options(temperature=options.temperature, top_p=options.top_p),
    )  # fmt: skip
    options.out.write_bytes(midi.to_bytes(decode([*prompt, *drawn])))


if __name__ == "__main__":
    main()
