"""The stored sounds are those of the shipped networks, and the sentences those of the samples."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from core import audio, postfilter, weights
from core.wavenet import WaveNetConfig, examples

pytestmark = pytest.mark.golden
STALE = "run `python -m core.wavenet.examples` again: the weights are not those that made the stored sounds"


@pytest.mark.parametrize(("part", "name"), [("speech", "wavenet-speech"), ("vocoder", "wavenet-vocoder")])
def test_they_were_made_by_the_shipped_weights(part, name):
    assert examples.index()[part]["weights"] == weights.card(name)["sha256"], STALE


@torch.no_grad()
def test_the_network_finds_the_stored_softmax_again_in_the_stored_sound():
    """Teacher forcing on the codes of the FLAC file gives the probabilities that were kept while it was drawn."""
    model = weights.load("wavenet-speech")
    take = next(take for take in examples.takes() if take.temperature == 1.0)
    codes = audio.mu_law_encode(torch.from_numpy(take.x[:6400]))  # eight looks
    positions = take.positions[take.positions < 6400]
    assert np.array_equal(codes.numpy()[positions], take.drawn[: len(positions)])
    expected = torch.softmax(model(codes[None])[0], dim=0).T.numpy()[positions]  # [looks, 256]
    distance = 0.5 * np.abs(expected - take.probabilities[: len(positions)]).sum(axis=1)
    assert len(positions) == 8 and distance.max() < 0.05  # total variation; engines may store weights as fp16


def test_the_memory_that_the_page_speaks_of():
    """The lesson and its questions say 2,048 samples, 0.128 s."""
    config = WaveNetConfig(**weights.card("wavenet-speech")["config"])
    assert config.receptive_field_samples == 2048


def test_takes_begin_with_their_prime_and_differ_in_temperature():
    takes = examples.takes()
    assert len({take.temperature for take in takes}) >= 3
    primed = next(take for take in takes if take.prime)
    voice = audio.load_voice(examples.SAMPLES / f"kathleen_{examples.PRIME}.flac").numpy()
    start = np.flatnonzero(np.abs(voice) > np.abs(voice).max() / 20)[0] - 320
    given = voice[max(0, start) :][: primed.prime]
    snr_db = 10 * np.log10(np.sum(given**2) / np.sum((given - primed.x[: primed.prime]) ** 2))
    assert snr_db > 30  # only mu-law lies between
    entropies = {t.temperature: -(t.probabilities * np.log2(t.probabilities + 1e-9)).sum(1).mean() for t in takes}
    assert entropies[min(entropies)] < entropies[max(entropies)]


@pytest.mark.parametrize("path", sorted(examples.SAMPLES.glob("kathleen_*.flac")), ids=lambda path: path.stem)
def test_every_sample_sentence_has_its_versions(path):
    clip = examples.clip(path.stem.removeprefix("kathleen_"))
    assert clip is not None, STALE
    voice = audio.load_voice(path).numpy()
    assert {len(x) for x in clip.sounds.values()} == {len(voice)}
    assert np.abs(clip.sounds["original"] - voice).max() < 1e-3
    for name, x in clip.sounds.items():
        level_db = 20 * np.log10(np.sqrt(np.mean(x**2)))
        assert -35 < level_db < -10 and np.mean(np.abs(x) > 0.999) < 1e-3, name
    measured = audio.mel(torch.from_numpy(clip.sounds["wavenet"])).numpy() * examples.DECIBELS
    stored = clip.mels["wavenet"] * examples.DECIBELS
    assert np.abs(measured - stored).mean() < 0.5  # kept as whole decibels
    assert [row["name"] for row in clip.scores] == ["mu_law", "griffin_lim", "wavenet_raw", "wavenet"]
    filtered = postfilter.correct(torch.from_numpy(clip.sounds["wavenet_raw"]), audio.mel(torch.from_numpy(voice)))
    assert np.abs(filtered.numpy() - clip.sounds["wavenet"]).max() < 1e-3


def test_the_filtered_network_beats_griffin_lim():
    """What the lesson says of the vocoder, on the six sentences that the page plays."""
    clips = examples.index()["vocoder"]["clips"].values()
    scores = [{row["name"]: row["pesq"] for row in clip["scores"]} for clip in clips]
    means = {name: np.mean([one[name] for one in scores]) for name in scores[0]}
    assert means["wavenet"] > means["griffin_lim"] > means["wavenet_raw"]


def test_reading_them_loads_no_torch():
    code = "import sys; from core.wavenet import examples; examples.takes(); examples.clip('b0487')"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=examples.ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
