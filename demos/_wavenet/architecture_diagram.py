"""Figure 4 of the paper, drawn by us: the same blocks laid out twice, upwards for wide screens, downwards for phones.

Every wire carries a label `data-shape="…"` that the page fills with the shape of the live tensor; every block carries
`data-block="…"` and can be clicked. Coordinates are those of the viewBox.
"""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from demos._tab import Strings

BLOCKS = (
    "codes", "embedding", "dilated", "condition", "gate", "residual", "skip", "head1", "head2", "softmax",
)  # fmt: skip

_LOAD = """
site.onSight(element, () => import('/site/wavenet/architecture.js').then(m => m.start(element, props, trigger, watch)));
// fires 'select' and 'appear'
"""

Point = tuple[float, float]


class Drawing:
    """An SVG under construction."""

    def __init__(self, t: Strings, kind: str, width: int, height: int) -> None:
        self.t, self.kind, self.width, self.height = t, kind, width, height
        self.wires: list[str] = []
        self.blocks: list[str] = []

    def box(self, block: str, x: float, y: float, w: float, h: float = 38, label: str = "") -> None:
        """A block as a rounded rectangle centred on (x, y)."""
        shape = f'<rect x="{x - w / 2}" y="{y - h / 2}" width="{w}" height="{h}" rx="6"/>'
        self._block(block, shape, x, y, label or self.t(f"draw.{block}"))

    def node(self, block: str, x: float, y: float, symbol: str, r: float = 12) -> None:
        """A block as a circle: plus, times, a sum."""
        self._block(block, f'<circle cx="{x}" cy="{y}" r="{r}"/>', x, y, symbol, "op")

    def _block(self, block: str, shape: str, x: float, y: float, label: str, extra: str = "") -> None:
        self.blocks.append(
            f'<g class="block {extra}" data-block="{block}" tabindex="0" role="button" '
            f'aria-label="{html.escape(self.t(f"block.{block}"))}">{shape}'
            f'<text x="{x}" y="{y}" dy="0.35em" text-anchor="middle">{html.escape(label)}</text></g>'
        )

    def wire(self, *points: Point, arrow: bool = True, style: str = "") -> None:
        """A line through the points; the arrow head is drawn by hand, so that nothing needs an id."""
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        self.wires.append(f'<path class="wire {style}" d="{path}"/>')
        if arrow:
            (x0, y0), (x, y) = points[-2:]
            dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
            back = [(x - 8 * dx - 4 * dy, y - 8 * dy - 4 * dx), (x - 8 * dx + 4 * dy, y - 8 * dy + 4 * dx)]
            corners = " ".join(f"{a},{b}" for a, b in [(x, y), *back])
            self.wires.append(f'<polygon class="head {style}" points="{corners}"/>')

    def dot(self, x: float, y: float) -> None:
        """Where a wire splits."""
        self.wires.append(f'<circle class="dot" cx="{x}" cy="{y}" r="3"/>')

    def shape(self, name: str, x: float, y: float, anchor: str = "start") -> None:
        """The place of a tensor's shape; names beginning with a dot belong to the chosen layer."""
        self.wires.append(f'<text class="shape" data-shape="{name}" x="{x}" y="{y}" text-anchor="{anchor}"></text>')

    def words(self, key: str, x: float, y: float, anchor: str = "start", **attributes: str) -> None:
        """A few words; `data_fill` names what the page writes there instead."""
        extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
        text = html.escape(self.t(f"draw.{key}")) if key else ""
        self.wires.append(f'<text class="words" x="{x}" y="{y}" text-anchor="{anchor}"{extra}>{text}</text>')

    def frame(self, x: float, y: float, w: float, h: float) -> None:
        """The dashed outline of one layer, with the sheets of the others behind it."""
        for shift, style in ((8, "sheet far"), (4, "sheet"), (0, "layer")):
            self.wires.append(
                f'<rect class="{style}" x="{x + shift}" y="{y - shift}" width="{w}" height="{h}" rx="10"/>'
            )

    def svg(self) -> str:
        """The finished drawing."""
        return (
            f'<svg class="{self.kind}" style="visibility:hidden" viewBox="0 0 {self.width} {self.height}" role="group" '
            f'aria-label="{html.escape(self.t("diagram"))}">{"".join(self.wires)}{"".join(self.blocks)}</svg>'
        )


