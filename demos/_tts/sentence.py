"""The sentence that drives the whole tab: typed, or one of the presets; judged once, then said by every cell."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from core import held_out
from core.errors import LessonError, TextError
from demos import _widgets as w
from demos._tab import Strings
from demos._tts import stored

FIRST = "The task we set ourselves was threefold."  # b0481
MONEY = "I paid $1,234.56 on 3/4/2021 at 5:07pm, Dr. O'Neil!"
LECTURE = "안녕하세요? 만나게 돼서 모두 반갑습니다."
NUMBERS = "2021년 3월 4일 오후 5시 7분, KBS 뉴스를 3개 국어로 같이 읽었습니다."
SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Box:
    """The text box, and what is known of its text whenever a visitor is done with it: Enter, leaving it, a preset.

    accepted: state, the last text that the voices can say; its change is the sign for every cell to say it.
    refused: state, the last one that they cannot say, of which the visitor has been told.
    """

    text: gr.Textbox
    accepted: gr.State
    refused: gr.State


def natural(text: str | None) -> Any:
    """The recording of a held-out prompt, float32 [T] at 16 kHz; None for any other text."""
    prompt = held_out.find(text)
    return None if prompt is None else held_out.load(prompt)


def language_of(text: str) -> str:
    """"ko" as soon as there is Hangul in the text, else "en"."""
    return "ko" if any("HANGUL" in unicodedata.name(c, "") for c in text) else "en"


def english_only(text: str | None) -> str:
    """The text, if the English voice can say it.

    Raises:
        TextError: Korean text.
    """
    if language_of(text or "") == "ko":
        raise TextError(
            "This voice speaks English, and the text is Korean: type an English sentence. The end-to-end voice in the "
            "tab Tacotron 2 speaks Korean."
        )
    return text or ""


def refusal(text: str | None) -> LessonError | None:
    """Why the voices cannot say a text; None if they can."""
    from core.text import english

    try:
        english.words(english_only(text))
    except LessonError as error:
        return error
    return None


def dropped(text: str, language: str) -> list[str]:
    """Emoji and signs that are not said."""
    from core.text import english, korean

    found = english.dropped(text) if language == "en" else korean.normalise(text).dropped
    return [sign for sign, _ in found]


def quoted(text: str | None) -> str:
    """A text for a note in Markdown: its beginning, with nothing that formats."""
    plain = " ".join((text or "").split())
    if len(plain) > SHOWN_CHARACTERS:
        plain = plain[: SHOWN_CHARACTERS - 1].rstrip() + "…"
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", plain)


def build(t: Strings) -> Box:
    """The box and its presets, at the top of the tab."""
    with w.controls(t):
        text = w.link(
            "say",
            gr.Textbox(
                FIRST, label=t("say"), info=t("say_hint"), lines=1, max_lines=4, elem_id="sentence", submit_btn=False,
            ),
        )  # fmt: skip
        said = gr.HTML(visible=False, elem_id="sentence-remark", apply_default_css=False)
        choices = [(line, line) for line in (MONEY, LECTURE, NUMBERS, *held_out.sentences().values())]
        preset = gr.Dropdown(choices, value=None, label=t("presets"), elem_id="presets")
    chosen = preset.input(None, preset, text, js="(line) => line", queue=False)
    box = Box(text, gr.State(None), gr.State(None))
    w.on(t, text.change, partial(remark, t), text, said, trigger_mode="always_last")
    for done in (text.submit, text.blur, chosen.then):
        w.on(t, done, partial(judge, t), [text, box.refused], [box.accepted, box.refused])
    return box


def remark(t: Strings, text: str | None) -> Any:
    """One quiet sentence below the box: why the text cannot be said, or which of its signs are not."""
    problem = refusal(text)
    if problem is not None:
        said = w.translate(str(problem), t.language)
    else:
        lost = dropped(text or "", "en")
        said = t("text.dropped", signs=" ".join(lost)) if lost else ""
    return gr.update(value=f'<p class="remark" role="status">{html.escape(said)}</p>', visible=bool(said))


def judge(t: Strings, text: str | None, refused: str | None) -> tuple:
    """(accepted, refused): what cannot be said is told once, and again only after another text."""
    text = (text or "").strip()
    problem = refusal(text)
    if problem is None:
        return text, None
    if text != refused:
        w.tell(t, problem)
    return gr.skip(), text


def connect(
    t: Strings, box: Box, run: gr.Button, figure: gr.HTML, speak: Callable[..., tuple], *, usual: Sequence[Any],
    results: Sequence[Any], controls: Sequence[Any] = (), said: gr.State | None = None,
    say: Callable[..., Any] | None = None,
) -> None:  # fmt: skip
    """A cell that follows the sentence.

    At first sight it shows what is stored, or says what stands in the box; then it says every sentence that the box
    accepts, and what stands there when the button is pressed. All cells wait in the queue at the same time, each
    dimmed by gradio until its own results are there.

    Args:
        figure: its coming into view is the first sight.  speak: (text, *controls) -> said, if there is such a state,
            and results.  say: the same -> said alone, for where the results are stored.
    """
    shown = gr.State(None)  # the sentence that the cell was given last; None before the first sight
    outputs = [*([] if said is None else [said]), *results]
    inputs = [box.text, *controls]

    def first_sight(refused: str | None, *asked: Any) -> tuple:
        kept, text = stored.first(t, asked, usual), (asked[0] or "").strip()
        if kept:
            return (text, gr.skip(), *kept)
        none, problem = [gr.skip()] * len(results), refusal(text)
        if problem is None:
            return (text, gr.skip(), *none)
        if text != refused:
            w.tell(t, problem)
        return (text, text, *none)

    def second(refused: str | None, *asked: Any) -> tuple:
        if (asked[0] or "").strip() == refused:
            return (gr.skip(),) * len(outputs)
        return stored.unless_stored(t, usual, speak, say)(*asked)

    def press(*asked: Any) -> tuple:
        return ((asked[0] or "").strip(), *speak(*asked))

    def follow(last: str | None, *asked: Any) -> tuple:
        if last in (None, asked[0]):
            return (gr.skip(),) * (1 + len(outputs))
        return press(*asked)

    seen = w.on(t, figure.appear, first_sight, [box.refused, *inputs], [shown, box.refused, *results])
    w.on(t, seen.then, second, [box.refused, *inputs], outputs, heavy=True)
    w.on(t, run.click, press, inputs, [shown, *outputs], heavy=True)
    w.on(t, box.accepted.change, follow, [shown, box.accepted, *controls], [shown, *outputs],
         heavy=True, trigger_mode="always_last")  # fmt: skip
