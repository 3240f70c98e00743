"""The sentences, the one layer laid open, the skewing trick's steps, the division by sqrt(D), and memory."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from core import weights
from core.errors import TextError
from core.transformer import memory, scale, skewing
from core.transformer.attention import relative_direct
from core.transformer.model import MusicTransformer
from core.transformer.sentence import data, measure, train
from core.transformer.sentence.model import LENGTH, LONGEST, MOST_SHIFT, look, read, to_ids

WORDS = "the bells near the old girl ring .".split()


def made(position: str) -> MusicTransformer:
    torch.manual_seed(4)
    model = MusicTransformer(train.config(position)).eval()
    torch.nn.init.normal_(model.embedding.weight, std=0.3)  # so that rows differ much, as after training
    if position == "relative":
        torch.nn.init.normal_(model.layers[0].attention.embeddings)
    return model


both = pytest.mark.parametrize("position", ["relative", "absolute"])


def test_the_grammars_agree_in_number_and_honour_whom_they_should() -> None:
    found = data.english() + data.korean()
    assert len(set(found)) == len(found) and max(map(len, found)) == LONGEST and LENGTH == LONGEST + MOST_SHIFT
    for words in data.english():
        noun = next(word for word in words if word.rstrip("s") in ("girl", "boy", "bird", "bell"))
        if "because" in words:
            pronoun, be = words[words.index("because") + 1 :][:2]
            assert (be == "were") == (pronoun == "they") == noun.endswith("s")
        else:
            assert words[-2].endswith("s") != noun.endswith("s")  # rings, but bells ring
    for words in data.korean():
        high = any(word.endswith("께서") for word in words)
        revered = any(word.endswith("께") for word in words)
        assert ("신다" in words[-2]) == high, words
        if any(word.endswith(("에게", "께")) for word in words):
            assert words[-2].startswith("드") == revered, words
    learnt, held_out = data.split()
    assert not set(learnt) & set(held_out) and 90 < len(held_out) < 130


def test_a_sentence_is_read_or_told_what_is_wrong() -> None:
    assert read(" The bells RING.") == ["the", "bells", "ring", "."]
    with pytest.raises(TextError, match="“violin” is not one of the 52"):
        read("the violin sings .")
    for text, count in (("the", 1), ("", 0), ("the " * 14, 14)):
        with pytest.raises(TextError, match=f"has {count} words"):
            read(text)


@both
def test_what_is_laid_open_is_what_the_model_computes(position: str) -> None:
    model = made(position)
    ids = torch.tensor([to_ids(WORDS)])
    logits, seen = model.look(ids)
    found = look(model, WORDS)
    torch.testing.assert_close(found.weights, seen[0, 0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.guesses, logits[0].softmax(-1), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.mixed, found.weights @ found.values, rtol=1e-5, atol=1e-6)
    assert (found.position.abs().max() > 0.1) == (position == "relative")


@both
@pytest.mark.parametrize(("causal", "scaled"), [(True, True), (False, True), (True, False), (False, False)])
def test_a_row_of_the_softmax_by_hand(position: str, causal: bool, scaled: bool) -> None:
    model = made(position)
    found = look(model, WORDS, causal=causal, scaled=scaled)
    q, k = found.queries.double().numpy(), found.keys.double().numpy()
    for head in range(2):
        for i in range(len(WORDS)):
            last = i + 1 if causal else len(WORDS)
            logits = q[head, i] @ k[head, :last].T
            if position == "relative":
                table = model.layers[0].attention.embeddings[head].detach().double().numpy()
                logits += [q[head, i] @ table[LENGTH - 1 + j - i] if j <= i else 0.0 for j in range(last)]
            logits = logits / (math.sqrt(6) if scaled else 1.0)
            np.testing.assert_allclose(found.logits[head, i, :last], logits, rtol=1e-4, atol=1e-5)
            shares = np.exp(logits - logits.max())
            np.testing.assert_allclose(found.weights[head, i, :last], shares / shares.sum(), rtol=1e-4, atol=1e-6)
            assert float(found.weights[head, i, last:].sum()) == 0.0


@pytest.mark.parametrize("shift", [1, 5, MOST_SHIFT])
def test_moving_a_sentence_changes_absolute_logits_and_no_relative_ones(shift: int) -> None:
    model = made("relative")
    home, moved = look(model, WORDS), look(model, WORDS, shift=shift)
    torch.testing.assert_close(moved.logits.tril(), home.logits.tril(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(moved.guesses, home.guesses, rtol=1e-4, atol=1e-6)
    model = made("absolute")
    home, moved = look(model, WORDS), look(model, WORDS, shift=shift)
    assert float((moved.logits - home.logits).tril().abs().max()) > 0.1
    model.positions = model.positions.roll(-shift, dims=0)  # place n gets the waves of n + shift
    torch.testing.assert_close(look(model, WORDS).weights, moved.weights, rtol=1e-4, atol=1e-6)


def test_the_steps_of_skewing_end_at_the_direct_form() -> None:
    chance = np.random.default_rng(0)
    q, embeddings = (torch.from_numpy(chance.standard_normal((6, 4))) for _ in range(2))
    found = skewing.steps(q @ embeddings.T)
    seen = torch.ones(6, 6, dtype=torch.bool).tril()
    direct = relative_direct(q[None, None], embeddings[None])[0, 0]
    torch.testing.assert_close(found.sliced[seen], direct[seen], rtol=1e-10, atol=1e-12)
    assert [tuple(array.shape) for array in found] == [(6, 6), (6, 7), (7, 6), (6, 6)]


def test_the_labels_say_where_each_cell_came_from() -> None:
    found, reachable = skewing.labels(5), skewing.reachable(5)
    used = set()
    for i in range(5):
        for j in range(i + 1):
            row, column = divmod(int(found.sliced[i, j]), 5)
            assert (row, column) == (i, 4 + j - i)  # the distance j - i of the same query
            used.add((row, column))
    assert used == {(i, r) for i in range(5) for r in range(5) if reachable[i, r]}
    assert sorted(found.reshaped.flatten().tolist()) == sorted([*range(25), *[-1] * 5])


def test_without_the_division_one_key_gets_all() -> None:
    normals = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 32, 512)))
    found = scale.curve((4, 512), normals=normals)
    for column, width in enumerate((4, 512)):
        logits = normals[0, :, :width].numpy() @ normals[1, :, :width].numpy().T
        for scaled, one in ((True, logits / math.sqrt(width)), (False, logits)):
            shares = np.exp(one - one.max(1, keepdims=True))
            wanted = (shares / shares.sum(1, keepdims=True)).max(1).mean()
            assert found[scaled][column] == pytest.approx(wanted, rel=1e-6)
    assert found[False][1] > 0.9 and found[True][1] < 0.35


def test_the_formula_of_memory_is_the_papers() -> None:
    """Table 1 of arXiv:1809.04281, MB a head of 64 numbers; and its 8.5 GB against 4.2 MB a layer, section 3.4."""
    direct, skew = (
        memory.formula(form, length, heads=1, width=64) for form, length in (("direct", 650), ("skew", 3500))
    )
    assert direct.embeddings / 1e6 == pytest.approx(108, abs=0.5) and direct.logits / 1e6 == pytest.approx(
        1.7, abs=0.05
    )
    assert skew.embeddings / 1e6 == pytest.approx(0.9, abs=0.05) and skew.logits / 1e6 == pytest.approx(
        49, abs=0.5
    )
    assert memory.formula("direct", 2048).embeddings / 1e9 == pytest.approx(8.5, abs=0.1)
    assert memory.formula("skew", 2048).embeddings / 1e6 == pytest.approx(4.2, abs=0.05)


def test_the_table_of_memory_is_measured_and_near_its_formula() -> None:
    table = json.loads(memory.TABLE.read_text(encoding="utf-8"))
    assert table["machine"] and table["heads"] == memory.HEADS and table["width"] == memory.WIDTH
    for row in table["rows"]:
        for form in memory.FORMS:
            wanted = memory.formula(form, row["length"]).laid_out
            assert row[form]["formula"] == wanted
            if row[form]["measured"] is not None and row["length"] >= 256:
                assert row[form]["measured"] == pytest.approx(wanted, rel=0.15)


def test_training_begins_and_ships(tmp_path, monkeypatch) -> None:
    learnt, held_out = data.split()
    monkeypatch.setattr(data, "split", lambda: (learnt, held_out[::6]))
    options = ["--steps", "2", "--batch", "4", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "out")]
    train.main(options)
    for name in train.NAMES.values():
        model = weights.load(name, folder=tmp_path / "out")
        assert 0 <= measure.right(model, data.split()[1][:5]) <= 1
        card = weights.card(name, folder=tmp_path / "out")
        assert card["steps"] == 2 and "core/transformer/sentence/data.py" in card["data"][0]["source"]
