"""The handlers of the music cell, with small networks that know nothing."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import pretty_midi
import pytest
import torch

from core.errors import MidiError
from core.transformer.model import MusicTransformer, MusicTransformerConfig
from demos import _models
from demos._tab import LANGUAGES, strings
from demos._transformer import card, looking, pieces, playing, stored

SMALL = MusicTransformerConfig(width=16, layers=2, heads=2, hidden=32, length=512)


@pytest.fixture(autouse=True)
def small(monkeypatch) -> dict[str, MusicTransformer]:
    torch.manual_seed(0)
    kept = {
        f"transformer-{p}": MusicTransformer(replace(SMALL, position=p)).eval() for p in ("relative", "absolute")
    }
    monkeypatch.setattr(_models, "load", kept.__getitem__)
    return kept


def words(language: str = "en"):
    return strings("transformer", language).cell("music")


def wish(**changes) -> playing.Wish:
    usual = playing.Wish.of(*playing.USUAL[:1], None, *playing.USUAL[1:], 1.0, 1.0, 100, 3, True)
    return replace(usual, **changes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_primer_is_continued_and_the_last_take_stays_to_be_compared(language) -> None:
    t = words(language)
    shown = list(playing.play(t, wish(events=60), None))
    roll, tracks, saved, _, made = shown[-1]
    assert roll["state"] == "done" and len(made["ids"]) == 256 + 60 and made["primer"] == 256
    assert {note[4] for note in roll["notes"]} == {0, 1} and roll["split_s"] > 3
    assert [len(tracks), len(shown[-1][4]["tracks"])] == [1, 1]
    content = base64.b64decode(saved.partition("base64,")[2].partition('"')[0])
    assert sum(len(one.notes) for one in pretty_midi.PrettyMIDI(io.BytesIO(content)).instruments) == len(roll["notes"])
    again = list(playing.play(t, wish(events=20, network="absolute"), made))[-1]
    assert [t("network_absolute") in again[1][0]["label"], again[1][1]["label"]] == [True, tracks[0]["label"]]


def test_it_stops_when_asked_and_keeps_what_there_is() -> None:
    shown = list(playing.play(words(), wish(events=2000), None, is_stopped=lambda: True))
    assert shown[-1][0]["state"] == "stopped" and 256 < len(shown[-1][4]["ids"]) < 2256


def test_from_nothing_and_below_a_melody(monkeypatch) -> None:
    monkeypatch.setattr(playing, "MELODY_S", 4.0)
    silence = list(playing.play(words(), wish(piece=pieces.NOTHING, events=50), None))[-1]
    assert silence[4]["primer"] == 0 and silence[0]["split_s"] == 0
    below = list(playing.play(words(), wish(piece="schumann-foreign-lands", mode="accompany"), None))[-1]
    assert {note[4] for note in below[0]["notes"]} == {0, 1}
    arcs = looking.look(words(), below[4], 5, 1, "relative")  # the same notes belong to the same
    assert [note[4] for note in arcs["notes"]] == [note[4] for note in below[0]["notes"]]


def test_a_broken_file_raises_before_anything_changes(tmp_path) -> None:
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"not midi")
    with pytest.raises(MidiError):
        next(playing.play(words(), wish(piece=pieces.OWN, own=str(broken)), None))
    with pytest.raises(MidiError):
        next(playing.play(words(), wish(piece=pieces.OWN, own=None), None))


def test_raw_values_are_brought_into_range() -> None:
    odd = playing.Wish.of(None, None, "dance", "both", "hot", 7, float("nan"), -4, None)
    assert (odd.mode, odd.network, odd.temperature, odd.top_p, odd.events, odd.seed, odd.grammar) == (
        "continue", "relative", 0.5, 1.0, 100, 0, False,
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_arcs_and_figures_of_both_networks(language, monkeypatch) -> None:
    monkeypatch.setattr("core.transformer.look.FAINT", 0.0)  # a network that knows nothing looks everywhere
    t = words(language)
    made = list(playing.play(t, wish(events=60), None))[-1][4]
    arcs, reach, surprise = looking.inside(t, made, 2, "relative")
    assert arcs["arcs"]["rows"] and arcs["arcs"]["heads"] == 2 and arcs["arcs"]["of"] > 100
    assert t("network_absolute") in surprise["figure"].encode().decode("unicode_escape") or language == "ko"
    assert reach["summary"] and "NaN" not in surprise["figure"]
    other = looking.look(t, made, 40, 99, "absolute")
    assert other["arcs"]["of"] == 40 and "2" in other["facts"]
    assert looking.look(t, made, 10**6, 1, "relative")["arcs"]["of"] == len(arcs["notes"]) - 1


def test_before_anything_is_played_the_stored_piece_is_looked_at(monkeypatch) -> None:
    kept = {"relative": [356 + 16, 60, 256 + 40, 64, 256 + 40, 128 + 60, 128 + 64], "primer": 3, "seed": 1}
    monkeypatch.setattr(stored, "music", lambda: kept)
    arcs, reach, surprise = looking.inside(words(), None, 1, "relative")
    assert len(arcs["notes"]) == 2 and reach["summary"] and surprise["summary"]
    monkeypatch.setattr(stored, "music", lambda: None)
    assert looking.look(words(), None, 3, 1, "relative")["__type__"] == "update"
    assert len(looking.inside(words(), None, 1, "relative")) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_has_a_row_for_each_figure_of_both_cards(language, monkeypatch) -> None:
    names = [("bits an event", "held-out works of ASAP, windows of 512"), ("bits an event, Chopin", "x of 512"),
             ("bits an event of how often events come", "x of 512"), ("events a second, sampling", "CPU")]  # fmt: skip
    monkeypatch.setattr(card, "rows_of", lambda name: dict.fromkeys(names, 2.5 if "rel" in name else 3.5))
    table = card.piano(words(language)).splitlines()
    assert len(table) == 2 + 3 and all("| 2.500 | 3.500 |" in line for line in table[2:])
    monkeypatch.setattr(card, "rows_of", lambda name: {})
    assert "make train-transformer-relative" in card.piano(words(language))


def test_what_is_stored_is_what_the_page_asks_for() -> None:
    kept = stored.music()
    if kept is None:
        pytest.skip("nothing is stored yet")
    assert set(playing.NETWORKS) < set(kept)
    for network in playing.NETWORKS:
        assert kept[network][: kept["primer"]] == kept["relative"][: kept["primer"]]
        assert (stored.FOLDER / stored.sound_url(network).rpartition("/")[2]).stat().st_size > 50_000
    roll, tracks, *_ = playing.at_sight(words())
    assert roll["state"] == "done" and len(tracks) == 2
