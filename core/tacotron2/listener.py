"""A listener for the Korean voice: log-mels in, the jamo that it hears out. The recogniser of the round trip.

    python -m core.tacotron2.listener --data runs/teacher-ko --minutes 20        # trains and ships it

Why a recogniser of our own: no Korean one comes as a package that works without the network, and the question here is
a narrow one. The teacher (espeak-ng) says every sound of the table clearly; a listener that has learned to write down
what the teacher says, and nothing else, tells how much of it the pupil says as clearly. Its error on the teacher's own
unseen sentences, and on the same through the vocoder, stands beside every number.

Connectionist temporal classification (Graves et al. 2006) over two convolutions and a bidirectional LSTM.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core import audio, recognition_metrics, training, weights
from core.tacotron2 import data
from core.text.tokens import BOUNDARY, table

NAME = "tacotron2-korean-listener"
DATA = [
    {
        "name": "5,000 sentences of our own grammar, said by espeak-ng's Korean voice",
        "license": "Apache-2.0 (text), espeak-ng is GPL-3.0-or-later",
        "source": "python -m core.tacotron2.teacher",
    }
]
# What a pupil's sound may differ in without being said wrongly: level, noise floor, pace, blur along both axes.
LEVEL_DB, PACE, NOISE, BLUR = 6.0, 0.15, 0.4, 0.5
BLANK = 0  # the table's padding


@dataclass(frozen=True)
class ListenerConfig:
    """Sizes. symbols: of the table of sounds, whose padding is CTC's blank."""

    symbols: int = len(table("ko", "sounds"))
    mel_channels: int = audio.MEL_BANDS
    channels: int = 128
    kernel: int = 5
    hidden: int = 128
    mel_mean: float = -5.0
    mel_scale: float = 2.0


