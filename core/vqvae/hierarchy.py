"""A second level: a code over eight codes, five a second, and a decoder that draws the eight it stands for.

    python -m core.vqvae.hierarchy --front vqvae-speech --data PATH --voices PATH --minutes 6

    level 2 (5 a second)  -> level 1 (40 a second) -> frames (80 a second) -> samples (16,000 a second)

Source: Dieleman, van den Oord, Simonyan 2018 (arXiv:1806.10474): autoregressive discrete autoencoders, one trained on
the codes of another; van den Oord et al. 2017 (arXiv:1711.00937), section 3.1, for a sequence of codes as an image's.
Differs from them: the second level reads the first one's code vectors; everything is trained at once, the prior on the
codes of a codebook that still moves; sizes.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from core import training, weights
from core.errors import SamplingError
from core.muon import muon_for
from core.vqvae import data, prior
from core.vqvae.model import MEAN, SPREAD, Block
from core.vqvae.quantiser import Quantised, VectorQuantiser, checked, perplexity
from core.vqvae.sample import MAX_CODES
from core.vqvae.train import front
from core.wavenet import generate
from core.wavenet.model import WaveNetConfig

PRIOR_WEIGHT = 0.2  # its bits, for each code of level 2, beside bits for each code of level 1
INNER = (
    "before",
    "halve",
    "after",
    "decoder.layers.",
    "decoder.head1",
    "decoder.condition.project",
    "prior.layers.",
)


@dataclass(frozen=True)
class SecondLevelConfig:
    """Sizes of a second level.

    front: name of the first level's weights.  first_codes: its K.  first_channels: its D.
    codes, channels: K and D of this level.  ratio: codes of level 1 for one of level 2.  width: of the encoder.
    layers, residual_channels: of the decoder, whose dilations double 4 times, and of the prior.
    """

    front: str = "vqvae-speech"
    first_codes: int = 512
    first_channels: int = 64
    codes: int = 128
    channels: int = 32
    ratio: int = 8
    width: int = 64
    layers: int = 8
    residual_channels: int = 48

    def decoder(self) -> WaveNetConfig:
        """The network that draws level 1 from level 2."""
        r = self.residual_channels
        return WaveNetConfig(
            levels=self.first_codes, residual_channels=r, gate_channels=2 * r, skip_channels=64, head_channels=64,
            layers=self.layers, layers_per_cycle=4, mel_channels=self.channels, condition_channels=48,
            hop_samples=self.ratio,
        )  # fmt: skip

    def prior(self) -> WaveNetConfig:
        """The network that draws level 2 from nothing."""
        return WaveNetConfig(
            levels=self.codes, residual_channels=32, gate_channels=64, skip_channels=48, head_channels=48, layers=10,
            layers_per_cycle=5, hop_samples=8,
        )  # fmt: skip


class SecondLevel(nn.Module):
    """Encoder, codebook, decoder and prior of the second level."""

    def __init__(self, config: SecondLevelConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.first = nn.Linear(config.first_channels, width)
        self.before = nn.Sequential(Block(width), Block(width, 2))
        self.halve = nn.Linear(config.ratio * width, width)
        self.after = nn.Sequential(Block(width))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, config.channels)
        self.quantiser = VectorQuantiser(config.codes, config.channels, restart_after=20)
        self.decoder = prior.network(config.first_codes, config.decoder())
        self.prior = prior.network(config.codes, config.prior())

    def forward(self, vectors: Tensor) -> Quantised:
        """Code vectors of level 1, float [B, N, D1], N a multiple of the ratio -> codes of level 2, [B, N / ratio]."""
        if vectors.dim() != 3 or vectors.shape[1] % self.config.ratio or vectors.shape[1] == 0:
            raise SamplingError(
                f"Give code vectors [batch, count, channels], count a multiple of {self.config.ratio}, got "
                f"{list(vectors.shape)}."
            )
        x = self.before(self.first(vectors))
        batch, count, width = x.shape
        x = self.halve(
            x.reshape(batch, count // self.config.ratio, self.config.ratio * width)
        )  # [B, N / ratio, C]
        return self.quantiser(self.out(self.norm(self.after(x))))

    @torch.no_grad()
    def encode(self, vectors: Tensor) -> Tensor:
        """float [B, N, D1] -> int64 [B, N / ratio rounded down].  SamplingError: fewer vectors than the ratio."""
        training, _ = self.quantiser.training, self.quantiser.eval()
        whole = vectors.shape[1] - vectors.shape[1] % self.config.ratio
        codes = self(vectors[:, :whole]).codes
        self.quantiser.train(training)
        return codes

    def condition(self, vectors: Tensor) -> Tensor:
        """Vectors of level 2, [B, n, D2], as the "mel" of a WaveNet [B, D2, n], which takes a mean and a spread off."""
        return (MEAN + SPREAD * vectors).transpose(1, 2)

    def losses(self, codes: Tensor, vectors: Tensor, noise: float = 0.0) -> dict[str, Tensor]:
        """Bits for each code of level 1 given level 2, the codebook's commitment, and the prior's bits, weighted.

        Args:
            codes: int64 [B, N] of level 1.  vectors: float [B, N, D1], theirs.
        """
        found = self(vectors)
        given = prior.bits_per_code(self.decoder, codes, self.condition(found.vectors), noise)
        alone = PRIOR_WEIGHT * prior.bits_per_code(self.prior, found.codes, noise=noise)
        return {"level1": given, "level2": alone, **found.losses}

    def draw(self, count: int, *, seed: int = 0, temperature: float = 1.0) -> Tensor:
        """`count` codes of level 2 that the prior makes up, int64 [count].  SamplingError: as `prior.draw`."""
        return prior.draw(self.prior, count, seed=seed, temperature=temperature)

    def expand(
        self, codes: Tensor, *, seed: int = 0, temperature: float = 1.0, uniforms: Tensor | None = None
    ) -> Tensor:
        """Codes of level 1 that these of level 2 stand for, drawn one after the other.

        Args:
            codes: int64 [n] of level 2.  uniforms: float [1, n * ratio].
        Returns:
            int64 [n * ratio].
        Raises:
            SamplingError: a code out of range, none or too many, or as `core.wavenet.generate`.
        """
        if codes.dim() != 1 or not 1 <= len(codes) * self.config.ratio <= MAX_CODES:
            raise SamplingError(f"Give 1 to {MAX_CODES // self.config.ratio} codes, got {list(codes.shape)}.")
        with torch.no_grad():
            condition = self.condition(self.quantiser.embed(checked(codes[None], self.config.codes)))
        count = len(codes) * self.config.ratio
        return generate(self.decoder, condition, count, uniforms, seed, temperature, "cached")[0]


def step(model: SecondLevel, batch: tuple[Tensor, Tensor]) -> float:
    """Loss and gradients of one batch."""
    loss = torch.stack(list(model.losses(*batch, noise=prior.NOISE).values())).sum()
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate(model: SecondLevel, held_out: Sequence[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Held-out bits for each code of either level, and how level 2 is used.

    Args:
        held_out: codes int64 [N] and vectors float [N, D1] of level 1, N a multiple of the ratio.
    """
    first = second = 0.0
    used = []
    for codes, vectors in held_out:
        parts = model.losses(codes[None], vectors[None])
        first += float(parts["level1"]) * len(codes)
        second += float(parts["level2"]) / PRIOR_WEIGHT * len(codes) / model.config.ratio
        used.append(model.encode(vectors[None])[0])
    count = sum(len(codes) for codes, _ in held_out)
    level2 = torch.cat(used)
    return {
        "held_out_bits_level1_given_level2": first / count,
        "held_out_bits_level2": second / count * model.config.ratio,
        "held_out_bits_per_code_both": (first + second) / count,
        "held_out_perplexity": float(perplexity(level2, model.config.codes)),
        "held_out_dead": float((torch.bincount(level2, minlength=model.config.codes) == 0).sum()),
    }


