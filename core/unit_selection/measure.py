"""Measure the voice of units, and write what was measured into its card.

    python -m core.unit_selection.measure --data PATH
    python -m core.unit_selection.measure --data PATH --write

Prints character error (pocketsphinx, free decoding) and DNSMOS of the 60 held-out prompts as they were recorded and
as the voice says them, with both costs and with one of them left out; the same of the Harvard sentences; then how
long loading and speaking take, and the memory. `--only` measures a part, `--write` completes the card.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core import weights
from core.text import alignment
from core.unit_selection import sample
from core.voice_metrics import Metric, for_card, judged, show
from core.voice_metrics import harvard as harvard_sentences
from core.wavenet import data as corpus

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("prompts", "harvard", "speed")
SENTENCE = "The birch canoe slid on the smooth planks, and the sun came up."


def prompts(folder: Path, *, limit: int | None = None) -> list[Metric]:
    """The held-out prompts as they were recorded, and as the voice says them."""
    recordings = corpus.load(folder, held_out=True, limit=limit)
    written = alignment.texts(folder)
    texts = [written[recording.name] for recording in recordings]
    split = f"{len(texts)} held-out prompts"
    methods: dict[str, Callable[[str], Tensor]] = {
        "unit selection": lambda text: sample.synthesize(text).audio,
        "without join cost": lambda text: sample.synthesize(text, join_weight=0.0).audio,
        "without target cost": lambda text: sample.synthesize(text, target_weight=0.0).audio,
    }
    found = judged("natural", [recording.audio for recording in recordings], texts, split, "prompts")
    for name, speak in methods.items():
        found += judged(name, [speak(text) for text in texts], texts, split, "prompts")
    return found


def harvard(*, limit: int | None = None) -> list[Metric]:
    """The Harvard sentences, which this speaker never read."""
    texts = harvard_sentences(limit)
    said = [sample.synthesize(text) for text in texts]
    split = f"{len(texts)} Harvard sentences"
    rows = judged("unit selection", [one.audio for one in said], texts, split, "harvard")
    units = [unit for one in said for unit in one.units]
    rest = [
        Metric("joins per unit", sum(len(one.joins) for one in said) / len(units), split, "harvard"),
        Metric("units backed off (%)", 100 * sum(u.backed_off for u in units) / len(units), split, "harvard"),
    ]
    show(rest)
    return rows + rest


def speed() -> list[Metric]:
    """Loading in a fresh process, speaking on one thread, and memory beyond that of PyTorch alone."""
    sample.synthesize(SENTENCE)
    ratios = []
    for _ in range(7):
        started = time.process_time()
        said = sample.synthesize(SENTENCE)
        ratios.append((time.process_time() - started) / said.seconds)
    base, _ = _fresh("pass")
    loaded, seconds = _fresh("voice = sample.voice()")
    speaking, _ = _fresh(f"sample.synthesize({SENTENCE!r})")
    split = "a sentence of 4 s"
    rows = [
        Metric("processor seconds a second of speech, 1 thread", float(np.median(ratios)), split, "speed"),
        Metric("processor seconds to load the voice, beyond its imports", seconds, "a fresh process", "speed"),
        Metric("memory of the loaded voice beyond its imports (MB)", loaded - base, "a fresh process", "speed"),
        Metric("the same after a sentence (MB)", speaking - base, split, "speed"),
    ]
    show(rows)
    return rows


def _fresh(code: str) -> tuple[float, float]:
    """Memory (MB) and processor seconds that the code takes in a process that has imported everything."""
    program = (
        "import time, torch; torch.set_num_threads(1); import core.audio, safetensors.torch, soundfile\n"
        "from core.unit_selection import sample, model\n"
        f"began = time.process_time()\n{code}\nseconds = time.process_time() - began\n"
        "pages = int(open('/proc/self/statm').read().split()[1])\n"
        "print(pages * 4096 / 1e6, seconds)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    memory, seconds = done.stdout.split()
    return float(memory), float(seconds)


def write(found: Sequence[Metric], name: str = sample.NAME) -> Path:
    """The card with these metrics in place of earlier ones of the same parts."""
    fresh = for_card(found, "python -m core.unit_selection.measure --data PATH")
    return weights.renew(name, fresh, model=sample.voice(name))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="corpus: metadata.csv beside wavs/ or flac/; for the prompts")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be repeated")
    parser.add_argument("--limit", type=int, help="only so many sentences")
    parser.add_argument("--write", action="store_true", help="write what was measured into the card")
    options = parser.parse_args(arguments)
    parts = options.only or PARTS
    if "prompts" in parts and not options.data:
        parser.error("the prompts need --data, the corpus with their recordings")
    torch.set_num_threads(1)
    found = prompts(options.data, limit=options.limit) if "prompts" in parts else []
    found += harvard(limit=options.limit) if "harvard" in parts else []
    found += speed() if "speed" in parts else []
    if options.write:
        print(write(found))


if __name__ == "__main__":
    main()
