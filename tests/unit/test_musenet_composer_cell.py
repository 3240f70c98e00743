"""The composer's cell without a browser: versions, four continuations by a small random network, uploads, the mask."""

from __future__ import annotations

import io
import json
import urllib.parse
from collections import Counter

import gradio as gr
import mido
import numpy as np
import pretty_midi
import pytest
import soundfile
import torch

from core import midi
from core.errors import MidiError, SamplingError
from core.gpt2.model import GPT2, GPT2Config
from core.musenet import encoding, grammar
from core.musenet import vocabulary as v
from demos import _kept, _models
from demos._musenet import examples, making, mask, measured, show, starts, versions
from demos._musenet.starts import Asked
from demos._tab import LANGUAGES, strings

T = {language: strings("musenet", language).cell("composer") for language in LANGUAGES}
TURCA = Asked(*starts.USUAL, seconds=2, temperature=1.0, top_k=0, top_p=1.0, seed=1, grammar=True, primer_s=2)


@pytest.fixture(autouse=True)
def network(monkeypatch) -> GPT2:
    """A random GPT-2 in the place of the shipped weights; files of the visitor go at the end."""
    torch.manual_seed(0)
    config = GPT2Config(n_vocab=v.VOCABULARY, n_ctx=256, n_embd=32, n_head=2, n_layer=1, dropout=0.0)
    small = GPT2(config).eval()
    with torch.no_grad():
        for value in small.parameters():
            value.add_(torch.randn(value.shape) * 0.05)
    monkeypatch.setattr(_models, "load", lambda name: {making.MODEL: small}[name])
    yield small
    _kept.forget("visitor")


def asked(**changes) -> Asked:
    return Asked(**{**TURCA.__dict__, **changes})


def made(tree=None, own=None, last=None, **changes) -> list[tuple]:
    return list(making.compose(T["en"], tree, own, last, asked(**changes), "visitor"))


def content(url: str) -> bytes:
    """What GET would give: the file of a kept folder, made if it is not there yet."""
    _, _, token, name = url.split("/")
    kept, name = _kept.Folder(_kept._root() / token), urllib.parse.unquote(name)
    _, recipe = kept.names[name]
    if recipe is not None:
        _kept._made(kept, kept.path / name, recipe)
    return (kept.path / name).read_bytes()


def links(html: str) -> list[str]:
    return [part.split('"')[0] for part in html.split('href="')[1:]]


def test_versions_are_a_tree_that_forgets_nothing() -> None:
    tree = versions.begun([1, 2])
    first = tree.offered([[1, 2, 3], [1, 2, 4], [1, 2, 5], [1, 2, 6]], 2).kept(2)
    assert first.now.row == (1, 2, 5) and first.now.split == 2 and first.now.path == "C" and not first.offers
    second = first.offered([[1, 2, 5, 7]] * 4, 3).kept(0)
    assert second.now.path == "CA" and second.now.parent == 1
    assert second.undone().current == 1 and second.undone().undone().current == 0 == second.at(0).undone().current
    branch = second.at(1).offered([[1, 2, 5, 8]] * 4, 3).kept(3)
    assert [one.path for one in branch.versions] == ["", "C", "CA", "CD"] and branch.now.parent == 1
    assert second.offered([[9]] * 4, 1).undone() == second  # the first undo takes back what was offered
    assert branch.at(99) == branch.at(-1) == branch
    for wrong in (lambda: tree.kept(0), lambda: tree.offered([[1]] * 4, 1).kept(4), lambda: making.held(None)):
        with pytest.raises(SamplingError, match="compose first"):
            wrong()
    with pytest.raises(SamplingError, match="8000 tokens"):
        versions.begun([0] * 8000).check_room()
    while len(tree.versions) < versions.MOST_VERSIONS:
        tree = tree.offered([[1]] * 4, 1).kept(0)
    with pytest.raises(SamplingError, match="40 versions"):
        tree.offered([[1]] * 4, 1).kept(0)


