"""Measure shipped WaveNets on held-out sentences, and write what was measured into their cards.

    python -m core.wavenet.measure --weights wavenet-vocoder --data PATH
    python -m core.wavenet.measure --weights wavenet-vocoder --data PATH --run runs/wavenet-vocoder --write

Prints bits per sample over the held-out sentences and, for a vocoder, PESQ, STOI, log-mel distance, the share of
wrong pitches and DNSMOS of what it says from their mels, as drawn and after the post-filter with which the site plays
it, beside Griffin-Lim (60 iterations) from the same mels and beside the mu-law original. White noise through the
post-filter shows what the filter does alone.
Griffin-Lim needs magnitudes, which a mel leaves open: one row takes ours (core.audio.magnitudes), which suit it
unusually well, one takes librosa's, which is what most people mean by "Griffin-Lim from a mel". A vocoder with a
pitch clock has two figures of bits: its clock set by the recording, as in training, and running freely, as when it
speaks; a free clock is out of step with the recording, though not with the voice it makes. With `--run` the
averaged weights of a training run are measured instead, and `--write` ships them with their card.
PESQ, STOI and DNSMOS come from packages of tests/requirements.txt; without one its column is nan and no card has it.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor

from core import audio, postfilter, recognition_metrics, speech_metrics, training, weights
from core.errors import PackageError
from core.wavenet import data, generate, pitch_train
from core.wavenet.examples import TEMPERATURE
from core.wavenet.model import PRESETS, WaveNet
from core.wavenet.train import evaluate, with_clock

METRICS = ("PESQ (wide-band)", "STOI", "log-mel distance (dB)", "gross pitch error", "DNSMOS (overall)")
DATA = [
    {
        "name": "Kathleen, 1,132 CMU ARCTIC prompts by one US English speaker, less arctic_b0480 … b0539",
        "license": "CC0 1.0",
        "source": "github.com/rhasspy/dataset-voice-kathleen (Michael Hansen), 16 kHz, levelled to -20 dBFS",
    }
]


def compare(reference: Tensor, output: Tensor) -> tuple[float, ...]:
    """METRICS of two sounds [T] over their common length; DNSMOS looks at the output alone."""
    count = min(reference.shape[0], output.shape[0])
    x, y = reference[:count], output[:count]
    return (
        or_nan(lambda: speech_metrics.pesq_wideband(x, y)),
        or_nan(lambda: speech_metrics.stoi(x, y)),
        speech_metrics.log_mel_distance_db(x, y),
        speech_metrics.gross_pitch_error(x, y),
        or_nan(lambda: recognition_metrics.dnsmos(y).overall),
    )


def or_nan(metric: Callable[[], float]) -> float:
    """What a metric says, or NaN where its package is not installed; that is printed once a package."""
    try:
        return metric()
    except PackageError as error:
        say_once(str(error))
        return math.nan


@functools.cache
def say_once(sentence: str) -> None:
    print(sentence)


def mean_of_known(values: Sequence[float]) -> float:
    """The mean without NaN; NaN if there is nothing else."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.mean(known) if known else math.nan


def usual_griffin_lim(mel: Tensor) -> Tensor:
    """Griffin-Lim, 60 iterations, as librosa does it from a mel: non-negative least squares for the magnitudes.

    Args:
        mel: float [80, F], natural logarithm.
    Returns:
        float32 [(F - 1) * 200].
    """
    import librosa

    sound = librosa.feature.inverse.mel_to_audio(
        mel.exp().numpy(), sr=audio.SAMPLE_RATE_HZ, n_fft=audio.WINDOW_SAMPLES, hop_length=audio.HOP_SAMPLES,
        power=1.0, n_iter=60, pad_mode="reflect", fmin=0.0, fmax=8000.0, length=(mel.shape[1] - 1) * audio.HOP_SAMPLES,
    )  # fmt: skip
    return torch.from_numpy(sound)


METHODS: dict[str, Callable[[data.Recording], Tensor]] = {
    "original": lambda recording: recording.audio,
    "mu-law original": lambda recording: audio.mu_law_decode(recording.codes.long()),
    "Griffin-Lim, 60 iterations": lambda recording: audio.griffin_lim(recording.mel, iterations=60),
    "Griffin-Lim, 60 iterations, librosa's magnitudes": lambda recording: usual_griffin_lim(recording.mel),
    "white noise, post-filter": lambda recording: postfilter.filtered_noise(recording.mel, len(recording.audio)),
}


def vocoder_table(
    model: WaveNet, recordings: list[data.Recording], *, temperature: float, seed: int = 0
) -> dict[str, tuple[float, ...]]:
    """Means over the recordings of `compare`, one row a method, against the levelled original."""
    rows: dict[str, list[tuple[float, ...]]] = {}
    for recording in recordings:
        mel, samples = recording.mel[None], len(recording.audio)
        drawn = audio.mu_law_decode(generate(model, mel=mel, samples=samples, seed=seed, temperature=temperature)[0])
        sounds = {name: method(recording) for name, method in METHODS.items()}
        sounds["WaveNet"] = drawn
        sounds["WaveNet, post-filter"] = postfilter.correct(drawn, recording.mel).clamp(-1, 1)
        for name, sound in sounds.items():
            rows.setdefault(name, []).append(compare(recording.audio, sound))
    return {name: tuple(mean_of_known(column) for column in zip(*values)) for name, values in rows.items()}


