"""Facts of the data sets, training examples of the shipped excerpts, and the cell that shows them."""

import json
from collections import Counter

import numpy as np
import pytest
import soundfile
from scipy import signal

from core.errors import DataError, SamplingError
from core.separation import data_figures, datasets, excerpts, remix_example
from demos._separation import data
from demos._tab import LANGUAGES, strings

SEEDS = range(12)


def words(language: str):
    return strings("separation", language).cell("data")


def test_hours_and_counts_are_those_that_the_authors_give() -> None:
    found = {one.key: one for one in datasets.PUBLISHED}
    total = {key: sum(one.hours(split) for split in datasets.SPLITS) for key, one in found.items()}
    assert total["musdb18"] == pytest.approx(10, abs=0.3)  # "~10h duration"
    assert total["mir1k"] == pytest.approx(133 / 60)
    pieces = {key: sum(one.songs.values()) for key, one in found.items()}
    assert pieces == {"musdb18": 150, "dsd100": 100, "mir1k": 1000}
    musdb, dsd = Counter(found["musdb18"].genres), Counter(found["dsd100"].genres)
    assert musdb.total() == 150 and dsd.total() == 100 and dsd <= musdb  # DSD100 is a part of MUSDB18
    assert found["musdb18"].mixtures() == 100**4 and found["mir1k"].mixtures() == 175**2


def test_our_own_songs_are_measured(tmp_path, capsys) -> None:
    for name, seconds in (("one", 1.0), ("two", 2.0), (excerpts.SONG, 4.0)):
        (tmp_path / "songs" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "songs" / name / "vocals.wav", np.zeros((int(8000 * seconds), 2)), 8000)
    datasets.main(["--data", str(tmp_path / "songs"), "--table", str(tmp_path / "tables/t.json")])
    text = (tmp_path / "tables/t.json").read_text()
    one = datasets.own(json.loads(text)["songs"])
    assert one.songs == {"train": 2, "test": 1} and one.hours("train") * 3600 == pytest.approx(3.0)
    assert one.hours("test") * 3600 == pytest.approx(4.0) and one.sample_rate_hz == 8000
    assert str(tmp_path) not in text and "3 songs" in capsys.readouterr().out
    with pytest.raises(DataError, match="is not a folder"):
        datasets.measure(tmp_path / "nowhere")
    with pytest.raises(DataError, match="No songs"):
        datasets.measure(tmp_path)


def test_the_shipped_table_is_there_and_the_song_of_the_pages_is_for_testing() -> None:
    own = datasets.everything()["own"]
    songs = json.loads(datasets.TABLE.read_text())["songs"]
    assert [song["name"] for song in songs if song["split"] == "test"] == [excerpts.SONG]
    assert own.songs["train"] == len(songs) - 1 and sum(own.genres.values()) == len(songs)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_example_is_made_of_what_it_says(seed) -> None:
    """Every part is found again by SciPy: cut at the place that is given, sped up, turned over."""
    found = remix_example.example(seed)
    assert float(found.parts.sum(dim=0).square().mean()) ** 0.5 == pytest.approx(0.1, rel=1e-3)
    assert [one.part for one in found.placed] == list(excerpts.PARTS)
    for one, part in zip(found.placed, found.parts.numpy()):
        sound, rate = soundfile.read(excerpts.index()[one.excerpt].path(one.part), dtype="float64")
        cut = sound[round(one.start_s * rate) : round(one.end_s * rate)].T
        assert rate == found.sample_rate_hz
        assert one.end_s - one.start_s == pytest.approx(6 * one.speed, abs=1e-4)
        assert one.semitones == pytest.approx(12 * np.log2(one.speed))
        if one.level_db is None:
            assert np.sqrt(np.mean(part**2)) < 1e-3
            continue
        heard = signal.resample_poly(cut, 10, round(10 * one.speed), axis=1)[:, : part.shape[1]]
        heard = np.pad(heard, ((0, 0), (0, part.shape[1] - heard.shape[1])))
        likeness = (heard * part).sum() / np.sqrt((heard**2).sum() * (part**2).sum())
        assert one.sign * likeness > 0.98, (one, likeness)
        assert one.level_db == pytest.approx(10 * np.log10(np.mean(part.astype(float) ** 2)), abs=0.01)
        assert one.level_before_db == pytest.approx(10 * np.log10(np.mean(cut**2)), abs=0.01)