def test_four_continuations_stream_sound_and_can_be_kept(network) -> None:
    yielded = made()
    values = [one[0] for one in yielded]
    assert values[0]["state"] == "running" and values[-1]["state"] == "done"
    assert len({one["run"] for one in values}) == 1
    counts = [sum(map(len, one["takes"])) for one in values]
    assert counts == sorted(counts) and counts[-1] > counts[0]
    roll, player, downloads, keep, shown_tree, _, figure, tree, shown = yielded[-1]
    assert keep == gr.update(visible=True) and shown_tree == gr.update(visible=False)
    assert len(tree.offers) == 4 == len(player) and roll["names"] == list("ABCD")
    assert roll["split_s"] == pytest.approx(show.length_s(tree.now.row))
    row = list(tree.offers[0][: tree.split])
    for offer in tree.offers:
        assert list(offer[: tree.split]) == row and grammar.faults(offer) == 0 and len(offer) > len(row)
    assert len({tuple(offer) for offer in tree.offers}) > 1
    for offer, track, mid in zip(tree.offers, player, links(downloads)[::2]):
        x, rate = soundfile.read(io.BytesIO(content(track["url"])))
        assert rate == 32_000 and x.shape[1] == 2 and np.sqrt(np.mean(x**2)) > 1e-3
        notes = encoding.decode_notes(offer)
        assert len(x) / rate == pytest.approx(show.end_s(notes) + 1.5, abs=0.5)
        again = pretty_midi.PrettyMIDI(io.BytesIO(content(mid)))
        assert sorted(n.pitch for part in again.instruments for n in part.notes) == sorted(n.pitch for n in notes)
    wav = soundfile.info(io.BytesIO(content(links(downloads)[1])))
    assert wav.format == "WAV" and wav.subtype == "PCM_16"
    assert "piano" in figure["summary"]
    kept = making.version(T["en"], tree.kept(1), shown, "visitor")
    assert kept[7].now.row == tree.offers[1] and len(kept[1]) == 1 and kept[4] == gr.update(visible=True)
    assert kept[5]["value"] == 1 and "Chopin" in kept[5]["choices"][1][0]
    further = made(kept[7], None, kept[8], style="bach", instruments=["strings"])[-1][7]
    assert further.current == 1 and encoding.declared(further.offers[0]) == ("bach", ["strings"])
    music = lambda row: [token for token in row if token >= v.VOLUME]  # noqa: E731
    assert music(further.offers[0][: further.split]) == music(tree.offers[1])


def test_the_same_seed_gives_the_same_music_and_a_stop_keeps_what_is_there(monkeypatch) -> None:
    offers = [made(seed=seed, seconds=1)[-1][7].offers for seed in (3, 3, 4)]
    assert offers[0] == offers[1] != offers[2]
    monkeypatch.setattr(making, "EVERY_S", 0.0)
    stopped = list(making.compose(T["ko"], None, None, None, asked(), "visitor", is_stopped=lambda: True))
    assert stopped[-1][0]["state"] == "stopped" and len(stopped) == 2
    assert [len(one) for one in stopped[-1][7].offers] == [stopped[-1][7].split] * 4


def test_a_long_piece_is_heard_from_shortly_before_the_new_part() -> None:
    row = v.header("chopin", ["piano"])
    for _ in range(40):  # a note a second
        row += [v.parse("piano:C4"), v.parse("wait:1000ms"), v.parse("piano:v0:C4")]
    split = len(row)
    row += [v.parse("piano:E4"), v.parse("wait:500ms"), v.parse("piano:v0:E4")]
    notes, new_s = show.excerpt(row, split)
    assert new_s == show.LEAD_S and len(notes) == 13 and notes[-1].pitch == 64
    assert notes[0].start_s == 0 and notes[-1].start_s == pytest.approx(12.0)
    assert show.length_s(row) == pytest.approx(40.5)


def written(path, *, drums: bool = False, hanging: bool = False) -> str:
    file = mido.MidiFile()
    track = mido.MidiTrack()
    file.tracks.append(track)
    for pitch in (60, 64, 67):
        track.append(mido.Message("note_on", channel=9 if drums else 0, note=pitch, velocity=80, time=0))
        if not hanging:
            track.append(mido.Message("note_off", channel=9 if drums else 0, note=pitch, time=480))
    file.save(path)
    return str(path)


