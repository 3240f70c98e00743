"""Generating with a GPT-2, token by token, in three ways that give the same tokens.

    none     every token reads all tokens before it again: the network as it learned, and the reference
    joined   the slide's way: keys and values of the past are kept, and each step's are joined to them by a copy of all
    buffer   the past has its room from the start, a step writes its own place: what the page and the benchmark run

Source: Radford et al. 2019, and `sample_sequence` in OpenAI's source of it, which is "joined".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import SamplingError
from core.gpt2.model import GPT2, GPT2Config, attention_mask, check_tokens, model, past_shape
from core.sampling import OWN, Grammar, Options, check_uniforms, distribution, draw


class Reader(Protocol):
    """Reads rows of tokens and tells what may come next; remembers what it has read."""

    def __init__(self, network: GPT2, batch: int) -> None: ...

    position: int  # tokens read

    def feed(self, ids: Tensor) -> Tensor:
        """int64 [B, n], the next tokens -> logits float32 [B, V] behind the last of them."""

    def forget(self) -> None:
        """Back to the beginning."""


class WithoutPast:
    """Computes everything anew at every call."""

    def __init__(self, network: GPT2, batch: int) -> None:
        self.network, self.position = network, 0
        self.ids = torch.zeros(batch, 0, dtype=torch.int64)

    @torch.inference_mode()
    def feed(self, ids: Tensor) -> Tensor:
        self.ids = torch.cat([self.ids, ids], dim=1)
        self.position = self.ids.shape[1]
        return model(self.network.config, self.ids, scope=self.network.scope)["logits"][:, -1].float()

    def forget(self) -> None:
        self.ids, self.position = self.ids[:, :0], 0


class JoinedPast:
    """Hands the model its past, and joins what it leaves behind to it, as the source does."""

    def __init__(self, network: GPT2, batch: int) -> None:
        self.network, self.position = network, 0
        self.past: Tensor | None = None

    @torch.inference_mode()
    def feed(self, ids: Tensor) -> Tensor:
        found = model(self.network.config, ids, self.past, scope=self.network.scope)
        self.past = found["present"] if self.past is None else torch.cat([self.past, found["present"]], dim=-2)
        self.position += ids.shape[1]
        return found["logits"][:, -1].float()

    def forget(self) -> None:
        self.past, self.position = None, 0


class BufferedPast:
    """The same with room for the whole past, made once: a step writes its keys and values and copies nothing.

    Matrices are held as [out, in], which a product with one row reads fastest; in float32 they are the network's own,
    seen sideways. `past`: [B, L, 2, H, n_ctx, D/H], of which the first `position` tokens are in use.
    """

    @torch.inference_mode()
    def __init__(self, network: GPT2, batch: int, *, dtype: torch.dtype = torch.float32) -> None:
        self.config, self.position = network.config, 0
        self.heads, self.width = network.config.n_head, network.config.n_embd
        shape = past_shape(hparams=self.config, batch_size=batch, sequence=self.config.n_ctx)
        self.past = torch.zeros(shape, dtype=dtype)
        self.values = {
            name.removeprefix("model/"): _sideways(p.detach(), dtype) if name.endswith("/w") else p.detach().to(dtype)
            for name, p in network.named_parameters()
        }
        self.layers = [
            {name.removeprefix(f"h{i}/"): v for name, v in self.values.items() if name.startswith(f"h{i}/")}
            for i in range(self.config.n_layer)
        ]

    @torch.inference_mode()
    def feed(self, ids: Tensor) -> Tensor:
        check_tokens(self.config, ids, self.position)
        count = ids.shape[1]
        until = self.position + count
        x = F.embedding(ids, self.values["wte"]) + self.values["wpe"][self.position : until]
        mask = None if count == 1 or not self.position else attention_mask(count, until, dtype=torch.bool)
        for layer, weights in enumerate(self.layers):
            a = self._attend(_norm(x, weights, "ln_1"), weights, layer, mask)
            x = x + _dense(a, weights, "attn/c_proj")
            h = F.gelu(_dense(_norm(x, weights, "ln_2"), weights, "mlp/c_fc"), approximate="tanh")
            x = x + _dense(h, weights, "mlp/c_proj")
        self.position = until
        last = _norm(x[:, -1:], self.values, "ln_f")
        return _product(last, self.values["wte"], None)[:, 0].float()

    def _attend(self, x: Tensor, weights: dict[str, Tensor], layer: int, mask: Tensor | None) -> Tensor:
        """Write keys and values of x [B, n, D] into the past, and look at all that is there."""
        batch, count, _ = x.shape
        until = self.position + count
        c = _dense(x, weights, "attn/c_attn").view(batch, count, 3, self.heads, self.width // self.heads)
        c = c.permute(0, 2, 3, 1, 4)  # [B, 3, H, n, D/H]
        past = self.past[:, layer]  # [B, 2, H, n_ctx, D/H]
        past[:, :, :, self.position : until] = c[:, 1:]
        k, v = past[:, 0, :, :until], past[:, 1, :, :until]
        a = F.scaled_dot_product_attention(c[:, 0], k, v, attn_mask=mask, is_causal=mask is None and count > 1)
        return a.transpose(1, 2).reshape(batch, count, self.width)

    def forget(self) -> None:
        self.position = 0


READERS: dict[str, type[Reader]] = {"buffer": BufferedPast, "joined": JoinedPast, "none": WithoutPast}


def generate(
    network: GPT2, prompt: Tensor, uniforms: Tensor, *, options: Options = OWN,
    grammars: Sequence[Grammar] | None = None, keep: int | None = None, past: str | Reader = "buffer",
) -> Iterator[Tensor]:  # fmt: skip
    """Continue rows of tokens; closing the iterator stops the generation.

    Args:
        network: in eval mode.
        prompt: int64 [B, P], P at least 1.
        uniforms: float [B, T] in [0, 1): one number draws one token. The same numbers, the same tokens.
        options: temperature, top-k, top-p.
        grammars: one for each row, called before each draw with the row so far, prompt included.
        keep: where the positions run out, the last so many tokens are read again from position 0, and the rest is
            forgotten; None refuses rows that do not fit.
        past: "buffer", "joined" or "none", which differ in speed only; or a reader made before, for as many rows.
    Yields:
        int64 [B], T times, each as soon as it is drawn.
    Raises:
        SamplingError: an option out of range, tokens the network does not have, rows that do not fit; while drawing,
            a grammar that allows nothing.
    """
    if isinstance(past, str) and past not in READERS:
        raise SamplingError(f"The past can be {', '.join(READERS)}, not {past!r:.40}.")
    check_uniforms(uniforms)
    config = network.config
    check_tokens(config, prompt)
    batch, given = prompt.shape
    if uniforms.shape[0] != batch or (grammars is not None and len(grammars) != batch):
        raise SamplingError(
            f"{batch} rows to continue need as many rows of uniforms, and as many grammars if any."
        )
    if keep is None and given + uniforms.shape[1] - 1 > config.n_ctx:
        raise SamplingError(
            f"{given} tokens and {uniforms.shape[1]} more do not fit the {config.n_ctx} positions of this network: "
            "ask for fewer, or give `keep`."
        )
    if keep is not None and (type(keep) is not int or not 0 < keep < config.n_ctx):
        raise SamplingError(f"keep must be a number of tokens from 1 to {config.n_ctx - 1}, got {keep!r:.40}.")
    reader = READERS[past](network, batch) if isinstance(past, str) else past
    reader.forget()
    return _tokens(reader, config, prompt, uniforms, options, grammars, keep)


def _tokens(
    reader: Reader, config: GPT2Config, prompt: Tensor, uniforms: Tensor, options: Options,
    grammars: Sequence[Grammar] | None, keep: int | None,
) -> Iterator[Tensor]:  # fmt: skip
    rows, new = prompt.tolist(), prompt
    for step in range(uniforms.shape[1]):
        if reader.position + new.shape[1] > config.n_ctx:
            reader.forget()
            new = torch.tensor([row[-(keep or 1) :] for row in rows])
        token = _drawn(reader.feed(new), options, grammars, rows, uniforms[:, step])
        for row, one in zip(rows, token.tolist()):
            row.append(one)
        new = token[:, None]
        yield token


@torch.inference_mode()
def _drawn(
    logits: Tensor, options: Options, grammars: Sequence[Grammar] | None, rows: list[list[int]], uniforms: Tensor
) -> Tensor:
    """One token a row, int64 [B]."""
    allowed = None
    if grammars is not None:
        allowed = torch.stack([torch.as_tensor(grammar(row)) for grammar, row in zip(grammars, rows)])
    return draw(distribution(logits, options, allowed), uniforms)


def _sideways(w: Tensor, dtype: torch.dtype) -> Tensor:
    """[in, out] -> [out, in]; copied only where the numbers are."""
    return w.T if w.dtype == dtype else w.T.to(dtype).contiguous()


def _norm(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], weights[f"{name}/g"], weights[f"{name}/b"], 1e-5)


def _dense(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return _product(x, weights[f"{name}/w"], weights[f"{name}/b"])


def _product(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    """x w^T + b for x [B, n, in] and w [out, in]; one row is a product of a matrix and a vector."""
    if x.shape[:2] != (1, 1):
        return F.linear(x, w, b)
    row = x.view(-1)
    return (torch.mv(w, row) if b is None else torch.addmv(b, w, row)).view(1, 1, -1)
