"""GPT-2: which token comes next, from all that came before; with a `past` that is not computed twice.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", and OpenAI's TensorFlow source of it, whose
functions, arguments and variables have the same names here.

    X -> wte + wpe -> h0 -> h1 -> ... -> ln_f -> logits by wte again
                      each h: x + attn(norm(x)), then x + mlp(norm(x))

The functions are the reference, written out. `GPT2.forward` computes the same numbers for training, with fused parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import SamplingError, WeightsError


@dataclass(frozen=True)
class GPT2Config:
    """The hparams of the source, and the share of units that training drops.

    n_vocab: tokens there are.  n_ctx: positions there are.  n_embd: width.  n_head: heads of a layer, which divide
    the width.  n_layer: blocks.
    """

    n_vocab: int = 50257
    n_ctx: int = 1024
    n_embd: int = 768
    n_head: int = 12
    n_layer: int = 12
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("n_vocab", "n_ctx", "n_embd", "n_head", "n_layer"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise WeightsError(f"{name} of a GPT-2 must be a whole number, at least 1, got {value!r:.80}.")
        if self.n_embd % self.n_head:
            raise WeightsError(
                f"{self.n_head} heads cannot share a width of {self.n_embd}: choose n_embd as a multiple of n_head."
            )
        if (
            isinstance(self.dropout, bool)
            or not isinstance(self.dropout, float | int)
            or not 0 <= self.dropout < 1
        ):
            raise WeightsError(f"dropout must be a share from 0 to below 1, got {self.dropout!r:.80}.")


PRESETS = {
    "small": GPT2Config(),  # the 124 M parameters of the paper's smallest network
    "tiny": GPT2Config(n_vocab=61, n_ctx=48, n_embd=32, n_head=4, n_layer=2, dropout=0.0),
}


class Scope:
    """A name under which variables are found, as by `tf.variable_scope`.

    `scope / "attn"` is the scope inside, `scope["w"]` the variable: model / "h0" / "attn" finds model/h0/attn/w.
    """

    def __init__(self, variables: nn.Module, name: str) -> None:
        self.variables, self.name = variables, name

    def __truediv__(self, name: str) -> Scope:
        return Scope(self.variables, f"{self.name}/{name}")

    def __getitem__(self, name: str) -> Tensor:
        return getattr(self.variables, f"{self.name}/{name}")


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """exp(x) / sum exp(x), with the maximum taken off first so that nothing overflows."""
    ex = torch.exp(x - x.amax(dim=axis, keepdim=True))
    return ex / ex.sum(dim=axis, keepdim=True)


def gelu(x: Tensor) -> Tensor:
    """x times about the probability that a normal variable is below x (Hendrycks and Gimpel 2016, section 2)."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def norm(x: Tensor, scope: Scope, *, axis: int = -1, epsilon: float = 1e-5) -> Tensor:
    """Normalise to mean 0 and variance 1, then scale by g and shift by b (layer normalisation)."""
    u = x.mean(dim=axis, keepdim=True)
    s = (x - u).square().mean(dim=axis, keepdim=True)
    x = (x - u) * torch.rsqrt(s + epsilon)
    return x * scope["g"] + scope["b"]


