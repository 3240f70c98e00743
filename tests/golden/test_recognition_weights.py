"""The shipped recogniser on people and sentences that it has never heard, which the repository holds."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch

from core import audio, held_out, weights
from core.recognition.examples import FOLDER, STRINGS

NAME = "recognition-english"
pytestmark = [
    pytest.mark.golden, pytest.mark.skipif(NAME not in weights.names(), reason="the weights are not here yet")
]  # fmt: skip
PROMPTS = tuple(held_out.sentences())[::5]  # twelve


@pytest.fixture(scope="module")
def model():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine two threads wait for each other at every step
    yield weights.load(NAME)
    torch.set_num_threads(before)


def character_error(wanted, found):
    return pytest.importorskip("jiwer").cer(list(wanted), list(found))


def test_held_out_sentences_of_the_known_voice(model):
    """Letters wrong, in twelve sentences; the language model must help."""
    from core.recognition.sample import BEAM, BONUS, WEIGHT, beam, greedy, posteriors
    from core.recognition_metrics import as_read

    wanted = [as_read(held_out.sentences()[prompt]) for prompt in PROMPTS]
    outputs = [posteriors(model, held_out.load(prompt)) for prompt in PROMPTS]
    plain = character_error(wanted, [greedy(one).text for one in outputs])
    fused = character_error(
        wanted, [beam(one, BEAM, model.language_model, weight=WEIGHT, bonus=BONUS).text for one in outputs]
    )
    assert plain < 0.30 and fused < plain


def test_digits_of_men_who_were_never_heard(model):
    from core.recognition.data import DIGITS
    from core.recognition.language import Words
    from core.recognition.sample import beam, posteriors

    listed = json.loads((FOLDER / "recognition.json").read_text())
    right = []
    for name in STRINGS:
        log_probs = posteriors(model, audio.load_voice(FOLDER / f"{name}.opus"))
        heard = beam(log_probs, 16, Words(DIGITS), weight=1.0, least=0)
        right += [a == b for a, b in zip(heard.text.split(), listed[name]["text"].split())]
    assert np.mean(right) >= 0.7


def test_words_have_times_in_order_and_music_gets_no_confidence(model):
    from core.recognition import recognise

    spoken = recognise(model, held_out.load("b0481"))
    assert spoken.is_sure and [word.text for word in spoken.words] == spoken.text.split()
    starts = [word.start_s for word in spoken.words]
    assert starts == sorted(starts) and spoken.words[-1].end_s <= len(spoken.posteriors) * 0.025
    for name in ("heard-electronic.ogg", "heard-piano.ogg"):
        assert not recognise(model, audio.load_voice(FOLDER / name)).is_sure


def test_ten_seconds_are_answered_within_two(model):
    from core.recognition import recognise

    sound = torch.cat([held_out.load(prompt) for prompt in PROMPTS])[: 10 * 16_000]
    recognise(model, sound)
    started = time.process_time()
    recognise(model, sound, language_model=model.language_model)
    assert time.process_time() - started < 2


def test_the_card_says_what_was_compared():
    found = {(one["name"], one["split"].partition(" ")[2]): one["value"] for one in weights.card(NAME)["metrics"]}
    names = {name for name, _ in found}
    assert {"word error (%), pocketsphinx", "word error (%), pocketsphinx, digits only"} <= names
    known = next(split for _, split in found if split == "held-out sentences of the known voice")
    letters = found["character error (%), network, beam and letters", known]
    assert letters < found["character error (%), network, greedy", known] < 30
