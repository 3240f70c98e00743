"""What every tab promises, checked without a browser."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import gradio as gr
import pytest
from markdown_it import MarkdownIt

from core import plots
from demos import _code, _exercise, _jobs, _links, _quiz, _start, _tab, _translate
from demos._page import gradio_texts
from demos._served import speaking
from demos._tab import LANGUAGES, LESSONS, ROOT, discover, read_toml, split_lesson, strings

TABS = discover()
EQUATION = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.DOTALL)
SLUGS = [tab.slug for tab in TABS]
each_tab = pytest.mark.parametrize("slug", SLUGS)


def run_python(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_app_and_building_every_page_loads_no_torch() -> None:
    code = """
        import sys, app
        from demos import _notebook, _page, _tab
        _page.site(_tab.discover())
        _notebook.text("wavenet", "en")
        heavy = ("torch", "torchaudio", "librosa", "numba", "matplotlib.pyplot")
        print([name for name in heavy if name in sys.modules])
    """
    assert run_python(textwrap.dedent(code)) == "[]"


def test_core_imports_no_gradio() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "core").rglob("*.py"))
    ]
    for module in modules:
        text = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
        assert not re.search(r"^\s*(import|from) (gradio|demos)\b", text, re.MULTILINE), module


def test_app_is_small() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) < 80


def test_slugs_and_orders_are_unique() -> None:
    assert len(set(SLUGS)) == len(SLUGS) and len({tab.order for tab in TABS}) == len(TABS)


def every_key(tables: dict) -> set[str]:
    return set(_tab.flatten(tables, "en")) | set(_tab.flatten(tables, "ko"))


@pytest.mark.parametrize("slug", [*SLUGS, "_site"])
def test_every_label_has_both_languages(slug: str) -> None:
    tables = read_toml(LESSONS / slug / "strings.toml")
    for language in LANGUAGES:
        missing = every_key(tables) - set(_tab.flatten(tables, language))
        assert not missing, f"{language}: {sorted(missing)}"
    english, korean = _tab.flatten(tables, "en"), _tab.flatten(tables, "ko")
    for key, text in english.items():
        assert sorted(re.findall(r"\{(\w+)", text)) == sorted(re.findall(r"\{(\w+)", korean[key])), key


def test_what_gradio_says_is_said_in_korean_with_its_values() -> None:
    english, texts = gradio_texts("en"), gradio_texts("ko")
    assert english == [] and len(texts) > 10
    for said, ours in texts:
        assert set(re.findall(r"\{\w+\}", ours)) <= set(re.findall(r"\{\w+\}", said)), said
        assert re.search("[가-힣]", ours), said


def test_a_page_says_its_language_before_gradio_asks() -> None:
    page = speaking(b'<html lang="en"><head><script type="module" src="x.js"></script>', "ko").decode()
    assert page.startswith('<html lang="ko">') and page.index("'language', {value: 'ko'") < page.index("x.js")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_map_links_tabs_that_are_here_and_shows_every_one(language: str) -> None:
    found = [stop for _, part in _start.stops(language, TABS) for stop in part]
    assert sorted(stop["slug"] for stop in found if stop["slug"]) == sorted(SLUGS)
    assert all(stop["name"] and stop["line"] for stop in found)
    known = [stop["slug"] for part in read_toml(LESSONS / "_site/map.toml")["part"] for stop in part["stop"]]
    assert len(set(known)) == len(known)
    assert all(not stop["slug"] for _, part in _start.stops(language, []) for stop in part)


@each_tab
def test_lessons_agree(slug: str) -> None:
    english, korean = (
        split_lesson((LESSONS / slug / f"{language}.md").read_text(encoding="utf-8")) for language in LANGUAGES
    )
    assert list(english) == list(korean)
    assert {"top", "references"} <= set(english)
    for anchor, cell in english.items():
        english_equations, korean_equations = (
            sorted("".join(found).strip(" ,.\n") for found in EQUATION.findall(prose.body))
            for prose in (cell, korean[anchor])
        )
        assert english_equations == korean_equations, f"the equations of {anchor} differ"


@each_tab
def test_prose_is_short(slug: str) -> None:
    for anchor, cell in strings(slug, "en").lesson.items():
        if anchor not in ("top", "references"):
            words = re.sub(r"```.*?```", "", EQUATION.sub("", cell.body), flags=re.DOTALL).split()
            assert len(words) <= 120, f"{anchor} has {len(words)} words"


@each_tab
@pytest.mark.parametrize("language", LANGUAGES)
def test_bold_text_is_closed(slug: str, language: str) -> None:
    """CommonMark does not close `**…)**` where a Korean particle follows: the asterisks would be read."""
    for anchor, cell in strings(slug, language).lesson.items():
        assert "**" not in MarkdownIt("commonmark").render(EQUATION.sub("", cell.body)), anchor


@each_tab
def test_every_question_is_complete(slug: str) -> None:
    for language in LANGUAGES:
        words = strings(slug, language)
        for cell, questions in words.quizzes.items():
            for name, table in questions.items():
                if "task" in table:
                    texts = _exercise.outcomes(words.cell(cell), name).values()
                    assert len(set(texts)) == len(texts) >= 3
                    continue
                asked = _quiz.question(words.cell(cell), name)
                if "choices" in asked:
                    assert len({choice["feedback"] for choice in asked["choices"]}) == len(asked["choices"])
                else:
                    for mistake in asked["mistakes"]:
                        assert abs(mistake["value"] - asked["answer"]) >= asked["tolerance"]


@each_tab
def test_every_tab_asks_three_questions_and_has_an_exercise(slug: str) -> None:
    """A choice and a number among the questions, and something to reach with the controls."""
    tables = [table for questions in strings(slug, "en").quizzes.values() for table in questions.values()]
    kinds = ["task" if "task" in table else "choice" if "choice" in table else "answer" for table in tables]
    assert kinds.count("choice") + kinds.count("answer") >= 3 and set(kinds) == {"task", "choice", "answer"}


@each_tab
def test_every_tab_has_a_picture_and_runs_alone(slug: str) -> None:
    assert (ROOT / f"assets/site/{slug}.svg").stat().st_size < 100_000
    assert '__name__ == "__main__"' in (ROOT / f"demos/{slug}.py").read_text(encoding="utf-8")


def test_split_lesson() -> None:
    cells = split_lesson("intro\n\n# A {#a}\n\none\n\n### not a cell\n\n## B b {#b-2}\ntwo\n")
    assert [(c.anchor, c.heading, c.body) for c in cells.values()] == [
        ("a", "A", "one\n\n### not a cell"),
        ("b-2", "B b", "two"),
    ]
    with pytest.raises(ValueError, match="twice"):
        split_lesson("# A {#a}\n\n# B {#a}\n")


def test_missing_words_say_where_to_add_them() -> None:
    with pytest.raises(KeyError, match="strings.toml has no 'nothing'"):
        strings(SLUGS[0], "en")("nothing")
    with pytest.raises(KeyError, match="en.md has no heading"):
        strings(SLUGS[0], "en").prose("nothing")


@pytest.mark.parametrize("reference", ["core.errors:LessonError", "core.plots:lines", "demos._tab:Strings.cell"])
def test_source_without_import_is_inspects(reference: str) -> None:
    module, _, name = reference.partition(":")
    target = __import__(module, fromlist=["_"])
    for part in name.split("."):
        target = getattr(target, part)
    assert _code.source(reference)[0] == inspect.getsource(target)
    assert _code.source(target) == _code.source(reference)


def test_source_of_a_missing_name() -> None:
    with pytest.raises(ValueError, match="defines no"):
        _code.source("core.errors:Nothing")


@pytest.mark.parametrize(
    ("component", "text", "value"),
    [
        (lambda: gr.Slider(2, 256, 16, step=1), "99999", 256),
        (lambda: gr.Slider(2, 256, 16, step=1), "-5", 2),
        (lambda: gr.Slider(2, 256, 16, step=1), "17.4", 17),
        (lambda: gr.Slider(0, 1, 0.5, step=0.1), "0.7", pytest.approx(0.7)),
        (lambda: gr.Slider(0, 1, 0.5, step=0.1), "nan", None),
        (lambda: gr.Slider(0, 1, 0.5, step=0.1), "x", None),
        (lambda: gr.Number(1, minimum=0, precision=0), "12", 12),
        (gr.Checkbox, "true", True),
        (gr.Checkbox, "yes", None),
        (lambda: gr.Radio([("One", 1), ("Two", 2)]), "2", 2),
        (lambda: gr.Radio([("One", 1), ("Two", 2)]), "3", None),
        (lambda: gr.Dropdown(["a", "b"]), "b", "b"),
        (lambda: gr.Textbox(max_length=3), "abcdef", "abc"),
    ],
)
def test_link_values(component, text: str, value) -> None:
    with gr.Blocks():
        assert _links.restored(component(), text) == value


def test_a_link_restores_the_controls_that_it_names() -> None:
    with gr.Blocks():
        page = _links.Page("en", "a")
        page.add_control("j", gr.Slider(0, 9, 1, step=1))
        page.add_control("k", gr.Slider(0, 9, 1, step=1))
        updates = _links.restore(page, {"tab": "a", "k": "4", "other": "5"})
        assert updates[0] == gr.skip() and updates[1]["value"] == 4
        with pytest.raises(ValueError, match="taken"):
            page.add_control("k", gr.Checkbox())


def test_messages_are_translated_with_their_numbers() -> None:
    for pattern, message in _translate._translations():
        names = {language: set(re.findall(r"\{(\w+)\}", message[language])) for language in LANGUAGES}
        assert names["ko"] <= names["en"], message["en"]
        example = re.sub(r"\{(\w+)\}", "7", message["en"])
        assert pattern.fullmatch(example) and _jobs.translate(example, "ko") == re.sub(r"\{(\w+)\}", "7", message["ko"])
    assert _jobs.translate("An unknown text.", "ko") == "An unknown text."


def test_errors_become_messages_and_outputs_stay(monkeypatch) -> None:
    from core.errors import AudioError

    said = []
    monkeypatch.setattr(gr, "Warning", lambda text, **options: said.append(text))
    t = strings("_site", "en")

    def typed() -> None:
        raise AudioError("Too long; use 10 s.")

    def broken():
        yield 1
        raise ZeroDivisionError("secret")

    assert _jobs.readable(t, typed, 2)() == (gr.skip(), gr.skip())
    assert list(_jobs.readable(t, broken, 1)()) == [1, gr.skip()]
    assert said == ["Too long; use 10 s.", t("error.unexpected")]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """WCAG 2.2, relative luminance."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_colours_reach_aa_and_lines_can_be_seen() -> None:
    names = ("PAPER", "SURFACE", "INK", "MUTED", "REFERENCE", "MODEL", "ACCENT")
    light = {name: getattr(plots, name) for name in names}
    for palette in (light, {name: plots.DARK[colour] for name, colour in light.items()}):
        for ground in ("PAPER", "SURFACE"):
            for name in ("INK", "MUTED", "REFERENCE", "MODEL", "ACCENT"):
                assert contrast(palette[name], palette[ground]) >= 4.5, (name, ground)


