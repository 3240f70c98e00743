"""The cell of events: what it shows of a sound, what it refuses, and the numbers that it quotes."""

from __future__ import annotations

import base64
import dataclasses
import io
import json

import numpy as np
import pytest
import soundfile
import torch
from sounds import UNUSABLE, unusable

from core.errors import AudioError
from core.events.model import NONE, PRESETS, URBAN, EventCNN
from core.events.spectrogram import Bands
from demos import _models
from demos._map import events, events_figures, events_scores, sound
from demos._tab import LANGUAGES, strings

STREET = str(sound.FOLDER / "heard-street.ogg")
TABLE = {
    "test": {"accuracy": 61.0, "clips": 1000, "top3": 85.0, "confusion": (np.eye(10, dtype=int) * 61 + 4).tolist()},
    "crossed": {"2": {"accuracy": 51.0, "clips": 888, "learned": 1}, "threshold": 0.4, "told_apart": 0.8},
    "dogs": {"accuracy": 70.0, "clips": 30}, "threshold": 0.42,
    "published": [{"name": "SB-CNN", "accuracy": 73.0, "source": "Salamon and Bello 2017, arXiv:1608.04363"}],
    "others_refused": {"named": 77.0, "speech": 91.0, "music": 82.0, "noise": 63.0, "balanced": 78.0},
}  # fmt: skip


def network(**biases: float) -> EventCNN:
    """A network by seed whose answer is its biases, by and large."""
    torch.manual_seed(0)
    model = EventCNN(PRESETS["tiny"]).eval()
    with torch.no_grad():
        model.linear.weight *= 0.1
        for name, bias in biases.items():
            model.linear.bias[model.config.classes.index(name)] = bias
    return model


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """Choose what `events` loads; its table is TABLE."""
    torch.set_num_threads(1)
    path = tmp_path / "events.json"
    path.write_text(json.dumps(TABLE))
    monkeypatch.setattr(events_scores, "TABLE", path)

    def choose(**biases: float) -> EventCNN:
        model = network(**biases)
        monkeypatch.setattr(_models, "load", lambda name: {"events": model}[name])
        return model

    return choose


def words(language: str = "en"):
    return strings("map", language).cell("events")


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> str:
    """Three seconds of noise."""
    path = tmp_path_factory.mktemp("sounds") / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).standard_normal(48_000) * 0.1, 16_000)
    return str(path)


def wave(track) -> np.ndarray:
    return soundfile.read(io.BytesIO(base64.b64decode(track["wav"])))[0]


def test_the_page_knows_the_classes_of_the_network():
    assert events.CLASSES == URBAN
    assert all(set(alike) <= set(URBAN) for alike in events_scores.ALIKE.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_street_is_shown_as_a_whole_and_by_the_second(shipped, language):
    shipped(siren=6.0)
    t = words(language)
    picture, verdict, again, tracks, times, moment, whole, scene = events.show(t, STREET, 0, *events.USUAL)
    for figure in (picture, times, whole):
        assert len(figure["figure"]) < 200_000 and "siren" in figure["summary"] or language == "ko"
        assert json.loads(figure["figure"])["data"]
    siren = t("name_siren")
    assert all(siren in text for text in (verdict, again, moment, scene)) and t("name_none_of_these") in moment
    assert again.count("\n| ") == 4 and verdict.startswith(t("verdict_named", name=siren, sure=0, none=0,
                                                             threshold=0).split(":")[0])  # fmt: skip
    a, b, c = map(wave, tracks)
    assert len(a) == 160_000 and np.abs(a - b - c).max() < 1e-3  # what is marked and the rest are the sound
    assert len(json.loads(times["figure"])["data"][0]["x"]) == 9


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_none_of_the_ten_is_said_to_be_none(shipped, language):
    t = words(language)
    shipped(**{NONE: 8.0})
    speech = str(sound.EXAMPLES["sentence"])
    shown = events.show(t, speech, 0, *events.USUAL)
    assert shown[1].startswith(t("verdict_none", name="", sure=0, threshold=0, none=0)[:12])
    assert shown[2].endswith(t("again_nothing", before="0")[-12:])
    assert shown[7] == t("scene_none", shares="", none="100")
    assert json.loads(shown[0]["figure"])["data"]  # drawn all the same
    field = strings("map", language).cell("field")
    x = sound.load(speech, 0)
    for task in (events.TASK, events.SCENE):
        said = task.answer(field, x)
        assert not said.fits and said.sure < 0.1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("siren", "threshold", "kind"), [(0.3, 0.9, "unsure"), (1.7, 0.2, "weak")])
def test_an_answer_below_one_half_is_called_weak(shipped, short, language, siren, threshold, kind):
    model = shipped(siren=siren)
    model.config = dataclasses.replace(model.config, threshold=threshold)
    t = words(language)
    text = events.verdict_text(t, events.hear(short, 0))
    values = dict.fromkeys(("none", "threshold", "speech", "noise"), "")
    begin = t(f"verdict_{kind}", name=t("name_siren"), sure="@", **values).split("@")[0]
    assert text.startswith(begin[:14]) and t("name_siren") in text and (kind == "unsure" or "63 %" in text)
    said = events.TASK.answer(strings("map", language).cell("field"), sound.load(short, 0))
    assert not said.fits and said.sure < 0.5 and t("name_siren") in said.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_events_one_after_the_other_are_listed(shipped, short, language):
    """Each window with its own winner, and a whole that knows one of them."""
    shipped(siren=6.0)
    heard, t = events.hear(short, 0), words(language)
    rows = torch.full((2, 10), 0.01)
    rows[0, URBAN.index("dog_bark")] = rows[1, URBAN.index("siren")] = 0.9
    heard = heard._replace(found=dataclasses.replace(heard.found, per_second=rows))
    listed = f"{t('name_dog_bark')}, {t('name_siren')}"
    assert events.named_moments(t, heard.found) == listed
    assert events.verdict_text(t, heard).endswith(t("moments", listed=listed))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_of_the_field_gets_an_event_and_a_scene(shipped, language):
    shipped(jackhammer=7.0)
    t = strings("map", language).cell("field")
    x = sound.load(STREET, 0)
    event, scene = events.TASK.answer(t, x), events.SCENE.answer(t, x)
    name = t("events.name_jackhammer")
    assert event.fits and event.text.startswith(name) and event.sure > 0.9
    assert scene.fits and scene.text.startswith(name) and scene.sure > 0.9


