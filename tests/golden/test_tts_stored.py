"""What the text-to-speech cells show at first sight is what the shipped voices say of that sentence."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys

import gradio as gr
import pytest
import soundfile
import torch

from core.speech_metrics import log_mel_distance_db
from demos._tab import LANGUAGES, ROOT, strings
from demos._tts import parametric, stored, together, units

pytestmark = pytest.mark.golden
STALE = "run `python -m demos._tts.stored` again"


def sound(track: dict) -> torch.Tensor:
    return torch.from_numpy(soundfile.read(io.BytesIO(base64.b64decode(track["wav"])), dtype="float32")[0])


def words_of(text: str) -> list[str]:
    """Without the numbers: how long it took differs."""
    return re.findall(r"[^\W\d]+", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stored_sounds_and_words_are_those_of_the_live_handlers(language):
    t = strings("tts", language)
    for name, module in (("units", units), ("parametric", parametric), ("together", together)):
        outputs = module.speak(t.cell(name), *module.USUAL)
        outputs = outputs if module is together else outputs[1:]  # the first is hidden
        kept = stored.first(t.cell(name), module.USUAL, module.USUAL)
        assert kept is not None and len(kept) == len(outputs), STALE
        for now, then in zip(outputs[0], kept[0]):
            assert now["label"] == then["label"], STALE
            x, y = sound(now), sound(then)
            assert len(x) == len(y), STALE
            # Another machine rounds otherwise, and WaveNet may draw another code there, then all others: 1.1 dB.
            assert log_mel_distance_db(x, y) < 1.5, STALE
        assert words_of(outputs[1]) == words_of(kept[1]), STALE
        assert t("stored") in "".join(one["summary"] for one in kept if isinstance(one, dict))


def test_other_wishes_find_nothing_stored():
    t = strings("tts", "en").cell("units")
    assert stored.first(t, ("Hello.", *units.USUAL[1:]), units.USUAL) is None
    assert stored.at_sight(t, units.USUAL, 2)("Hello.", 1, 1, 50) == (gr.skip(), gr.skip())
    made = stored.unless_stored(t, units.USUAL, lambda *asked: ("all", asked), lambda *asked: "hidden")
    assert made("Hello.", 1, 1, 50) == ("all", ("Hello.", 1, 1, 50))
    assert made(*units.USUAL)[0] == "hidden" and len(made(*units.USUAL)) == 7


def test_showing_them_loads_no_torch():
    code = "import sys; from demos._tab import strings; from demos._tts import stored, together; "
    code += "t = strings('tts', 'en').cell('together'); "
    code += "assert stored.at_sight(t, together.USUAL, 3)(*together.USUAL)[0]; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_table_of_measurements_shows_the_cards():
    """Every cell of the methods that both commands measure is there."""
    t = strings("tts", "en").cell("together")
    lines = [line for line in together.measured(t).splitlines() if line.startswith("|")][2:]
    rows = {cells[1]: cells[2:6] for cells in ([c.strip() for c in line.split("|")] for line in lines)}
    assert "–" not in rows[t("units")] + rows[t("parametric")]
    natural = float(rows[t("natural")][0].removesuffix(" %"))
    for name in ("units", "parametric"):  # as well understood as the person herself, within 15 points, on both sets
        for error in rows[t(name)][:2]:
            assert float(error.removesuffix(" %")) < natural + 15