def test_style_sheet_and_figures_share_their_colours() -> None:
    css = (ROOT / "assets/site/site.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root[^{]*\{(.*?)\}", css, re.DOTALL)[:2]
    light, dark = (dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block)) for block in blocks)
    for name in ("paper", "surface", "ink", "muted", "rule", "reference", "model", "accent"):
        colour = getattr(plots, name.upper())
        assert (light[name], dark[name]) == (colour, plots.DARK[colour]), name
    for palette in (light, dark):
        for name in ("right", "wrong"):
            assert contrast(palette[name], palette["paper"]) >= 4.5, name


def test_fonts_are_small_and_have_their_licence() -> None:
    files = [path for path in (ROOT / "assets/fonts").iterdir() if path.suffix in (".woff2", ".otf", ".ttf")]
    assert sum(path.stat().st_size for path in files) < 6_000_000
    assert "SIL OPEN FONT LICENSE" in (ROOT / "assets/fonts/LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("theme", "colours"), [("light", {}), ("dark", plots.DARK)])
def test_a_matplotlib_figure_has_its_colours_and_its_glyphs(tmp_path: Path, theme, colours) -> None:
    import warnings

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context(plots.matplotlib_style(theme)), warnings.catch_warnings():
        warnings.simplefilter("error")  # "Glyph … missing from font(s)"
        figure, axes = pyplot.subplots()
        axes.set_title("뮤 법칙 −1 μ")
        axes.plot([0, 1], [0, 0], linewidth=9)
        figure.savefig(tmp_path / "figure.png")
        pyplot.close(figure)
    pixels = (pyplot.imread(tmp_path / "figure.png")[..., :3] * 255).round().astype(int).reshape(-1, 3)
    seen = Counter("#" + bytes(pixel).hex() for pixel in pixels.astype("uint8"))
    assert seen.most_common(1)[0][0] == colours.get(plots.PAPER, plots.PAPER)
    assert seen[colours.get(plots.REFERENCE, plots.REFERENCE)] > 1000
