"""Teach the tagger whether something is music at all: one number from its 50 logits, by logistic regression.

    python -m core.tags.train --data PATH/music --speech PATH/speech --noise PATH/noise_esc10 --events PATH/urbansound8k

musicnn has heard nothing but music, so it tags speech and rain too. Yet the tags that it gives them are unlike those of
music, and a weighted sum of the 50 logits tells. The published weights stay as they are.

--data: songs in parts, MIR-1K and an archive of piano performances. The parts are the project's: what
`core.tags.measure` looks at is of other recordings.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core import audio, weights
from core.events import data as events
from core.events.model import URBAN
from core.tags import convert
from core.tags.data import log_mel, windows
from core.tags.model import Musicnn
from core.tags.sample import HOP_FRAMES

MUSIC, OTHER = ("music", "piano"), ("speech", "noise", "events")
PIANO_PIECES = {"train": 80, "held-out": 20}
LOUDEST_DB, QUIETEST_DB = -14.0, -32.0  # levels at which sounds are heard, so that loudness does not tell
SECONDS = 4.0


def gather(options: argparse.Namespace, part: str) -> dict[str, list[np.ndarray]]:
    """Sounds of up to 4 s of each kind, of "train" or "held-out".

    Raises:
        DataError: a folder does not hold what it should.
    """
    out = {"music": events.music_pieces(options.data, part), "piano": piano(options.data, part)}
    if options.speech:
        out["speech"] = events.speech_pieces(options.speech, part)
    if options.noise:
        out["noise"] = events.noise_pieces(options.noise, part)
    if options.events:
        clips = events.load(options.events, cache=options.cache)
        clips = clips.of([10] if part == "held-out" else [1, 2])
        chosen = [i for i in range(0, len(clips), 4) if clips.labels[i] != URBAN.index("street_music")]
        out["events"] = [clips.sound[i, : clips.samples[i]].astype(np.float32) / 32767 for i in chosen]
    return out


def piano(folder: Path, part: str) -> list[np.ndarray]:
    """Performances of works of that part, played by the soundfont: the 4 s from the sixth on, float32 [T] each."""
    from core.melnet.piano import render
    from core.transformer import data as performances

    archives = sorted(folder.glob("asap*")) or [folder]
    pieces = performances.load(archives[0], held_out=part == "held-out")
    chosen = pieces[:: max(1, len(pieces) // PIANO_PIECES[part])][: PIANO_PIECES[part]]
    start, end = (round(s * audio.SAMPLE_RATE_HZ) for s in (6.0, 6.0 + SECONDS))
    return [x for x in (render(piece, seconds=10.0)[start:end] for piece in chosen) if len(x) > 16_000]


@torch.no_grad()
def tag_logits(model: Musicnn, sounds: list[np.ndarray], *, seed: int = 0) -> Tensor:
    """The 50 logits of each sound, mean over its windows, at a random level: float [N, 50]."""
    random = np.random.default_rng(seed)
    out = []
    for x in sounds:
        level = float(random.uniform(QUIETEST_DB, LOUDEST_DB))
        picture = log_mel(audio.level_to(torch.from_numpy(np.ascontiguousarray(x)), dbfs=level), model.config)
        out.append(model(windows(picture, model.config, 2 * HOP_FRAMES)[0]).mean(dim=0))
    return torch.stack(out)


def regression(x: Tensor, y: Tensor, share: Tensor, *, penalty: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Logistic regression: the w and b that minimise the weighted cross entropy + penalty |w|^2.

    Args:
        x: float [N, D].  y: float [N], 0 or 1.  share: float [N], how much each counts; they sum to one.
    Returns:
        w float [D], b float [].
    """
    w, b = torch.zeros(x.shape[1], requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([w, b], max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-7)

    def closure() -> Tensor:
        optimizer.zero_grad()
        losses = F.binary_cross_entropy_with_logits(x @ w + b, y, reduction="none")
        loss = (losses * share).sum() + penalty * w.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]
    return w.detach(), b.detach()


def teach(model: Musicnn, logits: dict[str, Tensor]) -> None:
    """Set `model.music` from the logits of each kind; music and the rest count alike, and so do their kinds."""
    kinds = [kind for kind in (*MUSIC, *OTHER) if kind in logits]
    x = torch.cat([logits[kind] for kind in kinds])
    y = torch.cat([torch.full((len(logits[kind]),), float(kind in MUSIC)) for kind in kinds])
    sides = {True: sum(kind in MUSIC for kind in kinds), False: sum(kind in OTHER for kind in kinds)}
    share = torch.cat([
        torch.full((len(logits[kind]),), 0.5 / sides[kind in MUSIC] / len(logits[kind])) for kind in kinds
    ])  # fmt: skip
    w, b = regression(x, y, share)
    with torch.no_grad():
        model.music.weight.copy_(w[None])
        model.music.bias.copy_(b[None])


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sources(parser)
    return parser.parse_args(arguments)


def sources(parser: argparse.ArgumentParser) -> None:
    """The folders that both this and `core.tags.measure` read."""
    parser.add_argument("--data", type=Path, required=True, help="songs in parts, MIR-1K, piano performances")
    parser.add_argument("--speech", type=Path, help="Kathleen's voice, TSP")
    parser.add_argument("--noise", type=Path, help="ESC-10's noises")
    parser.add_argument("--events", type=Path, help="UrbanSound8K")
    parser.add_argument("--cache", type=Path, default=Path("runs/events-cache"), help="UrbanSound8K, decoded")


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    torch.set_num_threads(1)
    model = cast(Musicnn, weights.load(convert.NAME))
    logits = {kind: tag_logits(model, sounds) for kind, sounds in gather(options, "train").items()}
    teach(model, logits)
    for kind, found in logits.items():
        right = ((model.music(found)[:, 0] > 0) == (kind in MUSIC)).float().mean()
        print(f"{kind:8s} {len(found):5d} sounds, {100 * float(right):.1f} % right in training")
    print(convert.ship(model, weights.card(convert.NAME)["metrics"]))


if __name__ == "__main__":
    main()
