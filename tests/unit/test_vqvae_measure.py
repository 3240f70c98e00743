"""What is measured of autoencoders of speech, against NumPy, on sounds and codes made up here."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core import weights
from core.errors import DataError, PackageError
from core.vqvae import cards, conversion, hierarchy, measure, prior
from core.vqvae.model import PRESETS, VQVAE


@pytest.fixture
def front():
    torch.manual_seed(0)
    model = VQVAE(PRESETS["tiny"]).eval()
    nn.init.normal_(model.quantiser.codebook)
    return model


@pytest.fixture
def few(monkeypatch):
    """Three made-up mels in place of the sixty sentences."""
    mels = [torch.randn(80, 100, generator=torch.Generator().manual_seed(seed)) - 5 for seed in range(3)]
    monkeypatch.setattr(measure, "sixty", lambda: mels)
    return mels


def test_use_counts_codes(front, few):
    found = {label: value for label, value, _ in measure.use(front)}
    codes = np.concatenate([front.encode(mel[None])[0].numpy() for mel in few])
    share = np.bincount(codes, minlength=16) / len(codes)
    entropy = -(share[share > 0] * np.log2(share[share > 0])).sum()
    assert found["bits a second, nominal"] == 4 * 40
    assert found["bits a second, entropy of single codes"] == pytest.approx(entropy * 40, rel=1e-5)
    assert found["perplexity of the codes"] == pytest.approx(2**entropy, rel=1e-5)
    assert found["codes never used"] == (share == 0).sum()


def test_a_prior_that_knows_nothing_needs_log2_k_bits(front, few):
    model = prior.network(16).eval()
    nn.init.zeros_(model.head2.weight)
    nn.init.zeros_(model.head2.bias)
    found = {label: value for label, value, _ in measure.measure_prior(model, front)}
    assert found["bits a code"] == pytest.approx(4.0, abs=1e-5)
    assert found["bits a second"] == pytest.approx(160.0, abs=1e-3)


def test_both_levels_together_are_the_sum_of_their_bits(front, few):
    model = hierarchy.SecondLevel(hierarchy.SecondLevelConfig(first_codes=16, first_channels=8, codes=32)).eval()
    for net in (model.decoder, model.prior):
        nn.init.zeros_(net.head2.weight)
        nn.init.zeros_(net.head2.bias)
    found = {label: value for label, value, _ in measure.measure_second(model, front)}
    assert found["bits a code of level 1, given level 2"] == pytest.approx(4.0, abs=1e-5)
    assert found["bits a code of level 2"] == pytest.approx(5.0, abs=1e-5)
    assert found["bits a code of level 1, both levels together"] == pytest.approx(4 + 5 / 8, abs=1e-5)
    assert found["bits a second of level 2, nominal"] == 25


def test_rows_name_the_command_that_prints_them():
    found = [("STOI, WaveNet", 0.87654, "6 held-out sentences"), ("STOI", 0.7, "12 sentences of an unseen man")]
    rows = cards.rows("vqvae-speech", found)
    assert [row["value"] for row in rows] == [0.877, 0.7]
    assert [row["command"] for row in rows] == [
        "python -m core.vqvae.measure vqvae-speech", "python -m core.vqvae.measure vqvae-speech --voices PATH"
    ]  # fmt: skip


def test_a_missing_package_leaves_its_row_out(capsys):
    def absent() -> float:
        raise PackageError("pip install pystoi")

    assert measure.known(absent) == [] and "pystoi" in capsys.readouterr().out
    assert measure.known(lambda: 0.5) == [0.5]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("vqvae-speech", "front"), ("vqvae-32-80", "front"), ("vqvae-prior-argmax", "prior"), ("vqvae-second", "second"),
     ("vqvae-decoder", "decoder")],
)  # fmt: skip
def test_a_name_says_what_it_is(name, kind):
    assert cards.kind(name) == kind


def test_cards_say_what_differs_from_the_papers(tmp_path, monkeypatch, front):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    state = {"seed": 0, "step": 5, "hours": 0.1, "command": "train"}
    cards.ship("vqvae-16-40", front, state, [])
    card = weights.card("vqvae-16-40")
    assert "1711.00937" in card["description"] and "First phase only" in card["description"]
    argmax = VQVAE(replace(PRESETS["tiny"], quantiser="argmax"))
    assert "1806.10474" in cards.describe("vqvae-argmax", argmax)
    assert any("MD never" in one["name"] for one in card["data"])


def test_portraits_that_are_not_there_are_said_so(tmp_path):
    with pytest.raises(DataError, match="git checkout"):
        conversion.portraits(tmp_path / "none.json")