def test_half_of_the_examples_are_as_released() -> None:
    found = [remix_example.example(seed) for seed in range(40)]
    together = [one for one in found if one.together]
    for one in together:
        assert len({(part.excerpt, part.start_s, part.speed) for part in one.placed}) == 1
    for one in found:
        if not one.together:
            assert len({(part.excerpt, part.start_s, part.speed) for part in one.placed}) > 1
    assert 5 <= len(together) <= 28  # half of 60, less those where an excerpt borrows the part that it lacks
    assert not remix_example.example(data.SEED).together


def test_the_song_as_released_is_the_sum_of_its_parts_there() -> None:
    found = remix_example.example(data.SEED)
    first = found.placed[0]
    parts = [soundfile.read(excerpts.index()[first.excerpt].path(part))[0] for part in excerpts.PARTS]
    start = round(first.start_s * found.sample_rate_hz)
    expected = sum(parts)[start : start + found.parts.shape[-1]].T
    np.testing.assert_allclose(found.released.numpy(), expected, atol=1e-3)


def test_the_seed_decides_and_is_checked() -> None:
    one, again, other = (remix_example.example(seed) for seed in (3, 3, 4))
    assert one.placed == again.placed and bool((one.parts == again.parts).all()) and one.placed != other.placed
    for seed in (-1, 1000):
        with pytest.raises(SamplingError, match="seed from 0 to 999"):
            remix_example.example(seed)


def test_the_figures_show_the_numbers() -> None:
    sets = list(datasets.everything().values())
    text = {"train": "train", "test": "test", "hours": "h", "pieces": "{count}", "songs": "N", "mixtures": "M"}
    text |= {"released": "1", "remixed": "{stems}", "time": "s", "cut": "{start} {end} {speed} {gain} {sign}"}
    train, test = data_figures.hours(sets, {one.key: one.name for one in sets}, text).data
    assert [bars.x[0] for bars in (train, test)] == pytest.approx([100 * 236 / 3600, 50 * 236 / 3600], abs=1e-3)
    assert list(train.text) == [str(one.songs["train"]) for one in sets]
    none, two, four, points = data_figures.mixtures(sets, text).data
    assert [y for x, y in zip(four.x, four.y) if x == 100] == [10**8]
    assert [y for x, y in zip(two.x, two.y) if x == 10] == [100] and none.x == none.y
    assert dict(zip(points.text, points.y))["DSD100"] == 6_250_000
    placed = remix_example.example(data.SEED).placed
    names = {"verse": "V", "bridge": "B", **{part: part for part in excerpts.PARTS}}
    below, *cuts = data_figures.places(placed, {"verse": 24.0, "bridge": 24.0}, names, text).data
    assert len(below.y) == 8 and len(cuts) == 4
    for one, cut in zip(placed, cuts):
        assert cut.base[0] == one.start_s and cut.base[0] + cut.x[0] == pytest.approx(one.end_s)
        assert cut.y[0] == f"{names[one.excerpt]} · {one.part}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_data_set_has_its_facts_and_its_source(language) -> None:
    t = words(language)
    for key, one in datasets.everything().items():
        text = data.details(t, key)
        assert one.citation in text and str(one.songs["train"]) in text and one.name in text
    value, about = data.show_sets(t, "mir1k")
    assert "6.6" in value["summary"] and "Hsu" in about


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_desk_has_every_part_that_sounds(language) -> None:
    t = words(language)
    bridge, verse = (data.show_desk(t, name) for name in ("bridge", "verse"))
    assert [stem["key"] for stem in bridge["stems"]] == list(excerpts.PARTS)
    assert [stem["key"] for stem in verse["stems"]] == ["vocals", "drums", "bass"]
    assert bridge["state"] == "done" and bridge["seconds"] == pytest.approx(24.0, abs=0.1)
    (segment,) = bridge["segments"]
    assert segment["urls"][0] == "/site/audio/separation/bridge-vocals.ogg" and len(segment["urls"]) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_remix_is_shown_told_and_heard(language) -> None:
    t = words(language)
    value, table, sounds = data.show_remix(t, data.SEED)
    assert "16" in value["summary"] and table.count("\n|") == 5 and len(sounds) == 3
    assert len({sound["wav"] for sound in sounds}) == 3
    counted = data.show_counts(t)
    assert "100,000,000" in counted["summary"]
