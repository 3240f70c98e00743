"""MMDenseLSTM as it is configured: the mixture, an MDenseLSTM for each band and one for all, and the inside of a block.

Drawn twice, for wide screens and for phones. Every block has `data-block` with the name of its module.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos._tab import Strings

if TYPE_CHECKING:
    from core.separation.shapes import Block, Facts

_LOAD = """
site.onSight(element, () => import('/site/separation/architecture.js')
  .then(m => m.start(element, props, trigger, watch)));
// fires 'select' and 'appear'
"""
HEIGHT, TAB = 26, 12  # of a block, and of the tab that says LSTM


@dataclass(frozen=True)
class Layout:
    """Sizes of a drawing: its width, where the blocks' middle column is, their distance and width."""

    kind: str
    width: int
    middle: int
    pitch: int
    box: int
    level: int = 40


WIDE = Layout("wide", 980, 436, 60, 50)
NARROW = Layout("narrow", 360, 180, 38, 33)


class Drawing:
    """An SVG under construction: wires below, blocks above."""

    def __init__(self, width: int) -> None:
        self.width, self.height = width, 0.0
        self.wires: list[str] = []
        self.blocks: list[str] = []

    def box(self, x: float, y: float, w: float, label: str, *, h: float = HEIGHT, style: str = "", more: str = "",
            above: str = "") -> None:  # fmt: skip
        """A rectangle centred on (x, y) with a label; `more` goes into its group's attributes, `above` on top of it."""
        self.blocks.append(
            f'<g class="box {style}" {more}><rect x="{x - w / 2:g}" y="{y - h / 2:g}" width="{w:g}" height="{h:g}" '
            f'rx="5"/><text x="{x:g}" y="{y:g}" dy="0.35em" text-anchor="middle">{html.escape(label)}</text>{above}</g>'
        )

    def wire(self, *points: tuple[float, float], style: str = "", arrow: bool = True) -> None:
        """A line through the points, with an arrow head at its end."""
        self.wires.append(f'<path class="wire {style}" d="M{"L".join(f"{x:g} {y:g}" for x, y in points)}"/>')
        if arrow:
            (x0, y0), (x, y) = points[-2:]
            self.head(x, y, (x > x0) - (x < x0), (y > y0) - (y < y0), style)

    def head(self, x: float, y: float, dx: int, dy: int, style: str = "") -> None:
        """An arrow head at (x, y) that points along (dx, dy)."""
        sides = [(x - 7 * dx + side * dy, y - 7 * dy + side * dx) for side in (-3.5, 3.5)]
        corners = " ".join(f"{a:g},{b:g}" for a, b in [(x, y), *sides])
        self.wires.append(f'<polygon class="head {style}" points="{corners}"/>')

    def words(self, text: str, x: float, y: float, anchor: str = "start", style: str = "words") -> None:
        """A few words."""
        where = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
        self.wires.append(f'<text class="{style}" {where}>{html.escape(text)}</text>')

    def svg(self, kind: str, label: str) -> str:
        """The finished drawing."""
        return (
            f'<svg class="{kind}" viewBox="0 0 {self.width} {self.height:g}" role="group" '
            f'aria-label="{html.escape(label)}">{"".join(self.wires)}{"".join(self.blocks)}</svg>'
        )


def diagram(t: Strings, **options: Any) -> gr.HTML:
    """The clickable figure; its value is a dict of wide, narrow, inside, selected, summary.

    Events: `.select` with the block's name as `gr.SelectData.value`; `.appear` once, when it comes into view.
    """
    return gr.HTML(
        html_template='<figure class="mmdense"><div class="overview"></div></figure>', apply_default_css=False,
        js_on_load=_LOAD, words={"svg": t("figure.svg"), "waiting": t("figure.waiting")}, elem_classes=["out-cell"],
        **options,
    )  # fmt: skip


def range_of(t: Strings, facts: Facts, part: str) -> str:
    """The frequencies of a part, as one reads them: 0–3.0 kHz."""
    first = last = 0
    for i, band in enumerate(facts.config.bands):
        first, last = last, last + band.bins
        if part == f"bands.{i}":
            return t("khz", low=facts.hertz(first) / 1000, high=facts.hertz(last - 1) / 1000)
    return t("khz", low=0.0, high=facts.hertz(facts.config.bins - 1) / 1000)


def overview(t: Strings, facts: Facts, wide: bool) -> str:
    """The whole network; high bands above, the full band below."""
    layout = WIDE if wide else NARROW
    d = Drawing(layout.width)
    parts = [f"bands.{i}" for i in reversed(range(len(facts.config.bands)))] + ["full"]
    y = 40.0 if wide else 78.0
    spans = []  # of each part: top and bottom row, left edge of its first block and right edge of its last
    for part in parts:
        d.words(t("part_line", part=part_name(t, part), range=range_of(t, facts, part)), layout.middle, y, "middle")
        members = [block for block in facts.blocks.values() if block.part == part]
        spans.append(_part(t, d, layout, members, y + 28))
        y = spans[-1][1] + 46
    if wide:
        _sides(t, d, facts, spans)
    else:
        _rails(t, d, facts, spans)
    return d.svg(layout.kind, t("diagram"))


