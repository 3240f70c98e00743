"""Make chorales: a new one, the continuation of one, or three voices below a soprano that is given.

    steps = generate(model, uniforms_of(1, 4 * 128))                    # int64 [T, 4]
    found = harmonise(model, soprano, uniforms_of(1, 3 * len(soprano), batch=4))
    chorales.to_midi(found[0].steps).write("harmonised.mid")

    python -m core.transformer.chorales_sample --bars 8 --seed 1 --out made.mid
    python -m core.transformer.chorales_sample --soprano bwv20.7 --data runs/chorales.json --out made.mid

The network reads soprano, alto, tenor and bass of a step in turn, so a soprano can be harmonised by putting its tokens
where the network would have drawn its own. It hears the melody as far as the present step, never what is to come.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from core import sampling, weights
from core.errors import SamplingError
from core.sampling import OWN, Options
from core.transformer import chorales
from core.transformer.chorales import EDGE, SILENT, VOCABULARY, VOICES
from core.transformer.model import MusicTransformer

STEPS_PER_BAR = 16  # of common time
COUNT = len(VOICES)


class Harmonised(NamedTuple):
    """steps: int64 [T, 4]. nats: float32 [T, 4], what every drawn token cost, -log p; 0 where it was given."""

    steps: NDArray[np.int64]
    nats: NDArray[np.float32]


class Singer:
    """A network in the middle of some chorales at once: what it thinks comes next in each."""

    def __init__(self, model: MusicTransformer, batch: int) -> None:
        self.model, self.done = model, 0
        self.past = model.empty(batch)
        self.logits = torch.empty(0)
        self.hear(torch.full((batch, 1), EDGE))

    def hear(self, ids: Tensor) -> None:
        """Go on by tokens, int64 [B, N]; `logits` [B, V] are then those of the next."""
        self.logits = self.model.step(ids, self.past, self.done)
        self.done += ids.shape[1]

    def draw(self, uniforms: Tensor, options: Options, *, may_end: bool) -> tuple[Tensor, Tensor]:
        """The next tokens [B] by inverse CDF, not heard yet, and their costs by the network itself, in nats [B]."""
        allowed = torch.ones(VOCABULARY, dtype=torch.bool)
        allowed[EDGE] = may_end
        ids = sampling.draw(sampling.distribution(self.logits, options, allowed), uniforms)
        return ids, -torch.log_softmax(self.logits, dim=-1).gather(-1, ids[:, None])[:, 0]


@torch.inference_mode()
def generate(
    model: MusicTransformer, uniforms: Tensor, *, primer: ArrayLike | None = None, options: Options = OWN
) -> NDArray[np.int64]:
    """A chorale, or the continuation of one.

    Args:
        uniforms: float [1, N] in [0, 1), one for each token; four tokens are a sixteenth. The network may end sooner.
        primer: int [T, 4] of pitches that it goes on from; part of what is given back.
    Returns:
        int64 [T, 4], whole steps only.
    Raises:
        SamplingError: uniforms out of range, or more steps than the network reaches.  MidiError: a bad primer.
    """
    sampling.check_uniforms(uniforms)
    row = chorales.serialise(np.zeros((0, COUNT), dtype=np.int64) if primer is None else primer).tolist()
    _check_reach(model, (len(row) + uniforms.shape[1]) // COUNT)
    singer = Singer(model, 1)
    if row:
        singer.hear(torch.tensor([row]))
    for uniform in uniforms[0]:
        ids, _ = singer.draw(uniform[None], options, may_end=bool(row) and len(row) % COUNT == 0)
        if int(ids) == EDGE:
            break
        row.append(int(ids))
        if singer.done < model.config.length:
            singer.hear(ids[:, None])
    return chorales.deserialise(row[: len(row) // COUNT * COUNT])


@torch.inference_mode()
def harmonise(
    model: MusicTransformer, soprano: Sequence[int] | NDArray, uniforms: Tensor, *, options: Options = OWN
) -> list[Harmonised]:
    """Alto, tenor and bass below a soprano: as many versions as there are rows of uniforms, the likeliest first.

    Args:
        soprano: int [T], a MIDI pitch or SILENT for every sixteenth.
        uniforms: float [B, 3 T] in [0, 1).
    Returns:
        B of them, in the order of their mean cost.
    Raises:
        SamplingError: uniforms of another shape or out of range; an empty soprano, or one longer than the network
            reaches.  MidiError: a pitch that no chorale has.
    """
    given = torch.from_numpy(chorales.pitch_tokens(soprano))
    sampling.check_uniforms(uniforms)
    if given.dim() != 1 or not len(given) or uniforms.shape[1] != (COUNT - 1) * len(given):
        raise SamplingError(
            f"A soprano of T sixteenths takes 3 T uniforms: got {list(given.shape)} and {list(uniforms.shape)}."
        )
    _check_reach(model, len(given))
    batch = len(uniforms)
    singer, drawn, costs = Singer(model, batch), [], []
    waiting = torch.zeros(batch, 0, dtype=torch.int64)  # drawn, but not heard yet
    for step, token in enumerate(given):
        singer.hear(torch.cat([waiting, token.expand(batch, 1)], dim=1))
        voices, nats = [token.expand(batch)], [torch.zeros(batch)]
        for voice in range(COUNT - 1):
            if voice:
                singer.hear(voices[-1][:, None])
            ids, cost = singer.draw(uniforms[:, step * (COUNT - 1) + voice], options, may_end=False)
            voices.append(ids)
            nats.append(cost)
        waiting = voices[-1][:, None]
        drawn.append(torch.stack(voices, dim=1))  # [B, 4]
        costs.append(torch.stack(nats, dim=1))
    rows, nats_of = torch.stack(drawn, dim=1), torch.stack(costs, dim=1)  # [B, T, 4]
    order = nats_of.mean(dim=(1, 2)).argsort(stable=True).tolist()
    return [Harmonised(chorales.deserialise(rows[i].reshape(-1)), nats_of[i].numpy()) for i in order]


def _check_reach(model: MusicTransformer, steps: int) -> None:
    if steps * COUNT > model.config.length:
        raise SamplingError(
            f"{steps} sixteenths are more than the {model.config.length // COUNT} that this network reaches: "
            "shorten the piece."
        )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="transformer-chorales-relative")
    parser.add_argument("--bars", type=int, default=8, help="of common time, at most")
    parser.add_argument("--soprano", help="name of a chorale of --data whose soprano is harmonised")
    parser.add_argument("--data", type=Path, default=Path("runs/chorales.json"))
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("chorale.mid"))
    options = parser.parse_args(arguments)
    model, drawing = weights.load(options.weights), Options(options.temperature)
    if options.soprano:
        known = {one.name: one for part in chorales.read(options.data).values() for one in part}
        if options.soprano not in known:
            raise SystemExit(f"{options.data} has no {options.soprano}.")
        line = known[options.soprano].steps[: model.config.length // COUNT, 0]
        uniforms = sampling.uniforms_of(options.seed, (COUNT - 1) * len(line))
        steps = harmonise(model, line, uniforms, options=drawing)[0].steps
    else:
        uniforms = sampling.uniforms_of(options.seed, COUNT * STEPS_PER_BAR * options.bars)
        steps = generate(model, uniforms, options=drawing)
    chorales.to_midi(steps).write(str(options.out))
    print(f"{len(steps)} sixteenths, {int((steps == SILENT).sum())} rests: {options.out}")


if __name__ == "__main__":
    main()
