"""The shipped autoencoders of speech on held-out sentences: what their cards promise, within a margin."""

import statistics
from pathlib import Path

import pytest
import torch

from core import audio, weights
from core.speech_metrics import stoi
from core.vqvae import cards, codebooks, conversion, grid, measure, prior, sample

pytestmark = pytest.mark.golden

SOUNDS = Path(__file__).resolve().parents[2] / "assets" / "audio"


@pytest.fixture(scope="module")
def sentences():
    """Two of the held-out sentences that are shipped with the site."""
    return [audio.load_voice(path) for path in sorted(SOUNDS.glob("kathleen_b0*.flac"))[:2]]


def promised(name: str, metric: str) -> float:
    return next(one["value"] for one in weights.card(name)["metrics"] if one["name"] == metric)


@pytest.mark.parametrize("name", [*cards.FULL, *grid.names()])
def test_the_codes_are_used_as_the_card_says(name):
    front = sample.load(name).front
    found = {label: value for label, value, _ in [*measure.use(front), measure.frames_db(front)]}
    for label, value in found.items():
        assert value == pytest.approx(promised(name, label), rel=0.02, abs=0.01), label
    assert found["perplexity of the codes"] > 0.5 * front.config.codes


@pytest.mark.parametrize("name", cards.FULL)
def test_what_the_codes_say_is_understood(name, sentences):
    """STOI of the sound against the recording; noise with the recording's spectrum on average has about 0.3."""
    coder = sample.load(name)
    scores = []
    for x in sentences:
        said = coder.speak(coder.encode(x)).audio
        count = min(len(x), len(said))
        scores.append(stoi(x[:count], said[:count]))
    assert statistics.mean(scores) > 0.8


@pytest.mark.parametrize("name", cards.FULL)
def test_another_speaker_is_another_voice(name, sentences):
    """A woman's sentences, said by the man: lower, and with his mean spectrum rather than hers."""
    coder, there = sample.load(name), conversion.portraits()
    own, his = (
        conversion.portrait([coder.speak(coder.encode(x), speaker).audio for x in sentences])
        for speaker in ("kathleen", "MC")
    )
    assert his.f0_hz < own.f0_hz
    to_him, to_her = conversion.distance_db(his, there["MC"]), conversion.distance_db(his, there["kathleen"])
    assert to_him < 0.7 * to_her


def test_more_bits_say_more():
    """In a row of the grid, ever larger codebooks have ever smaller errors, and so have higher rates in a column."""
    error = {name: promised(name, "log-mel distance of the frames (dB)") for name in grid.names()}
    for rate in (80, 40, 20):
        assert error[f"vqvae-32-{rate}"] > error[f"vqvae-128-{rate}"] > error[f"vqvae-512-{rate}"]
    for codes in (32, 128, 512):
        assert error[f"vqvae-{codes}-20"] > error[f"vqvae-{codes}-40"] > error[f"vqvae-{codes}-80"]


@pytest.mark.parametrize("name", list(cards.FRONT_OF))
def test_a_prior_knows_more_than_how_often_codes_occur(name):
    front = sample.load(cards.FRONT_OF[name]).front
    bits = {label: value for label, value, _ in measure.measure_prior(weights.load(name), front)}
    assert bits["bits a code"] == pytest.approx(promised(name, "bits a code"), abs=0.02)
    assert bits["bits a code"] < promised(name, "bits a code by counting") - 1
    assert bits["bits a code"] < promised(name, "bits a code by counting pairs")


def test_the_second_level_tells_the_first_something():
    second = weights.load("vqvae-second")
    found = {label: value for label, value, _ in measure.measure_second(second, sample.load().front)}
    for label, value in found.items():
        assert value == pytest.approx(promised("vqvae-second", label), rel=0.02, abs=0.02), label
    front = sample.load().front
    right, wrong = [], []
    for mel in measure.sixty()[:6]:
        codes = front.encode(mel[None])
        codes = codes[:, : codes.shape[1] // 8 * 8]
        with torch.no_grad():
            level2 = second(front.quantiser.embed(codes)).vectors
            for bits, given in ((right, level2), (wrong, level2.flip(1))):  # the sentence's own, and backwards
                bits.append(float(prior.bits_per_code(second.decoder, codes, second.condition(given))))
    assert statistics.mean(right) < statistics.mean(wrong) - 0.2


def test_both_levels_make_up_speech():
    """Two seconds from nothing: as long as asked for, not silent, the same for the same seed."""
    second, coder = weights.load("vqvae-second"), sample.load()
    codes = second.expand(second.draw(10, seed=3), seed=4)
    assert torch.equal(codes, second.expand(second.draw(10, seed=3), seed=4)) and len(codes) == 80
    assert len(codes.unique()) > 20
    other = prior.draw(weights.load("vqvae-prior"), 80, seed=3)
    for drawn in (codes, other):
        frames = coder.frames(drawn)
        assert frames.shape == (80, 160) and float(frames.mean(dim=0).std()) > 0.3  # syllables, not one tone


def test_codebooks_live_and_die_as_the_page_tells():
    table = codebooks.load()
    last = {name: int(one.dead[-1]) for name, one in table.items()}
    assert last["restart"] < 0.1 * 512 < last["loss"]
    assert last["argmax"] < 0.1 * 512
    assert all(
        one.steps[-1] == codebooks.STEPS[-1] and one.error_db[-1] < one.error_db[0] for one in table.values()
    )