def opened(path: str | None, language: str = "en") -> list[tuple]:
    return list(making.open_(T[language], path, None, asked(start=starts.OWN), "visitor"))


def test_an_upload_is_named_mended_and_its_music_comes_first(tmp_path) -> None:
    name = "<img src=x onerror=alert(1)> $x$ 노래.mid"
    path = written(tmp_path / name.replace("/", ""), hanging=True)
    for language in LANGUAGES:
        first, last = opened(path, language)
        assert first[2] is None and first[9] is None  # nothing old behind a new file
        said = last[1]
        assert "never end" in said if language == "en" else "끝나지 않는" in said
        assert last[9].now.row[-1] >= v.VOLUME and "img src=x onerror" not in last[4] + str(last[3])
    notes = encoding.decode_notes(last[9].now.row)
    assert sorted(n.pitch for n in notes) == [60, 64, 67]
    assert opened(None)[-1][2] is None and len(opened(None)) == 1  # chosen, but nothing uploaded yet


def test_bad_uploads_are_explained_and_leave_no_piece_behind(tmp_path) -> None:
    good = (starts.FOLDER / "four-chords.mid").read_bytes()
    bad = {
        "empty": (b"", "0 bytes"), "text": (b"hello", "not a MIDI file"),
        "sound": (b"RIFF1234WAVE", "a sound recording"),
        "cut": (good[:10], "breaks off"), "huge": (b"MThd" + bytes(6_000_000), "at most 5 MB"),
        "silent": (good[:14] + b"MTrk\0\0\0\4\0\xff\x2f\0", "no notes"),
    }  # fmt: skip
    for name, (data, words) in bad.items():
        (tmp_path / f"{name}.mid").write_bytes(data)
        stream = making.open_(T["en"], str(tmp_path / f"{name}.mid"), None, asked(start=starts.OWN), "visitor")
        assert next(stream)[9] is None
        with pytest.raises(MidiError, match=words):
            next(stream)
    with pytest.raises(MidiError, match="only drums"):
        opened(written(tmp_path / "drums.mid", drums=True))
    with pytest.raises(MidiError, match="upload one"):
        made(start=starts.OWN)
    with pytest.raises(MidiError, match="No instrument"):
        made(instruments=[])


def test_every_message_of_the_cell_is_read_in_korean() -> None:
    from demos._jobs import translate

    tree = versions.begun([0] * 8000)
    for call in (lambda: making.held(None), tree.check_room, lambda: asked(instruments=[]).settings(1)):
        with pytest.raises((SamplingError, MidiError)) as caught:
            call()
        assert any("가" <= c <= "힣" for c in translate(str(caught.value), "ko"))


def test_presets_and_starts_are_what_they_say() -> None:
    for style, start, instruments in starts.PRESETS.values():
        assert style in v.COMPOSERS and start in starts.STARTS and set(instruments) <= set(v.NAMES)
        tree, found = making.root(asked(style=style, start=start, instruments=instruments), None)
        assert encoding.declared(tree.now.row) == (style, [name for name in v.NAMES if name in instruments])
        assert (found is None) == (start == starts.NOTHING)
    turca = making.root(asked(primer_s=12), None)[0].now.row
    first = [note.pitch for note in encoding.decode_notes(turca)][:5]
    assert first[:4] == [71, 69, 68, 69] and 72 in [n.pitch for n in encoding.decode_notes(turca)][4:6]  # B A G# A C
    assert show.length_s(turca) == pytest.approx(12.0, abs=0.5)


def test_requested_and_produced_are_counted_apart() -> None:
    new = [v.parse("piano:C4"), v.parse("piano:E4"), v.parse("drums:C2"), v.parse("piano:v0:C4")]
    value = show.produced(T["en"], ["piano", "strings"], {"A": new, "B": new[:1]})
    assert "Not in every take: strings" in value["summary"] and "played all the same: drums" in value["summary"]
    bars = json.loads(value["figure"])["data"]
    assert [bar["y"] for bar in bars] == [[2, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0]]
    assert "no other" in show.produced(T["en"], ["piano"], {"A": new[:2]})["summary"]
    assert "Nothing" in show.produced(T["en"], ["piano"], {})["summary"]