def measure(model: WaveNet, folder: Path, *, limit: int | None, temperature: float) -> dict[str, float]:
    """Every number of the card: held-out bits per sample and, for a vocoder, the table."""
    recordings = data.load(folder, held_out=True, limit=limit)
    clocked = with_clock(model, recordings, fit=False)
    found = {"held-out bits per sample": evaluate(model, clocked)["held_out_bits_per_sample"]}
    if model.condition is not None and model.condition.pitch is not None:
        free = evaluate(model, recordings)["held_out_bits_per_sample"]
        found["held-out bits per sample, clock running freely"] = free
        read = pitch_train.accuracy(model.condition.pitch, recordings)
        found.update({f"F0 read off the mel: {name}": value for name, value in read.items()})
    for name, value in found.items():
        print(f"{name}  {value:.3f}   ({len(recordings)} sentences)")
    if not model.config.mel_channels:
        return found
    started = time.perf_counter()
    table = vocoder_table(model, recordings, temperature=temperature)
    print(f"{'':50s}" + "".join(f"{name:>24s}" for name in METRICS))
    for method, values in table.items():
        print(f"{method:50s}" + "".join(f"{value:24.3f}" for value in values))
        found.update({f"{metric}, {method}": v for metric, v in zip(METRICS, values) if not math.isnan(v)})
    print(f"temperature {temperature}, {generate.best(model)} {time.perf_counter() - started:.0f} s in all")
    return found


def of_run(folder: Path, preset: str) -> tuple[WaveNet, dict[str, Any]]:
    """The averaged weights of a training run and its counters."""
    model = WaveNet(PRESETS[preset])
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def ship(name: str, model: WaveNet, state: dict[str, Any], metrics: list[dict[str, Any]]) -> Path:
    """Write assets/weights/<name> with its card: what it is, how it was trained, what was measured."""
    kind = "vocoder" if model.config.mel_channels else "speech"
    return weights.save(
        model, name,
        description=f"A WaveNet (arXiv:1609.03499) that {WHAT[kind]}. 16 kHz, 256 mu-law codes.",
        sample_rate_hz=audio.SAMPLE_RATE_HZ, training_command=training.commands(state),
        commit=state.get("commit", training.commit_hash()), seed=state["seed"], steps=state["step"],
        hours=state["hours"], device=state.get("device", "CPU"), data=DATA, metrics=metrics,
        known_failures=FAILURES[kind],
    )  # fmt: skip


def metric_rows(found: dict[str, float], options: argparse.Namespace) -> list[dict[str, Any]]:
    """The measured numbers with the command that prints them."""
    command = f"python -m core.wavenet.measure --weights {options.weights} --data PATH"
    command += f" --temperature {options.temperature}" if len(found) > 1 else ""
    command += f" --limit {options.limit}" if options.limit else ""
    split = f"{options.limit or 60} held-out sentences"
    return [
        {"name": name, "value": round(value, 3), "split": split, "command": command} for name, value in found.items()
    ]


WHAT = {
    "vocoder": "speaks what a mel spectrogram says, by a clock of its pitch; the first 20,000 steps were without it",
    "speech": "babbles in the voice it was trained on",
}
FAILURES = {
    "vocoder": [
        "Short of training: as drawn it is rough, and far below Griffin-Lim in PESQ; the post-filter (core.postfilter) "
        "mends its levels, not its pitch, which is wrong here and there. Continue with --resume.",
        "Reads F0 off the mel by a small network: on blurred mels, music and several voices it errs, and the sound "
        "follows its error.",
        "Knows one woman's voice; other voices, music and noise come out in her manner or break up.",
    ],
    "speech": [
        "Short of training: syllables are blurred; there are no words, as in section 3.1 of the paper.",
        "Below temperature 0.8 it soon falls silent and stays so; now and then at 0.9, too. Another seed helps.",
    ],
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="wavenet-vocoder", help="name in assets/weights")
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--limit", type=int, help="only so many sentences")
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--run", type=Path, help="measure the averaged weights of this training run instead")
    parser.add_argument("--write", action="store_true", help="with --run: ship them and write the card")
    options = parser.parse_args(arguments)
    if options.run:
        model, state = of_run(options.run, options.weights.removeprefix("wavenet-"))
    else:
        model, state = cast(WaveNet, weights.load(options.weights)), {}
    found = measure(model, options.data, limit=options.limit, temperature=options.temperature)
    if options.write and options.run:
        print(ship(options.weights, model, state, metric_rows(found, options)))


if __name__ == "__main__":
    main()
