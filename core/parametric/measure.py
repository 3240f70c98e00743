"""Measure the voice on held-out sentences, and write what was measured into the cards of its two networks.

    python -m core.parametric.measure --data PATH
    python -m core.parametric.measure --data PATH --only acoustics --write
    python -m core.parametric.measure --data PATH --run runs --write

Prints, with natural durations, what the acoustic model gets wrong; then character error (pocketsphinx, free decoding)
and DNSMOS of the held-out prompts as they were recorded, through the vocoder alone, and spoken from their text with
and without global variance, and of the Harvard sentences; then speed and memory. With `--run` the averaged weights of
the training runs in that folder are measured instead, and `--write` ships them; without it, `--write` puts what was
measured into the cards of the shipped ones. `--only` measures a part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from core import audio, recognition_metrics, training, weights
from core.parametric import data, sample
from core.parametric.data import Utterance
from core.parametric.model import AcousticModel, DurationModel
from core.parametric.train import DECIBELS, evaluate_durations, pauses, speech
from core.parametric.vocoder import CEPSTRA, resynthesize
from core.text import alignment
from core.voice_metrics import Metric, show
from core.voice_metrics import harvard as harvard_sentences
from core.wavenet import data as corpus

PARTS = ("acoustics", "prompts", "harvard", "speed")
COMMAND = "python -m core.parametric.measure --data PATH --only "
DATA = [
    {
        "name": "Kathleen, 1,132 CMU ARCTIC prompts by one US English speaker, less arctic_b0480 … b0539",
        "license": "CC0 1.0",
        "source": "github.com/rhasspy/dataset-voice-kathleen (Michael Hansen), 16 kHz, levelled to -20 dBFS; "
        "phones aligned by pocketsphinx",
    }
]
Models = tuple[DurationModel, AcousticModel]


def acoustics(models: Models, held_out: Sequence[Utterance], learnt: Sequence[Utterance] = ()) -> list[Metric]:
    """Durations of phones; and with natural durations: mel-cepstral distortion, F0, voicing.

    learnt: the training recordings. How much she reads faster or slower in the held-out ones is the difference
    between the two ratios of durations, for the network's own is 1 where it has learnt (`train.duration_loss`).
    Distortion is 10 / ln 10 sqrt(2 sum over m = 1 … 39 of (c_m - c'_m)^2), mean over the frames that are no pause
    (Kubichek 1993). F0 counts where both the recording and the model are voiced.
    """
    rows: dict[str, list[np.ndarray]] = {key: [] for key in ("smooth", "sharp", "voicing", "said", "flat", "natural")}
    for one in held_out:
        made = sample.trajectories(models[1], one.features, one.durations, pauses(one.features))
        _, voicing, smooth, sharp = made
        spoken, voiced = speech(one), (voicing > 0.5) & speech(one)
        for key, found in (("smooth", smooth), ("sharp", sharp)):
            distance = np.square(found[:, 1:CEPSTRA] - one.static[:, 1:CEPSTRA]).sum(axis=1)
            rows[key].append(DECIBELS * np.sqrt(distance)[spoken])
        both = voiced & one.voiced
        rows["said"].append(np.exp(sharp[both, CEPSTRA]))
        rows["flat"].append(np.exp(smooth[both, CEPSTRA]))
        rows["natural"].append(np.exp(one.static[both, CEPSTRA]))
        rows["voicing"].append((voiced != one.voiced)[spoken])
    column = {key: np.concatenate(values) for key, values in rows.items()}
    hertz, smooth_hertz = (
        float(np.sqrt(np.mean((column[key] - column["natural"]) ** 2))) for key in ("said", "flat")
    )
    alike = float(np.corrcoef(column["said"], column["natural"])[0, 1])
    smooth_db, sharp_db = float(column["smooth"].mean()), float(column["sharp"].mean())
    lasting = evaluate_durations(models[0], held_out)
    split = f"{len(held_out)} held-out prompts"
    natural = f"{split}, natural durations"
    return [
        Metric("duration RMSE (ms)", lasting["duration_rmse_ms"], split, "acoustics"),
        Metric("duration correlation", lasting["duration_correlation"], split, "acoustics"),
        Metric("duration of all phones, predicted to recorded", lasting["predicted_length_ratio"], split, "acoustics"),
        *(Metric("duration of all phones, predicted to recorded", found["predicted_length_ratio"],
                 f"{len(learnt)} training recordings", "acoustics")
          for found in ([evaluate_durations(models[0], learnt)] if learnt else [])),
        Metric("mel-cepstral distortion (dB)", smooth_db, natural, "acoustics"),
        Metric("mel-cepstral distortion with global variance (dB)", sharp_db, natural, "acoustics"),
        Metric("F0 RMSE (Hz)", hertz, natural, "acoustics"),
        Metric("F0 RMSE without global variance (Hz)", smooth_hertz, natural, "acoustics"),
        Metric("F0 correlation", alike, natural, "acoustics"),
        Metric("voicing error", float(column["voicing"].mean()), natural, "acoustics"),
    ]  # fmt: skip


def judged(name: str, sounds: Sequence[Tensor], texts: Sequence[str], split: str, part: str) -> list[Metric]:
    """Character error and DNSMOS of sounds that should say these texts."""
    heard = [recognition_metrics.recognise(sound) for sound in sounds]
    wanted = [recognition_metrics.as_read(text) for text in texts]
    opinions = [recognition_metrics.dnsmos(sound).overall for sound in sounds]
    return [
        Metric(f"character error, {name}", recognition_metrics.corpus_character_error(wanted, heard), split, part),
        Metric(f"DNSMOS overall, {name}", float(np.mean(opinions)), split, part),
    ]


def prompts(models: Models, folder: Path, held_out: Sequence[Utterance]) -> list[Metric]:
    """The held-out prompts by every method, each printed as soon as it is known."""
    written = alignment.texts(folder)
    files = {path.stem: path for path in corpus.sound_files(folder)}
    natural = {one.name: corpus.read(files[one.name]).audio for one in held_out}

    def from_text(one: Utterance, sharpen: bool) -> Tensor:
        return sample.synthesize(written[one.name], global_variance=sharpen, models=models).audio

    methods: dict[str, Callable[[Utterance], Tensor]] = {
        "natural": lambda one: natural[one.name],
        "WORLD alone": lambda one: resynthesize(natural[one.name]).audio,
        "parametric": lambda one: from_text(one, True),
        "parametric without global variance": lambda one: from_text(one, False),
    }
    found, texts = [], [written[one.name] for one in held_out]
    for name, method in methods.items():
        sounds = [method(one) for one in held_out]
        rows = judged(name, sounds, texts, f"{len(held_out)} held-out prompts", "prompts")
        show(rows)
        found += rows
    return found


def harvard(models: Models, *, limit: int | None = None) -> list[Metric]:
    """The Harvard sentences, which nobody recorded for us."""
    sentences = harvard_sentences(limit)
    sounds = [sample.synthesize(text, models=models).audio for text in sentences]
    rows = judged("parametric", sounds, sentences, f"{len(sentences)} Harvard sentences", "harvard")
    show(rows)
    return rows


def speed(models: Models) -> list[Metric]:
    """Seconds to speak a second, from text to sound on one thread; and the memory of a process that speaks."""
    text = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    sample.synthesize(text, models=models)
    ratios = []
    for _ in range(5):
        started = time.process_time()
        spoken = sample.synthesize(text, models=models)
        ratios.append((time.process_time() - started) / spoken.seconds)
    torch.set_num_threads(threads)
    code = (
        "import torch; torch.set_num_threads(1); from core.parametric import sample; "
        "from core.parametric.model import AcousticModel, DurationModel; "
        f"sample.synthesize({text!r}, models=(DurationModel().eval(), AcousticModel().eval())); "
        # not getrusage, whose peak includes that of the process which started this one
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    rows = [
        Metric(
            "processor seconds a second of speech, 1 thread", float(np.median(ratios)), "two sentences", "speed"
        ),
        Metric("peak memory of a process that speaks (MB)", int(done.stdout) / 1024, "two sentences", "speed"),
    ]
    show(rows)
    return rows


def of_run(folder: Path) -> tuple[Models, list[dict[str, Any]]]:
    """The averaged weights of both training runs below a folder, and their counters."""
    models = (DurationModel(), AcousticModel())
    states = []
    for model, name in zip(models, ("duration", "acoustic")):
        run = folder / f"parametric-{name}"
        model.load_state_dict(load_file(run / "average.safetensors"))
        states.append(json.loads((run / "state.json").read_text()))
        model.eval()
    return models, states


WHAT = {
    "duration": "Says how long each phone of an English sentence lasts (bidirectional GRU over phones).",
    "acoustic": "Says the parameters of the vocoder WORLD, every 5 ms, from phones and their durations "
    "(Zen et al. 2013; Merlin): mel-cepstra, log F0, aperiodicity, their dynamics, and voicing.",
}
FAILURES = {
    "duration": [
        "Reads every sentence alike: no emphasis, and pauses at punctuation alone.",
        "Phones of the held-out prompts come out 6 % shorter than they were recorded, those of the training "
        "recordings do not (see the ratios): she took more time over those prompts, so the mean of what was learnt is "
        "right and no factor learnt from it would help.",
    ],
    "acoustic": [
        "Muffled and buzzing, as vocoders are: the averages of many recordings (over-smoothing); see the metrics "
        "with and without global variance.",
        "A flatter melody than the speaker's: from the text alone the network cannot know which word she stresses.",
    ],
}


def ship(model: DurationModel | AcousticModel, kind: str, state: dict[str, Any], metrics: list[Metric]) -> Path:
    """Write assets/weights/parametric-<kind> with its card."""
    return weights.save(
        model, f"parametric-{kind}", description=WHAT[kind], sample_rate_hz=audio.SAMPLE_RATE_HZ,
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"), data=DATA,
        metrics=rows_of(metrics, kind), known_failures=FAILURES[kind],
    )  # fmt: skip


def rows_of(metrics: Sequence[Metric], kind: str) -> list[dict[str, Any]]:
    """The rows of the card of one of the two networks."""
    mine = [m for m in metrics if m.part != "acoustics" or m.name.startswith("duration") == (kind == "duration")]
    return [{"name": m.name, "value": round(m.value, 3), "split": m.split, "command": COMMAND + m.part} for m in mine]


def renew(model: DurationModel | AcousticModel, kind: str, metrics: Sequence[Metric]) -> Path:
    """The card of shipped weights with these metrics in place of earlier ones of the same parts."""
    name, fresh = f"parametric-{kind}", rows_of(metrics, kind)
    return weights.renew(
        name, fresh, model=model, description=WHAT[kind], data=DATA, known_failures=FAILURES[kind]
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--alignment", type=Path, default=data.ALIGNMENT, help="made by core.text.alignment")
    parser.add_argument("--cache", type=Path, default=data.CACHE, help="analysed recordings, made if absent")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be repeated")
    parser.add_argument("--limit", type=int, help="only so many sentences")
    parser.add_argument("--run", type=Path, help="measure the training runs in this folder instead")
    parser.add_argument("--write", action="store_true", help="write the cards; with --run: ship those weights")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    models, states = of_run(options.run) if options.run else (sample.load(), [])
    parts, found = options.only or PARTS, []
    utterances = {}
    if {"acoustics", "prompts"} & set(parts):
        utterances = data.prepare(options.data, options.alignment, cache=options.cache)
    learnt, held_out = data.split(utterances) if utterances else ([], [])
    held_out = held_out[: options.limit]
    if "acoustics" in parts:
        found += acoustics(models, held_out, learnt)
        show(found)
    found += prompts(models, options.data, held_out) if "prompts" in parts else []
    found += harvard(models, limit=options.limit) if "harvard" in parts else []
    found += speed(models) if "speed" in parts else []
    for i, kind in enumerate(("duration", "acoustic") if options.write else ()):
        print(ship(models[i], kind, states[i], found) if options.run else renew(models[i], kind, found))


if __name__ == "__main__":
    main()
