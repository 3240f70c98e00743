"""CTC against the enumeration of all paths, torch's loss and torchaudio's forced alignment."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.errors import SamplingError, TextError
from core.recognition import ctc
from core.recognition.beam import beam
from core.recognition.language import CharacterModel, Words
from core.recognition.model import ALPHABET, BLANK, decode_text, encode_text
from core.recognition.sample import align, greedy

A, B = encode_text("ab")


def log_probs(steps, symbols=4, seed=0, sharp=1.5):
    """Random outputs over the first symbols of the alphabet: blank, space, apostrophe, a, …"""
    scores = torch.randn(steps, symbols, generator=torch.Generator().manual_seed(seed)).double() * sharp
    return scores.log_softmax(dim=-1).numpy()


def by_enumeration(rows):
    """Probability of every text: all paths, each collapsed by itertools.groupby."""
    found = {}
    for path in itertools.product(range(rows.shape[1]), repeat=len(rows)):
        text = tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)
        found[text] = found.get(text, 0.0) + math.exp(sum(rows[t, symbol] for t, symbol in enumerate(path)))
    return found


def test_collapse_merges_repetitions_before_blanks_go():
    assert ctc.collapse([A, A, BLANK, A, B, B]) == [A, A, B]
    assert ctc.collapse([BLANK, BLANK]) == [] and ctc.collapse([]) == []


def test_letters_and_numbers_are_each_others_inverse():
    assert decode_text(encode_text("it's a zoo")) == "it's a zoo" and len(ALPHABET) == 29
    with pytest.raises(TextError, match="no 'é'"):
        encode_text("café")


@pytest.mark.parametrize("seed", range(3))
def test_the_forward_algorithm_sums_all_paths(seed):
    rows = log_probs(5, seed=seed)
    texts = by_enumeration(rows)
    assert sum(texts.values()) == pytest.approx(1)
    for text, wanted in texts.items():
        assert math.exp(ctc.log_probability(rows, text)) == pytest.approx(wanted, rel=1e-9)
    assert ctc.log_probability(rows, [3, 3, 3, 3]) == -math.inf  # needs seven steps


def test_the_forward_algorithm_is_torchs_loss():
    rows = log_probs(40, symbols=29, seed=1)
    letters = encode_text("hello all")
    loss = F.ctc_loss(
        torch.from_numpy(rows)[:, None], torch.tensor([letters]), torch.tensor([40]), torch.tensor([len(letters)]),
        reduction="sum",
    )  # fmt: skip
    assert -ctc.log_probability(rows, letters) == pytest.approx(loss.item(), rel=1e-9)


def test_occupancy_is_the_gradient_of_the_loss():
    """Graves 2006, equation 14: -d ln p(l) / d ln y_t(k) is the occupancy of k's states."""
    rows = torch.from_numpy(log_probs(12, symbols=29, seed=2)).requires_grad_()
    letters = encode_text("abba")
    loss = F.ctc_loss(rows.log_softmax(-1)[:, None], torch.tensor([letters]), torch.tensor([12]), torch.tensor([4]),
                      reduction="sum")  # fmt: skip
    loss.backward()
    share = ctc.occupancy(rows.detach().numpy(), letters)
    assert np.allclose(share.sum(axis=1), 1)
    by_symbol = np.zeros((12, 29))
    for state, symbol in enumerate(ctc.extended(letters)):
        by_symbol[:, symbol] += share[:, state]
    assert np.allclose(np.exp(rows.detach().numpy()) - by_symbol, rows.grad.numpy(), atol=1e-9)
    with pytest.raises(TextError, match="does not fit"):
        ctc.occupancy(rows.detach().numpy()[:3], letters)


@pytest.mark.parametrize("text", ["hello", "a", "book keeper's"])
def test_the_best_path_is_torchaudios(text):
    torchaudio = pytest.importorskip("torchaudio")
    rows = log_probs(50, symbols=29, seed=len(text)).astype(np.float32)
    labels, scores = torchaudio.functional.forced_align(
        torch.from_numpy(rows)[None], torch.tensor([encode_text(text)], dtype=torch.int32)
    )
    path = ctc.best_path(rows, encode_text(text))
    assert path.log_probability == pytest.approx(float(scores.sum()), rel=1e-5)
    assert (ctc.extended(encode_text(text))[path.states] == labels[0].numpy()).all()

    found = align(rows, text)
    spans = torchaudio.functional.merge_tokens(labels[0], scores[0].exp())
    assert [round(one.start_s / 0.025) for one in found.letters] == [span.start for span in spans]
    assert [round(one.end_s / 0.025) for one in found.letters] == [span.end for span in spans]
    assert np.allclose([one.score for one in found.letters], [span.score for span in spans], atol=1e-5)
    assert [one.text for one in found.words] == text.split()
    assert found.text_log_probability >= found.log_probability


