"""GPT-2: the code beside the slide's, name by name; and where the parameters of a network of each size are."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from demos import _code
from demos import _widgets as w
from demos._tab import Strings

CELL = "gpt2"
SIZES = ("composer", "small", "medium", "large", "xl")
# Function -> pairs of what the slide has in TensorFlow and what stands here. The right ones are in our source.
NAMES: dict[str, list[tuple[str, str]]] = {
    "model": [
        ("tf.variable_scope('model')", "scope: Scope"),
        ("tf.get_variable('wpe', [n_ctx, n_embd])", 'scope["wpe"]'),
        ("tf.get_variable('wte', [n_vocab, n_embd])", 'scope["wte"]'),
        ("tf.gather(wte, X) + tf.gather(wpe, …)", "wte[X] + wpe[positions_for(X, past_length)]"),
        ("tf.unstack(past, axis=1)", "past.unbind(dim=1)"),
        ("tf.stack(presents, axis=1)", "torch.stack(presents, dim=1)"),
        ("tf.matmul(h_flat, wte, transpose_b=True)", "h @ wte.T"),
    ],
    "block": [
        ("with tf.variable_scope('ln_1')", 'scope / "ln_1"'),
        ("x.shape[-1].value", "x.shape[-1]"),
        ("x = x + a", "x = x + a"),
        ("x = x + m", "x = x + m"),
    ],
    "attn": [
        ("tf.split(c, 3, axis=2)", "c.split(n_state, dim=2)"),
        ("tf.transpose(…, [0, 2, 1, 3])", "transpose(1, 2)"),
        ("tf.stack([k, v], axis=1)", "torch.stack([k, v], dim=1)"),
        ("tf.unstack(past, axis=1)", "past.unbind(dim=1)"),
        ("tf.concat([pk, k], axis=-2)", "torch.cat([pk, k], dim=-2)"),
        ("tf.matmul(q, k, transpose_b=True)", "q @ k.mT"),
        ("w * tf.rsqrt(…)", "w / math.sqrt(v.shape[-1])"),
        ("w*b - 1e10*(1-b)", "w * b - 1e10 * (1 - b)"),
        ("tf.matmul(w, v)", "w @ v"),
    ],
    "mlp": [
        ("conv1d(x, 'c_fc', n_state)", 'conv1d(x, scope / "c_fc", n_state)'),
        ("conv1d(h, 'c_proj', nx)", 'conv1d(h, scope / "c_proj", nx)'),
    ],
    "norm": [
        ("tf.reduce_mean(x, axis=axis, keepdims=True)", "x.mean(dim=axis, keepdim=True)"),
        ("tf.square(x-u)", "(x - u).square()"),
        ("tf.rsqrt(s + epsilon)", "torch.rsqrt(s + epsilon)"),
        ("tf.get_variable('g', [n_state])", 'scope["g"]'),
        ("tf.get_variable('b', [n_state])", 'scope["b"]'),
    ],
    "conv1d": [
        ("tf.get_variable('w', [1, nx, nf])", 'scope["w"]'),
        ("tf.reshape(x, [-1, nx])", "x.reshape(-1, x.shape[-1])"),
        ("tf.matmul(…) + b", "torch.addmm(b,"),
    ],
    "gelu": [("tf.tanh(…)", "torch.tanh("), ("tf.pow(x, 3)", "x**3")],
    "softmax": [("tf.reduce_max(x, axis=axis, keepdims=True)", "x.amax(dim=axis, keepdim=True)"),
                ("tf.reduce_sum(ex, axis=axis, keepdims=True)", "ex.sum(dim=axis, keepdim=True)")],
    "attention_mask": [("tf.range(nd)[:,None]", "torch.arange(nd, device=device)[:, None]"),
                       ("tf.range(ns)", "torch.arange(ns, device=device)"), ("tf.cast(m, dtype)", ".to(dtype)")],
    "past_shape": [("hparams.n_embd // hparams.n_head", "hparams.n_embd // hparams.n_head")],
    "positions_for": [("tf.range(nsteps)", "torch.arange(nsteps, device=tokens.device)"),
                      ("expand_tile(…, batch_size)", "expand_tile(")],
    "expand_tile": [("tf.expand_dims(value, axis=0)", "value[None]"), ("tf.tile(…, [size] + …)", ".expand(size,")],
}  # fmt: skip


def build(t: Strings) -> None:
    """The cell `gpt2`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "heads")
        with w.controls(t):
            function = w.link("function", gr.Dropdown(list(NAMES), value="attn", label=t("function")))
        with gr.Row(elem_classes=["out-cell"]):
            with gr.Column(min_width=300):
                slide = w.note(t, "slide", names(t, "attn"))
            with gr.Column(min_width=300, scale=2):
                ours = gr.HTML(
                    code(t, "attn"), elem_classes=["code-host"], elem_id="gpt2-ours", apply_default_css=False
                )
        w.prose(t, "gpt2-sizes")
        with w.controls(t):
            choices = [(t(f"size_{size}"), size) for size in SIZES]
            size = w.link("size", gr.Radio(choices, value="small", label=t("size")))
        bars = w.figure(t, "parameters", height=380)
        shapes = w.note(t, "shapes", t("shapes_hint"), latex=False)
        w.code(t, "core.gpt2.model:GPT2", "core.gpt2.model:Scope", "core.gpt2.shapes:variables")
    w.on(t, function.change, lambda name: (names(t, name), code(t, name)), function, [slide, ours])
    w.on(t, bars.appear, partial(show, t), size, [bars, shapes])
    w.on(t, size.change, partial(show, t), size, [bars, shapes])

    def point(event: gr.SelectData, chosen: str) -> Any:
        return listing(t, chosen, str(event.value.get("x")))

    w.on(t, bars.select, point, size, shapes)


