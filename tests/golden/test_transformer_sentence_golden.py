"""The shipped sentence models: right where they should be, wrong where the page says so, heads that look as it says."""

from __future__ import annotations

import json

import pytest

from core import weights
from core.transformer.sentence import data, measure
from core.transformer.sentence.model import look

pytestmark = pytest.mark.golden


def test_relative_position_holds_wherever_the_sentence_stands_and_absolute_does_not() -> None:
    table = json.loads(measure.TABLE.read_text(encoding="utf-8"))["right"]
    _, held_out = data.split()
    relative, absolute = (weights.load(name) for name in ("transformer-sentence", "transformer-sentence-absolute"))
    assert table["relative"] == [1.0] * 12 and measure.right(relative, held_out, shift=7) == 1.0
    assert measure.right(absolute, held_out) == pytest.approx(table["absolute"][0]) and table["absolute"][0] > 0.98
    assert measure.right(absolute, held_out, shift=3) == pytest.approx(table["absolute"][3], abs=0.02)
    assert table["absolute"][3] < 0.5


@pytest.mark.parametrize("text", ["할머니께서 아이에게 꽃을 주신다 .", "아이에게 할머니께서 꽃을 주신다 ."])
def test_one_head_looks_at_the_giver_and_the_other_at_the_receiver(text: str) -> None:
    words = text.split()
    found = look(weights.load("transformer-sentence"), words)
    assert float(found.weights[0, 2, words.index("할머니께서")]) > 0.7
    assert float(found.weights[1, 2, words.index("아이에게")]) > 0.7
    assert found.top(2, 1)[0][0] == "주신다"


def test_the_verb_is_chosen_by_the_first_noun() -> None:
    found = look(weights.load("transformer-sentence"), "the bells near the girl ring .".split())
    assert float(found.weights[1, 4, 1]) > 0.7  # girl looks back at bells
    assert "ring" in [word for word, _ in found.top(4)]