def wide(t: Strings) -> str:
    """Upwards, as in the paper."""
    d = Drawing(t, "wide", 960, 650)
    x, c, s, r = 385, 70, 557, 830  # columns: the layer, the condition, the skip, the head
    d.frame(188, 80, 432, 410)
    d.words("", 610, 482, "end", data_fill="layer")
    d.wire((x, 606), (x, 564))
    d.shape("previous", x + 10, 590)
    d.wire((x, 526), (x, 439))
    d.shape("embedded", x + 10, 513)
    d.shape(".taps", x + 10, 456)
    d.dot(x, 466)
    d.wire((x, 466), (204, 466), (204, 130), (x - 12, 130))
    d.wire((x, 401), (x, 374))
    d.shape(".pre", x + 10, 392)
    d.wire((x, 350), (x, 336), (325, 336), (325, 322))
    d.wire((x, 336), (445, 336), (445, 322))
    d.shape(".filter", 317, 346, "end")
    d.shape(".gate", 454, 346)
    d.wire((325, 288), (325, 255), (x - 12, 255))
    d.wire((445, 288), (445, 255), (x + 12, 255))
    d.wire((x, 243), (x, 202))
    d.shape(".gated", x + 14, 243)
    d.dot(x, 222)
    d.wire((x, 222), (s - 50, 222))
    d.wire((x, 168), (x, 142))
    d.shape(".residual", x + 10, 160)
    d.wire((x, 118), (x, 44))
    d.shape(".output", x + 10, 68)
    d.words("next", x, 34, "middle")
    d.wire((c, 606), (c, 564), style="mel")
    d.shape("mel", c + 10, 590)
    d.wire((c, 526), (c, 362), (x - 12, 362), style="mel")
    d.shape("projected", c + 10, 513)
    d.words("upsampled", c + 10, 440)
    d.shape(".condition", c, 352)
    d.wire((s + 50, 222), (738, 222), (738, 470), (r - 14, 470))
    d.shape(".skip", 628, 213)
    d.wire((738, 540), (738, 470), arrow=False, style="others")
    d.words("others", 738, 560, "middle")
    d.wire((r, 456), (r, 414))
    d.shape("skip_sum", r + 10, 440)
    d.wire((r, 376), (r, 324))
    d.shape("hidden", r + 10, 355)
    d.wire((r, 286), (r, 234))
    d.shape("scores", r + 10, 265)
    d.wire((r, 196), (r, 150))
    d.shape("logits", r + 10, 178)
    d.words("out", r, 138, "middle")
    d.words("legend", 955, 618, "end")
    d.words("legend2", 955, 640, "end")
    d.box("codes", x, 625, 200)
    d.box("embedding", x, 545, 200)
    d.box("condition", c, 625, 130, label=t("draw.mel"))
    d.box("condition", c, 545, 140)
    d.box("dilated", x, 420, 200)
    d.node("condition", x, 362, "+")
    d.box("gate", 325, 305, 70, 34, "tanh")
    d.box("gate", 445, 305, 70, 34, "σ")
    d.node("gate", x, 255, "×")
    d.box("residual", x, 185, 110, 34, "1×1")
    d.node("residual", x, 130, "+")
    d.box("skip", s, 222, 100, 34, "1×1")
    d.node("skip", r, 470, "Σ", 14)
    d.box("head1", r, 395, 150, label="ReLU · 1×1")
    d.box("head2", r, 305, 150, label="ReLU · 1×1")
    d.box("softmax", r, 215, 150)
    return d.svg()


