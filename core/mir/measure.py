"""Measure pitch, tempo and beats on sounds whose truth is known, beside librosa.

    python -m core.mir.measure --data PATH                     # prints; PATH holds the corpora of core.mir.truth
    python -m core.mir.measure --data PATH --only pitch
    python -m core.mir.measure --data PATH --write             # assets/tables/mir.json, mir.md, the card of map-crepe

Pitch by mir_eval.melody over all frames of a set together: raw pitch accuracy (within 50 cents), raw chroma accuracy
(octaves forgiven), voicing recall and false alarms, overall accuracy; and gross errors, more than 20 % off, as in the
papers of YIN and pYIN. Beats by mir_eval.beat: F-measure (within 70 ms), CMLt and AMLt; tempo within 4 %. How these
sounds relate to those by which constants were chosen is in assets/tables/mir.md. `--only` takes pitch, steps, beats,
told or seconds.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.mir import autocorrelation, beats, crepe, onsets, tempo, told, truth, yin
from core.mir.frames import HIGHEST_HZ, HOP_SAMPLES, LOWEST_HZ, SAMPLE_RATE_HZ, pitch_frames
from core.mir.pitch import METHODS, pitch, warm
from core.mir.truth import Piece, Sung
from core.packages import imported

COMMAND = "python -m core.mir.measure --data PATH"
TABLE = Path(__file__).resolve().parents[2] / "assets/tables/mir.json"
NOISES: dict[str, float | None] = {"clean": None, "20 dB": 20.0, "10 dB": 10.0, "0 dB": 0.0}
PARTS = ("pitch", "steps", "beats", "told", "seconds")
MELODIES = range(410, 909, 28)  # numbers of POP909; constants were chosen on songs below 400
PIANO = range(415, 909, 20)
SECONDS = 10
Curve = tuple[NDArray, NDArray]  # f0 in Hz, voiced


def ours(method: str) -> Callable[[NDArray], Curve]:
    def run(x: NDArray) -> Curve:
        found = pitch(x, SAMPLE_RATE_HZ, method=method)
        return found.f0_hz, found.voiced

    return run


def librosa_pyin(x: NDArray) -> Curve:
    """librosa's pYIN over the same range and at the same moments.

    Its frame is the window that it compares; of 640, 804 and 1024 samples the shortest did best on the sounds by which
    our constants were chosen (voices: overall accuracy 0.88, 0.84, 0.80): in a longer one a voice's pitch moves.
    """
    import librosa

    f0, voiced, _ = librosa.pyin(
        x, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=SAMPLE_RATE_HZ, frame_length=640, hop_length=HOP_SAMPLES, fill_na=None
    )
    return f0, voiced


def trackers(noise: str) -> dict[str, Callable[[NDArray], Curve]]:
    """Ours; librosa's, which takes long, without noise and in a middling one."""
    found = {method: ours(method) for method in METHODS}
    return found | ({"librosa pyin": librosa_pyin} if noise in ("clean", "10 dB") else {})


def melody_scores(sounds: Sequence[Sung], curves: Sequence[Curve]) -> dict[str, float]:
    """All figures over the frames that are judged."""
    melody = imported("mir_eval.melody")
    known = np.concatenate([one.f0_hz[one.judged] for one in sounds])
    f0 = np.concatenate([f[one.judged] for one, (f, _) in zip(sounds, curves)])
    heard = np.concatenate([v[one.judged] for one, (_, v) in zip(sounds, curves)]).astype(float)
    truly = (known > 0).astype(float)
    f0 = np.where(np.isfinite(f0) & (f0 > 0), f0, LOWEST_HZ)
    cents, true_cents = melody.hz2cents(f0), melody.hz2cents(known)
    recall, false_alarm = melody.voicing_measures(truly, heard)
    voiced = known > 0
    return {
        "raw pitch accuracy": melody.raw_pitch_accuracy(truly, true_cents, heard, cents),
        "raw chroma accuracy": melody.raw_chroma_accuracy(truly, true_cents, heard, cents),
        "gross errors": float(np.mean(np.abs(f0[voiced] / known[voiced] - 1) > 0.2)),
        "voicing recall": recall,
        "voicing false alarm": false_alarm,
        "overall accuracy": melody.overall_accuracy(truly, true_cents, heard, cents),
    }


