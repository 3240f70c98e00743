"""Build a voice of units from a corpus: python -m core.unit_selection.train --data PATH

Aligns the recordings (or takes --alignment, a file of core.text.alignment), measures them at every point, trains the
network that predicts durations and F0, encodes the sound as Ogg Opus, and writes assets/weights/unit-selection.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from core import weights
from core.audio import SAMPLE_RATE_HZ
from core.text import alignment, english
from core.text.context import FUNCTION_WORDS
from core.unit_selection import data, prosody
from core.unit_selection.data import CEPSTRA, Utterance
from core.unit_selection.model import Voice, VoiceConfig

GAP_SAMPLES = 800  # of silence between the recordings in an audio file, so that the codec keeps them apart
OPUS_COMPRESSION = 0.88  # of soundfile's scale: about 36 kbit/s
MIN_SPOKEN = 5  # a word said that often tells how this speaker says it
CONTEXTUAL = frozenset(("the", "a"))  # words whose sound depends on the next one, as the front end knows


@dataclass(frozen=True, eq=False)
class Measured:
    """Of one recording: points [2 N], the sound there [2 N, 15], log duration and F0 of its phones [N, 2]."""

    points: np.ndarray
    joins: np.ndarray
    prosody: np.ndarray


def measure(utterance: Utterance) -> Measured:
    """What a voice knows of a recording beside its contexts and its sound."""
    found = data.frames(utterance.audio)
    where = data.points(utterance.alignment, found)
    return Measured(where, data.at_points(found, where), data.prosody_of(utterance.alignment, found))


def pronunciations(utterances: Sequence[Utterance]) -> dict[str, tuple[str, ...]]:
    """Function words as this speaker mostly says them, where that is not what our front end would say."""
    said: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    usual: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for utterance in utterances:
        for word, heard in zip(english.words(utterance.text), utterance.alignment.words):
            if word.text in FUNCTION_WORDS - CONTEXTUAL:
                said[word.text][heard.phones] += 1
                usual[word.text][word.phones] += 1
    out = {}
    for text, counts in sorted(said.items()):
        phones, count = counts.most_common(1)[0]
        if count >= MIN_SPOKEN and phones != usual[text].most_common(1)[0][0]:
            out[text] = phones
    return out


def standardised(joins: np.ndarray) -> np.ndarray:
    """Cepstra and energy in standard deviations over all points; log F0 and voicing as they are. [N, 15] -> same."""
    out = joins.copy()
    columns = slice(0, CEPSTRA + 1)
    out[:, columns] = (joins[:, columns] - joins[:, columns].mean(axis=0)) / joins[:, columns].std(axis=0)
    return out


def assemble(
    utterances: Sequence[Utterance],
    measured: Sequence[Measured],
    predictor: prosody.ProsodyModel,
    *,
    files: int = 2,
) -> Voice:
    """A voice without its sound: `sounds` makes that."""
    codes = [data.codes(u.contexts) for u in utterances]
    lengths = [len(c) for c in codes]
    names = tuple(f"audio-{k}.ogg" for k in range(files))
    voice = Voice(VoiceConfig(sum(lengths), len(utterances), names))
    tensors = {
        "codes": np.concatenate(codes),
        "owner": np.repeat(np.arange(len(utterances)), lengths),
        "points": np.concatenate([m.points for m in measured]),
        "joins": standardised(np.concatenate([m.joins for m in measured])),
        "measured": np.concatenate([m.prosody for m in measured]),
        "places": places([len(u.audio) for u in utterances], files),
    }
    for name, values in tensors.items():
        getattr(voice, name).copy_(torch.from_numpy(values))
    voice.prosody.load_state_dict(predictor.state_dict())
    return voice.eval()


def places(lengths: Sequence[int], files: int) -> np.ndarray:
    """Where each recording goes: int64 [R, 3], file, first sample, samples; files of about one length."""
    out, file, offset, total = [], 0, 0, sum(n + GAP_SAMPLES for n in lengths)
    for n in lengths:
        if offset >= total / files and file < files - 1:
            file, offset = file + 1, 0
        out.append((file, offset, n))
        offset += n + GAP_SAMPLES
    return np.array(out, np.int64)


def index(utterances: Sequence[Utterance]) -> str:
    """What is said in the recordings, as JSON."""
    recordings = [
        {"name": u.name, "text": u.text, "words": [word.text for word in u.alignment.words]} for u in utterances
    ]
    return json.dumps({"recordings": recordings, "pronunciations": pronunciations(utterances)}, ensure_ascii=False)


def encode(utterances: Sequence[Utterance], where: np.ndarray, folder: Path, names: Sequence[str]) -> None:
    """Write the sound: Ogg Opus at 16 kHz, the recordings of a file one after another."""
    for k, name in enumerate(names):
        own = [(u.audio, int(offset)) for u, (file, offset, _) in zip(utterances, where) if file == k]
        whole = np.zeros(own[-1][1] + len(own[-1][0]) + GAP_SAMPLES, np.float32)
        for sound, offset in own:
            whole[offset : offset + len(sound)] = sound
        with soundfile.SoundFile(
            str(folder / name),
            "w",
            SAMPLE_RATE_HZ,
            1,
            format="OGG",
            subtype="OPUS",
            compression_level=OPUS_COMPRESSION,
        ) as file:
            for start in range(0, len(whole), SAMPLE_RATE_HZ):
                file.write(whole[start : start + SAMPLE_RATE_HZ])


DATA = [
    {
        "name": "Kathleen, 1,132 CMU ARCTIC prompts by one US English speaker, less arctic_b0480 … b0539",
        "license": "CC0 1.0",
        "source": "github.com/rhasspy/dataset-voice-kathleen (Michael Hansen), 16 kHz, levelled to -20 dBFS",
    }
]
FAILURES = [
    "Joins can be heard where the corpus has nothing fitting: at rare pairs of phones, in names, in long numbers.",
    "The melody is patched together from that of 1,072 read sentences: questions fall like statements, and no word "
    "is stressed on purpose.",
    "What pocketsphinx aligned wrongly is cut wrongly: short vowels and stops may lose their beginning.",
    "Says what is written in the manner of somebody reading; one voice, US English, 16 kHz.",
]


def ship(
    voice: Voice,
    files: dict[str, bytes],
    state: dict[str, Any],
    metrics: list[dict[str, Any]],
    *,
    name: str,
    hours: float,
) -> Path:
    """Write assets/weights/<name> with its card."""
    return weights.save(
        voice, name,
        description="A voice of units: the recordings themselves with an index, from which sentences are put together "
        "by unit selection (Hunt and Black 1996), and a small network that predicts durations and F0.",
        sample_rate_hz=SAMPLE_RATE_HZ, training_command="python -m core.unit_selection.train --data PATH",
        commit=state["commit"], seed=state["seed"], steps=state["step"], device=state["device"], hours=hours,
        data=DATA, metrics=metrics, known_failures=FAILURES, license="cc0-1.0", files=files,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--alignment", type=Path, help="file of core.text.alignment (default: align now)")
    parser.add_argument("--run", type=Path, default=Path("runs/unit-selection"), help="folder of checkpoints")
    parser.add_argument("--name", default="unit-selection", help="of the voice in assets/weights")
    parser.add_argument("--steps", type=int, default=1500, help="of the network for durations and F0")
    parser.add_argument("--limit", type=int, help="use only so many recordings")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    found = alignment.read(options.alignment) if options.alignment else alignment.of_corpus(options.data)[0]
    utterances = data.load(options.data, found, limit=options.limit)
    measured = [measure(utterance) for utterance in utterances]
    predictor, state = prosody.train(
        [u.contexts for u in utterances], [m.prosody for m in measured], folder=options.run, steps=options.steps,
        seed=options.seed,
    )  # fmt: skip
    voice = assemble(utterances, measured, predictor)
    with tempfile.TemporaryDirectory() as folder:
        encode(utterances, voice.arrays["places"], Path(folder), voice.config.audio_files)
        files = {name: (Path(folder) / name).read_bytes() for name in voice.config.audio_files}
    files["index.json"] = index(utterances).encode()
    hours = (time.perf_counter() - started) / 3600
    place = ship(voice, files, state, predicted(state), name=options.name, hours=hours)
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in sorted(place.iterdir()))
    print(f"{voice.config.recordings} recordings, {voice.config.phones:,} phones; {sizes}")
    print("python -m core.unit_selection.measure --data PATH --write   measures the voice and completes its card")


def predicted(state: dict[str, Any]) -> list[dict[str, Any]]:
    """What the training says of the network, as rows of a card."""
    found = state.get("evaluation", {})
    rest = {
        "split": "every twentieth training sentence, kept aside",
        "command": "python -m core.unit_selection.train --data PATH",
    }
    names = {"duration_explained": "log duration", "f0_explained": "log F0"}
    return [
        {"name": f"variance of {what} explained within each phone", "value": found[key], **rest}
        for key, what in names.items() if key in found
    ]  # fmt: skip


if __name__ == "__main__":
    main()
