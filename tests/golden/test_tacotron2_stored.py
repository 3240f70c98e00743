"""What the Tacotron 2 tab shows at first sight is what the shipped network says of that sentence."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import soundfile

from demos import _stored
from demos._tab import LANGUAGES, strings
from demos._tacotron2 import energies, failures, learned, speak, vocoders

pytestmark = pytest.mark.golden
STALE = "run `python -m demos._tacotron2.stored` again"


def sound(track: dict) -> np.ndarray:
    return soundfile.read(io.BytesIO(base64.b64decode(track["wav"])))[0]


def heights(figure: dict) -> list[np.ndarray]:
    """The curves of a figure; plotly packs arrays as bytes."""
    found = [line["y"] for line in json.loads(figure["figure"])["data"]]
    return [
        np.frombuffer(base64.b64decode(y["bdata"]), y["dtype"]) if isinstance(y, dict) else np.array(y) for y in found
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stored_sounds_and_words_are_those_of_the_live_handlers(language):
    t = strings("tacotron2", language)
    for name, module in (("learned", learned), ("failures", failures)):
        inner = t.cell(name)
        kept = _stored.first(inner, module.USUAL, module.USUAL)
        assert kept is not None, STALE
        tracks, verdict, figure = module.show(inner, *module.USUAL)
        assert len(sound(tracks[0])) == len(sound(kept[0][0])) and verdict == kept[1], STALE
        assert kept[2]["summary"].startswith(figure["summary"][:40]) and t("stored") in kept[2]["summary"], STALE
    kept = _stored.first(t.cell("energies"), energies.USUAL, energies.USUAL)
    curves, table, _ = energies.explain(t.cell("energies"), None, *energies.USUAL)
    assert kept[1].split("|")[1:9] == table.split("|")[1:9] and kept[0]["summary"].startswith(curves["summary"]), STALE
    lines, then = heights(curves), heights(kept[0])
    assert all(np.abs(a - b).max() < 0.05 for a, b in zip(lines, then)), STALE


def test_the_stored_reading_is_that_of_the_network():
    t = strings("tacotron2", "en").cell("speak")
    view, player, verdict, _ = _stored.first(t, speak.USUAL, speak.USUAL)
    updates = list(speak.speak(t, *(speak.USUAL[0], "griffin-lim", *speak.USUAL[2:])))
    shown, _, said = updates[-1]
    assert view["facts"] == shown["facts"] and view["tokens"] == shown["tokens"], STALE
    now, then = (np.frombuffer(base64.b64decode(v["steps"][9][1]), np.uint8).astype(int) for v in (shown, view))
    assert np.abs(now - then).max() <= 2, STALE
    assert speak.read_well(t, said["parts"]) == verdict and len(player) == 3, STALE


def test_the_stored_copies_are_of_the_recording():
    t = strings("tacotron2", "ko").cell("vocoders")
    tracks, table, _ = _stored.first(t, vocoders.USUAL, vocoders.USUAL)
    assert len(tracks) == len(vocoders.SOUNDS) and table.count("dB") == 4, STALE
    lengths = [len(sound(track)) for track in tracks]
    assert max(lengths[:3]) - min(lengths[:3]) <= 400  # the copies last as long as the recording