def names(t: Strings, function: str | None) -> str:
    """What the function does, and its names on the slide and here, as a list."""
    function = function if function in NAMES else "attn"
    rows = [f"- `{theirs}`<br>→ `{ours}`" for theirs, ours in NAMES[function]]
    return "\n".join([t(f"about_{function}"), "", t("beside"), "", *rows])


def code(t: Strings, function: str | None) -> str:
    """Our source of the function, open."""
    function = function if function in NAMES else "attn"
    words = {"title": t("code.open"), "copy": t("code.copy"), "copied": t("code.copied")}
    return _code.code_html((f"core.gpt2.model:{function}",), opened=True, **words)


def config_of(size: str | None) -> Any:
    """The GPT2Config of a size; of the composer the shipped one, if there is one."""
    from core import weights
    from core.gpt2.model import GPT2Config
    from core.gpt2.shapes import SIZES as CONFIGS

    if size == "composer" and "musenet-composer" in weights.names():
        return GPT2Config(**weights.card("musenet-composer")["config"])
    return CONFIGS[size if size in CONFIGS else "small"]


def show(t: Strings, size: str | None) -> tuple[Any, str]:
    """(bars of parameters, a hint)."""
    from core.gpt2 import figures, shapes

    config = config_of(size)
    words = {key: t(key) for key in ("wte", "wpe", "attn", "mlp", "norms", "block", "parameters")}
    parts = shapes.parameters_by_part(config)
    total = sum(sum(part.values()) for part in parts.values())
    blocks = sum(sum(part.values()) for name, part in parts.items() if name.startswith("h"))
    summary = t(
        "parameters_summary", total=f"{total:,}", layers=config.n_layer, heads=config.n_head, width=config.n_embd,
        share=round(100 * blocks / total),
    )  # fmt: skip
    return w.plot(figures.parameters(config, words), summary), t("shapes_hint")


def listing(t: Strings, size: str | None, block: str) -> Any:
    """The variables of a block with their shapes, as a table; nothing changes for what is not a block."""
    from core.gpt2 import shapes

    rows = [
        f"| `{name}` | {' × '.join(map(str, shape))} | {shapes.count(shape):,} |"
        for name, shape in shapes.variables(config_of(size)).items()
        if name.split("/")[1] == block
    ]
    if not rows:
        return gr.skip()
    head = f"| {t('variable')} | {t('shape')} | {t('parameters')} |\n|---|---|---|\n"
    return head + "\n".join(rows)
