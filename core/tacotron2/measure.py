"""Measure Tacotron 2 on held-out sentences, and ship a training run with what was measured in its card.

    python -m core.tacotron2.measure --data PATH
    python -m core.tacotron2.measure --data PATH --run runs/tacotron2-english --write

Prints character error (pocketsphinx, free decoding) and DNSMOS of the 60 held-out prompts as they were recorded, and
of the same and the Harvard sentences from their text, through Griffin-Lim and through our WaveNet; how many of them
end by themselves, and how much of each text was visited in order; mel-cepstral distortion with dynamic time warping;
and speed. `--write` renews the card. With `--run` the averaged weights of that training run are measured instead, and
`--write` ships them, with the network of `--content` beside them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from core import audio, training, weights
from core.packing import packed
from core.tacotron2 import sample
from core.tacotron2.attention import Reading, reading
from core.tacotron2.checkpoints import CONTENT
from core.tacotron2.model import PRESETS, Tacotron2
from core.tacotron2.sample import Decoded
from core.text import alignment
from core.text.tokens import table
from core.voice_metrics import Metric, for_card, harvard, judged, show
from core.wavenet import data as corpus

PARTS = ("prompts", "harvard", "speed")
COMMAND = "python -m core.tacotron2.measure --data PATH"
CONTENT_RUN = Path("runs/tacotron2-content")
STEPS = (50, 100, 200, 1000)  # of the training, shipped beside the last, to show how attention is learned
DECIBELS = 10 / np.log(10)
DATA = [
    {
        "name": "Kathleen, 1,132 CMU ARCTIC prompts by one US English speaker, less arctic_b0480 … b0539",
        "license": "CC0 1.0",
        "source": "github.com/rhasspy/dataset-voice-kathleen (Michael Hansen), 16 kHz, levelled to -20 dBFS; "
        "phones aligned by pocketsphinx",
    }
]


def decoded(texts: Sequence[str], model: Tacotron2) -> list[Decoded]:
    """Each text as its decoder said it; a text of several sentences one by one, with the pieces joined."""
    return [_whole([sample.decode(part, model=model) for part in sample.read(text, model)]) for text in texts]


def _whole(parts: list[Decoded]) -> Decoded:
    """Several sentences as one."""
    joined = torch.block_diag(*(part.alignment for part in parts))
    return Decoded(
        sample.joined([part.tokens for part in parts]), torch.cat([part.mel for part in parts], dim=1),
        torch.cat([part.mel_before for part in parts], dim=1), joined,
        torch.cat([part.queries for part in parts]), torch.cat([part.stop for part in parts]),
        all(part.stopped for part in parts),
    )  # fmt: skip


def readings(said: Sequence[Decoded]) -> list[Reading]:
    return [reading(one.alignment, one.tokens.symbols, stopped=one.stopped) for one in said]


def read_well(said: Sequence[Decoded], split: str, part: str) -> list[Metric]:
    """How the texts were read: ended by themselves, visited in order, without a repeat or a gap."""
    judged_readings = readings(said)
    return show([
        Metric("stopped by itself (%)", 100 * float(np.mean([one.stopped for one in said])), split, part),
        Metric("sounds visited in order (%)", 100 * float(np.mean([r.in_order for r in judged_readings])), split, part),
        Metric("sentences without repeat, gap or limit (%)",
               100 * float(np.mean([r.faultless for r in judged_readings])), split, part),
    ])  # fmt: skip


def warped_distortion(said: Tensor, natural: Tensor) -> float:
    """Mel-cepstral distortion in dB over the best alignment in time (librosa's dynamic time warping).

    10 / ln 10 sqrt(2 sum over m = 1 … 39 of (c_m - c'_m)^2), Kubichek 1993, mean over the path; the cepstra are those
    of the vocoder WORLD every 5 ms; silence around both is cut off.

    Args:
        said, natural: float32 [T] at 16 kHz.
    """
    import librosa

    from core.parametric.vocoder import CEPSTRA, analyse

    cepstra = []
    for sound in (said, natural):
        found = analyse(sound.numpy()).cepstra[:, :CEPSTRA]
        loud = np.flatnonzero(found[:, 0] > found[:, 0].max() - 5.0)
        cepstra.append(found[loud[0] : loud[-1] + 1, 1:].T)
    cost, path = librosa.sequence.dtw(*cepstra, metric="euclidean")
    return float(DECIBELS * np.sqrt(2) * cost[-1, -1] / len(path))


def prompts(model: Tacotron2, folder: Path, *, limit: int | None = None) -> list[Metric]:
    """The held-out prompts as they were recorded, their mels through both vocoders, and from their text."""
    recordings = corpus.load(folder, held_out=True, limit=limit)
    written = alignment.texts(folder)
    texts = [written[one.name] for one in recordings]
    split = f"{len(texts)} held-out prompts"
    found = judged("natural", [one.audio for one in recordings], texts, split, "prompts")
    said = decoded(texts, model)
    found += read_well(said, split, "prompts")
    for vocoder in reversed(sample.VOCODERS):
        copies = [sample.vocode(one.mel, vocoder=vocoder) for one in recordings]
        found += judged(f"natural mels, {vocoder}", copies, texts, split, "prompts")
        sounds = [sample.vocode(one.mel, vocoder=vocoder) for one in said]
        found += judged(f"Tacotron 2, {vocoder}", sounds, texts, split, "prompts")
        for source, made in (("natural mels", copies), ("Tacotron 2", sounds)):
            distances = [warped_distortion(x, one.audio) for x, one in zip(made, recordings)]
            name = f"mel-cepstral distortion, warped (dB), {source}, {vocoder}"
            found += show([Metric(name, float(np.mean(distances)), split, "prompts")])
    lengths = [one.mel.shape[1] / recording.mel.shape[1] for one, recording in zip(said, recordings)]
    return found + show([Metric("length beside the recording's", float(np.mean(lengths)), split, "prompts")])


def unheard(model: Tacotron2, *, limit: int | None = None) -> list[Metric]:
    """The Harvard sentences."""
    texts = harvard(limit or 100)
    split = f"{len(texts)} Harvard sentences"
    said = decoded(texts, model)
    found = read_well(said, split, "harvard")
    for vocoder in reversed(sample.VOCODERS):
        sounds = [sample.vocode(one.mel, vocoder=vocoder) for one in said]
        found += judged(f"Tacotron 2, {vocoder}", sounds, texts, split, "harvard")
    return found


def speed(model: Tacotron2) -> list[Metric]:
    """Seconds of speech that one core decodes in a second, before the vocoder."""
    lines = {"en": "The birch canoe slid on the smooth planks, and the sun came up.",
             "ko": "오늘은 날씨가 맑아서 아이들이 공원에서 자전거를 타고 놀았습니다."}  # fmt: skip
    text = sample.read(lines[model.config.language], model)[0]
    sample.decode(text, model=model)
    ratios = []
    for _ in range(7):
        started = time.process_time()
        said = sample.decode(text, model=model)
        ratios.append(said.mel.shape[1] * audio.HOP_SAMPLES / audio.SAMPLE_RATE_HZ / (time.process_time() - started))
    split = "a sentence of 4 s, 1 thread"
    return show([Metric("decoding, times real time", float(np.median(ratios)), split, "speed")])


def of_run(folder: Path, language: str = "en") -> tuple[Tacotron2, dict[str, Any]]:
    """The averaged weights of a training run, and its counters."""
    state = json.loads((folder / "state.json").read_text())
    tensors = load_file(folder / "average.safetensors")
    attention = "location" if "attention.filters.weight" in tensors else "content"
    unit = "phones" if language == "en" else "sounds"
    config = replace(
        PRESETS["small"], symbols=len(table(language, unit)), language=language, unit=unit, attention=attention
    )
    model = Tacotron2(config)
    model.load_state_dict(tensors)
    return model.eval(), state


FAILURES = [
    "Reads phones, not letters: what core.text pronounces wrongly, it says wrongly.",
    "Knows single sentences of at most 13 words: longer texts are cut at their marks and said one by one.",
    "An hour of speech is little: rare words are less clear than those of the prompts, and the melody is flat.",
    "Reads faster than she did (see the length beside the recording's), and read faster still before it was trained "
    "with its own attention (--own-attention): until then it had only followed a given alignment.",
]


def others(run: Path, content: Path, name: str) -> dict[str, bytes]:
    """Earlier steps of the run and the network with content-based attention; those shipped, where a run has none."""
    files = {}
    place = weights.FOLDER / name
    for step in STEPS:
        file = f"step-{step}.safetensors"
        if run != place and (run / file).exists():
            files[file] = packed(load_file(run / file))
        elif (place / file).exists():
            files[file] = (place / file).read_bytes()
    if (content / "average.safetensors").exists():
        files[CONTENT] = packed(load_file(content / "average.safetensors"))
    elif (place / CONTENT).exists():
        files[CONTENT] = (place / CONTENT).read_bytes()
    return files


def ship(
    model: Tacotron2, name: str, state: dict[str, Any], metrics: list[Metric], *, files: dict[str, bytes] | None = None,
    data: list[dict[str, str]] = DATA, failures: list[str] = FAILURES, command: str = COMMAND,
) -> Path:  # fmt: skip
    """Write assets/weights/<name> with its card."""
    commands = training.commands(state)
    return weights.save(
        model, name, sample_rate_hz=audio.SAMPLE_RATE_HZ, description=description(model, files or {}, commands),
        training_command=commands, commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"), data=data,
        metrics=for_card(metrics, command), known_failures=failures, files=files,
    )  # fmt: skip


def description(model: Tacotron2, files: Mapping[str, bytes], commands: str) -> str:
    """What the network is, and the other weights beside it. commands: that trained it."""
    how = {"location": "location-sensitive", "content": "content-based"}[model.config.attention]
    reads = {"en": "English phones", "ko": "Korean letters as they sound"}[model.config.language]
    text = (
        f"Tacotron 2 with {how} attention: {reads} in, 80-band log-mel spectrogram out, "
        f"{model.config.frames_per_step} frames a decoder step. Its attention was taught by an alignment"
        + (", and then trained on its own." if "--own-attention" in commands else ".")
    )
    if any(file.startswith("step-") for file in files):
        text += " Beside it, with 8 bits a number: step-N.safetensors, the same run after N steps."
    if CONTENT in files:
        text += (
            f" {CONTENT}: the weights of step 4,981 without the location features, trained on for 400 steps "
            "(--resume tacotron2-english --attention content --learning-rate 5e-4 --decay 1 --steps 400)."
        )
    return text


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="corpus: metadata.csv beside wavs/ or flac/; for the prompts")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be repeated")
    parser.add_argument("--limit", type=int, help="only so many sentences")
    parser.add_argument("--run", type=Path, help="measure this training run instead of the shipped weights")
    parser.add_argument("--content", type=Path, default=CONTENT_RUN, help="run with --attention content, shipped too")
    parser.add_argument("--name", default="tacotron2-english", help="of the shipped weights")
    parser.add_argument("--write", action="store_true", help="write the card; with --run: ship those weights")
    options = parser.parse_args(arguments)
    parts = options.only or PARTS
    if "prompts" in parts and not options.data:
        parser.error("the prompts need --data, the corpus with their recordings")
    torch.set_num_threads(1)
    model, state = of_run(options.run) if options.run else (weights.load(options.name), {})
    found = prompts(model, options.data, limit=options.limit) if "prompts" in parts else []
    found += unheard(model, limit=options.limit) if "harvard" in parts else []
    found += speed(model) if "speed" in parts else []
    if options.write:
        files = others(options.run or weights.FOLDER / options.name, options.content, options.name)
        if options.run:
            print(ship(model, options.name, state, found, files=files))
        else:
            said = description(model, files, weights.card(options.name)["training_command"])
            rows = for_card(found, COMMAND)
            print(weights.renew(options.name, rows, files=files, description=said, known_failures=FAILURES))


if __name__ == "__main__":
    main()