def test_the_mask_is_compared_on_the_same_random_numbers() -> None:
    found = mask.compare(asked(temperature=1.2, grammar=True), None)
    assert mask.faults(found["row"], found["on"]) == Counter()
    broken = mask.faults(found["row"], found["off"])
    assert sum(broken.values()) == grammar.faults(found["row"] + found["off"]) > 0  # counted by another way
    value = mask.picture(T["en"], found)
    assert f"Without the mask {sum(broken.values())} of {len(found['off'])}" in value["summary"]
    row = v.header("chopin", ["piano"]) + [v.parse("v72"), v.parse("piano:C4")]
    wrong = {"piano:v0:D4": "silent", "piano:C4": "sounding", "drums:C2": "foreign", "v8": "", "<end>": "early",
             "chopin": "header", "wait:20ms": ""}  # fmt: skip
    for name, kind in wrong.items():
        assert mask.faults(row, [v.parse(name)]) == (Counter({kind: 1}) if kind else Counter()), name
    assert mask.faults(row, [v.parse("v8"), v.parse("v40")])["volume"] == 1
    assert mask.faults(row, [v.parse("wait:20ms"), v.parse("wait:20ms")])["wait"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stored_piece_is_shown_as_it_was_made_and_can_be_gone_on_from(language) -> None:
    row = list(making.root(TURCA, None)[0].now.row)
    begun = len(row)
    row += [v.parse("v72"), v.parse("piano:C4"), v.parse("wait:500ms"), v.parse("piano:v0:C4")]
    primer = "assets/midi/rondo-alla-turca.mid"
    piece = {"file": "x.mid", "composer": "chopin", "instruments": ["piano"], "primer": primer, "primer_seconds": 2.0,
             "seed": 1, "temperature": 1.0, "top_p": 0.95, "tokens": row, "begun": begun}  # fmt: skip
    t = T[language]
    assert t("start_rondo") in examples.called(t, piece)
    shown = examples.shown(t, piece)
    assert shown.player[0]["url"] == "/site/musenet/x.ogg" and links(shown.links) == ["/site/musenet/x.mid"]
    assert len(shown.roll["notes"]) == len(encoding.decode_notes(row))
    assert shown.roll["split_s"] == pytest.approx(show.length_s(row[:begun]))
    tree = examples.tree(piece)
    assert tree.now.row == tuple(row) and tree.undone().now.row == tuple(row[:begun])
    assert midi.to_bytes(encoding.decode(tree.now.row)).startswith(b"MThd")


def test_the_card_is_shown_with_its_numbers(monkeypatch) -> None:
    numbers = {"bits an event, mean over composers": 3.5, "bits an event, bach": 3.0, "bits an event, chopin": 4.0,
               "bits an event, knowing only how often tokens come": 7.1, "composer recognised, composed": 0.4,
               "composer recognised, real works": 0.6, "composer recognised, chance": 0.083}  # fmt: skip
    metrics = [{"name": name, "value": value, "split": ""} for name, value in numbers.items()]
    metrics.append({"name": "composer recognised, bach", "value": 0.75, "split": "real works: 0.81"})
    card = {"metrics": metrics, "parameters": 2_074_944, "config": {"n_ctx": 768}, "steps": 5000, "hours": 1.25}
    monkeypatch.setattr(measured, "_card", lambda: card)
    for t in T.values():
        text = measured.table(t)
        assert "2,074,944" in text and "768" in text and "| 3.5 |" in text and "| 7.1 |" in text
    bits = measured.bits_figure(T["en"])
    assert "Bach (3.00" in bits["summary"] and "Chopin (4.00)" in bits["summary"] and "7.10" in bits["summary"]
    judged = measured.judged_figure(T["en"])
    assert [bar["y"] for bar in json.loads(judged["figure"])["data"]] == [[0.75], [0.81]]
    assert "40 %" in judged["summary"] and "60 %" in judged["summary"] and "8 %" in judged["summary"]
    monkeypatch.setattr(measured, "_card", lambda: None)
    assert "not here" in measured.table(T["en"]) and measured.bits_figure(T["en"]) == gr.skip()