def test_controls_out_of_range_are_taken_to_the_nearest(shipped, short):
    shipped(siren=6.0)
    heard, t = events.hear(short, 0), words()
    assert [events._share(kept) for kept in (9999, None, -3, 20)] == [0.8, 0.2, 0.05, 0.2]
    siren = URBAN.index("siren")
    assert [events._chosen(heard.found, one) for one in ("zebra", "best", None, "siren")] == [siren] * 4
    assert events.show_map(t, short, 0, "zebra", 9999, None)[2] == events.show_map(t, short, 0, "siren", 80, 1)[2]
    assert events.show_moment(t, short, 0, "best", 20, 99)[2].startswith("From 1.0 s to 3.0 s")
    assert events.moment_text(t, heard, -9) == events.moment_text(t, heard, None)
    assert events.moment_text(t, heard, None).startswith("From 0.0 s to 2.0 s")


def test_another_event_has_another_map(shipped, short):
    shipped(siren=6.0)
    siren, dog = (events.show_map(words(), short, 0, event, 20, 1) for event in ("siren", "dog_bark"))
    assert siren[0]["figure"] != dog[0]["figure"] and "dog barking" in dog[0]["summary"] and siren[1] == dog[1]


@pytest.mark.parametrize("bad", UNUSABLE)
def test_bad_sounds_are_refused_with_a_remedy(shipped, tmp_path, bad):
    shipped()
    path = unusable(tmp_path, bad)
    with pytest.raises(AudioError) as said:
        events.show(words(), path, 0, *events.USUAL)
    assert len(str(said.value)) > 20


def test_a_tenth_of_a_second_has_one_window(shipped, tmp_path):
    shipped(gun_shot=6.0)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).standard_normal(1700) * 0.1, 16_000)
    shown = events.show(words(), str(path), 0, *events.USUAL)
    assert shown[5].startswith("From 0.0 s to 2.0 s: gunshot") and len(wave(shown[3][0])) == 32_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_cells_of_the_confusion_matrix_are_explained(shipped, language):
    shipped()
    t = words(language)
    right, machines, other = (events_scores.explain(t, *place) for place in ((3, 3), (0.2, 7), (9, 4)))
    assert "65" in right and t("name_dog_bark") in right
    assert t("why_machines") in machines and t("name_jackhammer") in machines and t("why_recordings") in other
    assert events_scores.explain(t, 99, -5) == events_scores.explain(t, 9, 0)
    figure = events_scores.draw_confusion(t)
    assert json.loads(figure["figure"])["data"][0]["text"][2][2] in (65, "65") and "61" in figure["summary"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_has_every_fold_the_published_and_the_refusals(shipped, language):
    shipped()
    text = events_scores.table_text(words(language))
    for one in ("**61.0 %**", "51.0 %", "SB-CNN (Salamon and Bello 2017)", "73.0 %", "91 %", "63 %", "42 %", "70 %"):
        assert one in text
    assert events_scores.quality() == {"accuracy": "61", "low": "73", "high": "73", "noise": "63"}


def test_the_outline_is_as_long_as_the_edge_of_the_mask():
    mask = np.random.default_rng(0).integers(0, 2, (6, 4))
    line = events_figures.outline(mask, 8, 1.0)
    x, y = (np.array(line[axis], float).reshape(-1, 3) for axis in ("x", "y"))
    padded = np.pad(mask, 1)
    steps = [(i, j, a, b) for i in range(7) for j in range(5) for a, b in ((1, 0), (0, 1))]
    wanted = sum(int(padded[i, j] != padded[i + a, j + b]) for i, j, a, b in steps)
    assert len(x) == wanted and (np.abs(x[:, 1] - x[:, 0]) + np.abs(y[:, 1] - y[:, 0]) == 8).all()


def test_a_thinned_picture_keeps_its_peaks():
    picture = np.random.default_rng(1).standard_normal((626, 5))
    thin, stretch = events_figures.thinned(picture)
    assert len(thin) <= 200 and stretch == 4 and thin.max() == picture.max()
    np.testing.assert_array_equal(thin[3], picture[12:16].max(axis=0))
    assert events_figures.thinned(picture[:90])[1] == 1


def test_a_click_lands_in_the_window_around_it(shipped):
    shipped()
    found = events.hear(STREET, 0).found
    for at, wanted in ((0, 0), (1.4, 0), (1.6, 1), (5, 4), (10, 8)):
        number, begin, end = events._window(found, at)
        assert number == wanted and end - begin == 2 and begin == found.starts_s[number]
    assert Bands().hop_samples * 8 / 16_000 == 0.128  # what the question about a place expects
