"""The exercises: every outcome is reached by controls that a student can set, and no control breaks a judge."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch

from core.errors import LessonError
from demos import _exercise
from demos import _widgets as w
from demos._map import beats, sound
from demos._melnet import interleave
from demos._musenet import composer
from demos._separation import sisec
from demos._tab import LANGUAGES, discover, strings
from demos._tacotron2 import energies
from demos._transformer import attention
from demos._tts import units
from demos._vqvae import coders, rates
from demos._wavenet import mulaw

VOICE, MUSIC = str(w.sample_path()), str(sound.EXAMPLES["song"])
PLAIN = "the girls near the bird sing ."
SHORT = "They left."


def composed(temperature: Any, top_k: Any, top_p: Any, grammar: Any = True) -> tuple:
    return (None, "chopin", "nothing", ["piano"], 10, temperature, top_k, top_p, 1, grammar, 12)


# cell, exercise -> judge, controls for each outcome
EXERCISES: dict[tuple[str, str, str], tuple[_exercise.Judge, dict[str, tuple]]] = {
    ("wavenet", "mulaw", "fewest"): (mulaw.fewest, {
        "loud": (VOICE, 16, 0), "noisy": (VOICE, 4, -20), "more": (VOICE, 256, -20), "right": (VOICE, 64, -20),
    }),
    ("map", "beats", "half"): (beats.half, {
        "none": (VOICE, 0, 3, 60), "fast": (MUSIC, 0, 2, 110), "slow": (MUSIC, 0, 2, 40), "uneven": (MUSIC, 0, 2, 60),
        "right": (MUSIC, 0, 3, 60),
    }),
    ("tts", "units", "fewest"): (units.fewest, {
        "alone": (SHORT, 1, 0, 50), "dear": (SHORT, 1, 1, 1), "more": (SHORT, 1, 1, 20), "right": (SHORT, 1, 1, 4),
    }),
    ("separation", "sisec", "doubt"): (sisec.doubt, {
        "sure": ("TAK1", "UHL2", "vocals", "SDR"), "small": ("IBM1", "IBM2", "vocals", "SDR"),
        "right": ("HEL1", "REP1", "vocals", "SDR"),
    }),
    ("transformer", "attention", "subject"): (attention.subject, {
        "example": (attention.EXAMPLES[0], "relative", 2, "usual"),
        "short": ("the girls sing .", "absolute", 2, "usual"),
        "alike": ("the girls near the birds sing .", "absolute", 2, "usual"),
        "future": (PLAIN, "absolute", 2, "unmasked"), "elsewhere": (PLAIN, "absolute", 1, "usual"),
        "right": (PLAIN, "absolute", 2, "usual"),
    }),
    ("musenet", "composer", "bold"): (composer.bold, {
        "tame": composed(1, 0, 0.9), "many": composed(1.5, 0, 0.98), "narrow": composed(1.5, 0, 0.05),
        "right": composed(1.5, 8, 1),
    }),
    ("melnet", "interleave", "smallest"): (interleave.smallest, {
        "large": ("b0481", 3), "gaps": ("b0481", 5), "right": ("b0481", 4),
    }),
    ("vqvae", "codes", "cheapest"): (rates.cheapest, {
        "costly": (512, 40), "poor": (32, 20), "lopsided": (32, 80), "right": (128, 40),
    }),
}  # fmt: skip
ELSEWHERE = {("tacotron2", "energies", "passing")}
each = pytest.mark.parametrize("place", EXERCISES, ids="-".join)


@pytest.fixture(autouse=True)
def one_thread():
    """A judge has one core; and small products take longest where many threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def texts(place: tuple[str, str, str], language: str) -> dict[str, str]:
    slug, cell, name = place
    found = _exercise.outcomes(strings(slug, language).cell(cell), name)
    return {outcome: text for outcome, text in found.items() if outcome != "task"}


def test_every_exercise_is_tried_here() -> None:
    found = {
        (tab.slug, cell, name)
        for tab in discover()
        for cell, questions in strings(tab.slug, "en").quizzes.items()
        for name, table in questions.items()
        if "task" in table
    }
    assert found == set(EXERCISES) | ELSEWHERE


