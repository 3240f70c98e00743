"""The composers' classifier and what the card reports, against SciPy and by hand."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from core import weights
from core.errors import DataError
from core.gpt2.model import GPT2
from core.musenet import classifier, data, encoding, measure, train
from core.musenet import vocabulary as v
from core.musenet.encoding import Note

SCALE = (0, 2, 4, 5, 7, 9, 11)


def tune(seed: int, *, leaps: int, notes: int = 60, low: int = 60) -> list[int]:
    """A melody over a major scale on `low`, by steps or by leaps."""
    draw = np.random.default_rng(seed)
    degree = np.abs(np.cumsum(draw.choice((-leaps, leaps), notes)) % 14 - 7)
    given = [
        Note(0, low + 12 * (d // 7) + SCALE[d % 7], int(draw.integers(30, 100)), 0.2 * i, 0.2 * i + 0.2)
        for i, d in enumerate(degree.tolist())
    ]
    return encoding.encode_notes(given, "bach")


@pytest.mark.parametrize("tonic", [0, 4, 9])
def test_the_key_is_found(tonic: int) -> None:
    major = np.array([60 + tonic + d for d in SCALE] + [60 + tonic, 67 + tonic])
    shares, minor = classifier.in_key(major, np.ones(len(major)))
    assert not minor and shares == pytest.approx(np.array([2, 0, 1, 0, 1, 1, 0, 2, 0, 1, 0, 1]) / 9)
    harmonic = np.array([60 + tonic + d for d in (0, 2, 3, 5, 7, 8, 11, 0, 3, 7)])
    assert classifier.in_key(harmonic, np.ones(10))[1]


def test_features_do_not_hear_key_and_volume() -> None:
    plain = encoding.decode_notes(tune(1, leaps=1))
    moved = [n._replace(pitch=n.pitch + 3, velocity=99) for n in plain]
    first, other = (classifier.features(encoding.encode_notes(some, "pop")) for some in (plain, moved))
    registers = slice(-3 - 3 * 14, -3)  # these do hear where the music lies
    same = np.ones(len(first), bool)
    same[registers] = False
    np.testing.assert_allclose(first[same], other[same], atol=1e-12)
    with pytest.raises(DataError, match="eight notes"):
        classifier.features(encoding.encode_notes(plain[:5], "pop"))


def test_two_manners_are_told_apart_on_music_not_heard() -> None:
    rows = {who: [tune(i, leaps=k) for i in range(20)] for who, k in (("bach", 1), ("pop", 3))}
    judge = classifier.fit(rows)
    new = {who: [tune(100 + i, leaps=k) for i in range(10)] for who, k in (("bach", 1), ("pop", 3))}
    assert judge.recognised(new) == {"bach": 1.0, "pop": 1.0}
    assert judge.recognised({"bach": new["pop"]}) == {"bach": 0.0}
    assert judge.guess([v.header("bach", ["piano"])]) == [""]
    with pytest.raises(DataError, match="two composers"):
        classifier.fit({"bach": rows["bach"]})


def test_divergence_is_scipys_distance_squared() -> None:
    draw = np.random.default_rng(0)
    for _ in range(5):
        p, q = draw.random((2, 12)) * (draw.random((2, 12)) > 0.3)
        assert measure.divergence(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-12)
    assert measure.divergence(p, p) == 0 and measure.divergence(np.eye(2)[0], np.eye(2)[1]) == 1


def test_intervals_are_counted_on_the_upper_line() -> None:
    line = ((0, 60), (0, 72), (0.5, 74), (0.5, 50), (1, 50), (1.5, 74))
    row = encoding.encode_notes([Note(0, pitch, 70, at, at + 0.5) for at, pitch in line], "bach")
    counts = np.round(measure.profiles([row])["intervals"]).tolist()
    assert counts == [1 if i - 12 in (-12, 2, 12) else 0 for i in range(25)]  # 2 up, then 24 down and up at the edges


def test_frequencies_alone_cost_what_shannon_says() -> None:
    """Half of all tokens are one token, the other half another: 1 bit each (but for the one that is added to all)."""
    ids = np.array([v.ON[0, 60], v.OFF[0, 60]] * 50_000, np.uint16)
    pieces = [data.Piece("x", "bach", "bach:bwv1", False, ("piano",), ids)]
    rows = [[*v.header("bach", ["piano"]), *ids[:200].tolist()]]
    assert measure.unigram_bits(pieces, rows) == pytest.approx(1, abs=0.02)


def test_every_row_of_the_card_on_generated_pieces(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"bach": "bach:bwv781", "pop": "pop:005"}
    monkeypatch.setattr(classifier, "STYLES", tuple(held))
    pieces = []
    for who, k in (("bach", 1), ("pop", 3)):
        for i, work in enumerate((f"{who}:other", held[who])):
            body = np.array(tune(i, leaps=k, notes=200)[3:], np.uint16)
            pieces.append(data.Piece(f"{who}{i}", who, work, False, ("piano",), body))
    assert [one.held_out for one in pieces] == [False, True, False, True]
    torch.manual_seed(0)
    model = GPT2(train.PRESETS["tiny"]).eval()
    found = measure.measure(model, pieces, count=2)
    values = {one["name"]: one["value"] for one in found}
    assert values["composer recognised, real works"] == 1 and values["composer recognised, chance"] == 0.5
    assert values["bits an event, mean over composers"] > values["bits an event, knowing only how often tokens come"]
    assert all(np.isfinite(value) for value in values.values())
    state = {"step": 3, "seed": 0, "hours": 0.1, "command": "python -m core.musenet.train --data PATH --steps 3"}
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    measure.ship(model, state, found)
    card = weights.card(measure.NAME)
    assert card["license"] == "cc-by-nc-sa-4.0" and len(card["metrics"]) == len(found)