def split_states(x: Tensor, n: int) -> Tensor:
    """[..., M] -> [..., n, M/n]."""
    return x.reshape(*x.shape[:-1], n, x.shape[-1] // n)


def merge_states(x: Tensor) -> Tensor:
    """[..., a, b] -> [..., a b]."""
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def conv1d(x: Tensor, scope: Scope, nf: int) -> Tensor:
    """A dense layer: x w + b, from [..., nx] to [..., nf]; as a convolution its kernel would have length 1."""
    w, b = scope["w"], scope["b"]  # [nx, nf], [nf]
    return torch.addmm(b, x.reshape(-1, x.shape[-1]), w).reshape(*x.shape[:-1], nf)


def attention_mask(nd: int, ns: int, *, dtype: torch.dtype, device: torch.device | None = None) -> Tensor:
    """1 where a destination may look, [nd, ns]: a lower triangle, counted from the lower right corner."""
    i = torch.arange(nd, device=device)[:, None]
    j = torch.arange(ns, device=device)
    return (i >= j - ns + nd).to(dtype)


def attn(
    x: Tensor, scope: Scope, n_state: int, *, past: Tensor | None, hparams: GPT2Config
) -> tuple[Tensor, Tensor]:
    """Masked self-attention of several heads (Vaswani et al. 2017, section 3.2), which may look into the past.

    Args:
        x: float [B, N, D].
        past: float [B, 2, H, P, D/H], the keys and values of P tokens before; None for none.
    Returns:
        float [B, N, n_state], and present: float [B, 2, H, N, D/H], the keys and values of these N tokens.
    """

    def split_heads(x: Tensor) -> Tensor:
        return split_states(x, hparams.n_head).transpose(1, 2)  # [B, N, D] -> [B, H, N, D/H]

    def merge_heads(x: Tensor) -> Tensor:
        return merge_states(x.transpose(1, 2))  # [B, H, N, D/H] -> [B, N, D]

    def mask_attn_weights(w: Tensor) -> Tensor:
        nd, ns = w.shape[-2:]  # w: [B, H, destinations, sources]
        b = attention_mask(nd, ns, dtype=w.dtype, device=w.device)
        return w * b - 1e10 * (1 - b)

    def multihead_attn(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        w = q @ k.mT  # [B, H, N, P + N]
        w = w / math.sqrt(v.shape[-1])
        w = softmax(mask_attn_weights(w))
        return w @ v  # [B, H, N, D/H]

    c = conv1d(x, scope / "c_attn", n_state * 3)
    q, k, v = map(split_heads, c.split(n_state, dim=2))
    present = torch.stack([k, v], dim=1)
    if past is not None:
        pk, pv = past.unbind(dim=1)
        k = torch.cat([pk, k], dim=-2)
        v = torch.cat([pv, v], dim=-2)
    a = merge_heads(multihead_attn(q, k, v))
    return conv1d(a, scope / "c_proj", n_state), present


def mlp(x: Tensor, scope: Scope, n_state: int, *, hparams: GPT2Config) -> Tensor:
    """Two dense layers with gelu between, for each position by itself: [B, N, D] -> [B, N, n_state] -> [B, N, D]."""
    nx = x.shape[-1]
    h = gelu(conv1d(x, scope / "c_fc", n_state))
    return conv1d(h, scope / "c_proj", nx)


def block(x: Tensor, scope: Scope, *, past: Tensor | None, hparams: GPT2Config) -> tuple[Tensor, Tensor]:
    """One layer: attention, then mlp, each behind its norm and added to what came in (the paper's section 2.3).

    Args:
        x: float [B, N, D].  past: float [B, 2, H, P, D/H] or None.
    Returns:
        float [B, N, D], and present: float [B, 2, H, N, D/H].
    """
    nx = x.shape[-1]
    a, present = attn(norm(x, scope / "ln_1"), scope / "attn", nx, past=past, hparams=hparams)
    x = x + a
    m = mlp(norm(x, scope / "ln_2"), scope / "mlp", nx * 4, hparams=hparams)
    x = x + m
    return x, present


def past_shape(*, hparams: GPT2Config, batch_size: int, sequence: int) -> list[int]:
    """The shape of a past of `sequence` tokens: for each layer and head their keys (0) and values (1)."""
    return [batch_size, hparams.n_layer, 2, hparams.n_head, sequence, hparams.n_embd // hparams.n_head]


def expand_tile(value: Tensor, size: int) -> Tensor:
    """The value `size` times, along a new first axis."""
    return value[None].expand(size, *value.shape)


def positions_for(tokens: Tensor, past_length: int) -> Tensor:
    """Where the tokens stand, int64 [B, N]: the first of them right behind the past."""
    batch_size, nsteps = tokens.shape
    return expand_tile(past_length + torch.arange(nsteps, device=tokens.device), batch_size)


def model(hparams: GPT2Config, X: Tensor, past: Tensor | None = None, *, scope: Scope) -> dict[str, Tensor]:
    """GPT-2 as the source has it.

    Args:
        X: int64 [B, N], tokens.
        past: float [B, L, 2, H, P, D/H], what the tokens before left behind; None for none.
        scope: where the variables are, such as `GPT2(config).scope`; TensorFlow makes them at the first call.
    Returns:
        "logits": float [B, N, V];  "present": float [B, L, 2, H, N, D/H], to be joined to the past.
    Raises:
        SamplingError: as `check_tokens`.
    """
    past_length = 0 if past is None else past.shape[-2]
    check_tokens(hparams, X, past_length)
    wpe, wte = scope["wpe"], scope["wte"]
    h = wte[X] + wpe[positions_for(X, past_length)]  # [B, N, D]
    presents = []
    pasts = past.unbind(dim=1) if past is not None else [None] * hparams.n_layer
    for layer, layer_past in enumerate(pasts):
        h, present = block(h, scope / f"h{layer}", past=layer_past, hparams=hparams)
        presents.append(present)
    h = norm(h, scope / "ln_f")
    return {"logits": h @ wte.T, "present": torch.stack(presents, dim=1)}


def check_tokens(hparams: GPT2Config, X: Tensor, past_length: int = 0) -> None:
    """Whether the network can read these tokens.

    Raises:
        SamplingError: not int64 [B, N] with at least one token, tokens out of range, more positions than there are.
    """
    if X.dim() != 2 or X.dtype != torch.int64 or not X.numel():
        raise SamplingError(
            f"Tokens must be int64 [batch, at least one], got {X.dtype} of the shape {list(X.shape)}."
        )
    low, high = int(X.min()), int(X.max())
    if low < 0 or high >= hparams.n_vocab:
        raise SamplingError(f"Tokens must be from 0 to {hparams.n_vocab - 1}, got {low} to {high}.")
    if past_length + X.shape[1] > hparams.n_ctx:
        raise SamplingError(
            f"{past_length + X.shape[1]} tokens are more than the {hparams.n_ctx} positions of this network: "
            "leave out the oldest."
        )


class GPT2(nn.Module):
    """The variables, under the names they have in OpenAI's checkpoints, and the same network for training.

    Differs from the paper: dropout on embeddings and on what each layer adds, not on attention's weights, which the
    fused attention of a CPU does not have.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        width = config.n_embd
        self._variable("model/wte", torch.randn(config.n_vocab, width) * 0.02)
        self._variable("model/wpe", torch.randn(config.n_ctx, width) * 0.01)
        residual = 0.02 / math.sqrt(2 * config.n_layer)  # section 2.3: 1 / sqrt(residual layers), two in a block
        for layer in range(config.n_layer):
            self._norm(f"model/h{layer}/ln_1")
            self._dense(f"model/h{layer}/attn/c_attn", width, 3 * width, 0.02)
            self._dense(f"model/h{layer}/attn/c_proj", width, width, residual)
            self._norm(f"model/h{layer}/ln_2")
            self._dense(f"model/h{layer}/mlp/c_fc", width, 4 * width, 0.02)
            self._dense(f"model/h{layer}/mlp/c_proj", 4 * width, width, residual)
        self._norm("model/ln_f")

    def _variable(self, name: str, value: Tensor) -> None:
        self.register_parameter(name, nn.Parameter(value))

    def _norm(self, name: str) -> None:
        self._variable(f"{name}/g", torch.ones(self.config.n_embd))
        self._variable(f"{name}/b", torch.zeros(self.config.n_embd))

    def _dense(self, name: str, nx: int, nf: int, w_init_stdev: float) -> None:
        self._variable(f"{name}/w", torch.randn(nx, nf) * w_init_stdev)
        self._variable(f"{name}/b", torch.zeros(nf))

    @property
    def scope(self) -> Scope:
        """What `model` takes: `model(gpt2.config, X, scope=gpt2.scope)`."""
        return Scope(self, "model")

    def forward(self, ids: Tensor, past: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same as `model`, faster, and with dropout in training mode.

        Args:
            ids: int64 [B, N].  past: float [B, L, 2, H, P, D/H] or None.
        Returns:
            logits: float [B, N, V], and present: float [B, L, 2, H, N, D/H].
        Raises:
            SamplingError: as `check_tokens`.
        """
        past_length = 0 if past is None else past.shape[-2]
        check_tokens(self.config, ids, past_length)
        scope = self.scope
        x = F.embedding(ids, scope["wte"]) + scope["wpe"][past_length : past_length + ids.shape[1]]
        x = self._drop(x)
        presents = []
        for layer in range(self.config.n_layer):
            x, present = self._block(x, scope / f"h{layer}", None if past is None else past[:, layer])
            presents.append(present)
        return F.linear(self._layer_norm(x, scope / "ln_f"), scope["wte"]), torch.stack(presents, dim=1)

    def _block(self, x: Tensor, scope: Scope, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """`block`, with the norm, the attention and gelu of PyTorch."""
        width = self.config.n_embd
        a, present = self._attn(self._layer_norm(x, scope / "ln_1"), scope / "attn", past)
        x = x + self._drop(a)
        h = F.gelu(
            conv1d(self._layer_norm(x, scope / "ln_2"), scope / "mlp" / "c_fc", 4 * width), approximate="tanh"
        )
        return x + self._drop(conv1d(h, scope / "mlp" / "c_proj", width)), present

    def _attn(self, x: Tensor, scope: Scope, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """`attn`, by scaled_dot_product_attention, which never holds the N x N weights of a head."""
        width = self.config.n_embd
        c = split_states(conv1d(x, scope / "c_attn", 3 * width), 3 * self.config.n_head)  # [B, N, 3 H, D/H]
        q, k, v = c.transpose(1, 2).chunk(3, dim=1)  # each [B, H, N, D/H]
        present = torch.stack([k, v], dim=1)
        if past is None:
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            k, v = torch.cat([past[:, 0], k], dim=2), torch.cat([past[:, 1], v], dim=2)
            mask = attention_mask(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return conv1d(merge_states(a.transpose(1, 2)), scope / "c_proj", width), present

    def _layer_norm(self, x: Tensor, scope: Scope) -> Tensor:
        return F.layer_norm(x, (self.config.n_embd,), scope["g"], scope["b"], 1e-5)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.config.dropout, self.training)
