"""Tokens a second of a GPT-2 with and without its past, growing with length, and of transformers on the same weights.

    python -m benchmarks.gpt2 [--rounds 3] [--lengths 16,128,384,700,960] [--json FILE] [--without-peers]

    none          every token reads all tokens before it again
    joined        the past of the slide: each step's keys and values are joined to it by a copy
    buffer        the past has its room from the start
    transformers  GPT2LMHeadModel.generate with its cache

All draw from the network's own distribution (temperature 1, no top-k) at batch 1, behind a prompt of the length said;
the time counts from the first new token to the last. The methods take turns, and the best round of each counts, so
that a busy moment hits nobody alone. Ratios compare the same precision only. The networks are the site's composer and,
with random weights, GPT-2's smallest: the time does not depend on them. Before timing, `buffer` and transformers must
agree on the logits.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.wavenet import processor
from core import weights
from core.gpt2.load import theirs
from core.gpt2.model import GPT2, GPT2Config
from core.gpt2.sample import BufferedPast, generate
from core.gpt2.shapes import SIZES
from core.sampling import uniforms_of

THREADS = 2
TARGET = 1.5  # times transformers
STEPS = 32  # tokens timed
NETWORKS = ("composer", "small")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Method = Callable[[torch.Tensor, int], Iterator[float]]  # prompt, tokens -> the moment of each new token


def network(name: str) -> GPT2:
    """The shipped composer; else random weights of that size."""
    if name == "composer" and "musenet-composer" in weights.names():
        return weights.load("musenet-composer")
    torch.manual_seed(0)
    return GPT2(SIZES[name]).eval()


def ours(model: GPT2, past: str, dtype: torch.dtype = torch.float32) -> Method:
    """`generate`; the reader of a buffer is made once, as a page does."""
    reader: Any = BufferedPast(model, 1, dtype=dtype) if past == "buffer" else past

    def moments(prompt: torch.Tensor, count: int) -> Iterator[float]:
        for _ in generate(model, prompt, uniforms_of(0, count), past=reader):
            yield time.perf_counter()

    return moments


class Clock:
    """What transformers calls a streamer: is told of every token."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        self.moments.append(time.perf_counter())

    def end(self) -> None:
        pass


def peer(model: GPT2, dtype: torch.dtype = torch.float32) -> tuple[Any, Method]:
    """GPT2LMHeadModel with the same weights, and its generation."""
    import transformers

    config = model.config
    sizes = {"vocab_size": config.n_vocab, "n_positions": config.n_ctx, "n_embd": config.n_embd,
             "n_head": config.n_head, "n_layer": config.n_layer}  # fmt: skip
    made = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(**sizes, bos_token_id=None, eos_token_id=None, pad_token_id=None)
    )
    made.load_state_dict({theirs(name): value for name, value in model.state_dict().items()}, strict=False)
    made = made.to(dtype).eval()

    def moments(prompt: torch.Tensor, count: int) -> Iterator[float]:
        clock = Clock()
        with torch.inference_mode():
            made.generate(
                prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=count, do_sample=True, top_k=0,
                use_cache=True, streamer=clock, pad_token_id=0,
            )  # fmt: skip
        yield from clock.moments[-count:]  # without the prompt, which is put first

    return made, moments


@torch.inference_mode()
def disagreement(model: GPT2, made: Any) -> float:
    """The largest difference of logits between `buffer` and transformers, one token a step."""
    ids = torch.randint(model.config.n_vocab, (1, 24), generator=torch.Generator().manual_seed(1))
    reader = BufferedPast(model, 1)
    mine = torch.stack([reader.feed(one) for one in ids.split(1, dim=1)], dim=1)
    return float((mine - made(ids).logits).abs().max())


def tokens_per_s(method: Method, vocabulary: int, length: int, steps: int) -> float:
    """Behind a random prompt of `length` tokens."""
    prompt = torch.randint(vocabulary, (1, length), generator=torch.Generator().manual_seed(length))
    moments = list(method(prompt, steps + 1))
    return steps / (moments[-1] - moments[0])


def methods(model: GPT2, *, without_peers: bool) -> tuple[dict[str, Method], float | None]:
    """Name -> method, and how far transformers' logits are from ours."""
    found = {"none": ours(model, "none"), "joined": ours(model, "joined")}
    difference = None
    for precision, dtype in PRECISIONS.items():
        found[f"buffer {precision}"] = ours(model, "buffer", dtype)
        if not without_peers:
            made, found[f"transformers {precision}"] = peer(model, dtype)
            if precision == "float32":
                difference = disagreement(model, made)
                if difference > 1e-4:
                    raise SystemExit(f"buffer and transformers differ by {difference} in their logits")
    return found, difference


def timed(model: GPT2, ways: dict[str, Method], lengths: list[int], rounds: int) -> dict[str, dict[int, float]]:
    """Method -> length -> tokens/s in its best round."""
    best = {name: dict.fromkeys(lengths, 0.0) for name in ways}
    for _ in range(rounds):
        for length in lengths:
            for name, way in ways.items():
                steps = max(2, min(STEPS, 3000 // length)) if name == "none" else STEPS
                best[name][length] = max(best[name][length], tokens_per_s(way, model.config.n_vocab, length, steps))
    return best


def show(name: str, config: GPT2Config, speeds: dict[str, dict[int, float]]) -> dict[str, dict[int, float]]:
    """Print a network's table; returns precision -> length -> times transformers."""
    lengths = list(next(iter(speeds.values())))
    print(f"\n{name}: {config}")
    print(f"{'tokens/s behind a past of':28}" + "".join(f"{length:>10}" for length in lengths))
    for way, row in speeds.items():
        print(f"{way:28}" + "".join(f"{row[length]:10.1f}" for length in lengths))
    ratios = {}
    for precision in PRECISIONS:
        mine, other = speeds[f"buffer {precision}"], speeds.get(f"transformers {precision}")
        if other:
            ratios[precision] = {length: mine[length] / other[length] for length in lengths}
            row = "".join(f"{ratio:10.2f}" for ratio in ratios[precision].values())
            print(f"{'times transformers, ' + precision:28}" + row)
    return ratios


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--lengths", default="16,128,384,700,960", help="tokens of the prompts, where they fit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--json", type=Path, help="where to store what was measured")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    lengths = [int(length) for length in options.lengths.split(",")]
    load = os.getloadavg()[0]
    print(f"{processor()}, {options.threads} threads, load {load:.1f} at the start")
    found: dict[str, Any] = {"processor": processor(), "threads": options.threads, "load_at_start": load}
    found["networks"] = {}
    for name in options.networks.split(","):
        model = network(name)
        ways, difference = methods(model, without_peers=options.without_peers)
        fitting = [length for length in lengths if length + STEPS < model.config.n_ctx]
        speeds = timed(model, ways, fitting, options.rounds)
        ratios = show(name, model.config, speeds)
        if ratios:
            least = min(min(row.values()) for row in ratios.values())
            print(f"least {least:.2f} times transformers: {'target met' if least >= TARGET else f'below {TARGET}'}; "
                  f"logits differ by {difference:.1e} at most")  # fmt: skip
        found["networks"][name] = {"tokens_per_s": speeds, "times_transformers": ratios}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