@pytest.mark.parametrize("text, reason", [(" ", "nothing to align"), ("a" * 30, "does not fit"), ("1", "no '1'")])
def test_what_cannot_be_aligned_says_why(text, reason):
    with pytest.raises(TextError, match=reason):
        align(log_probs(20, symbols=29), text)


def test_greedy_decoding_is_the_best_path_collapsed():
    rows = log_probs(30, symbols=29, seed=5)
    found = greedy(rows)
    assert found.path == tuple(rows.argmax(axis=1))
    assert encode_text(found.text) == ctc.collapse(found.path)
    assert found.log_probability == pytest.approx(rows.max(axis=1).sum())


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_most_probable_text(seed):
    rows = log_probs(5, symbols=5, seed=seed)
    texts = {decode_text(list(text)): p for text, p in by_enumeration(rows).items()}
    found = beam(rows, 256, least=0)
    assert found.text == max(texts, key=texts.get)
    assert math.exp(found.log_probability) == pytest.approx(texts[found.text], rel=1e-2)
    for step in found.steps[:3]:  # while nothing has been dropped, each prefix has all its paths
        assert sum(math.exp(one.log_probability) for one in step) == pytest.approx(1)


def test_greedy_can_miss_what_the_beam_finds():
    """Graves 2006, figure 2: the best path is blank, blank (0.36), but "a" has three paths (0.64)."""
    rows = np.log([[0.6, 1e-9, 1e-9, 0.4]] * 2)
    assert greedy(rows).text == "" and beam(rows, 4).text == "a"
    assert math.exp(beam(rows, 4).log_probability) == pytest.approx(0.64, abs=1e-6)


def test_prefixes_tell_where_they_come_from():
    found = beam(log_probs(12, symbols=29, seed=3), 8)
    for earlier, later in zip(found.steps, found.steps[1:]):
        for prefix in later:
            assert prefix.before in {one.text for one in earlier}
            assert prefix.text in (prefix.before, prefix.before + prefix.text[-1])
        assert [one.score for one in later] == sorted((one.score for one in later), reverse=True)


def test_a_language_model_shifts_the_choice_by_its_weight():
    """Against scoring every text by hand: ln p + w ln p_LM + bonus per letter."""
    rows = log_probs(5, symbols=6, seed=7, sharp=0.7)
    model = CharacterModel.learn([("ab ba", 1.0), ("abba", 1.0)], order=3)
    texts = {decode_text(list(text)): math.log(p) for text, p in by_enumeration(rows).items()}

    def score(text):
        line, total = text + " ", texts[text] + 0.3 * len(text)
        likely = sum(math.log(model.probability(line[:i], line[i])) for i in range(len(line))) if text else 0.0
        return total + 0.8 * likely

    found = beam(rows, 256, model, weight=0.8, bonus=0.3, least=0)
    assert found.text == max(texts, key=score)
    assert found.score == pytest.approx(score(found.text), abs=0.02)


def test_a_grammar_lets_nothing_else_be_said():
    digits = Words(("one", "two", "ten"))
    assert math.exp(digits.log_probability("two t", "e")) == pytest.approx(1 / 2)
    assert digits.log_probability("tw", "e") == -math.inf and digits.log_probability("one", " ") == 0
    for seed in range(3):
        found = beam(log_probs(30, symbols=29, seed=seed), 32, digits, weight=1.0, least=0)
        assert set(found.text.split()) <= set(digits.words)


@pytest.mark.parametrize("width", [0, 1000])
def test_a_width_out_of_range_is_refused(width):
    with pytest.raises(SamplingError, match="1 to 256"):
        beam(log_probs(3), width)


def test_letters_after_a_text_are_a_distribution():
    model = CharacterModel.learn([("the cat", 2.0), ("the dog's", 1.0)], order=4, least=(0, 0, 1.5))
    for text in ("", "the", "the ca", "zzz"):
        assert sum(model.probability(text, letter) for letter in ALPHABET[1:]) == pytest.approx(1)
    assert model.probability("th", "e") > 0.8 > 0.1 > model.probability("th", "x")


def test_witten_and_bells_numbers_by_hand():
    """ "aab": after "a" came a and b, one each; single letters: a, a, b and two spaces."""
    model = CharacterModel.learn([("aab", 1.0)], order=2)
    alone = {letter: (count + 3 / 28) / 8 for letter, count in {"a": 2, "b": 1, " ": 2}.items()}
    assert model.probability("a", "b") == pytest.approx((1 + 2 * alone["b"]) / 4)
    assert model.probability("q", "a") == pytest.approx(alone["a"])  # nothing is known after q


def test_a_stored_language_model_says_the_same():
    model = CharacterModel.learn([("she sells sea shells", 1.0), ("by the sea shore", 2.0)], order=5)
    again = CharacterModel.from_bytes(model.to_bytes())
    assert again.order == 5 and again.counts.keys() == model.counts.keys()
    assert again.bits_per_letter(["sea shore"]) == pytest.approx(model.bits_per_letter(["sea shore"]), rel=0.05)
