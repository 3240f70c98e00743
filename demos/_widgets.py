"""The parts of a tab. A cell builder needs this module, `demos._tab.Strings`, and nothing of gradio's layout.

A tab is a composer: a header, cells in a fixed order, references. A cell is one module with `build(t)`:

    def build(t: Strings) -> None:
        with w.cell(t, "mulaw") as t:                     # frame, number, heading, deep link; t now speaks for the cell
            w.prose(t)                                    # the text under `## … {#mulaw}`, KaTeX with $…$ and $$…$$
            w.quiz(t, "levels")                           # quiz.toml, [mulaw.levels]; asked before the reveal
            with w.controls(t):                           # the In cell: at most four controls
                voice = w.voice(t)                        # microphone, upload or sample -> path (str)
                levels = w.link("levels", gr.Slider(2, 256, 16, step=1, label=t("levels")))
                run = w.button(t("run"))
            picture = w.figure(t, "staircase")            # the Out cells
            sound = w.player(t, "sound")
            w.code(t, "core.audio:mu_law_encode", my_handler)
        w.on(t, run.click, functools.partial(hear, t), [voice, levels], [picture, sound], heavy=True)
        w.on(t, picture.appear, functools.partial(draw, t), levels, picture)

    def hear(t, path, levels):
        from core import audio                            # torch only inside handlers
        x = w.load_voice(path)                            # float32 [T], 16 kHz; a typed error if there is none
        ...
        return w.plot(plots.lines(...), t("summary", db=12.3)), [w.track(t("original"), x), w.track(t("coded"), y)]

Layout
    header(t, badge="real"|"synthetic"|"none", minutes=25)   title and outcomes are the cell `{#top}` of the lesson
    cell(t, anchor)        context manager, gives `t.cell(anchor)`; `?step=anchor` scrolls to it
    prose(t, anchor=None)  Markdown of the lesson
    controls(t)            context manager: the In cell;  row(): controls side by side
    output(t)              context manager: an Out cell for any gradio component of your own
    references(t)          the cell `{#references}`, and the notebook of the lesson (demos/_notebook.py)
Controls
    button(label, primary=True), link(name, component)  -> the component, kept in the URL under that name
    voice(t, name="voice", samples=None)  -> gr.Audio: sample, upload or microphone; as input a path or None
Results
    figure(t, name, height=360)  -> gr.HTML; its value is plot(figure, summary); events `.select`, `.appear`;
                                    ask_again() empties it, and `.appear` comes again when it is in sight
    player(t, name)              -> gr.HTML; its value is [track(label, x, sample_rate_hz), …]; event `.appear`
    stream(t, name)              -> gr.Audio that plays int16 blocks while they come: yield (16000, int16 [T])
    note(t, name, latex=True)    -> gr.Markdown for text made by a handler
Learning
    exercise(t, name, judge, inputs) -> gr.HTML: something to reach with the cell's controls, checked by the judge
    quiz(t, name) -> gr.HTML;  with reveal(t, quiz): … is hidden until the question is answered
    code(t, *references, opened=False)   functions, classes, or "module:name" where the module imports torch
Events
    on(t, event or [events], fn, inputs, outputs, heavy=False, **options)   see demos/_jobs.py
    Errors: raise a `core.errors.LessonError`; the visitor reads its text (translated by lessons/_site/errors.toml),
    the outputs keep what they show. Everything else becomes a short message, and the trace goes to the log.
    Models: `demos._models.load("wavenet-vocoder")` inside the handler.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import gradio as gr

from core import plots
from demos import _code, _exercise, _notebook, _outline
from demos._jobs import on, readable, tell, translate
from demos._links import Page, Voice, current_page
from demos._live_plot import ask_again, live_plot, plot
from demos._player import sounds, track
from demos._quiz import ask, question
from demos._tab import ROOT, Strings

__all__ = [
    "LATEX", "SAMPLES", "Sample", "ask_again", "button", "cell", "code", "controls", "exercise", "figure", "header",
    "link", "load_voice", "note", "on", "output", "player", "plot", "prose", "quiz", "readable", "references", "reveal",
    "row", "sample_path", "share_voices", "stream", "tell", "track", "translate", "voice",
]  # fmt: skip

C = TypeVar("C", bound=gr.components.Component)
LATEX = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]
OWN = "own"  # in the menu of voices: what the visitor brought
BADGES = ("real", "synthetic", "none")
_AUDIO = ROOT / "assets/audio"
SAMPLES = {  # held-out sentences, never trained on: see assets/audio/README.md
    "b0487": "After all superfluous flesh is gone what is left is stringy and resistant.",
    "b0481": "The task we set ourselves was threefold.",
    "b0488": "Beyond refusing to sell us food, they left us to ourselves.",
    "b0497": "One great drawback to farming in California is our long dry summer.",
    "b0513": "He plodded on for half an hour, when the hallucination arose again.",
    "b0532": "That Longfellow chap most likely had written countless books of poetry.",
}


def header(t: Strings, *, badge: str, minutes: int) -> None:
    """Title, what the reader will be able to do, how long it takes, and what the models were trained on.

    badge: one of BADGES, or several with spaces between.
    """
    if not badge or not set(badge.split()) <= set(BADGES):
        raise ValueError(f"badge is one of {', '.join(BADGES)}, not {badge!r}.")
    badges = "".join(
        f'<span class="badge badge-{one}">{html.escape(t(f"badge.{one}"))}</span>' for one in badge.split()
    )
    page = current_page()
    _outline.add("header", "top", (badge, minutes))
    with gr.Column(elem_classes=["tab-header"], elem_id=f"top-{page.tab}"):
        gr.HTML(
            f'<h1>{html.escape(t.heading("top"))}</h1><p class="facts">'
            f"{badges}"
            f'<span>{html.escape(t("header.minutes", minutes=minutes))}</span></p>',
            apply_default_css=False,
        )
        gr.Markdown(f"**{t('header.outcomes')}**\n\n{t.prose('top')}", latex_delimiters=LATEX)


@contextmanager
def cell(t: Strings, anchor: str) -> Iterator[Strings]:
    """One concept: a numbered heading and everything below it, reachable as `?tab=<slug>&step=<anchor>`."""
    inner = t.cell(anchor)
    page = current_page()
    number = page.add_step(anchor, inner.heading())
    with gr.Column(elem_id=f"step-{anchor}", elem_classes=["step"]):
        gr.HTML(
            f'<h2><span class="number">{number}</span>{html.escape(inner.heading())}'
            f'<a class="anchor" href="?tab={page.tab}&amp;step={anchor}" data-step="{anchor}" '
            f'aria-label="{html.escape(t("cell.link"))}">#</a></h2>',
            apply_default_css=False,
        )
        yield inner


def prose(t: Strings, anchor: str | None = None) -> gr.Markdown:
    """The Markdown of a cell, with KaTeX; a further section of a cell comes with its heading."""
    heading = f"### {t.heading(anchor)}\n\n" if anchor else ""
    _outline.add("prose", anchor or t.scope, anchor is not None)
    return gr.Markdown(heading + t.prose(anchor), latex_delimiters=LATEX, elem_classes=["prose-cell"])


@contextmanager
def controls(t: Strings) -> Iterator[None]:
    """The In cell: what the reader can set and press."""
    with gr.Column(elem_classes=["in-cell"]):
        yield


@contextmanager
def output(t: Strings) -> Iterator[None]:
    """An Out cell for components that are not made by this module."""
    with gr.Column(elem_classes=["out-cell"]):
        yield


@contextmanager
def row() -> Iterator[None]:
    """Controls side by side; one below the other on a phone."""
    with gr.Row(elem_classes=["control-row"]):
        yield


def button(label: str, *, primary: bool = True, name: str | None = None) -> gr.Button:
    """A button that starts something."""
    variant = "primary" if primary else "secondary"
    return gr.Button(label, variant=variant, size="md", elem_id=name, elem_classes=["run"])


def link(name: str, component: C) -> C:
    """Keep a control in the URL under `name` (unique in the tab): restored on load, clamped, written on change."""
    page = current_page()
    page.add_control(name, component)
    component.elem_classes = [*(component.elem_classes or []), "linked", f"link-{name}"]
    component.change(None, component, None, js=f"(v) => site.keep({page.tab!r}, {name!r}, v)", queue=False)
    return component


def sample_path(name: str = "b0487") -> Path:
    """A bundled sentence, by its key in SAMPLES."""
    return _AUDIO / f"kathleen_{name}.flac"


class Sample(NamedTuple):
    """A bundled sound: what the menu calls it, and its file below assets/audio."""

    label: str
    path: Path


class _Voice(gr.Audio):
    """gradio starts ffprobe for every sound it is given; of ours we know that browsers play them."""

    is_template = True  # for gradio: looks and speaks as its parent does

    def postprocess(self, value: Any) -> Any:
        if isinstance(value, str) and _AUDIO in Path(value).parents:
            return gr.FileData(path=value, orig_name=Path(value).name)
        return super().postprocess(value)


def voice(t: Strings, name: str = "voice", samples: Mapping[str, Sample] | None = None) -> gr.Audio:
    """A sound: a bundled sample, an upload, or the microphone. As an input it gives a path (str) or None.

    The menu says which one is there: a sample, or the visitor's own sound, to which one can return, also in the other
    cells of the page (`share_voices`). The choice of sample is kept in the URL under the cell's name and `-sample`.

    Args:
        samples: by their keys, the first at first; None for the held-out sentences of SAMPLES.
    """
    offered = samples or {key: Sample(f"“{text}”", sample_path(key)) for key, text in SAMPLES.items()}
    menu = [(sample.label, key) for key, sample in offered.items()]
    first = next(iter(offered))
    chosen = gr.Dropdown(menu, value=first, label=t("voice.sample"), elem_id=f"{_name(t, name)}-sample")
    sound = _Voice(
        str(offered[first].path), label=t("voice.own"), sources=["microphone", "upload"], type="filepath",
        elem_id=_name(t, name), elem_classes=["voice"], buttons=[], editable=False,
        waveform_options=gr.WaveformOptions(waveform_color=plots.GREY, waveform_progress_color=plots.MODEL),
    )  # fmt: skip
    link(f"{_name(t, name)}-sample", chosen)
    page = current_page()
    page.own = page.own or gr.State(None)  # the visitor's last sound
    page.voices.append(Voice(sound, chosen, menu, {key: str(sample.path) for key, sample in offered.items()}))

    def show(key: str | None, own: str | None, path: str | None) -> Any:
        wanted = own if key == OWN else str(offered[key].path) if key else None
        return gr.skip() if wanted is None or wanted == path else wanted

    on(t, chosen.change, show, [chosen, page.own, sound], sound)
    return sound


def share_voices(t: Strings, page: Page) -> None:
    """Wire the voices of a page, once all are there: a sound that a visitor brings to one is in the menus of all."""
    mine = (t("voice.sample_mine"), OWN)
    for voice in page.voices:

        def take(path: str | None, here: Voice = voice) -> tuple:
            if path is None:  # cleared
                return gr.skip(), *(gr.update(value=None) if one is here else gr.skip() for one in page.voices)
            own = {"value": OWN}
            return path, *(gr.update(choices=[mine, *one.samples], **(own if one is here else {}))
                           for one in page.voices)  # fmt: skip

        on(t, voice.sound.input, take, voice.sound, [page.own, *(one.menu for one in page.voices)])


def load_voice(path: str | None) -> Any:
    """What a voice control gave, as a float32 tensor [T] at 16 kHz, levelled.

    Raises:
        AudioError: nothing was chosen; all that `core.audio.load_voice` refuses.
    """
    from core import audio  # torch: only when there is a sound

    return audio.load_voice(path or "")


def _name(t: Strings, name: str) -> str:
    return f"{t.scope}-{name}" if t.scope else name


def figure(t: Strings, name: str, *, height: int = 360, value: dict | None = None) -> gr.HTML:
    """An interactive figure with its one-sentence summary and export. Without a value, wire `.appear`."""
    words = {key: t(f"figure.{key}") for key in ("png", "svg", "data", "export", "waiting")}
    return live_plot(
        value, height=height, words=words, name=_name(t, name), elem_id=_name(t, name), elem_classes=["out-cell"]
    )


def player(t: Strings, name: str, *, value: list | None = None, empty: str = "") -> gr.HTML:
    """One to four sounds, switched without losing the position; each can be downloaded as WAV.

    empty: what it says while there is none; that a button above makes it by default.
    """
    keys = ("play", "pause", "download", "position", "choose", "keys", "empty")
    words = {key: t(f"player.{key}") for key in keys}
    words["empty"] = empty or words["empty"]
    return sounds(
        value, words=words, name=_name(t, name), elem_id=_name(t, name), elem_classes=["out-cell", "player-cell"]
    )


def stream(t: Strings, name: str) -> gr.Audio:
    """Sound that plays while it is made: the handler yields (sample_rate_hz, int16 [T]) blocks."""
    return gr.Audio(
        label=t(name), streaming=True, autoplay=True, interactive=False,
        elem_id=_name(t, name), elem_classes=["out-cell"],
    )  # fmt: skip


def note(t: Strings, name: str, value: str = "", *, latex: bool = True) -> gr.Markdown:
    """Text that a handler writes: a sentence, a small table. latex: False where it quotes a visitor, whose $ is a $."""
    return gr.Markdown(
        value, latex_delimiters=LATEX if latex else [], elem_id=_name(t, name), elem_classes=["out-cell", "note"]
    )  # fmt: skip


def code(t: Strings, *references: _code.Reference, opened: bool = False) -> gr.HTML:
    """The source of the functions that the button runs."""
    _outline.add("code", t.scope, references)
    text = _code.code_html(
        references, title=t("code.open"), copy=t("code.copy"), copied=t("code.copied"), opened=opened
    )
    return gr.HTML(text, elem_classes=["code-host"], apply_default_css=False)


def quiz(t: Strings, name: str) -> gr.HTML:
    """A question from quiz.toml, `[<cell>.<name>]`, asked before the reader sees the answer."""
    _outline.add("quiz", t.scope, f"{t.scope}.{name}" if t.scope else name)
    return ask(question(t, name), name=_name(t, name), elem_id=f"quiz-{_name(t, name)}", elem_classes=["quiz-cell"])


def exercise(t: Strings, name: str, judge: _exercise.Judge, inputs: Any) -> gr.HTML:
    """Something to reach with the controls of the cell, from quiz.toml, `[<cell>.<name>]` (see demos/_exercise.py).

    Args:
        judge: what the controls say -> (outcome, values for its text).  inputs: those controls.
    """
    _outline.add("exercise", t.scope, f"{t.scope}.{name}" if t.scope else name)
    asked = _exercise.exercise(t, name, name=_name(t, name), elem_id=f"exercise-{_name(t, name)}",
                               elem_classes=["quiz-cell"])  # fmt: skip
    on(t, asked.check, _exercise.judged(t, name, judge), [asked, *inputs], asked, heavy=True, show_progress="hidden")
    return asked


@contextmanager
def reveal(t: Strings, asked: gr.HTML) -> Iterator[None]:
    """What is shown only after the question has been answered, rightly or wrongly."""
    with gr.Column(visible=False, elem_classes=["reveal"]) as hidden:
        yield
    on(t, asked.answered, lambda: gr.update(visible=True), None, hidden)


def references(t: Strings) -> None:
    """References, licences of the data, what differs from the paper: the cell `{#references}`, and its notebook."""
    with cell(t, "references") as inner:
        prose(inner)
        gr.HTML(
            f'<p class="prose take-along"><a href="{_notebook.url(t.slug, t.language)}" download>'
            f'{html.escape(t("notebook.download"))}</a> {html.escape(t("notebook.what"))}</p>',
            apply_default_css=False,
        )