class Listener(nn.Module):
    """float [B, 80, F] log-mel -> log-probabilities [B, F / 2, symbols]."""

    def __init__(self, config: ListenerConfig) -> None:
        super().__init__()
        self.config = config
        c, k = config.channels, config.kernel
        self.first = nn.Conv1d(config.mel_channels, c, k, stride=2, padding=k // 2)
        self.second = nn.Conv1d(c, c, k, padding=k // 2)
        self.lstm = nn.LSTM(c, config.hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * config.hidden, config.symbols)

    def forward(self, mel: Tensor) -> Tensor:
        x = (mel - self.config.mel_mean) / self.config.mel_scale
        x = F.relu(self.second(F.relu(self.first(x))))
        x = self.lstm(x.transpose(1, 2))[0]  # [B, F / 2, 2 H]
        return torch.log_softmax(self.out(F.dropout(x, 0.2, self.training)), dim=2)

    @torch.no_grad()
    def hear(self, sound: Tensor) -> str:
        """What a sound says: float [T] at 16 kHz -> jamo, without spaces and marks (the best path)."""
        best = self(audio.mel(sound)[None])[0].argmax(dim=1).tolist()
        symbols = table("ko", "sounds")
        kept = [now for before, now in zip([BLANK, *best], best) if now not in (before, BLANK)]
        return "".join(symbols[i] for i in kept)


def sounds_of(ids: Tensor) -> Tensor:
    """The ids that a listener is to write: without marks, spaces, padding and the end, which nobody hears."""
    symbols = table("ko", "sounds")
    keep = torch.tensor([symbols[i].isalpha() and symbols[i] != BOUNDARY for i in ids.tolist()])
    return ids[keep]


def disturbed(mel: Tensor, generator: np.random.Generator) -> Tensor:
    """The same words as another speaker of them might have left them. float [80, F] -> [80, F']."""
    frames = max(8, round(mel.shape[1] * generator.uniform(1 - PACE, 1 + PACE)))
    x = F.interpolate(mel[None], size=frames, mode="linear")[0]
    if generator.random() < BLUR:
        width = int(generator.choice([3, 5]))
        x = F.avg_pool2d(x[None, None], (width, 3), stride=1, padding=(width // 2, 1), count_include_pad=False)[0, 0]
    x = x + generator.uniform(-LEVEL_DB, LEVEL_DB) / data.DECIBELS
    floor = torch.as_tensor(generator.uniform(-11, -6) + NOISE * generator.standard_normal(x.shape)).float()
    return torch.logaddexp(x, floor)


def batches(examples: Sequence[data.Example], *, batch: int, seed: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Batches of (disturbed mel, ids) of like length, without end."""
    generator = np.random.default_rng(seed)
    lengths = np.array([one.mel.shape[1] for one in examples])
    while True:
        order = np.argsort(lengths * generator.uniform(0.9, 1.1, len(lengths)))
        groups = [order[i : i + batch] for i in range(0, len(order), batch)]
        for group in generator.permutation(len(groups)):
            yield [(disturbed(examples[i].mel, generator), sounds_of(examples[i].ids)) for i in groups[group]]


def step_loss(model: Listener, batch: list[tuple[Tensor, Tensor]]) -> float:
    """Loss and gradients of one batch: minus the log-probability of what was said, a symbol."""
    mels, ids = zip(*batch)
    padded = nn.utils.rnn.pad_sequence([mel.T for mel in mels], batch_first=True, padding_value=data.SILENT_LOG_MEL)
    found = model(padded.transpose(1, 2)).transpose(0, 1)  # [F / 2, B, symbols]
    frames = torch.tensor([(mel.shape[1] + 1) // 2 for mel in mels])
    counts = torch.tensor([len(one) for one in ids])
    loss = F.ctc_loss(found, torch.cat(ids), frames, counts, blank=BLANK, zero_infinity=True)
    loss.backward()
    return loss.item()


def error(model: Listener, sounds: Sequence[Tensor], ids: Sequence[Tensor]) -> float:
    """Jamo error in percent: edits that turn what is heard into what was to be said (jiwer.cer)."""
    symbols = table("ko", "sounds")
    wanted = ["".join(symbols[i] for i in sounds_of(one).tolist()) for one in ids]
    return 100 * recognition_metrics.corpus_character_error(wanted, [model.hear(sound) for sound in sounds])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="made by core.tacotron2.teacher")
    parser.add_argument("--run", type=Path, default=Path("runs/listener-ko"), help="folder of checkpoints")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--limit", type=int, help="only so many sentences, to try things out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default=NAME, help="of the shipped weights")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    model = Listener(ListenerConfig()).train()
    examples = data.load_korean(options.data, limit=options.limit)
    held_out = data.load_korean(options.data, held_out=True)
    state = training.fit(
        model, batches(examples, batch=options.batch, seed=options.seed), step_loss, folder=options.run,
        schedule=training.Schedule(minutes=options.minutes, learning_rate=2e-3, decay=0.6, ema=0.995,
                                   evaluate_every=500),
        seed=options.seed, command=training.command_line("core.tacotron2.listener", options),
    )  # fmt: skip
    model.eval()
    sounds = [audio.griffin_lim(one.mel) for one in held_out]
    percent = error(model, sounds, [one.ids for one in held_out])
    print(f"jamo error of the teacher's {len(held_out)} unseen sentences, through Griffin-Lim: {percent:.2f} %")
    weights.save(
        model, options.name,
        description="Writes down the jamo that the Korean voice of espeak-ng says: the judge of its pupil.",
        sample_rate_hz=audio.SAMPLE_RATE_HZ, training_command=training.commands(state), commit=state["commit"],
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state["device"], data=DATA,
        metrics=[{
            "name": "jamo error (%), teacher's mels, griffin-lim", "value": round(percent, 2),
            "split": f"{len(held_out)} unseen sentences",
            "command": "python -m core.tacotron2.measure_korean --only unseen",
        }],
        known_failures=["Knows one voice: no recogniser of Korean as people speak it."],
    )  # fmt: skip


if __name__ == "__main__":
    main()
