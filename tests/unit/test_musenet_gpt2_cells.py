"""The cells on GPT-2 without a browser: names that are in the source, tables that the config gives, a fair race."""

import inspect
import json

import gradio as gr
import pytest

from core import weights
from core.gpt2 import model, shapes
from demos._musenet import gpt2, past
from demos._tab import LANGUAGES, strings

EN = strings("musenet", "en").cell("gpt2")
PAST = strings("musenet", "en").cell("past")


@pytest.mark.parametrize("function", gpt2.NAMES)
def test_what_stands_here_is_in_the_source(function):
    source = " ".join(inspect.getsource(getattr(model, function)).split())
    for _, ours in gpt2.NAMES[function]:
        assert ours in source, ours
    for language in LANGUAGES:
        said = gpt2.names(strings("musenet", language).cell("gpt2"), function)
        assert said.startswith(f"`{function}(") and all(theirs in said for theirs, _ in gpt2.NAMES[function])
    assert f">{function}</span>" in gpt2.code(EN, function)


def test_an_unknown_function_or_size_of_a_link_shows_the_first():
    assert gpt2.names(EN, "<b>") == gpt2.names(EN, "attn") and gpt2.code(EN, None) == gpt2.code(EN, "attn")
    assert gpt2.config_of("huge") == shapes.SIZES["small"]


def test_a_click_on_a_bar_lists_the_variables_of_its_block():
    rows = gpt2.listing(EN, "small", "h3").splitlines()[2:]
    assert len(rows) == 12 and "| `model/h3/attn/c_attn/w` | 768 × 2304 | 1,769,472 |" in rows
    assert gpt2.listing(EN, "small", "wte").splitlines()[2:] == ["| `model/wte` | 50257 × 768 | 38,597,376 |"]
    assert gpt2.listing(EN, "small", "h99") == gr.skip()


def test_the_bill_of_a_position():
    bill = past.bill(PAST, "small", 512)
    assert "[1, 12, 2, 12, 512, 64]" in bill and "36.0 MiB" in bill and "72.0 KiB" in bill
    assert past.bill(PAST, "small", 10**9) == past.bill(PAST, "small", 1024)  # clamped to what there is
    assert "| none |" in past.bill(PAST, "small", 1)


def test_the_figures_say_what_they_show():
    step = past.look(PAST, 99)
    assert "Step 16" in step["summary"] and "136 products" in step["summary"]
    curve, _ = past.cost(PAST, "small")
    kept, anew = shapes.sums(shapes.SIZES["small"], 1024)
    assert f"{anew / kept:,.0f} times" in curve["summary"]
    counted = json.loads(curve["figure"])["data"][-1]
    assert counted["x"][:2] == [16, 16] and counted["y"][0] == shapes.multiplications(shapes.SIZES["small"], 1, 15)


def test_both_ways_of_the_race_draw_the_same_tokens(monkeypatch):
    if past.WEIGHTS not in weights.names():
        assert "not in this checkout" in next(past.compete(PAST))[1]
        pytest.skip("the composer is not in this checkout")
    monkeypatch.setattr(past, "RACE_TOKENS", 24)
    *_, (figure, said) = past.compete(PAST)
    assert "24 tokens" in said and "same tokens" in said
    assert [trace["name"] for trace in json.loads(figure["figure"])["data"]] == ["with a past", "without a past"]
