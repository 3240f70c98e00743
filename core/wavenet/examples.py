"""What the shipped networks say, stored, so that the page has something to play before anything is computed.

    python -m core.wavenet.examples            # writes assets/audio/wavenet/ anew from the shipped weights

Seeds and temperatures are fixed below. Reading the stored results needs NumPy and soundfile only.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from core.wavenet.live import Update

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "assets/audio"
FOLDER = SAMPLES / "wavenet"
RATE_HZ = 16_000
DECIBELS = 20 / np.log(10)
TEMPERATURE = 0.7  # of the vocoder: the best PESQ among those tried; its clock keeps it from falling silent
VERSIONS = ("original", "mu_law", "griffin_lim", "wavenet_raw", "wavenet")
PRIME = "b0532"  # the sentence whose beginning one of the takes continues


@dataclass(frozen=True, eq=False)
class Take:
    """Something that `wavenet-speech` said.

    x: float32 [T], the prime included.  mel: natural logarithm [80, F].  positions [N]: samples at which the
    softmax was kept.  probabilities [N, 256].  drawn [N]: the codes drawn there.  prime: samples given, not drawn.
    """

    x: np.ndarray
    mel: np.ndarray
    positions: np.ndarray
    probabilities: np.ndarray
    drawn: np.ndarray
    temperature: float
    seed: int
    prime: int = 0


@dataclass(frozen=True, eq=False)
class Clip:
    """A held-out sentence and its imitations.

    sounds: name of VERSIONS -> float32 [T]; "wavenet_raw" as drawn, "wavenet" after `core.postfilter`.
    mels: "original" and "wavenet" -> natural logarithm [80, F].
    scores: as `core.wavenet.resynthesis.scores` gives.
    """

    prompt: str
    sounds: dict[str, np.ndarray]
    mels: dict[str, np.ndarray]
    scores: list[dict[str, Any]]
    engine: str = ""
    samples_per_s: float = 0.0
    temperature: float = 1.0
    seed: int = 0


def index() -> dict[str, Any]:
    """What is stored: index.json, or empty lists where nothing is."""
    path = FOLDER / "index.json"
    if not path.exists():
        return {"speech": {"takes": []}, "vocoder": {"clips": {}}}
    return json.loads(path.read_text(encoding="utf-8"))


def takes() -> list[Take]:
    """All stored takes of the unconditional network."""
    return [_take(entry) for entry in index()["speech"]["takes"]]


def _take(entry: dict[str, Any]) -> Take:
    with np.load(FOLDER / f"{entry['name']}.npz", allow_pickle=False) as arrays:
        kept = {key: arrays[key] for key in arrays.files}
    return Take(
        read_flac(FOLDER / f"{entry['name']}.flac"), kept["mel_db"] / DECIBELS, kept["positions"],
        kept["probabilities"].astype(np.float32), kept["drawn"], entry["temperature"], entry["seed"], entry["prime"],
    )  # fmt: skip


def clip(prompt: str) -> Clip | None:
    """The stored imitations of a sentence, or None."""
    entry = index()["vocoder"]["clips"].get(prompt)
    if entry is None:
        return None
    with np.load(FOLDER / f"{prompt}.npz", allow_pickle=False) as arrays:
        mels = {key: arrays[key] / DECIBELS for key in arrays.files}
    sounds = {name: read_flac(FOLDER / f"{prompt}_{name}.flac") for name in VERSIONS}
    return Clip(
        prompt, sounds, mels, entry["scores"], entry["engine"], entry["samples_per_s"], entry["temperature"],
        entry["seed"],
    )  # fmt: skip


def read_flac(path: Path) -> np.ndarray:
    """float32 [T]."""
    import soundfile

    return soundfile.read(path, dtype="float32")[0]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("speech", "vocoder"))
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each take of the unconditional network")
    options = parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = index()
    if options.only != "vocoder":
        found["speech"] = make_takes(options.engine, round(options.seconds * RATE_HZ))
    if options.only != "speech":
        found["vocoder"] = make_clips(options.engine)
    (FOLDER / "index.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def make_takes(engine: str, samples: int) -> dict[str, Any]:
    """Let wavenet-speech speak at several temperatures, once continuing a given beginning; returns the index."""
    from core import audio, weights
    from core.wavenet import live

    model = weights.load("wavenet-speech")
    prime = live.prime_codes(audio.load_voice(SAMPLES / f"kathleen_{PRIME}.flac"), 1.0)
    entries = []
    for name, temperature, seed, start in (
        ("speech_t100", 1.0, 1, None), ("speech_t090", 0.9, 1, None), ("speech_t070", 0.7, 3, None),
        ("speech_primed", 0.9, 2, prime),
    ):  # fmt: skip
        updates = list(
            live.speak(model, samples=samples, prime=start, seed=seed, temperature=temperature, engine=engine)
        )
        _store_take(name, updates, start)
        last = updates[-1]
        primed = 0 if start is None else len(start)
        entries.append({
            "name": name, "temperature": temperature, "seed": seed, "prime": primed, "engine": last.engine,
            "samples_per_s": round(last.samples_per_s),
        })  # fmt: skip
        print(json.dumps(entries[-1]))
    return {"weights": weights.card("wavenet-speech")["sha256"], "takes": entries}


def _store_take(name: str, updates: list[Update], prime: Tensor | None) -> None:
    import torch

    from core import audio

    drawn = torch.cat([update.codes for update in updates])
    codes = drawn if prime is None else torch.cat([prime, drawn])
    x = audio.mu_law_decode(codes)
    write_flac(FOLDER / f"{name}.flac", x)
    positions = np.array([p for update in updates for p in update.positions], dtype=np.int32)
    np.savez_compressed(
        FOLDER / f"{name}.npz",
        mel_db=_whole_decibels(audio.mel(x)),
        positions=positions + (len(codes) - len(drawn)),
        probabilities=torch.cat([update.probabilities for update in updates]).numpy().astype(np.float16),
        drawn=drawn.numpy()[positions].astype(np.int16),
    )


def make_clips(engine: str) -> dict[str, Any]:
    """Let wavenet-vocoder repeat the sample sentences; returns the index."""
    import torch

    from core import audio, postfilter, weights
    from core.wavenet import live, resynthesis

    model = weights.load("wavenet-vocoder")
    entries = {}
    for path in sorted(SAMPLES.glob("kathleen_*.flac")):
        prompt = path.stem.removeprefix("kathleen_")
        x = audio.load_voice(path)
        mel = audio.mel(x)
        updates = list(
            live.speak(model, mel=mel, samples=len(x), seed=1, temperature=TEMPERATURE, engine=engine)
        )
        raw = audio.mu_law_decode(torch.cat([update.codes for update in updates]))
        spoken = postfilter.correct(raw, mel)
        sounds = {**resynthesis.references(x, mel), "wavenet_raw": raw, "wavenet": spoken}
        for name in VERSIONS:
            write_flac(FOLDER / f"{prompt}_{name}.flac", sounds[name])
        np.savez_compressed(
            FOLDER / f"{prompt}.npz", original=_whole_decibels(mel), wavenet=_whole_decibels(audio.mel(spoken))
        )
        entries[prompt] = {
            "seed": 1, "temperature": TEMPERATURE, "engine": updates[-1].engine,
            "samples_per_s": round(updates[-1].samples_per_s), "scores": resynthesis.scores(x, sounds, mel),
        }  # fmt: skip
        print(prompt, json.dumps(entries[prompt]))
    return {"weights": weights.card("wavenet-vocoder")["sha256"], "clips": entries}


def write_flac(path: Path, x: Tensor) -> None:
    """float [T] -> 16-bit FLAC at 16 kHz."""
    import soundfile

    from core import audio

    soundfile.write(path, audio.to_int16(x), RATE_HZ, format="FLAC", subtype="PCM_16")


def _whole_decibels(mel: Tensor) -> np.ndarray:
    return np.clip(np.round(mel.numpy() * DECIBELS), -128, 127).astype(np.int8)


if __name__ == "__main__":
    main()
