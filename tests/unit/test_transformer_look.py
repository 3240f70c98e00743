"""What a network looks at, against a network whose attention is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.midi.events import NOTE_OFF, NOTE_ON, SET_VELOCITY, TIME_SHIFT, Notes, decode_notes, encode_notes
from core.transformer import figures, look
from core.transformer.melody import skyline
from core.transformer.model import MusicTransformer, MusicTransformerConfig

IDS = [SET_VELOCITY + 16, NOTE_ON + 60, TIME_SHIFT + 49, NOTE_OFF + 60, NOTE_ON + 64, TIME_SHIFT + 49, NOTE_ON + 67,
       TIME_SHIFT + 9, NOTE_OFF + 64, NOTE_OFF + 67]  # fmt: skip


@pytest.fixture
def network() -> MusicTransformer:
    torch.manual_seed(0)
    return MusicTransformer(MusicTransformerConfig(width=16, layers=2, heads=2, hidden=32, length=32)).eval()


def test_arcs_add_up_what_the_row_before_the_note_gives_to_each_note(network) -> None:
    for layer in (0, 1):
        found = look.note_arcs(network, IDS, 2, layer)  # the G, struck by event 6
        _, weights = network.look(torch.tensor([IDS[:6]]))
        row = weights[layer, 0, :, 5]  # [H, 6], events 0 … 5 as seen from event 5
        for head in range(2):
            to = {j: w for j, h, w in found.rows if h == head}
            assert to.get(0, 0.0) == pytest.approx(float(row[head, 1] + row[head, 3]), abs=1e-6)
            assert to.get(1, 0.0) == pytest.approx(float(row[head, 4]), abs=1e-6)
            assert found.elsewhere[head] == pytest.approx(float(row[head, 0] + row[head, 2] + row[head, 5]), abs=1e-6)


def test_the_first_event_of_a_window_has_nothing_before_it(network) -> None:
    assert look.note_arcs(network, [NOTE_ON + 60, TIME_SHIFT, NOTE_OFF + 60], 0, 0).rows == []
    near = look.note_arcs(network, IDS, 2, 0, window=2)  # hears NOTE_ON<64> and the shift alone
    assert {j for j, _, _ in near.rows} <= {1}


def test_surprise_is_the_cross_entropy_of_each_event(network) -> None:
    bits = look.surprise(network, IDS)
    logits = network(torch.tensor([IDS]))[0].detach().double().numpy()
    for n in range(len(IDS) - 1):
        p = np.exp(logits[n]) / np.exp(logits[n]).sum()
        assert bits[n] == pytest.approx(-np.log2(p[IDS[n + 1]]), rel=1e-4)
    np.testing.assert_allclose(look.running(np.array([1.0, 3.0, 5.0, 7.0]), over=2), [1, 2, 4, 6])


def test_reach_counts_distances(network) -> None:
    ids = (IDS * 3)[:30]
    shares = look.reach(network, ids, edges=(1, 4))
    np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-6)
    _, weights = network.look(torch.tensor([ids]))
    own = [float(weights[1, 0, 1, n, n]) for n in range(15, 30)]
    near = [float(weights[1, 0, 1, n, n - 3 : n].sum()) for n in range(15, 30)]
    assert shares[1, 1, 0] == pytest.approx(np.mean(own), abs=1e-6)
    assert shares[1, 1, 1] == pytest.approx(np.mean(near), abs=1e-6)


def test_the_skyline_is_the_top_voice() -> None:
    start = [0.0, 0.01, 0.0, 0.5, 0.75, 1.0, 1.0]
    end = [0.4, 0.4, 0.4, 1.2, 0.9, 1.5, 1.5]
    pitch = [60, 72, 40, 74, 57, 76, 64]  # 57 lies more than an octave below the 74 that still sounds
    notes = Notes(np.array(start), np.array(end), np.array(pitch), np.full(7, 70))
    top = skyline(notes)
    assert top.pitch.tolist() == [72, 74, 76]
    np.testing.assert_allclose(top.end_s, [0.4, 1.0, 1.5])
    again = decode_notes(encode_notes(*top))
    assert again.pitch.tolist() == [72, 74, 76]


def test_figures_show_what_they_are_given() -> None:
    words = {"seconds": "s", "bits": "bits", "layer": "layer", "share": "share", "distance": "events"}
    names = {"relative": "relative", "absolute": "absolute"}
    drawn = figures.surprise(np.arange(3.0), {k: np.ones(3) for k in names}, names=names, words=words)
    assert [line.name for line in drawn.data] == ["relative", "absolute"]
    shares = {k: np.full((2, 4, 3), 1 / 3) for k in names}
    bars = figures.reach(shares, edges=(1, 4), names=names, words=words)
    assert [bar.name for bar in bars.data] == ["< 1", "1–3", "≥ 4"]
    assert np.allclose(np.sum([bar.y for bar in bars.data], axis=0), 1, atol=1e-3)
