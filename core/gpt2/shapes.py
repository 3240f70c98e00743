"""What a GPT-2 of some size is made of, what its past takes, and what it saves: numbers from the config alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.gpt2.model import GPT2Config, past_shape

# The site's composer, and the four networks of the paper's table 2, with the sizes that were released.
SIZES = {
    "composer": GPT2Config(n_vocab=769, n_ctx=768, n_embd=192, n_head=3, n_layer=4, dropout=0.0),
    "small": GPT2Config(n_embd=768, n_head=12, n_layer=12),
    "medium": GPT2Config(n_embd=1024, n_head=16, n_layer=24),
    "large": GPT2Config(n_embd=1280, n_head=20, n_layer=36),
    "xl": GPT2Config(n_embd=1600, n_head=25, n_layer=48),
}
BYTES = 4  # of a float32


def variables(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every variable, as `GPT2` has them."""
    width = config.n_embd
    found: dict[str, tuple[int, ...]] = {"model/wte": (config.n_vocab, width), "model/wpe": (config.n_ctx, width)}
    dense = {"attn/c_attn": (width, 3 * width), "attn/c_proj": (width, width),
             "mlp/c_fc": (width, 4 * width), "mlp/c_proj": (4 * width, width)}  # fmt: skip
    for layer in range(config.n_layer):
        for norm, parts in (("ln_1", ("attn/c_attn", "attn/c_proj")), ("ln_2", ("mlp/c_fc", "mlp/c_proj"))):
            found |= {f"model/h{layer}/{norm}/{leaf}": (width,) for leaf in "gb"}
            for part in parts:
                found[f"model/h{layer}/{part}/w"] = dense[part]
                found[f"model/h{layer}/{part}/b"] = dense[part][1:]
    return found | {f"model/ln_f/{leaf}": (width,) for leaf in "gb"}


def count(shape: tuple[int, ...]) -> int:
    """Numbers in an array of this shape."""
    product = 1
    for size in shape:
        product *= size
    return product


def parameters_by_part(config: GPT2Config) -> dict[str, dict[str, int]]:
    """Block ("wte", "wpe", "h0", …, "ln_f") -> part ("attn", "mlp", "norms", or the block itself) -> parameters."""
    found: dict[str, dict[str, int]] = {}
    for name, shape in variables(config).items():
        block, _, rest = name.removeprefix("model/").partition("/")
        part = rest.partition("/")[0] if block.startswith("h") else block
        part = "norms" if part.startswith("ln_") else part
        parts = found.setdefault(block, {})
        parts[part] = parts.get(part, 0) + count(shape)
    return found


def past_bytes(config: GPT2Config, tokens: int, *, batch: int = 1) -> int:
    """Bytes of keys and values of so many tokens, in float32."""
    return BYTES * count(tuple(past_shape(hparams=config, batch_size=batch, sequence=tokens)))


def multiplications(config: GPT2Config, new: int, past: int = 0) -> int:
    """Multiplications in the matrix products of `model` for `new` tokens behind `past` others, batch 1.

    A token costs 12 D^2 in the dense layers of a block and V D in the output. q k and w v cost D each for every source,
    also for those that the mask then hides.
    """
    width = config.n_embd
    block = new * 12 * width**2 + 2 * new * (past + new) * width
    return config.n_layer * block + new * width * config.n_vocab


@dataclass(frozen=True)
class Step:
    """What drawing one token takes when `position` tokens are there, with a past and without one."""

    position: int
    multiplications: int  # with the past: the newest token is read
    multiplications_anew: int  # without: all are read
    past_bytes: int
    read_bytes: int  # keys and values that attention reads from the past
    written_bytes: int


def step(config: GPT2Config, position: int) -> Step:
    """One step behind `position` tokens, the newest of which has not been read yet when there is a past."""
    one = past_bytes(config, 1)
    return Step(
        position=position,
        multiplications=multiplications(config, 1, position - 1),
        multiplications_anew=multiplications(config, position),
        past_bytes=position * one,
        read_bytes=(position - 1) * one,
        written_bytes=one,
    )


def sums(config: GPT2Config, tokens: int) -> tuple[int, int]:
    """Multiplications of all steps from 1 to `tokens`: (with a past, without)."""
    steps = [step(config, position) for position in range(1, tokens + 1)]
    return sum(one.multiplications for one in steps), sum(one.multiplications_anew for one in steps)


def counted(config: GPT2Config, new: int, past: int = 0) -> int:
    """The same as `multiplications`, counted: PyTorch tells of every matrix product that a block and the output run.

    On the "meta" device, which has shapes and no numbers; one block stands for all, which are alike.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from core.gpt2.model import GPT2, block, norm

    with torch.device("meta"), torch.no_grad():
        scope = GPT2(replace(config, n_layer=1)).scope
        x = torch.empty(1, new, config.n_embd)
        before = torch.empty(past_shape(hparams=config, batch_size=1, sequence=past))[:, 0] if past else None
        with FlopCounterMode(display=False) as layer:
            block(x, scope / "h0", past=before, hparams=config)
        with FlopCounterMode(display=False) as output:
            _ = norm(x, scope / "ln_f") @ scope["wte"].T
    # It counts an addition with each multiplication.
    return (config.n_layer * layer.get_total_flops() + output.get_total_flops()) // 2
