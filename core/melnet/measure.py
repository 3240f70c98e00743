"""Measure the MelNets on sound that they have never heard, and ship training runs with what was measured.

    python -m core.melnet.measure melnet-speech                       # on the held-out sentences of this repository
    python -m core.melnet.measure melnet-piano --data runs/piano      # a folder with a part `held-out`
    python -m core.melnet.measure melnet-speech --run runs/melnet-speech --data PATH --write

Nats a bin of every tier and of all bins together, beside Gaussians that know only each band's mean and spread; how long
a sound stays like itself (spectral autocorrelation), real and drawn; mean spectra; how long drawing
takes. The figures of all models are kept in assets/tables/melnet.json, where the page reads them.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from core import audio, held_out, training, weights
from core.errors import DataError
from core.melnet import data, sample
from core.melnet.model import PRESETS, MelNet
from core.melnet.tiers import divisors, shapes
from core.packing import packed, unpacked
from core.speech_metrics import DECIBELS_PER_NEPER

TABLE = Path(__file__).resolve().parents[2] / "assets/tables/melnet.json"
ROW_FRAMES = 256
DRAWN_S = 8  # length of the sounds whose long-range structure is measured
DRAWN = 6  # how many of them
LAGS_S = (0.1, 0.25, 0.5, 1.0, 2.0)
Row = dict[str, Any]
KATHLEEN = {
    "name": "Kathleen, one US voice reading the CMU ARCTIC prompts; b0480 to b0539 held out",
    "license": "CC0", "source": "github.com/rhasspy/dataset-voice-kathleen",
}  # fmt: skip
ASAP = {
    "name": "ASAP 1.1, piano performances, played by FluidSynth (FluidR3_GM); 16 works held out",
    "license": "CC BY-NC-SA 4.0", "source": "Foscarin et al. 2020, github.com/fosfrancesco/asap-dataset",
}  # fmt: skip


def shipped_sentences() -> Tensor:
    """The held-out sentences of the repository (Ogg Opus) in a row, as log-mel float32 [N, 80]."""
    return torch.cat([audio.mel(held_out.load(prompt)).T for prompt in held_out.sentences()])


@torch.no_grad()
def nats(model: MelNet, mel: Tensor) -> tuple[list[float], float]:
    """Mean nats a bin of every tier, and of all bins, over [N, 80] cut into stretches of 256 frames."""
    stretches = data.rows(mel, frames=ROW_FRAMES)
    totals, counts = np.zeros(model.config.tiers), np.zeros(model.config.tiers)
    for part in stretches.split(8):
        with torch.autocast("cpu", torch.bfloat16):
            found = model(part)
        totals += [float(one.sum()) for one in found]
        counts += [one.numel() for one in found]
    return list(totals / counts), float(totals.sum() / counts.sum())


def gaussian_nats(model: MelNet, mel: Tensor) -> tuple[list[float], float]:
    """The same of a Gaussian for each band, with the training corpus' mean and spread: it knows no neighbours."""
    z = model.standardise(mel)
    of_bin = 0.5 * z.square() + model.std.log() + 0.5 * math.log(2 * math.pi)  # [N, 80]
    by_band = of_bin.mean(dim=0)  # [80]
    bands = model.config.bands
    step = divisors(model.config.tiers)[1]
    found = []
    for index in range(model.config.tiers):  # a tier of frequencies has bands between those before it
        if index and (index + 1) % 2 == 0:
            found.append(float(by_band[step // 2 :: step].mean()))
            step //= 2
        else:
            found.append(float(by_band[::step].mean()))
    assert step == 1 and bands == by_band.shape[0]
    return found, float(of_bin.mean())


def autocorrelation(mel: Tensor, lags: int) -> NDArray[np.float64]:
    """How alike frames are that lie so many frames apart: 1 at lag 0, towards 0 as they forget each other.

    Of every band less its mean, the product of frames t and t + lag, summed over bands and frames, as a share of the
    variance.

    Args:
        mel: float [T, 80], log-mel.  lags: how many.
    Returns:
        float64 [lags].
    """
    x = mel.double().numpy()
    x = x - x.mean(axis=0)
    power = (x * x).mean() + 1e-12
    return np.array([(x[: len(x) - lag] * x[lag:]).mean() / power for lag in range(lags)])


def draw(model: MelNet, seed: int, seconds: float) -> tuple[Tensor, float, float]:
    """One sound of so many seconds: log-mel [T, 80], seconds until the first tier stood, seconds in all."""
    step = divisors(model.config.tiers)[0]
    frames = int(seconds * 80) // step * step
    started, times, merged = time.perf_counter(), [], torch.zeros(0)
    for look in sample.generate(model, seed, frames=frames):
        times.append(time.perf_counter() - started)
        merged = look.merged
    return merged, times[0], times[-1]


def steps_between(model: MelNet, frames: int = sample.DEFAULT_FRAMES) -> dict[str, int]:
    """How far a recurrent network must carry something from one end of a sound to the other, in the first tier."""
    first = shapes(frames, model.config.bands, model.config.tiers)[0]
    return {"time": first[0], "frequency": first[1], "draws": first[0] * first[1], "bins": frames * model.config.bands}


def curves(real: Tensor, drawn: list[Tensor]) -> dict[str, list[float]]:
    """Autocorrelation up to two seconds, of real stretches and of drawn ones, averaged over them."""
    lags = int(LAGS_S[-1] * 80) + 1
    pieces = data.rows(real, frames=DRAWN_S * 80, limit=20)
    found = {
        "real": np.mean([autocorrelation(piece, lags) for piece in pieces], axis=0),
        "drawn": np.mean([autocorrelation(piece, lags) for piece in drawn], axis=0),
    }
    return {name: [round(float(v), 4) for v in values] for name, values in found.items()}


def measure(name: str, model: MelNet, mel: Tensor, command: str, split: str) -> tuple[list[Row], dict[str, Any]]:
    """The card's rows, and the figures for the page."""
    rows: list[Row] = []

    def row(what: str, value: float, part: str = split) -> float:
        print(f"{what:64s} {value:9.3f}   ({part})", flush=True)
        rows.append({"name": what, "value": round(value, 3), "split": part, "command": command})
        return round(value, 4)

    tiers, whole = nats(model, mel)
    plain, plain_whole = gaussian_nats(model, mel)
    for index, (one, other) in enumerate(zip(tiers, plain)):
        row(f"nats a bin, tier {index + 1}", one)
        row(f"nats a bin, tier {index + 1}, of a Gaussian for each band", other)
    found: dict[str, Any] = {
        "nats": row("nats a bin, all tiers", whole), "tiers": [round(one, 4) for one in tiers],
        "gaussian": row("nats a bin, all tiers, of a Gaussian for each band", plain_whole),
        "gaussian_tiers": [round(one, 4) for one in plain], "steps": steps_between(model),
        "parameters": [sum(p.numel() for p in tier.parameters()) for tier in model.tiers],
    }  # fmt: skip
    list(sample.generate(model, 0, frames=8))  # compiles the loops
    drawn = [draw(model, seed, DRAWN_S)[0] for seed in range(DRAWN)]
    _, first, seconds = draw(model, 0, 3)
    found["autocorrelation"] = curves(mel, drawn)
    part = f"{DRAWN} sounds of {DRAWN_S} s, drawn"
    for lag in LAGS_S:
        at = round(lag * 80)
        row(f"spectral autocorrelation at {lag} s", found["autocorrelation"]["drawn"][at], part)
        row(f"spectral autocorrelation at {lag} s, real sound", found["autocorrelation"]["real"][at])
    gap = np.subtract(found["autocorrelation"]["drawn"], found["autocorrelation"]["real"])
    found["gap"] = row("mean distance of the two autocorrelations, 0 to 2 s", float(np.abs(gap).mean()), part)
    apart = (torch.cat(drawn).mean(dim=0) - mel.mean(dim=0)).abs().mean() * DECIBELS_PER_NEPER
    found["spectrum_db"] = row("distance of the mean spectra, drawn and real (dB)", float(apart), part)
    spread = torch.cat(drawn).std(dim=0).mean() / mel.std(dim=0).mean()
    found["spread"] = row("spread of the bands over time, drawn, as a share of real sound's", float(spread), part)
    machine = training.device_name(torch.device("cpu"))
    found["first_tier_s"] = row("seconds until the first tier of a 3 s sound stands", first, machine)
    found["drawing_s"] = row("seconds to draw a 3 s sound", seconds, machine)
    return rows, found


def of_runs(preset: str, folder: Path, corpus: data.Corpus) -> tuple[MelNet, dict[str, Any]]:
    """The averaged weights of the tiers' runs in one model, and what the card says of them together."""
    model = MelNet(PRESETS[preset])
    model.mean.copy_(corpus.train.mean(dim=0))
    model.std.copy_(corpus.train.std(dim=0).clamp(min=0.05))
    states = []
    for index, tier in enumerate(model.tiers):
        run = folder / f"tier-{index + 1}"
        if not (run / "average.safetensors").exists():
            raise DataError(f"{run} holds no training run: train that tier first (--tier {index + 1}).")
        tier.load_state_dict(load_file(run / "average.safetensors"))
        states.append(json.loads((run / "state.json").read_text()))
    model.load_state_dict(unpacked(packed(model.state_dict())))  # measured as it will be shipped: 8 bits a number
    commands = dict.fromkeys(line for state in states for line in training.commands(state).splitlines())
    return model.eval(), {
        "commands": "\n".join(commands), "steps": sum(state["step"] for state in states),
        "hours": sum(state["hours"] for state in states), "commit": states[-1]["commit"], "seed": states[0]["seed"],
        "device": states[-1]["device"],
    }  # fmt: skip


FAILURES = {
    "melnet-speech": [
        "Babbles: it has learned the colour and the rhythm of a voice, but no words.",
        "Knows a single speaker.",
    ],
    "melnet-one-tier": ["One tier alone, for comparison: see melnet-speech. Drawing takes about five times as long."],
    "melnet-piano": [
        "Plays notes and chords, but no form; of loud passages the attacks are blurred.",
        "Was trained on CC BY-NC-SA material: for non-commercial use only.",
    ],
}


def ship(name: str, model: MelNet, state: dict[str, Any], rows: list[Row]) -> Path:
    """Write assets/weights/NAME."""
    kind = {"melnet-piano": "rendered piano", "melnet-one-tier": "speech, in one tier"}.get(name, "speech")
    config = model.config
    return weights.save(
        model, name, sample_rate_hz=audio.SAMPLE_RATE_HZ,
        license="cc-by-nc-sa-4.0" if name == "melnet-piano" else "apache-2.0",
        description=f"MelNet (arXiv:1906.01083) with {config.tiers} tier(s) for log-mel spectrograms of {kind}, "
        "80 bands, 80 frames a second, unconditional.",
        training_command=state["commands"], commit=state["commit"], seed=state["seed"], steps=state["steps"],
        hours=state["hours"], device=state["device"], data=[ASAP if name == "melnet-piano" else KATHLEEN],
        metrics=rows, known_failures=FAILURES[name], bits=8,
    )  # fmt: skip


def figures() -> dict[str, Any]:
    """What was measured of every model, for the page: assets/tables/melnet.json."""
    return json.loads(TABLE.read_text()) if TABLE.exists() else {}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(FAILURES))
    parser.add_argument("--data", type=Path, help="the corpus, for --run and for piano")
    parser.add_argument("--run", type=Path, help="measure this training run, in place of the shipped weights")
    parser.add_argument("--write", action="store_true", help="keep the figures; with --run, ship the weights")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    corpus = None
    if options.data:
        corpus = data.load(options.data, cache=Path("runs") / f"melnet-{options.data.name}.npz")
    if options.run:
        if corpus is None:
            raise SystemExit("Give --data too: the run's standardisation is its corpus'.")
        model, state = of_runs(options.name.removeprefix("melnet-"), options.run, corpus)
    else:
        model, state = cast(MelNet, weights.load(options.name)), {}
    if options.name == "melnet-piano":
        if corpus is None:
            raise SystemExit("Give --data: the repository ships no held-out piano.")
        mel, split = corpus.held_out, "held-out works"
        command = f"python -m core.melnet.measure {options.name} --data PATH"
    else:
        mel, split = shipped_sentences(), "60 held-out sentences"
        command = f"python -m core.melnet.measure {options.name}"
    rows, found = measure(options.name, model, mel, command, split)
    if options.write:
        table = {**figures(), options.name: found}
        TABLE.write_text(json.dumps(table, indent=1) + "\n")
        print(ship(options.name, model, state, rows) if state else weights.renew(options.name, rows, model=model))


if __name__ == "__main__":
    main()