def of_run(folder: Path) -> tuple[SecondLevel, dict[str, Any]]:
    """The averaged weights of a run, and its state."""
    model = SecondLevel(SecondLevelConfig(**json.loads((folder / "config.json").read_text())))
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    prior.options_over_codes(parser, run="runs/vqvae-second", batch=12)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.prepare_cpu()
    training.opening(options)
    coder = front(options.front)[1]
    config = SecondLevelConfig(first_codes=coder.config.codes, first_channels=coder.config.code_channels)
    model = cast(SecondLevel, weights.load(options.resume)) if options.resume else SecondLevel(config)
    train, held = (
        data.load(
            options.data, options.voices, held_out=held_out, limit=options.limit, speakers=coder.config.speakers
        )
        for held_out in (False, True)
    )
    embed = coder.quantiser.embed
    held_codes = [one[0][: len(one[0]) // config.ratio * config.ratio] for one in prior.coded(coder, held)]
    pairs = [(codes, embed(codes[None])[0].detach()) for codes in held_codes]
    codes = prior.coded(coder, train, warps=prior.WARPS)
    stream = ((row, embed(row).detach()) for row in prior.sequences(codes, batch=options.batch, seed=options.seed))
    options.run.mkdir(parents=True, exist_ok=True)
    (options.run / "config.json").write_text(json.dumps(asdict(model.config), indent=1))
    state = training.fit(
        model.train(), stream, step, folder=options.run,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.995,
        ),
        evaluate=functools.partial(evaluate, held_out=pairs), seed=options.seed,
        optimizer=muon_for(model, inner=INNER, lr=options.learning_rate, dtype=torch.bfloat16),
        command=training.command_line("core.vqvae.hierarchy", options),
    )  # fmt: skip
    print(json.dumps(state["evaluation"]))


if __name__ == "__main__":
    main()