def sung(root: Path, limit: int | None) -> dict[str, list[Sung]]:
    """The two sets: melodies, and voices that no constant was chosen on."""
    from core.wavenet import data

    kathleen = data.files_of(truth.found(root, "kathleen"), held_out=True)
    other = sorted(path for path in truth.found(root, "tsp").rglob("MD*") if path.suffix in (".opus", ".flac", ".wav"))
    return {
        "melodies": truth.melodies(root, list(MELODIES)[:12][:limit]),
        "voices": truth.voices([*kathleen[:: max(1, len(kathleen) // 12)][:12], *other[::8]][:limit]),
    }


def measure_pitch(sets: dict[str, list[Sung]]) -> dict[str, Any]:
    out: dict[str, Any] = {"sounds": {kind: len(sounds) for kind, sounds in sets.items()}}
    for kind, sounds in sets.items():
        for noise, snr_db in NOISES.items():
            heard = [truth.noisy(one.x, snr_db, seed=i) for i, one in enumerate(sounds)]
            for name, track in trackers(noise).items():
                curves = [track(x) for x in heard]
                found = rounded(melody_scores(sounds, curves))
                out.setdefault(kind, {}).setdefault(noise, {})[name] = found
                show(f"{kind}, {noise}, {name}", found)
                if noise == "clean" and kind == "melodies":
                    _by_instrument(out.setdefault("instruments", {}), name, sounds, curves)
    return out


def _by_instrument(out: dict[str, Any], name: str, sounds: Sequence[Sung], curves: Sequence[Curve]) -> None:
    for instrument in truth.INSTRUMENTS:
        pairs = [(one, curve) for one, curve in zip(sounds, curves) if one.name.endswith(instrument)]
        if pairs:
            scores = melody_scores([one for one, _ in pairs], [curve for _, curve in pairs])
            out.setdefault(instrument, {})[name] = round(scores["raw pitch accuracy"], 3)


def measure_steps(sets: dict[str, list[Sung]]) -> dict[str, Any]:
    """Gross errors after each step of YIN, every frame answered, as in table 1 of the paper."""
    names = ("autocorrelation", "difference", "mean normalised", "threshold", "parabola", "best local estimate")
    out: dict[str, Any] = {}
    for kind, sounds in sets.items():
        for step, name in enumerate(names, start=1):
            curves = []
            for one in sounds:
                frames = pitch_frames(one.x)
                f0, _ = _first_step(frames) if step == 1 else yin.track(frames, steps=step)
                curves.append((f0, np.ones(len(f0), dtype=bool)))
            scores = melody_scores(sounds, curves)
            kept = {key: round(float(scores[key]), 4) for key in ("gross errors", "raw pitch accuracy")}
            out.setdefault(kind, {})[f"{step} {name}"] = kept
            show(f"{kind}, step {step} {name}", kept)
    return out


def _first_step(frames: NDArray) -> Curve:
    """Equation 1 as it stands, whose peaks at multiples of the period are as high."""
    shortest, longest = yin.lags()
    lag = autocorrelation.pick(autocorrelation.autocorrelation(frames), shortest=shortest, longest=longest)
    return SAMPLE_RATE_HZ / lag, np.ones(len(frames), dtype=bool)


def by_librosa(piece: Piece) -> tuple[NDArray, float]:
    import librosa

    bpm, found = librosa.beat.beat_track(y=piece.x, sr=piece.sample_rate_hz, units="time")
    return found, float(np.atleast_1d(bpm)[0])


def by_us(rule: str, piece: Piece) -> tuple[NDArray, float]:
    """With our rule of the tempo, or with the paper's and its prior."""
    if rule == "divided":
        found = beats.beats(piece.x, piece.sample_rate_hz)
        return found.beats_s, found.tempo.bpm
    envelope = onsets.envelope(piece.x, piece.sample_rate_hz)
    first = tempo.estimate(envelope.strength, envelope.rate_hz, rule=rule, start_bpm=120.0, octaves=1.4)
    found = beats.beats(piece.x, piece.sample_rate_hz, bpm=first.bpm)
    return found.beats_s, first.bpm


def beat_scores(pieces: Sequence[Piece], answers: Sequence[tuple[NDArray, float]]) -> dict[str, float]:
    """Means over the pieces."""
    beat = imported("mir_eval.beat")
    rows = []
    for piece, (found, bpm) in zip(pieces, answers):
        _, cmlt, _, amlt = beat.continuity(piece.beats_s, found)
        ratio = bpm / piece.bpm
        levels = [abs(ratio / level - 1) < 0.04 for level in (1, 2, 0.5, 3, 1 / 3)]
        off = found[:, None] - piece.beats_s[None]  # [K, beats]
        nearest = off[np.arange(len(off)), np.abs(off).argmin(axis=1)] if len(off) else np.zeros(1)
        hits = nearest[np.abs(nearest) < 0.07]
        rows.append({
            "F-measure": beat.f_measure(piece.beats_s, found), "CMLt": cmlt, "AMLt": amlt,
            "tempo": float(levels[0]), "tempo at any level": float(any(levels)),
            "late by (ms)": 1000 * float(np.median(hits)) if len(hits) else 0.0,
        })  # fmt: skip
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def measure_beats(root: Path, limit: int | None) -> dict[str, Any]:
    sets = {
        "piano": truth.piano(root, list(PIANO)[:limit]),
        "bands": truth.bands(root, part=1, most=limit or 25),
    }
    methods: dict[str, Callable[[Piece], tuple[NDArray, float]]] = {
        "ours": lambda piece: by_us("divided", piece), "ours, tempo as Ellis 2007": lambda piece: by_us("ellis", piece),
        "librosa": by_librosa,
    }  # fmt: skip
    out: dict[str, Any] = {}
    for kind, pieces in sets.items():
        for name, method in methods.items():
            found = rounded(beat_scores(pieces, [method(piece) for piece in pieces]))
            out.setdefault(kind, {"pieces": len(pieces)})[name] = found
            show(f"{kind}, {name}", found)
    return out


def measure_told(root: Path, limit: int | None) -> dict[str, Any]:
    """How often each kind of sound is said to have one pitch, and a beat."""
    out: dict[str, Any] = {}
    for kind, clips in told.clips(root, MELODIES, PIANO, limit).items():
        verdicts = [pitch(x, SAMPLE_RATE_HZ).verdict for x in clips]
        steady = [beats.beats(x, SAMPLE_RATE_HZ).steady for x in clips]
        found = {
            "clips": len(clips), "one pitch": round(float(np.mean([v == "one" for v in verdicts])), 3),
            "no pitch or silence": round(float(np.mean([v in ("none", "silence") for v in verdicts])), 3),
            "steady beat": round(float(np.mean(steady)), 3),
        }  # fmt: skip
        out[kind] = found
        show(kind, found)
    return out


def measure_seconds() -> dict[str, float]:
    """Processor seconds for ten seconds of sound at 44.1 kHz, one thread, everything compiled and loaded."""
    rate = 44_100
    t = np.arange(SECONDS * rate) / rate
    phase = 2 * np.pi * np.cumsum(220 * 2 ** np.sin(2 * np.pi * 0.3 * t)) / rate
    x = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 8)) + 0.001 * np.random.default_rng(0).standard_normal(t.size)
    warm()
    beats.warm()
    runs: dict[str, Callable[[], Any]] = {
        **{method: functools.partial(pitch, x, rate, method=method) for method in METHODS},
        "CREPE's network alone, every 20 ms": lambda: crepe.activation(
            x[: SECONDS * SAMPLE_RATE_HZ], hop_samples=2 * HOP_SAMPLES
        ),
        "beats": lambda: beats.beats(x, rate),
        "librosa pyin": lambda: librosa_pyin(x[: SECONDS * SAMPLE_RATE_HZ]),
        "librosa beats": lambda: by_librosa(Piece("", x.astype(np.float32), rate, np.zeros(0))),
    }
    out = {}
    for name, run in runs.items():
        run()
        taken = []
        for _ in range(3):
            began = time.process_time()
            run()
            taken.append(time.process_time() - began)
        out[name] = round(min(taken), 3)
    show("processor seconds", out)
    return out


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {key: round(float(value), 3) for key, value in values.items()}


def show(name: str, values: dict[str, Any]) -> None:
    print(f"{name:44s} " + "  ".join(f"{key} {value}" for key, value in values.items()), flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora, at any depth")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--limit", type=int, help="only so many sounds of each set")
    parser.add_argument("--write", action="store_true", help="write the tables and the card of map-crepe")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)  # mir_eval's, about beats that do not begin at zero
    wanted = (options.only,) if options.only else PARTS
    found: dict[str, Any] = json.loads(TABLE.read_text()) if options.write and TABLE.exists() else {}
    sets = sung(options.data, options.limit) if {"pitch", "steps"} & set(wanted) else {}
    for part in wanted:
        if part == "pitch":
            found[part] = measure_pitch(sets)
        elif part == "steps":
            found[part] = measure_steps(sets)
        elif part == "beats":
            found[part] = measure_beats(options.data, options.limit)
        elif part == "told":
            found[part] = measure_told(options.data, options.limit)
        else:
            found[part] = measure_seconds()
    if options.write:
        from core.mir import report

        report.write(found, TABLE)


if __name__ == "__main__":
    main()
