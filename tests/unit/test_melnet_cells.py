"""The handlers of the MelNet tab, with small networks that know nothing.

What the page works out by itself is compared with Python in tests/e2e/test_melnet_page.py.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import soundfile
import torch

from core import audio
from core.errors import AudioError, SamplingError
from core.melnet import examples, sample, take
from core.melnet.model import MelNet, MelNetConfig
from core.melnet.tiers import split_tiers
from demos import _jobs, _models
from demos import _widgets as w
from demos._melnet import born, interleave, making, prime, see, voice, why
from demos._tab import LANGUAGES, strings

FIVE = MelNetConfig(layers=(1,) * 5, width=(4,) * 5, mixtures=2)


@pytest.fixture(autouse=True)
def small(monkeypatch) -> MelNet:
    torch.manual_seed(0)
    five, one = MelNet(FIVE).eval(), MelNet(MelNetConfig(layers=(1,), width=(4,), mixtures=2)).eval()
    for net in (five, one):
        net.mean.fill_(-5.0)
    monkeypatch.setattr(_models, "load", lambda name: one if name == "melnet-one-tier" else five)
    return five


def words(cell: str, language: str = "en"):
    return strings("melnet", language).cell(cell)


def bins(view: dict, number: int, tier: int) -> np.ndarray:
    """What the page has of a tier, all blocks in a row."""
    parts = [block.split(":") for block in view["takes"][number]["blocks"]]
    return np.concatenate([np.frombuffer(base64.b64decode(data), np.uint8) for t, data in parts if int(t) == tier])


def heard(track: dict) -> np.ndarray:
    return soundfile.read(io.BytesIO(base64.b64decode(track["wav"])))[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_three_takes_are_drawn_tier_by_tier_and_the_page_gets_every_bin_once(language, small) -> None:
    shown = list(born.draw(words("born", language), "speech", 1, 7, 1.0, 3))
    view, made = shown[-1]
    assert view["state"] == "done" and [one["tiers"] for one in view["takes"]] == [5, 5, 5]
    for number, kept in enumerate(made.takes):
        expected = [look for look in sample.generate(small, 7 + number, 1.0, frames=80) if look.complete]
        for tier, look in enumerate(expected, start=1):
            own = take.pack(take.own_log_mel(look))
            assert np.array_equal(kept.parts[tier - 1], own)
            assert np.array_equal(bins(view, number, tier), own.ravel())
    order = [int(one[0]["takes"][k]["blocks"][-1].split(":")[0]) for one in shown for k in (2,) if
             one[0]["takes"][k]["blocks"]]  # fmt: skip
    assert order[0] == 1 and order[-1] == 5
    early = next(one[0] for one in shown if one[0]["takes"][2]["blocks"])  # tier 1 of all comes first
    assert all(int(block.split(":")[0]) == 1 for one in early["takes"] for block in one["blocks"])


def test_frozen_tiers_stay_and_the_others_follow_the_new_seed() -> None:
    t = words("born")
    made = list(born.draw(t, "speech", 1, 1, 1.0, 1))[-1][1]
    view, again = list(born.redraw(t, made, 0, 2, 50, 1.0))[-1]
    for number in range(3):
        for tier in (1, 2):
            assert np.array_equal(again.takes[number].parts[tier - 1], made.takes[0].parts[tier - 1])
            assert np.array_equal(bins(view, number, tier), made.takes[0].parts[tier - 1].ravel())
        assert not np.array_equal(again.takes[number].parts[2], made.takes[0].parts[2])
    assert not np.array_equal(again.takes[0].parts[4], again.takes[1].parts[4])
    assert all(one.complete for one in again.takes)


def test_drawing_stops_when_asked_and_keeps_what_there_is() -> None:
    asked = iter([False] * 60 + [True] * 1000)  # a tier of 120 frames is 40 looks
    view, made = list(born.draw(words("born"), "speech", 6, 1, 1.0, 2, is_stopped=lambda: next(asked)))[-1]
    assert view["state"] == "stopped" and not made.takes[0].complete and len(made.takes[0].parts) >= 1
    assert len(making.tracks_of(made)) == sum(bool(one.parts) for one in made.takes)
    with pytest.raises(SamplingError, match="no such tiers"):
        list(born.redraw(words("born"), made, 0, 4, 1, 1.0))


@pytest.mark.parametrize(("seed", "heat", "seconds"), [(-5, -1, 0), (1e9, 99, 1e9), (None, None, None), ("x", "", {})])
def test_controls_out_of_range_are_taken_to_the_nearest(seed, heat, seconds, monkeypatch) -> None:
    asked = {}

    def spy(t, jobs, **options):
        asked.update(options, seeds=[job.seed for job in jobs])
        yield {}, None

    monkeypatch.setattr(making, "draw", spy)
    list(born.draw(words("born"), "nothing", seconds, seed, heat, 99))
    assert all(0 <= one <= 999 + 2 for one in asked["seeds"]) and len(asked["seeds"]) == 3
    assert making.HEAT[0] <= asked["temperature"] <= making.HEAT[1]
    assert 80 <= asked["frames"] <= 480 and asked["frames"] % 4 == 0


def test_nothing_drawn_is_said_and_the_view_stops_waiting() -> None:
    t = words("born")
    for call in (lambda: born.tiers_of(t, None, 0), lambda: list(born.redraw(t, None, 0, 1, 1, 1.0)),
                 lambda: list(voice.speak(t, None, 0))):  # fmt: skip
        with pytest.raises(SamplingError, match="draw a spectrogram first"):
            call()

    def fails():
        raise SamplingError("no")
        yield

    seen = []
    with pytest.raises(SamplingError):
        for value in making.or_idle(fails()):
            seen.append(value)
    assert seen[0][0]["state"] == "idle"
    texts = ("Nothing has been drawn yet: draw a spectrogram first, then have it spoken.",
             "There are no such tiers to keep yet: draw a spectrogram first, and let it be finished.")  # fmt: skip
    for text in texts:
        assert _jobs.translate(text, "ko") != text


def test_each_tier_is_heard(monkeypatch) -> None:
    t = words("born")
    made = list(born.draw(t, "speech", 1, 1, 1.0, 1))[-1][1]
    lengths = []
    monkeypatch.setattr(audio, "griffin_lim", lambda mel: lengths.append(mel.shape) or torch.randn(15_800) * 0.1)
    tracks = born.tiers_of(t, made, 0)
    assert len(tracks) == 5 and lengths == [(80, 80)] * 5
    assert [np.sqrt((heard(track) ** 2).mean()) for track in tracks] == pytest.approx([0.1] * 5, rel=0.02)


def voice_file(tmp_path, x: np.ndarray, rate: int = 16_000) -> str:
    path = tmp_path / "voice.wav"
    soundfile.write(str(path), x, rate)
    return str(path)


def test_a_voice_is_continued_in_every_tier(tmp_path, small) -> None:
    random = np.random.default_rng(0)
    x = np.concatenate([np.zeros(8000), random.standard_normal(16_000) * 0.1])  # half a second of silence first
    view, made = list(prime.draw(words("prime"), voice_file(tmp_path, x), 0.5, 0.5, 1, 1.0, 2))[-1]
    given = prime.beginning(voice_file(tmp_path, x), 0.5)
    assert view["given"] == made.given == given.shape[0] == 40 and view["frames"] == 80
    assert float(given[8:].mean()) > -8  # the silence was skipped
    for kept in made.takes:
        for tier, part in enumerate(split_tiers(given[None], 5)):
            near = kept.parts[tier][: part.shape[1]].astype(int) - take.pack(part[0]).astype(int)
            assert np.abs(near).max() <= 1  # rounding on the way there and back
    assert not np.array_equal(made.takes[0].parts[0], made.takes[1].parts[0])


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("silence", np.zeros(16_000), "silent"),
        ("short", np.full(100, 0.1), "say something"),
        ("long", np.random.default_rng(0).standard_normal(31 * 16_000) * 0.01, "30"),
        ("nan", np.array([0.1, np.nan] * 8000, dtype=np.float32), "NaN"),
        ("text", b"no sound at all", "."),
    ],
)
def test_bad_beginnings_are_explained_in_both_languages(tmp_path, name, content, match) -> None:
    path = tmp_path / f"{name}.wav"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        soundfile.write(str(path), content, 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match=match) as said:
        list(prime.draw(words("prime"), str(path), 1, 1, 1, 1.0, 1))
    assert _jobs.translate(str(said.value), "ko") != str(said.value)


def test_a_beginning_below_one_step_is_refused(tmp_path) -> None:
    x = np.random.default_rng(0).standard_normal(16_000) * 0.1
    with pytest.raises(SamplingError, match="at least 4 frames") as said:
        list(prime.draw(words("prime"), voice_file(tmp_path, x), 0.04, 1, 1, 1.0, 1))
    assert _jobs.translate(str(said.value), "ko") != str(said.value)
    with pytest.raises(AudioError):
        list(prime.draw(words("prime"), None, 1, 1, 1, 1.0, 1))
    assert examples.beginning(torch.full((700,), 0.1), 1.0).shape == (0, 80)


def test_a_real_sentence_in_any_number_of_tiers() -> None:
    t = words("interleave")
    for tiers in (2, 5, 6):
        view = interleave.show(t, "b0481", tiers)
        sizes = [bins(view, 0, tier).size for tier in range(1, tiers + 1)]
        assert sum(sizes) == view["frames"] * 80 and sizes[-1] * 2 == sum(sizes) and sizes[0] == sizes[1]
    assert len(interleave.stored_sounds(t, interleave.FIRST, 5)) == 5
    assert interleave.stored_sounds(t, interleave.FIRST, 4) == []
    assert (examples.FOLDER / "real.ogg").exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_lengths_are_counted(language) -> None:
    rows = why.table(words("why", language), 3).splitlines()[2:]
    assert [[cell.strip() for cell in row.strip("|").split("|")[1:]] for row in rows] == [
        ["240", "60"], ["80", "20"], ["19,200", "19,200"],
    ]  # fmt: skip


def test_both_networks_are_drawn_side_by_side() -> None:
    view, made = list(why.draw(words("why"), 1, 3))[-1]
    assert [one["tiers"] for one in view["takes"]] == [5, 1] and [one.complete for one in made.takes] == [True, True]
    assert bins(view, 1, 1).size == 80 * 80


@pytest.mark.parametrize("language", LANGUAGES)
def test_influence_of_a_bin_is_the_networks(language, small, monkeypatch) -> None:
    from core.melnet.look import influence

    monkeypatch.setattr(see, "kinds", lambda: ["speech"])
    t = words("see", language)
    value = see.measured(t, see.show(t, see.FIRST), see.FIRST, "speech", (41, 13))
    levels = np.frombuffer(base64.b64decode(value["influence"]["levels"]), np.uint8).reshape(80, 80)
    expected = influence(small, see.excerpt(see.FIRST), 41, 13)
    assert np.unravel_index(levels.argmax(), levels.shape) == np.unravel_index(expected.argmax(), expected.shape)
    assert value["influence"]["largest"] == pytest.approx(float(expected.max()))
    assert (levels[expected == 0] == 0).all() and value["influence"]["text"]
    first = see.measured(t, see.show(t, see.FIRST), see.FIRST, "speech", (0, 0))
    assert first["influence"]["text"] == t("nothing_seen")


def test_see_says_nothing_without_weights(monkeypatch) -> None:
    monkeypatch.setattr(see, "kinds", lambda: [])
    t = words("see")
    assert see.measured(t, see.show(t, see.FIRST), see.FIRST, "speech", (0, 0)) == w.gr.skip()


def test_live_takes_are_drawn_at_the_temperature_of_the_stored_ones() -> None:
    from core.melnet import examples

    assert making.TEMPERATURE == examples.TEMPERATURE