def narrow(t: Strings) -> str:
    """Downwards, one column and a half, for a phone."""
    d = Drawing(t, "narrow", 360, 950)
    x, c, r = 130, 290, 270
    d.frame(8, 166, 336, 442)
    d.words("", (x + c) / 2, 190, "middle", data_fill="layer")  # between the wires
    d.wire((x, 46), (x, 88))
    d.shape("previous", x + 8, 72)
    d.wire((x, 122), (x, 226))
    d.shape("embedded", x + 8, 145)
    d.shape(".taps", x + 8, 220)
    d.dot(x, 204)
    d.wire((x, 204), (28, 204), (28, 562), (x - 12, 562))
    d.wire((x, 260), (x, 290))
    d.shape(".pre", x + 8, 280)
    d.wire((x, 314), (x, 330), (85, 330), (85, 346))
    d.wire((x, 330), (175, 330), (175, 346))
    d.shape(".gate", 216, 367)
    d.wire((85, 378), (85, 420), (x - 12, 420))
    d.wire((175, 378), (175, 420), (x + 12, 420))
    d.wire((x, 432), (x, 488))
    d.shape(".gated", x + 8, 452)
    d.dot(x, 462)
    d.wire((x, 462), (r, 462), (r, 488))
    d.wire((x, 522), (x, 550))
    d.shape(".residual", x + 8, 541)
    d.wire((x, 574), (x, 632))
    d.shape(".output", x + 8, 600)
    d.words("next", x, 650, "middle")
    d.wire((c, 46), (c, 88), style="mel")
    d.shape("mel", c - 8, 72, "end")
    d.wire((c, 122), (c, 302), (x + 12, 302), style="mel")
    d.shape(".condition", c + 8, 320, "end")
    d.wire((r, 522), (r, 660))
    d.shape(".skip", r - 8, 580, "end")
    d.wire((200, 674), (r - 14, 674), style="others")
    d.words("others", 194, 679, "end")
    d.wire((r, 688), (r, 720))
    d.shape("skip_sum", r - 8, 708, "end")
    d.wire((r, 754), (r, 786))
    d.shape("hidden", r - 8, 774, "end")
    d.wire((r, 820), (r, 852))
    d.shape("scores", r - 8, 840, "end")
    d.wire((r, 886), (r, 916))
    d.shape("logits", r - 8, 905, "end")
    d.words("out", r, 934, "middle")
    d.words("legend", 8, 730)
    d.words("legend2", 8, 750)
    d.box("codes", x, 28, 190, 36)
    d.box("embedding", x, 105, 190, 34)
    d.box("condition", c, 28, 110, 36, t("draw.mel"))
    d.box("condition", c, 105, 116, 34, t("draw.condition_short"))
    d.box("dilated", x, 243, 180, 34)
    d.node("condition", x, 302, "+")
    d.box("gate", 85, 362, 66, 32, "tanh")
    d.box("gate", 175, 362, 66, 32, "σ")
    d.node("gate", x, 420, "×")
    d.box("residual", x, 505, 96, 34, "1×1")
    d.node("residual", x, 562, "+")
    d.box("skip", r, 505, 96, 34, "1×1")
    d.node("skip", r, 674, "Σ", 14)
    d.box("head1", r, 737, 150, 34, "ReLU · 1×1")
    d.box("head2", r, 803, 150, 34, "ReLU · 1×1")
    d.box("softmax", r, 869, 150, 34)
    return d.svg()


def diagram(t: Strings, **options: Any) -> gr.HTML:
    """The clickable figure; its value is a dict of shapes, layer, dilation, selected, conditional, summary.

    Events: `.select` with the block's name as `gr.SelectData.value`; `.appear` once, when it comes into view.
    """
    words = {"layer": t("draw.layer"), "svg": t("figure.svg"), "waiting": t("figure.waiting")}
    return gr.HTML(
        html_template=f'<figure class="architecture">{wide(t)}{narrow(t)}</figure>',
        apply_default_css=False, js_on_load=_LOAD, words=words, elem_classes=["out-cell"], **options,
    )  # fmt: skip
