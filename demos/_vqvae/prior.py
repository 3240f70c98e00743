"""Codes that a prior makes up, spoken: one level, two levels, the argmax autoencoder's, beside plain WaveNet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core import plots
from demos import _models, _player
from demos import _widgets as w
from demos._links import within
from demos._tab import Strings
from demos._vqvae import coders, strip
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from torch import Tensor

CELL = "prior"
KINDS = ("prior", "argmax", "second", "wavenet")
SECONDS, HEAT = (1, 10), (0.5, 1.3)
KEPT = 4
CODES_PER_S = 40


def build(t: Strings) -> None:
    """The cell `prior`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        asked = w.quiz(t, "reach")
        with w.reveal(t, asked):
            reach = w.figure(t, "reach", height=300)
        with w.controls(t):
            choices = [(t(f"kind_{key}"), key) for key in KINDS]
            kind = w.link("drawn-by", gr.Radio(choices, value="prior", label=t("kind")))
            with w.row():
                seconds = w.link("prior-seconds", gr.Slider(*SECONDS, 4, step=1, label=t("seconds")))
                seed = w.link("prior-seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
                heat = w.link("prior-temperature", gr.Slider(*HEAT, 1.0, step=0.05, label=t("temperature")))
            with w.row():
                run = w.button(t("run"), name="prior-run")
                halt = w.button(t("stop"), primary=False, name="prior-stop")
        view = strip.codes_view(t, "view", follows=("prior-live", "prior-sounds"))
        sound = live.live_sound(t, "live")
        player = w.player(t, "sounds")
        w.prose(t, "prior-levels")
        w.note(t, "bits", bits(t))
        w.code(t, "core.vqvae.prior:draw", "core.vqvae.prior:bits_per_code", "core.vqvae.hierarchy:SecondLevel.forward",
               "core.vqvae.hierarchy:SecondLevel.expand", "core.vqvae.examples:draw_codes")  # fmt: skip
    tracks = gr.State([])
    heavy: dict[str, Any] = {"heavy": True, "show_progress": "hidden", "trigger_mode": "always_last"}

    def begun(request: gr.Request) -> dict[str, Any]:
        return live.begin(request.session_hash, CELL)

    def go(kind: Any, seconds: Any, seed: Any, heat: Any, tracks: Any, request: gr.Request) -> Iterator[tuple]:
        yield from draw(t, kind, seconds, seed, heat, tracks,
                        is_stopped=lambda: live.is_stopped(request.session_hash, CELL))  # fmt: skip

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    started = w.on(t, run.click, begun, None, sound)
    w.on(t, started.then, go, [kind, seconds, seed, heat, tracks], [view, sound, player, tracks], **heavy)
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)
    w.on(t, view.appear, partial(at_sight, t), None, [view, player, tracks])
    w.on(t, reach.appear, partial(reach_figure, t), None, reach)


def label(t: Strings, kind: str, seed: Any, heat: float) -> str:
    return t("take", kind=t(f"short_{kind}"), seed=seed, temperature=f"{heat:g}")


def at_sight(t: Strings) -> tuple:
    """(view, player, tracks) of what was drawn beforehand."""
    from core.vqvae import examples

    kept = examples.index().get("drawn", {})
    if not kept:
        return (gr.skip(),) * 3
    order = [kind for kind in KINDS if kind in kept]
    rows = [
        coders.stored_row(kept[kind], t(f"kind_{kind}"), tracks=[k])
        for k, kind in enumerate(order) if "codes" in kept[kind]
    ]  # fmt: skip
    tracks = [
        _player.linked(label(t, kind, one["seed"], one["temperature"]), examples.url(one["sound"]))
        for kind, one in ((kind, kept[kind]) for kind in order)
    ]
    return strip.shown(rows, t("stored")), tracks, tracks


def draw(
    t: Strings, kind: Any, seconds: Any, seed: Any, heat: Any, tracks: list[dict[str, Any]], *,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple]:  # fmt: skip
    """(view, live sound, player, tracks): the codes at once, then their sound while it is made.

    Raises:
        SamplingError: an option out of range.  WeightsError: the weights are not there.
    """
    kind = kind if kind in KINDS else KINDS[0]
    count, first = round(within(seconds, *SECONDS) * CODES_PER_S), int(within(seed, 0, 999))
    heat = within(heat, *HEAT)
    skip = gr.skip()
    try:
        if kind == "wavenet":
            pieces = plain(t, count * 400, first, heat, is_stopped)
        else:
            from core.vqvae import examples

            codes, front = examples.draw_codes(kind, count, seed=first, temperature=heat, load=_models.load)
            rows = [coders.row_of(front, t(f"kind_{kind}"), codes)]
            yield strip.shown(rows, t("drawn", count=count, seconds=f"{count / CODES_PER_S:.0f}")), skip, skip, skip
            pieces = coders.stream(t, coders.load(front), codes, 0, seed=first, is_stopped=is_stopped)
        whole = None
        for sound, said in pieces:
            whole = said
            yield skip, sound, skip, skip
    except Exception:
        yield skip, live.Broadcast.idle(), skip, skip
        raise
    if whole is not None and len(whole):
        tracks = [w.track(label(t, kind, first, heat), whole), *tracks][:KEPT]
        yield skip, skip, tracks, tracks