Span = tuple[float, float, float, float]


def _part(t: Strings, d: Drawing, layout: Layout, members: list[Block], top: float) -> Span:
    """One MDenseLSTM, down the scales and up again."""
    depth = len(members) // 2
    places = [
        (layout.middle + (i - depth) * layout.pitch, top + layout.level * min(i, 2 * depth - i))
        for i in range(len(members))
    ]
    for i, (x, y) in enumerate(places[:-1]):
        x1, y1 = places[i + 1]
        if i < depth:  # average of 2 x 2, and a short cut to the other side
            d.wire((x, y), (x, y1), (x1 - layout.box / 2, y1))
            mate = places[2 * depth - i]
            d.wire((x + layout.box / 2, y), (mate[0] - layout.box / 2, y), style="short")
        else:
            d.wire((x + layout.box / 2, y), (x1, y), (x1, y1 + HEIGHT / 2 + (TAB if members[i + 1].units else 0)))
    for (x, y), block in zip(places, members):
        _dense(t, d, x, y, layout.box, block)
    bottom = top + layout.level * depth
    return top, bottom, places[0][0] - layout.box / 2, places[-1][0] + layout.box / 2


def _dense(t: Strings, d: Drawing, x: float, y: float, w: float, block: Block) -> None:
    """A dense block that can be clicked, with a tab where an LSTM block stands behind it."""
    tab = ""
    if block.units:
        low = y + HEIGHT / 2
        tab = (
            f'<rect class="tab" x="{x - w / 2:g}" y="{low:g}" width="{w:g}" height="{TAB}" rx="3"/>'
            f'<text class="tab" x="{x:g}" y="{low + TAB / 2:g}" dy="0.35em" text-anchor="middle">LSTM</text>'
        )
    label = html.escape(block_name(t, block.name, block.step))
    attributes = f'data-block="{block.name}" tabindex="0" role="button" aria-label="{label}"'
    d.box(x, y, w, f"{block.growth}·{block.layers}", style="dense", more=attributes, above=tab)


def _sides(t: Strings, d: Drawing, facts: Facts, spans: list[Span]) -> None:
    """Wide: the mixture, cut into bands, on the left; the bands side by side again, and the masks, on the right."""
    *bands, full = spans
    top, bottom = bands[0][0] - HEIGHT, bands[-1][1] + HEIGHT
    left, right = 30.0, 724.0
    for x, w in ((left, 74.0), (right, 22.0)):
        d.wires.append(f'<rect class="sheet" x="{x:g}" y="{top:g}" width="{w:g}" height="{bottom - top:g}" rx="4"/>')
        for above, below in zip(bands, bands[1:]):
            cut = (above[1] + below[0]) / 2
            d.wires.append(f'<path class="cut" d="M{x:g} {cut:g}H{x + w:g}"/>')
    for i, (first, last, start, end) in enumerate(reversed(bands)):
        d.wire((left + 74, first), (start, first))
        d.wire((end, first), (right, first))
        d.words(part_name(t, f"bands.{i}"), left + 37, (first + last) / 2, "middle")
    d.words(t("draw.mixture"), left, top - 24, style="strong")
    d.words(_brief(facts.mixture), left, top - 8, style="shape")
    d.words(t("draw.beside"), right + 11, bottom + 18, "middle")
    middle = (top + bottom) / 2
    d.wire((left + 37, bottom), (left + 37, full[0]), (full[2], full[0]))
    final, masks = (822.0, middle), (932.0, middle)
    d.wire((right + 22, middle), (final[0] - 38, middle))
    d.wire((full[3], full[0]), (final[0], full[0]), (final[0], middle + HEIGHT / 2))
    d.wire((final[0] + 38, middle), (masks[0] - 32, middle))
    _end(t, d, facts, final, masks)
    d.words(_brief(facts.masks), 976, middle + 34, "end", style="shape")
    d.height = full[1] + 58
    d.words(t("draw.legend"), left, d.height - 6)


