"""The cell of genres: the taggram, the judgement that something is no music, and what speaks for a tag."""

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
from core.tags.data import log_mel
from core.tags.model import PRESETS, TAGS, Musicnn
from core.tags.sample import GENRES, UNSURE
from demos import _models
from demos._map import genre, sound
from demos._tab import LANGUAGES, strings

TABLE = {
    "told_apart": {"music": 91.0, "piano": 92.0, "speech": 93.0, "noise": 94.0, "events": 95.0, "balanced": 96.0},
    "named": {
        "piano called classical": 81.0, "piano: the tag among the first three": 82.0,
        "electronic song called techno, electronic, dance or ambient": 83.0, "sung pop called pop": 84.0,
        "man or woman sings, told rightly": 85.0,
    },
    "counts": {"music": 1, "piano": 2, "speech": 3, "noise": 4, "events": 5, "electronic song": 6, "pop, sung": 7},
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Musicnn:
    """By seed, with fewer maps than the real one; its tags lie around their biases."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = dataclasses.replace(PRESETS["musicnn"], timbral=8, temporal=4, filters=8, hidden=16)
    model = Musicnn(config).eval()
    with torch.no_grad():
        model.tags.bias.fill_(-4.0)
    return model


@pytest.fixture
def shipped(monkeypatch, model):
    """Choose how likely tags are, and music."""
    before = model.tags.bias.detach().clone(), model.music.bias.detach().clone()
    monkeypatch.setattr(_models, "load", lambda name: {"tags-musicnn": model}[name])

    def choose(music: float = 5.0, **biases: float) -> Musicnn:
        genre._heard.cache_clear()
        with torch.no_grad():
            model.music.bias.fill_(music)
            for name, bias in biases.items():
                model.tags.bias[TAGS.index(name)] = bias
        return model

    yield choose
    with torch.no_grad():
        model.tags.bias.copy_(before[0])
        model.music.bias.copy_(before[1])
    genre._heard.cache_clear()


@pytest.fixture(scope="module")
def chord(tmp_path_factory) -> str:
    """Four and a half seconds, another chord every second: two windows and a part."""
    t = np.arange(round(4.5 * 16_000)) / 16_000
    x = sum(np.sin(2 * np.pi * hz * (1 + 0.2 * np.floor(t)) * t) for hz in (220, 277, 330)) * 0.1
    path = tmp_path_factory.mktemp("sounds") / "chord.wav"
    soundfile.write(path, x, 16_000)
    return str(path)


def words(language: str = "en"):
    return strings("map", language).cell("genre")


def wave(track) -> np.ndarray:
    return soundfile.read(io.BytesIO(base64.b64decode(track["wav"])))[0]


def test_the_page_knows_the_tags_of_the_network():
    assert sorted(genre.NAMES) == sorted(TAGS) and len(GENRES) == genre.SHOWN == 12
    for language in LANGUAGES:
        assert all(words(language)(f"name_{name.replace(' ', '_')}") for name in GENRES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_music_has_a_genre_and_its_evidence(shipped, chord, language):
    shipped(techno=2.0, piano=3.0)
    t = words(language)
    taggram, verdict, bars, evidence, again, tracks = genre.show(t, chord, 0, *genre.USUAL)
    for figure in (taggram, bars, evidence):
        assert len(figure["figure"]) < 200_000 and figure["summary"]
    drawn = json.loads(taggram["figure"])
    assert drawn["layout"]["yaxis"]["ticktext"][:2] == ["piano", "techno"]
    assert np.array(drawn["data"][0]["z"]).shape == (12, 3)
    assert t("name_techno") in verdict and "piano" in verdict
    assert again.startswith(f"| {t('head_given')} | piano |") and again.count("\n| ") == 3
    assert [len(wave(track)) for track in tracks] == [186 * 256] * 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_music_is_said_to_be_none(shipped, chord, language):
    t, field = words(language), strings("map", language).cell("field")
    shipped(music=-6.0, rock=1.0)
    shown = genre.show(t, chord, 0, *genre.USUAL)
    assert shown[1].startswith(t("verdict_not", other="", tags="", genre="")[:10]) and "rock" in shown[1]
    assert json.loads(shown[0]["figure"])["data"]  # drawn all the same
    said = genre.TASK.answer(field, sound.load(chord, 0))
    assert not said.fits and said.sure < 0.01 and "100" in said.text
    shipped(piano=1.0, rock=-4.0)
    assert genre.hear(chord, 0).genre.verdict == UNSURE
    said = genre.TASK.answer(field, sound.load(chord, 0))
    assert said.fits and said.sure > 0.9 and "piano" in said.text
    shipped(opera=1.0)
    assert genre.TASK.answer(field, sound.load(chord, 0)).text.startswith(words(language)("name_opera"))


def test_rows_are_the_likeliest_tags_or_all_genres(shipped, chord):
    shipped(classic=1.5, classical=-2.0)
    heard = genre.hear(chord, 0)
    names, shares = genre._rows(heard, "tags")
    means = heard.tags.over_time.mean(dim=0).numpy()
    assert names == [TAGS[k] for k in np.argsort(-means)[:12]]
    names, shares = genre._rows(heard, "genres")
    assert sorted(names) == sorted(GENRES) and names[0] == "classical"
    both = heard.tags.over_time[:, [TAGS.index("classic"), TAGS.index("classical")]].amax(dim=1)
    np.testing.assert_allclose(shares[:, 0], both.numpy())
    assert genre._rows(heard, "stripes")[0] == genre._rows(heard, "tags")[0]


def test_a_window_is_cut_out_to_the_frame(shipped, chord):
    model = shipped()
    heard = genre.hear(chord, 0)
    whole = log_mel(heard.x, model.config)
    for window, middle in enumerate(heard.tags.seconds):
        x, start_s = genre._excerpt(heard, window)
        first = round(start_s * 62.5)
        assert middle == pytest.approx(start_s + 1.496, abs=1e-6)
        part = log_mel(x, model.config)
        assert part.shape == (187, 96)
        torch.testing.assert_close(part[1:-1], whole[first + 1 : first + 186])  # the outermost see silence beyond


def test_what_speaks_for_a_tag_is_taken_away(shipped, chord):
    """The logit falls when the tenth of the picture with the most evidence is turned off, more than at random."""
    model = shipped(piano=0.0)
    x, _ = genre._excerpt(genre.hear(chord, 0), 0)
    parts, said, found = genre.take_away(model, x, "piano")
    assert list(parts) == list(said) == ["sound", "without", "random"] and found.shape == (187, 96)
    assert said["without"] < min(said["sound"], said["random"])
    assert float((x - parts["without"]).square().sum()) > 0


def test_controls_and_clicks_out_of_range_are_taken_to_the_nearest(shipped, chord):
    shipped(piano=2.0, rock=1.0)
    t, heard = words(), genre.hear(chord, 0)
    assert [genre._window(heard, at) for at in (None, -5, 1.6, 2.4, 99)] == [0, 0, 0, 1, 2]
    shown = genre.show(t, chord, 0, "stripes", "no such tag", 99)
    assert shown[4].startswith("| What the network is given | piano |")
    chosen, second, *rest = genre.picked(t, chord, 0, "tags", 2.6, 1.2)
    assert (chosen, second, len(rest)) == ("rock", 2.5, 6) and rest[4].startswith("| What the network is given | rock")
    assert genre.picked(t, chord, 0, "tags", 2.6, -7)[0] == "piano"
    column = json.loads(genre.show(t, chord, 0, "genres", "harp", 1)[0]["figure"])["layout"]["shapes"][0]
    assert (column["y0"], column["y1"]) == (-0.5, 11.5)  # harp is no row here: the whole column is framed


@pytest.mark.parametrize("bad", UNUSABLE)
def test_bad_sounds_are_refused_with_a_remedy(shipped, tmp_path, bad):
    shipped()
    path = unusable(tmp_path, bad)
    with pytest.raises(AudioError) as said:
        genre.show(words(), path, 0, *genre.USUAL)
    assert len(str(said.value)) > 20


def test_half_a_second_is_one_column(shipped, tmp_path):
    shipped(piano=2.0)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).standard_normal(8000) * 0.1, 16_000)
    taggram, *_, tracks = genre.show(words(), str(path), 0, *genre.USUAL)
    drawn = json.loads(taggram["figure"])["data"][0]
    assert np.array(drawn["z"]).shape == (12, 1) and drawn["dx"] == pytest.approx(2.992)
    assert len(wave(tracks[0])) == 8000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_quotes_what_was_measured(monkeypatch, tmp_path, language):
    path = tmp_path / "tags.json"
    path.write_text(json.dumps(TABLE))
    monkeypatch.setattr(genre, "TABLE", path)
    t = words(language)
    text = genre.table_text(t)
    for key, count, share in (("told_speech", 3, 93), ("named_classical", 2, 81), ("named_electronic", 6, 83),
                              ("named_sex", 7, 85)):  # fmt: skip
        assert f"| {t(key)} | {count} | {share} % |" in text
    assert text.count("\n") == 11 and genre.quality() == {"told": "96", "piano": "81"}