def plain(
    t: Strings, samples: int, seed: int, heat: float, is_stopped: Callable[[], bool]
) -> Iterator[tuple[dict[str, Any], Tensor | None]]:
    """(live sound, None) while plain WaveNet speaks sample by sample, at last (live sound, all of it)."""
    import torch

    from core import audio
    from core.wavenet import live as speech

    sound, heard, stopped = live.Broadcast(samples), [], False
    updates = speech.speak(_models.load("wavenet-speech"), samples=samples, seed=seed, temperature=heat)
    for update in updates:
        heard.append(audio.mu_law_decode(update.codes))
        facts = t("voice_facts", speed=f"{update.real_time:.1f}") if update.real_time else ""
        yield sound.add(audio.to_int16(heard[-1]), speed=update.real_time, facts=facts), None
        stopped = is_stopped()
        if stopped:
            updates.close()  # type: ignore[attr-defined]
            break
    yield sound.end(stopped=stopped), torch.cat(heard)


def reaches() -> dict[str, float]:
    """How many seconds of the past each network hears, by its config."""
    from core import weights
    from core.wavenet.model import WaveNetConfig

    here, found = weights.names(), {}
    if "wavenet-speech" in here:
        config = WaveNetConfig(**weights.card("wavenet-speech")["config"])
        found["wavenet"] = config.receptive_field_samples / 16_000
    for kind, name in (("prior", "vqvae-prior"), ("argmax", "vqvae-prior-argmax")):
        if name in here:
            config = WaveNetConfig(**weights.card(name)["config"])
            found[kind] = config.receptive_field_samples / CODES_PER_S
    if "vqvae-second" in here:
        from core.vqvae.hierarchy import SecondLevelConfig

        second = SecondLevelConfig(**weights.card("vqvae-second")["config"])
        found["second"] = second.prior().receptive_field_samples / (CODES_PER_S / second.ratio)
    return found


def reach_figure(t: Strings) -> Any:
    """Bars: seconds of the past that a network hears, on a logarithmic scale."""
    import plotly.graph_objects as go

    found = reaches()
    if not found:
        return gr.skip()
    kinds = [kind for kind in ("wavenet", "prior", "argmax", "second") if kind in found]
    roles = {"wavenet": plots.GREY, "prior": plots.MODEL, "argmax": plots.REFERENCE, "second": plots.ACCENT}
    figure = go.Figure(go.Bar(
        y=[t(f"short_{kind}") for kind in kinds], x=[round(found[kind], 3) for kind in kinds], orientation="h",
        marker_color=[roles[kind] for kind in kinds], text=[f"{found[kind]:.2g} s" for kind in kinds],
    ))  # fmt: skip
    figure.update_xaxes(type="log")
    plots.layout(figure, x_title=t("reach_axis"), y_title="", showlegend=False)
    said = ", ".join(f"{t(f'short_{kind}')} {found[kind]:.2g} s" for kind in kinds)
    return w.plot(figure, t("reach_summary", values=said))


def bits(t: Strings) -> str:
    """Bits a second that each network needs for held-out speech, from the cards."""
    rows = []
    for kind, name in (("prior", "vqvae-prior"), ("argmax", "vqvae-prior-argmax")):
        found = coders.measured(name)
        if "bits a code" in found:
            equal = found.get("bits a code if all are equally likely")
            rows.append((kind, found["bits a code"], equal, found["bits a second"]))
    second = coders.measured("vqvae-second").get("bits a code of level 1, both levels together")
    if second is not None:
        rows.append(("second", second, None, second * CODES_PER_S))
    if not rows:
        return t("unmeasured")
    heads = [t(f"head_{key}") for key in ("bits", "equal", "second")]
    lines = [f"| | {' | '.join(heads)} |", "|---" + "|---:" * len(heads) + "|"]
    for kind, each, equal, a_second in rows:
        most = "–" if equal is None else f"{equal:.0f}"
        lines.append(f"| {t(f'short_{kind}')} | {each:.2f} | {most} | {a_second:.0f} |")
    samples = coders.measured("wavenet-speech").get("held-out bits per sample")
    if samples is not None:
        lines.append(f"| {t('short_wavenet')} | {samples:.2f} | 8 | {samples * 16_000:,.0f} |")
    return "\n".join(lines) + "\n\n" + t("bits_note")
