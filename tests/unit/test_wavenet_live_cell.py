"""What travels to the browser while a network speaks: decoded as the browser does, and compared."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch

from core.wavenet.live import Update
from demos._wavenet import live_sound


def test_the_blocks_together_are_the_sound_and_earlier_values_do_not_change():
    pcm = np.arange(-500, 500, dtype=np.int16)
    sound = live_sound.Broadcast(1000, prime=100)
    first = sound.add(pcm[:300], speed=1.23456, facts="fast")
    second = sound.add(pcm[300:])
    assert len(first["blocks"]) == 1 and second["blocks"][0] == first["blocks"][0]
    received = b"".join(base64.b64decode(block.split(";")[0]) for block in second["blocks"])
    assert np.array_equal(np.frombuffer(received, dtype="<i2"), pcm)
    assert (second["total"], second["prime"], first["speed"], first["facts"]) == (1000, 100, 1.235, "fast")
    assert second["run"] == first["run"] and sound.end(stopped=True)["state"] == "stopped"
    assert sound.end(stopped=False)["state"] == "done"
    assert live_sound.Broadcast(1).value["run"] != first["run"] != live_sound.Broadcast.waiting()["run"]


def test_a_look_carries_its_softmax():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.softmax(3 * torch.randn(2, 256, generator=generator), dim=-1)
    codes = torch.arange(1600) % 256
    update = Update(codes, [4799, 5599], probabilities, drawn=5600, samples_per_s=1.0, engine="cached")
    looks = live_sound.looks_of(update, prime=1000)
    assert [look.position for look in looks] == [5799, 6599]
    assert [look.drawn for look in looks] == [int(codes[799]), int(codes[1599])]  # the update began at sample 4000
    for look, p in zip(looks, probabilities.double().numpy()):
        position, drawn, of_drawn, largest, bits, shape = look.packed().split(",")
        assert int(position) == look.position and int(drawn) == look.drawn
        assert float(of_drawn) == pytest.approx(p[look.drawn], rel=1e-4)
        assert float(bits) == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-3)
        levels = np.frombuffer(base64.b64decode(shape), dtype=np.uint8) / 255
        assert (
            np.abs(levels**2 * float(largest) - p).max() < 0.005 * p.max()
        )  # half of 1/255, twice for the square


def test_a_picture_keeps_its_shape_and_its_order():
    values = np.linspace(-11, 2, 12).reshape(3, 4)
    picture = live_sound.Broadcast(1, picture=values).value["picture"]
    levels = np.frombuffer(base64.b64decode(picture["data"]), dtype=np.uint8).reshape(
        picture["rows"], picture["columns"]
    )
    assert levels[0, 0] == 0 and levels[2, 3] == 255
    assert np.allclose(levels / 255, (values + 11) / 13, atol=1 / 500)


def test_a_wish_to_stop_belongs_to_one_visitor_and_one_cell_and_ends_with_the_next_click():
    live_sound.stop("a", "conditional")
    assert live_sound.is_stopped("a", "conditional")
    assert not live_sound.is_stopped("b", "conditional") and not live_sound.is_stopped("a", "unconditional")
    assert live_sound.begin("a", "conditional")["state"] == "waiting"
    assert not live_sound.is_stopped("a", "conditional")
