"""Unit selection: a voice that speaks by choosing among the recordings of its corpus.

Hunt and Black 1996, "Unit selection in a concatenative speech synthesis system using a large speech database"
(ICASSP). For targets t_1 … t_n choose units u_1 … u_n of the corpus that minimise

    C(t, u) = sum over i of C_t(t_i, u_i) + sum over i of C_c(u_{i-1}, u_i)        (equation 3, here in `viterbi`)

where the target cost C_t says how unlike a unit is to what is wanted, and the join cost C_c how much is heard where
two units meet; it is 0 where one follows the other in a recording. Both are weighted sums of sub-costs (costs.py).
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from core.audio import SAMPLE_RATE_HZ
from core.errors import WeightsError
from core.text.articulation import INDEX, PHONES
from core.unit_selection.data import CODES, COLUMN
from core.unit_selection.prosody import ProsodyModel

JOIN_COLUMNS = 15  # what `data.at_points` measures


@dataclass(frozen=True)
class VoiceConfig:
    """phones, recordings: how many the corpus has.  audio_files: names of the files that hold its sound."""

    phones: int
    recordings: int
    audio_files: tuple[str, ...] = ("audio-0.ogg", "audio-1.ogg")
    prosody_hidden: int = 96


@dataclass(frozen=True)
class Recording:
    """name, text: of the prompt.  words: as spoken.  seconds: its length."""

    name: str
    text: str
    words: tuple[str, ...]
    seconds: float


class Voice(nn.Module):
    """The corpus as numbers; its sound stays on disk and is read piece by piece.

    Phones are numbered through the whole corpus, 0 … P - 1; phone i has the points 2i (middle) and 2i + 1 (end).
    """

    codes: Tensor  # int8 [P, 22], contexts, columns as data.CODES
    owner: Tensor  # int16 [P], the recording that a phone belongs to
    points: Tensor  # int32 [2 P], samples from the beginning of its recording
    joins: Tensor  # float [2 P, 15], what the sound is like at each point, in standard deviations (log F0: raw)
    measured: Tensor  # float [P, 2], log duration and log F0 of each phone; F0 0 where unvoiced
    places: Tensor  # int32 [R, 3], of each recording: audio file, first sample in it, number of samples
    prosody: ProsodyModel

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        self.config = config
        phones = config.phones
        self.register_buffer("codes", torch.zeros(phones, len(CODES), dtype=torch.int8))
        self.register_buffer("owner", torch.zeros(phones, dtype=torch.int16))
        self.register_buffer("points", torch.zeros(2 * phones, dtype=torch.int32))
        self.register_buffer("joins", torch.zeros(2 * phones, JOIN_COLUMNS))
        self.register_buffer("measured", torch.zeros(phones, 2))
        self.register_buffer("places", torch.zeros(config.recordings, 3, dtype=torch.int32))
        self.prosody = ProsodyModel(config.prosody_hidden)
        self.recordings: tuple[Recording, ...] = ()
        self.pronunciations: dict[str, tuple[str, ...]] = {}
        self._files: list[soundfile.SoundFile] = []
        self._lock = threading.Lock()

    def attach(self, files: dict[str, Path]) -> None:
        """Give the voice the files beside its tensors: index.json and the sound. `core.weights.load` calls this.

        Raises:
            WeightsError: one is missing, or does not fit.
        """
        try:
            index = json.loads(files["index.json"].read_text(encoding="utf-8"))
            self.recordings = tuple(
                Recording(r["name"], r["text"], tuple(r["words"]), int(count) / SAMPLE_RATE_HZ)
                for r, count in zip(index["recordings"], self.places[:, 2], strict=True)
            )
            self.pronunciations = {word: tuple(phones) for word, phones in index["pronunciations"].items()}
            self._files = [soundfile.SoundFile(str(files[name])) for name in self.config.audio_files]
        except (KeyError, ValueError, TypeError, OSError, soundfile.SoundFileError) as error:
            raise WeightsError(f"The files of the voice do not fit it: {error!r:.200}") from error

    @functools.cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The tensors as NumPy arrays, which the search computes with."""
        return {name: tensor.numpy() for name, tensor in self.named_buffers(recurse=False)}

    @functools.cached_property
    def _diphones(self) -> tuple[np.ndarray, np.ndarray]:
        """First phones of all diphones, sorted by kind; and where each of the 40 * 40 kinds begins."""
        c, owner = self.arrays["codes"][:, COLUMN["c"]].astype(np.int32), self.arrays["owner"]
        first = np.flatnonzero(owner[:-1] == owner[1:])
        kind = c[first] * len(PHONES) + c[first + 1]
        order = np.argsort(kind, kind="stable")
        return first[order], np.searchsorted(kind[order], np.arange(len(PHONES) ** 2 + 1))

    def diphones(self, left: str, right: str) -> np.ndarray:
        """The phones of the corpus that are `left` and followed by `right`: their numbers, int64 [K], ascending."""
        first, begins = self._diphones
        kind = INDEX[left] * len(PHONES) + INDEX[right]
        return first[begins[kind] : begins[kind + 1]]

    def phones(self, phone: str) -> np.ndarray:
        """All occurrences of a phone: their numbers, int64 [K], ascending."""
        return np.flatnonzero(self.arrays["codes"][:, COLUMN["c"]] == INDEX[phone])

    @functools.cached_property
    def inventory(self) -> frozenset[str]:
        """The phones that the corpus has."""
        return frozenset(PHONES[i] for i in np.unique(self.arrays["codes"][:, COLUMN["c"]]))

    def coverage(self) -> np.ndarray:
        """How often each diphone occurs: int64 [40, 40], rows the first phone, in the order of `PHONES`."""
        return np.diff(self._diphones[1]).reshape(len(PHONES), len(PHONES))

    def sound(self, recording: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Samples of a recording: float32 [stop - start]; 0 before its beginning and after its end.

        Args:
            recording: its number.  start, stop: samples; None is its end.
        """
        file, offset, count = (int(v) for v in self.arrays["places"][recording])
        stop = count if stop is None else stop
        first, last = min(max(start, 0), count), min(max(stop, 0), count)
        out = np.zeros(max(stop - start, 0), np.float32)
        if last > first:
            with self._lock:
                self._files[file].seek(offset + first)
                out[first - start : last - start] = self._files[file].read(last - first, dtype="float32")
        return out


def viterbi(
    target_costs: Sequence[np.ndarray], join_costs: Sequence[np.ndarray], *, target_weight: float = 1.0,
    join_weight: float = 1.0,
) -> tuple[list[int], float]:  # fmt: skip
    """The cheapest path through a lattice, one candidate a column.

    Source: Hunt and Black 1996, equation 3; Viterbi 1967 for the search.

    Args:
        target_costs: of each column [K_i], K_i at least 1.  join_costs: between neighbours, [K_{i-1}, K_i].
    Returns:
        the candidate chosen in each column (of equally cheap ones the first), and the cost of the path.
    """
    total = target_weight * np.asarray(target_costs[0], np.float64)  # [K_0], cheapest way to reach each candidate
    back = []
    for target, join in zip(target_costs[1:], join_costs):
        ways = total[:, None] + join_weight * join  # [K_{i-1}, K_i]
        best = ways.argmin(axis=0)
        back.append(best)
        total = ways[best, np.arange(ways.shape[1])] + target_weight * target
    path = [int(total.argmin())]
    for best in reversed(back):
        path.append(int(best[path[-1]]))
    return path[::-1], float(total.min())
