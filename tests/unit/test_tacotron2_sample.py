"""Decoding: the seed decides, steps come one by one, the limit holds, the wrong table is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tacotron import network

from core.errors import SamplingError
from core.tacotron2 import sample
from core.tacotron2.model import Tacotron2
from core.text.tokens import table, tokens

TEXT = tokens("Yes, the cat sat.", "en")


@pytest.fixture(scope="module")
def model() -> Tacotron2:
    return network(stop_bias=-5.0)


def test_the_seed_decides_and_other_draws_do_not(model):
    first = sample.decode(TEXT, model=model, seed=3, max_seconds=0.5)
    torch.manual_seed(1)
    made = []
    for step in sample.steps(TEXT, model=model, seed=3, max_seconds=0.5):
        torch.rand(7)  # somebody else draws between two steps
        made.append(step)
    assert torch.equal(torch.cat([step.frames for step in made], dim=1), first.mel_before)
    assert torch.equal(torch.stack([step.weights for step in made]), first.alignment)
    other = sample.decode(TEXT, model=model, seed=4, max_seconds=0.5)
    assert not torch.equal(other.mel_before, first.mel_before)


def test_the_limit_ends_what_does_not_stop(model):
    made = sample.decode(TEXT, model=model, max_seconds=0.5)
    count = int(0.5 / 0.0375)
    assert not made.stopped and made.alignment.shape == (count, len(TEXT)) and made.stop.shape == (count,)
    assert made.mel.shape == made.mel_before.shape == (80, 3 * count)
    assert torch.allclose(made.alignment.sum(dim=1), torch.ones(count), atol=1e-5)
    assert len(sample.decode(TEXT, model=model).stop) == int((2 + 0.25 * len(TEXT)) / 0.0375)


def test_it_stops_when_it_says_so(model):
    eager = Tacotron2(model.config).eval()
    eager.load_state_dict(model.state_dict())
    torch.nn.init.constant_(eager.stop.bias, 9.0)
    made = sample.decode(TEXT, model=eager)
    assert made.stopped and len(made.stop) == 1 and float(made.stop[0]) > 0.5


def test_the_query_that_is_kept_leads_to_the_weights(model):
    made = sample.decode(TEXT, model=model, max_seconds=0.3)
    state = model.begin(torch.tensor([TEXT.ids]))
    past = torch.zeros(len(TEXT))
    for i, weights in enumerate(made.alignment):
        before = made.alignment[i - 1] if i else torch.zeros(len(TEXT))
        energies = model.attention(made.queries[i][None], state.keys, before[None], past[None], None)
        torch.testing.assert_close(torch.softmax(energies[0], dim=0), weights)
        past = past + weights


def test_a_text_of_two_sentences_is_said_one_by_one(model):
    said = sample.synthesize("Yes, the cat sat. No!", model=model, vocoder="griffin-lim")
    assert said.sample_rate_hz == 16_000 and said.audio.shape[0] == (said.mel.shape[1] - 1) * 200
    one, two = said.sentences
    assert one.tokens.ids == TEXT.ids and two.tokens.symbols == ("^", "N", "OW1", "!", "~")
    steps = len(one.stop), len(two.stop)
    assert said.alignment.shape == (sum(steps), len(TEXT) + 5) and not said.stopped
    assert float(said.alignment[: steps[0], len(TEXT) :].sum()) == 0
    assert float(said.alignment[steps[0] :, : len(TEXT)].sum()) == 0
    yielded = list(sample.stream("Yes, the cat sat. No!", model=model))
    assert [step.sentence for step in yielded] == [0] * steps[0] + [1] * steps[1]
    assert said.tokens.spans[-2] == (20, 21)  # the "!" of the text


@pytest.mark.parametrize(
    ("text", "language", "parts"),
    [
        ("Dr. Smith paid $3.50. Why?", "en", ["Dr. Smith paid $3.50.", "Why?"]),
        ("no full stop", "en", ["no full stop"]),
        ("안녕하세요? 반갑습니다.", "ko", ["안녕하세요?", "반갑습니다."]),
        ("...Yes. ...", "en", ["Yes. ..."]),
    ],
)
def test_texts_are_cut_where_sentences_end(text, language, parts):
    cut = sample.sentences(tokens(text, language))
    assert [text[part.spans[0][0] : part.spans[-1][1]].strip() for part in cut] == parts
    for part in cut:
        assert part.symbols[-1] == "~" and part.symbols[-2] in ".?!"
        assert (part.symbols[0] == "^") is (language == "en")
        assert part.ids == tuple(table(language).index(s) for s in part.symbols)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["the", "cat", "sat,", "on;", "a", "mat.", "why?"]), min_size=1, max_size=60))
def test_no_sound_is_lost_by_cutting_and_no_part_is_too_long(words):
    whole = tokens(" ".join(words), "en")
    cut = sample.sentences(whole, longest=30)
    sounds = [s for s in whole.symbols if s[0].isalpha()]
    assert [s for part in cut for s in part.symbols if s[0].isalpha()] == sounds
    assert all(len(part) <= 33 for part in cut)  # 30, start, end, and a mark that was put in
    assert all(part.symbols[1] != " " != part.symbols[-3] for part in cut)


def test_wrong_wishes_are_refused(model):
    with pytest.raises(SamplingError, match="reads en phones"):
        next(sample.steps(tokens("안녕", "ko"), model=model))
    with pytest.raises(SamplingError, match="dropout"):
        next(sample.steps(TEXT, model=model, prenet_dropout=1.0))
    with pytest.raises(SamplingError, match="vocoder"):
        sample.vocode(torch.zeros(80, 10), vocoder="hifi-gan")
    with pytest.raises(SamplingError, match="No Tacotron 2 is shipped for 'fr'"):
        sample.load("fr")
