"""The figures hold the numbers they were given; the packed bytes of a step are its weights, mel and stop."""

from __future__ import annotations

import base64

import numpy as np
import torch

from core.tacotron2 import figures
from core.tacotron2.attention import Terms
from core.tacotron2.sample import Step
from core.text.tokens import tokens
from demos._tacotron2.view import LOUD, QUIET, View, pack

WORDS = {key: key for key in (
    "time", "tokens", "weight", "energy", "with_location", "without_location", "query", "key", "location", "adds",
    "unit", "term", "band",
)}  # fmt: skip


def terms() -> Terms:
    generator = torch.Generator().manual_seed(0)
    query, keys, location = (torch.randn(size, generator=generator) for size in (8, (5, 8), (5, 8)))
    v = torch.randn(8, generator=generator)
    energies, without = torch.tanh(query + keys + location) @ v, torch.tanh(query + keys) @ v
    return Terms(query, keys, location, v, energies, energies.softmax(0), without, without.softmax(0))


def test_an_alignment_is_drawn_with_time_to_the_right_and_the_first_token_below():
    weights = torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]])
    figure = figures.alignment(weights, ("ᄋ", " "), step_s=0.0375, words=WORDS)
    z = np.array(figure.data[0].z, dtype=float)
    assert z.shape == (2, 3) and z[1, 1] == 0.75 and list(figure.data[0].x) == [0, 0.0375, 0.075]
    assert figure.layout.yaxis.autorange != "reversed" and list(figure.layout.yaxis.ticktext) == ["ㅇ", "␣"]


def test_energies_show_both_and_the_chosen_one_in_front():
    found = terms()
    for with_location in (True, False):
        figure = figures.energies(found, tuple("abcde"), with_location=with_location, words=WORDS)
        front = figure.data[2]
        expected = found.energies if with_location else found.energies_without
        np.testing.assert_allclose(np.array(front.y), expected.numpy(), atol=1e-4)
        assert front.name == ("with_location" if with_location else "without_location") and front.line.width == 3


def test_units_add_up_to_the_energy_in_falling_order():
    found = terms()
    figure = figures.units(found, 3, with_location=True, words=WORDS)
    adds = np.array(figure.data[3].y, dtype=float)
    assert abs(adds.sum() - float(found.energies[3])) < 1e-3 and (np.diff(adds) <= 1e-6).all()
    off = figures.units(found, 3, with_location=False, words=WORDS)
    assert not np.any(np.array(off.data[2].y, dtype=float))
    assert abs(np.array(off.data[3].y, dtype=float).sum() - float(found.energies_without[3])) < 1e-3


def test_a_difference_of_mels_has_signed_colours():
    mel = torch.full((80, 4), -2.0)
    figure = figures.mels({"a": mel, "d": mel * 0 + 1.0}, words=WORDS, signed="d")
    assert figure.data[1].zmin == -figure.data[1].zmax and figure.data[0].zmin != -figure.data[0].zmax
    assert figure.data[1].z[0][0] == 9  # 20 / ln 10 dB


def test_a_packed_step_is_read_back():
    frames = torch.linspace(QUIET, LOUD, 80)[:, None].repeat(1, 3)
    frames[:, 2] = QUIET
    step = Step(frames, torch.tensor([0.2, 0.8]), torch.zeros(4), 1.0, 0)
    values = np.frombuffer(base64.b64decode(pack(step)), np.uint8)
    assert values[:2].tolist() == [51, 204] and values[-1] == 255 and len(values) == 2 + 240 + 1
    assert values[2] == 0 and values[2 + 79] == 255 and not values[2 + 160 : -1].any()  # frame by frame


def test_a_view_grows_sentence_by_sentence():
    view = View("Yes. No.", frames_per_step=3)
    part = tokens("Yes.", "en")
    view.read(part)
    step = Step(torch.zeros(80, 3), torch.full((len(part),), 1 / len(part)), torch.zeros(4), 0.0, 0)
    first = view.add([step, step])
    view.read(tokens("No.", "en"))
    second = view.add([step])
    assert [start for start, _ in second["steps"]] == [0, 0, len(part)] and len(first["steps"]) == 2
    assert second["tokens"][: len(part)] == first["tokens"] and view.end("done")["state"] == "done"