@each
def test_every_outcome_is_reached_and_says_what_was_measured(place) -> None:
    judge, controls = EXERCISES[place]
    assert set(controls) == set(texts(place, "en"))
    for wanted, values in controls.items():
        outcome, measured = judge(*values)
        assert outcome == wanted, (values, measured)
        for language in LANGUAGES:
            assert texts(place, language)[outcome].format(**measured)


@each
@pytest.mark.parametrize("bad", [None, math.nan, -5, "x"])
def test_bad_controls_give_an_outcome_or_an_error_that_can_be_read(place, bad) -> None:
    judge, controls = EXERCISES[place]
    usual = controls["none" if place[0] == "map" else "right"]  # a short sound
    for changed in range(len(usual)):
        if isinstance(usual[changed], str) and not isinstance(bad, str | None):
            continue  # a box, a menu and a sound give text or nothing
        values = [bad if number == changed else value for number, value in enumerate(usual)]
        try:
            outcome, _ = judge(*values)
        except LessonError:
            continue
        assert outcome in controls


def test_the_cheapest_coder_is_the_cheapest_of_all_nine() -> None:
    """K, r and STOI from the cards, and r log2 K."""
    stoi = {(k, r): coders.measured(f"vqvae-{k}-{r}")["STOI, WaveNet"] for k in coders.CODES for r in coders.RATES}
    bits = {(k, r): r * math.log2(k) for k, r in stoi}
    good = [pair for pair in stoi if stoi[pair] >= 0.79]
    assert rates.cheapest(*min(good, key=bits.__getitem__))[0] == "right"
    assert [rates.cheapest(*pair)[0] for pair in stoi].count("right") == 1


@pytest.mark.parametrize("tiers", range(2, 7))
def test_the_first_tier_is_split_along_both_axes_in_turn(tiers) -> None:
    """Of T tiers T - 1 splits, the first along frequency when seen from the whole: every 2^k frames of 12.5 ms."""
    outcome, values = interleave.smallest("b0497", tiers)
    assert float(values["apart"]) == 12.5 * 2 ** ((tiers - 1) // 2) and values["bands"] == 80 // 2 ** (tiers // 2)
    assert (outcome == "right") == (tiers == 4)


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """A short sentence, read by the network."""
    _, parts = energies.decoded(None, SHORT)
    return {"parts": parts}


def weighted(said: dict[str, Any], shares: dict[int, float]) -> dict[str, Any]:
    """The same reading, whose every step gives these tokens these weights."""
    (part,) = said["parts"]
    alignment = part.alignment * 0
    for token, share in shares.items():
        alignment[:, token] = share
    return {"parts": [dataclasses.replace(part, alignment=alignment)]}


def test_passing_from_one_sound_to_the_next(said) -> None:
    symbols = said["parts"][0].tokens.symbols
    boundary = symbols.index(" ")
    place = ("tacotron2", "energies", "passing")
    cases = {
        "right": {boundary - 2: 0.4, boundary - 1: 0.6}, "rests": {boundary - 2: 0.2, boundary - 1: 0.8},
        "silent": {boundary - 1: 0.5, boundary: 0.5}, "apart": {boundary - 1: 0.5, boundary + 1: 0.5},
    }  # fmt: skip
    assert set(cases) == set(texts(place, "en"))
    for wanted, shares in cases.items():
        outcome, measured = energies.passing(weighted(said, shares), SHORT, 3)
        assert outcome == wanted, measured
        assert all(texts(place, language)[outcome].format(**measured) for language in LANGUAGES)
    reached = {energies.passing(said, SHORT, step)[0] for step in range(len(said["parts"][0].stop))}
    assert {"right", "rests"} <= reached  # in the network's own reading


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -5, 10_000, "x"])
def test_a_bad_step_is_another_step(said, bad) -> None:
    assert energies.passing(said, SHORT, bad)[0] in ("right", "rests", "silent", "apart")
