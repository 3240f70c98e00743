"""Measure the enhancer on voices and noises that it has never heard, beside others, and ship a training run.

    python -m core.enhancement.measure --data PATH
    python -m core.enhancement.measure --data PATH --run runs/enhancement --write

Test voices: TSP's MD and the digits of theo, said one behind the other; test noises: fold 10 of UrbanSound8K and the
ESC clips that are held out (core.enhancement.corpora). Mixed at six ratios, each mixture with another noise. --only
methods: PESQ (wideband), STOI and SI-SDR of the mixture, of spectral gates, RNNoise, ours, and an ideal ratio mask.
--only speech: how often a sound with a voice and one without are told apart. --only speed: times on one thread.
--only threshold: where best to tell them apart, on recordings that are not in the test; LEAST_SHARE is from there.
--write also writes assets/tables/enhancement.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from core import speech_metrics, weights
from core.enhancement import corpora, data, peers
from core.enhancement.card import ship
from core.enhancement.gating import spectral_gating
from core.enhancement.mixing import active_power, mix
from core.enhancement.model import CRN, PRESETS
from core.enhancement.sample import LATENCY_MS, LEAST_SHARE, MODEL, Stream, enhance, speech_share
from core.enhancement.spectrum import SAMPLE_RATE_HZ
from core.enhancement.train import scale_invariant_ratio_db
from core.errors import PackageError
from core.voice_metrics import Metric, show

TABLE = Path(__file__).resolve().parents[2] / "assets/tables/enhancement.json"
RATIOS_DB = (-5, 0, 5, 10, 15, 20)
FIGURES = ("PESQ", "STOI", "SI-SDR")
VOICE_DBFS = -26.0  # while it speaks
PAUSE_S = 0.3  # before and behind each voice
DIGITS = 5  # of theo, in one sound
VOICED_NOISES = ("children_playing", "street_music")  # people are to be heard in many of these


@dataclass(frozen=True, eq=False)
class Mixture:
    """voice and noise float32 [T]; what is heard is their sum."""

    speaker: str
    kind: str
    snr_db: float
    voice: Tensor
    noise: Tensor

    @property
    def heard(self) -> Tensor:
        return self.voice + self.noise


def test_voices(voices: data.Sounds, *, all_speakers: bool = False) -> list[tuple[str, Tensor]]:
    """Sentences of speakers that are held out, and strings of digits, levelled, with pauses around: (speaker, [T])."""
    found: list[tuple[str, np.ndarray]] = []
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    random = np.random.default_rng(0)
    for speaker, index in data.by_group(voices).items():
        if not (all_speakers or speaker in corpora.TEST_SPEAKERS or speaker.startswith("voicebank")):
            continue
        if speaker.startswith("fsdd"):
            order = random.permutation(index)
            strings = [order[i : i + DIGITS] for i in range(0, len(order) - DIGITS + 1, DIGITS)]
            found += [(speaker, np.concatenate([np.append(voices[i], pause) for i in string])) for string in strings]
        else:
            found += [(speaker, np.append(voices[i], pause)) for i in index]
    out = []
    for speaker, x in found:
        gain = 10 ** (VOICE_DBFS / 20) / (active_power(x) ** 0.5 + 1e-9)
        out.append((speaker, torch.from_numpy(np.concatenate([pause, x * np.float32(gain)]))))
    return out


def mixtures(sounds: dict[str, data.Sounds], per_ratio: int, *, all_speakers: bool = False) -> list[Mixture]:
    """The test: for each ratio as many mixtures, two of three with sentences, each with a noise of its own."""
    random = np.random.default_rng(1)
    voices, noises = test_voices(sounds["voice"], all_speakers=all_speakers), sounds["noise"]
    sentences = [one for one in voices if not one[0].startswith("fsdd")]
    digits = [one for one in voices if one[0].startswith("fsdd")] or sentences
    classes = list(data.by_group(noises).items())
    found: list[Mixture] = []
    for snr_db in RATIOS_DB:
        for i in range(per_ratio):
            pool = digits if i % 3 == 2 else sentences
            speaker, voice = pool[int(random.integers(len(pool)))]
            kind, members = classes[len(found) % len(classes)]  # all classes alike
            noise = torch.from_numpy(noises[int(random.choice(members))])
            if float(noise.abs().max()) < 1e-3:
                continue
            heard, noise = mix(voice, noise, snr_db, seed=len(found))
            found.append(Mixture(speaker, kind, snr_db, heard - noise, noise))
    return found


def methods(model: CRN) -> dict[str, Callable[[Mixture], Tensor]]:
    """Name -> what it makes of a mixture. Those that are not installed are left out, with a word about it."""
    found: dict[str, Callable[[Mixture], Tensor]] = {
        "noisy": lambda m: m.heard,
        "spectral gating, ours": lambda m: spectral_gating(m.heard)[0],
        "noisereduce, stationary": lambda m: peers.noisereduce(m.heard, stationary=True),
        "noisereduce, non-stationary": lambda m: peers.noisereduce(m.heard, stationary=False),
        "RNNoise": lambda m: peers.rnnoise(m.heard),
        "ours": lambda m: enhance(model, m.heard).audio,
        "ideal ratio mask": lambda m: peers.ideal_ratio_mask(m.voice, m.noise),
    }
    hiss = torch.randn(16_000, generator=torch.Generator().manual_seed(0)) / 50
    probe = Mixture("", "", 0, hiss, torch.zeros(16_000))
    for name in list(found):
        try:
            found[name](probe)
        except PackageError as error:
            print(f"{name} is left out: {error}")
            del found[name]
    return found


def scores(voice: Tensor, found: Tensor) -> list[float]:
    """PESQ, STOI and SI-SDR in dB of one sound."""
    return [
        speech_metrics.pesq_wideband(voice, found), speech_metrics.stoi(voice, found),
        float(scale_invariant_ratio_db(found.double(), voice.double())),
    ]  # fmt: skip


def compare(model: CRN, tests: list[Mixture]) -> dict[str, Any]:
    """All methods on all mixtures: {method: {ratio or "mean": {figure: mean}}}, printed as a table."""
    table: dict[str, Any] = {}
    for name, method in methods(model).items():
        rows = np.array([scores(one.voice, method(one)) for one in tests])  # [N, 3]
        ratios = np.array([one.snr_db for one in tests])
        table[name] = {
            str(key): dict(zip(FIGURES, rows[chosen].mean(axis=0).round(3).tolist()))
            for key, chosen in [*((r, ratios == r) for r in RATIOS_DB), ("mean", ratios > -99)] if chosen.any()
        }
        for figure in FIGURES:
            values = "  ".join(f"{table[name][str(r)][figure]:6.2f}" for r in RATIOS_DB if str(r) in table[name])
            print(f"{name:28s} {figure:7s} {values}   mean {table[name]['mean'][figure]:6.3f}", flush=True)
    return table


def rows_of(table: dict[str, Any], split: str) -> list[Metric]:
    """Means for the card; SI-SDR as what is gained over the mixture."""
    found = []
    before = table["noisy"]["mean"]["SI-SDR"]
    for name, by_ratio in table.items():
        for figure in FIGURES:
            value, label = by_ratio["mean"][figure], figure
            if figure == "SI-SDR":
                value, label = value - before, "SI-SDR improvement (dB)"
            if name != "noisy" or figure != "SI-SDR":
                found.append(Metric(f"{label}, {name}", value, split, "methods"))
    return found


def shares(model: CRN, sounds: dict[str, data.Sounds], tests: list[Mixture]) -> dict[str, list[float]]:
    """`speech_share` of sounds with a voice, and of noises and music without: {kind: shares}."""
    found = {"a voice in noise": [speech_share(enhance(model, one.heard)) for one in tests]}
    found["a voice alone"] = [speech_share(enhance(model, one.voice)) for one in tests[::4]]
    random = np.random.default_rng(2)
    for kind, label in (("noise", "noise"), ("music", "music")):
        if kind not in sounds:
            continue
        one = sounds[kind]
        chosen = [i for i in random.permutation(len(one)) if one.groups[i] not in VOICED_NOISES][:100]
        pieces = [torch.from_numpy(one[i][: 6 * SAMPLE_RATE_HZ]) for i in chosen]
        found[label] = [speech_share(enhance(model, x)) for x in pieces if float(x.abs().max()) > 1e-3]
    return found


def threshold(model: CRN, sounds: dict[str, data.Sounds]) -> float:
    """The share of speech that tells voices from the rest best, both kinds counting alike; printed with its success."""
    found = shares(model, sounds, mixtures(sounds, 20, all_speakers=True))
    voices, others = (
        np.concatenate([values for kind, values in found.items() if kind.startswith("a voice") == with_voice])
        for with_voice in (True, False)
    )
    steps = np.arange(0.01, 0.6, 0.01)
    right = np.array([((voices >= step).mean() + (others < step).mean()) / 2 for step in steps])
    best = steps[right >= right.max() - 1e-9]
    value = float(best[len(best) // 2])
    print(f"speech share of {value:.2f} ({best[0]:.2f} to {best[-1]:.2f} are alike): {100 * right.max():.1f} % right")
    return value


def speech_rows(found: dict[str, list[float]]) -> list[Metric]:
    """How many of each kind are taken for what they are, with the threshold LEAST_SHARE."""
    rows = []
    for kind, values in found.items():
        right = np.mean([(value >= LEAST_SHARE) == kind.startswith("a voice") for value in values])
        rows.append(Metric(f"told right (%), {kind}", 100 * float(right), f"{len(values)} sounds", "speech"))
    return rows


def speed(model: CRN) -> list[Metric]:
    """Seconds for ten seconds of sound, and for one block of a stream, on one thread."""
    x = torch.randn(10 * SAMPLE_RATE_HZ, generator=torch.Generator().manual_seed(0)) / 20
    enhance(model, x)
    times = []
    for _ in range(3):
        started = time.process_time()
        enhance(model, x)
        times.append(time.process_time() - started)
    stream, started = Stream(model), time.process_time()
    for block in x[: 2 * SAMPLE_RATE_HZ].split(256):
        stream.push(block)
    per_block = (time.process_time() - started) / 125
    split = "one thread, time of the processor"
    return [
        Metric("real-time factor, whole sound", min(times) / 10, split, "speed"),
        Metric("milliseconds for a block of 16, as a stream", 1000 * per_block, split, "speed"),
        Metric("latency (ms), by construction", LATENCY_MS, "window of 512 samples, no further look-ahead", "speed"),
    ]


def of_run(folder: Path, preset: str = "small") -> tuple[CRN, dict[str, Any]]:
    """The averaged weights of a training run, and its counters."""
    model = CRN(PRESETS[preset])
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def measure(
    model: CRN, folder: Path, *, only: str | None = None, per_ratio: int = 36, cache: Path | None = None
) -> tuple[list[Metric], dict[str, Any]]:
    """The card's rows, and what goes to assets/tables/enhancement.json."""
    rows, table = [], {}
    if only == "threshold":
        items = corpora.found(folder)
        music = data.parts(items, "train", cache).get("music")
        threshold(model, data.parts(items, "validation", cache) | ({"music": music} if music else {}))
        return [], {}
    if only != "speed":
        sounds = data.parts(corpora.found(folder), "test", cache)
        tests = mixtures(sounds, per_ratio)
        if only != "speech":
            table["methods"] = compare(model, tests)
            rows += show(rows_of(table["methods"], f"{len(tests)} mixtures of unheard voices and noises, -5 to 20 dB"))
        if only != "methods":
            found = shares(model, sounds, tests)
            table["speech_share"] = {kind: np.round(np.sort(values), 3).tolist() for kind, values in found.items()}
            rows += show(speech_rows(found))
    if only in (None, "speed"):
        rows += show(speed(model))
    return rows, table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with corpora of speech and of noise")
    parser.add_argument("--only", choices=("methods", "speech", "speed", "threshold"))
    parser.add_argument("--limit", type=int, default=12, help="mixtures at each ratio")
    parser.add_argument("--cache", type=Path, help="folder for decoded recordings")
    parser.add_argument("--run", type=Path, help="measure this training run instead of the shipped weights")
    parser.add_argument("--write", action="store_true", help="with --run: ship it; write its card and the table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model, state = of_run(options.run) if options.run else (cast(CRN, weights.load(MODEL)), {})
    if options.write and options.run:  # measured as it is loaded again, with 8 bits
        ship(model, state, [])
        model = cast(CRN, weights.load(MODEL))
    rows, table = measure(model, options.data, only=options.only, per_ratio=options.limit, cache=options.cache)
    if options.write and options.run:
        print(ship(model, state, rows))
        table = {"command": "python -m core.enhancement.measure --data PATH", "torch": torch.__version__, **table}
        TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