def _rails(t: Strings, d: Drawing, facts: Facts, spans: list[Span]) -> None:
    """Narrow: the mixture above, rails at both sides, the masks below."""
    d.box(180, 22, 340, t("draw.mixture"), h=30, style="sheet-box")
    d.words(_brief(facts.mixture), 180, 52, "middle", style="shape")
    bottom = spans[-1][1] + 40
    for first, _, start, end in spans:
        d.wire((4, first), (start, first))
        d.wire((end, first), (356, first), arrow=False)
    d.wire((10, 37), (4, 43), (4, spans[-1][0]), arrow=False)
    final, masks = (240.0, bottom + 12), (110.0, bottom + 12)
    d.wire((356, spans[0][0]), (356, final[1]), (final[0] + 38, final[1]))
    d.wire((final[0] - 38, final[1]), (masks[0] + 32, final[1]))
    _end(t, d, facts, final, masks)
    d.words(_brief(facts.masks), 110, bottom + 42, "middle", style="shape")
    d.words(t("draw.beside"), 350, bottom - 4, "end")
    d.height = bottom + 74
    d.words(t("draw.legend_short"), 4, d.height - 8)


def _end(t: Strings, d: Drawing, facts: Facts, final: tuple[float, float], masks: tuple[float, float]) -> None:
    _dense(t, d, *final, 76, facts.blocks["final"])
    d.words(t("draw.final"), final[0], final[1] - 20, "middle")
    d.box(*masks, 64, t("draw.masks"), style="sheet-box")


def _brief(shape: list[int]) -> str:
    return f"[{', '.join(str(n) for n in shape)}]"


def part_name(t: Strings, part: str) -> str:
    """band 1, full band, final block."""
    return t("part_band", number=int(part.split(".")[1]) + 1) if part.startswith("bands.") else t(f"part_{part}")


def block_name(t: Strings, name: str, step: int) -> str:
    """What a block is called: band 1, down, scale 1/4."""
    if name == "final":
        return t("part_final")
    part, way, _ = name.rsplit(".", 2)
    scale = "1" if step == 1 else f"1/{step}"
    return t("block_name", part=part_name(t, part), way=t(f"way_{way}"), scale=scale)


def inside(t: Strings, block: Block, wide: bool) -> str:
    """A dense block's layers, each of which sees all before it, and the LSTM block behind them."""
    width = 640 if wide else 360
    d = Drawing(width)
    count = block.layers + 1
    pitch = min(110.0, (width - 76) / count)
    rise = 15.0 if wide else 11.0
    y, box = 40 + rise * block.layers, min(64.0, pitch - 12)
    xs = [box / 2 + 4 + i * pitch for i in range(count)]
    for i in range(count):
        for j in range(i + 1, count):
            if j == i + 1:
                d.wire((xs[i] + box / 2, y), (xs[j] - box / 2, y), style="last" if j == count - 1 else "")
                continue
            high, low = y - HEIGHT / 2 - rise * (j - i), y - HEIGHT / 2
            start, end = xs[i] + (i % 3 - 1) * 3, xs[j] - box / 4 + 5 * i * box / 64
            curve = f"M{start:g} {low:g}C{start:g} {high:g} {end:g} {high:g} {end:g} {low:g}"
            d.wires.append(f'<path class="wire {"last" if j == count - 1 else ""}" d="{curve}"/>')
            d.head(end, low, 0, 1, "last" if j == count - 1 else "")
    maps = block.input[1]
    for i, x in enumerate(xs):
        d.box(x, y, box, str(maps) if i == 0 else f"+{block.growth}", style="layer end" if i == count - 1 else "layer")
        seen = t("draw.input") if i == 0 else t("draw.sees", maps=maps + (i - 1) * block.growth)
        d.words(seen, x, y + HEIGHT / 2 + 16, "middle")
    out = width - 24
    d.wire((xs[-1] + box / 2, y), (out - 14, y))
    d.box(out, y, 28, str(block.output[1]), style="layer end")
    d.words(t("draw.output"), width - 2, y - 22, "end")
    d.height = y + HEIGHT / 2 + 26
    if block.units:
        _lstm(t, d, block, xs[-1] + box / 2 + 3, y, out)
    return d.svg("wide" if wide else "narrow", t("inside"))


def _lstm(t: Strings, d: Drawing, block: Block, start: float, y: float, out: float) -> None:
    """k maps squeezed to one, through the LSTM over time, back to one map of all frequencies, put beside the k."""
    low = y + 78
    bins = block.input[3]
    steps = [t("draw.squeeze"), t("draw.blstm", units=block.units // 2), t("draw.back", bins=bins)]
    room = (out - 8) / 3
    d.wire((start, y), (start, y + 44), (4 + room / 2, y + 44), (4 + room / 2, low - HEIGHT / 2), style="lstm")
    for i, step in enumerate(steps):
        x = 4 + room * (i + 0.5)
        d.box(x, low, room - 16, step, style="lstm")
        if i:
            d.wire((x - room + (room - 16) / 2, low), (x - (room - 16) / 2, low), style="lstm")
    d.wire((4 + 3 * room - 8, low), (out, low), (out, y + HEIGHT / 2), style="lstm")
    d.height = low + HEIGHT / 2 + 8
