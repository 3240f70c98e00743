"""A corpus with its alignment -> what the two networks learn from: phone features, durations, WORLD's parameters.

    python -m core.parametric.data --data PATH --alignment runs/alignment-kathleen.json

analyses every recording once and keeps the result in runs/parametric.npz; `load` does the same when it must.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.errors import DataError
from core.parametric.mlpg import with_dynamics
from core.parametric.vocoder import FRAME_SECONDS, Parameters, analyse
from core.text import alignment, context
from core.wavenet import data as corpus
from core.whole import whole

CACHE = Path("runs") / "parametric.npz"
ALIGNMENT = Path("runs") / "alignment-kathleen.json"


@dataclass(frozen=True, eq=False)
class Utterance:
    """One recording as the networks see it.

    features: float32 [N, 319], of each phone.  durations: int64 [N], in frames of 5 ms, their sum is F.
    static: float32 [F, 42], 40 mel-cepstra, log F0, aperiodicity.  voiced: bool [F].
    """

    name: str
    features: np.ndarray
    durations: np.ndarray
    static: np.ndarray
    voiced: np.ndarray

    @property
    def parameters(self) -> Parameters:
        return unpack(self.static, self.voiced)


def pack(parts: Parameters) -> np.ndarray:
    """The columns that the acoustic model predicts: float32 [F, 42]."""
    return np.concatenate([parts.cepstra, parts.log_f0[:, None], parts.aperiodicity], axis=1).astype(np.float32)


def unpack(static: np.ndarray, voiced: np.ndarray) -> Parameters:
    """The inverse of `pack`."""
    static = static.astype(np.float64)
    return Parameters(static[:, -2], voiced, static[:, :-2], static[:, -1:])


def durations(found: alignment.Alignment, frames: int) -> np.ndarray:
    """Frames of each segment, int64 [N]: boundaries rounded to frames, the last one the end of the recording."""
    ends = np.array([round(s.end_s / FRAME_SECONDS) for s in found.segments])
    ends = np.minimum(ends, frames)
    ends[-1] = frames
    return np.diff(ends, prepend=0)


def utterance(path: Path, found: alignment.Alignment) -> Utterance:
    """Analyse one recording (0.15 s for each second of sound)."""
    parts = analyse(corpus.read(path).audio.numpy())
    features = context.features(context.contexts(found.words, found.pauses))
    lengths = durations(found, parts.frames)
    if len(features) != len(lengths):
        raise DataError(f"{path.stem}: the alignment and the contexts differ; run core.text.alignment again.")
    return Utterance(path.stem, features, lengths, pack(parts), parts.voiced)


def prepare(folder: Path, aligned: Path, *, cache: Path = CACHE, limit: int | None = None) -> dict[str, Utterance]:
    """Every recording that has an alignment; read from the cache if that was made of the same alignment.

    Raises:
        DataError: no corpus, no alignment, or none of its recordings in the corpus.
    """
    found = alignment.read(aligned)
    files = [path for path in corpus.sound_files(folder) if path.stem in found][:limit]
    if not files:
        raise DataError(f"{aligned} has no recording of {folder}: align that corpus by core.text.alignment.")
    key = hashlib.sha256(aligned.read_bytes() + str([path.name for path in files]).encode()).hexdigest()
    if cache.exists():
        with np.load(cache) as stored:
            if str(stored["key"]) == key:
                return _restored(stored)
    made = []
    for number, path in enumerate(files):
        made.append(utterance(path, found[path.stem]))
        if number % 100 == 99:
            print(f"analysed {number + 1} of {len(files)}", flush=True)
    _store(cache, key, made)
    return {one.name: one for one in made}


def _store(cache: Path, key: str, made: Sequence[Utterance]) -> None:
    """All utterances end to end in one file."""
    with whole(cache) as part:
        np.savez(
            part,
            key=np.array(key),
            names=np.array([one.name for one in made]),
            phones=np.array([len(one.features) for one in made]),
            frames=np.array([len(one.static) for one in made]),
            features=np.concatenate([one.features for one in made]).astype(np.float16),
            durations=np.concatenate([one.durations for one in made]),
            static=np.concatenate([one.static for one in made]),
            voiced=np.concatenate([one.voiced for one in made]),
        )


def _restored(stored: np.lib.npyio.NpzFile) -> dict[str, Utterance]:
    """What `_store` kept."""
    phones, frames = np.cumsum(stored["phones"])[:-1], np.cumsum(stored["frames"])[:-1]
    columns = (
        stored["names"],
        np.split(stored["features"].astype(np.float32), phones),
        np.split(stored["durations"], phones),
        np.split(stored["static"], frames),
        np.split(stored["voiced"], frames),
    )
    return {str(name): Utterance(str(name), *rest) for name, *rest in zip(*columns)}


def split(utterances: dict[str, Utterance]) -> tuple[list[Utterance], list[Utterance]]:
    """(training, held out): the project's held-out sentences, or a twentieth of a corpus that has none of them."""
    names = sorted(utterances)
    held = set(names) & corpus.HELD_OUT or set(names[-max(1, min(60, len(names) // 20)) :])
    return [utterances[n] for n in names if n not in held], [utterances[n] for n in names if n in held]


def targets(one: Utterance) -> np.ndarray:
    """Static, delta and delta-delta columns, then voicing: float32 [F, 127]."""
    dynamic = with_dynamics(one.static)  # [F, 126]
    return np.concatenate([dynamic, one.voiced[:, None]], axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Batch:
    """Sentences side by side, their phones padded with zeros.

    features: float [B, N, 319].  durations: int64 [B, N], 0 in the padding.  phones: int64 [B], how many are real.
    targets: float [F, 127], as from `targets`, the sentences end to end.
    """

    features: Tensor
    durations: Tensor
    phones: Tensor
    targets: Tensor


def collate(chosen: Sequence[Utterance], *, acoustic: bool = True) -> Batch:
    """Pad and stack."""
    pad = torch.nn.utils.rnn.pad_sequence
    made = [torch.from_numpy(targets(one)) if acoustic else torch.zeros(0, 0) for one in chosen]
    return Batch(
        pad([torch.from_numpy(one.features) for one in chosen], batch_first=True),
        pad([torch.from_numpy(one.durations) for one in chosen], batch_first=True),
        torch.tensor([len(one.features) for one in chosen]),
        torch.cat(made),
    )


def batches(
    utterances: Sequence[Utterance], *, batch: int, seed: int = 0, acoustic: bool = True
) -> Iterator[Batch]:
    """Batches without end; sentences of about the same length go together, every one once an epoch."""
    if not utterances:
        raise DataError("There is nothing to train on: align more recordings by core.text.alignment.")
    rng = np.random.default_rng(seed)
    lengths = np.array([len(one.static) for one in utterances])
    while True:
        order = np.argsort(lengths + rng.uniform(0, 40, len(lengths)), kind="stable")
        groups = [order[i : i + batch] for i in range(0, len(order), batch)]
        for k in rng.permutation(len(groups)):
            yield collate([utterances[i] for i in groups[k]], acoustic=acoustic)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--alignment", type=Path, default=ALIGNMENT, help="made by core.text.alignment")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args(arguments)
    found = prepare(options.data, options.alignment, cache=options.cache)
    frames = sum(len(one.static) for one in found.values())
    print(f"{len(found)} recordings, {frames:,} frames, {frames * FRAME_SECONDS / 60:.1f} min: {options.cache}")


if __name__ == "__main__":
    main()
