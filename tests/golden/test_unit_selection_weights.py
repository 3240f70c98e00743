"""The shipped voice of units: its size, its speed, and whether it is understood."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import recognition_metrics, weights
from core.unit_selection import synthesize, voice
from core.wavenet.data import HELD_OUT

pytestmark = pytest.mark.golden

ROOT = Path(__file__).resolve().parents[2]
# Held-out prompts whose recordings are shipped, and Harvard sentences: none was in the corpus.
SENTENCES = (
    "The task we set ourselves was threefold.",
    "One great drawback to farming in California is our long dry summer.",
    "The birch canoe slid on the smooth planks.",
    "The boy was there when the sun rose.",
    "A pot of tea helps to pass the evening.",
    "The salt breeze came across from the sea.",
)


def test_it_is_small_and_holds_no_held_out_sentence() -> None:
    sizes = [path.stat().st_size for path in (weights.FOLDER / "unit-selection").iterdir()]
    assert max(sizes) <= 10_000_000 and sum(sizes) <= 20_000_000
    names = {recording.name for recording in voice().recordings}
    assert len(names) == 1072 and not names & HELD_OUT


def test_every_phone_of_english_is_there_and_most_diphones() -> None:
    counts = voice().coverage()
    assert len(voice().inventory) == 40
    assert (counts > 0).sum() > 1100  # of 1,600, of which English has about 1,300


def test_it_loads_and_speaks_quickly_in_a_fresh_process() -> None:
    """Promised are 1.5 s, 1 s for a sentence of 3 s, and 300 MB; a shared machine gets some grace on the times."""
    program = (
        "import time, torch; torch.set_num_threads(1); import core.audio\n"
        "from core.unit_selection import sample\n"
        "def memory(): return int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6\n"
        "before, began = memory(), time.process_time()\n"
        "sample.voice()\n"
        "loaded = time.process_time()\n"
        "said = sample.synthesize('The salt breeze came across from the smooth blue sea.')\n"
        "print(loaded - began, time.process_time() - loaded, memory() - before, said.seconds)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loading, speaking, memory, seconds = map(float, done.stdout.split())
    assert loading < 3 and speaking < 3 and memory < 300 and 2 < seconds < 5


def test_it_is_understood() -> None:
    """Natural recordings have a character error of about 13 %; 30 % is far from what these sentences give."""
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("jiwer")
    heard = [recognition_metrics.recognise(synthesize(text).audio) for text in SENTENCES]
    wanted = [recognition_metrics.as_read(text) for text in SENTENCES]
    assert recognition_metrics.corpus_character_error(wanted, heard) < 0.3


def test_a_sentence_of_the_corpus_is_found_whole() -> None:
    """Its predicted melody differs from the recorded one, and still nothing is cheaper than no join at all."""
    one = next(r for r in voice().recordings if r.name == "arctic_a0010")
    whole = synthesize(one.text)
    assert not whole.joins and {voice().recordings[unit.recording].name for unit in whole.units} == {one.name}
    apart = synthesize(one.text, exclude={one.name})
    assert len(apart.joins) > 5 and one.name not in {voice().recordings[u.recording].name for u in apart.units}


def test_presets_do_what_they_are_named_for() -> None:
    text = "The birch canoe slid on the smooth planks."
    usual, without_join, without_target = (
        synthesize(text, **options) for options in ({}, {"join_weight": 0}, {"target_weight": 0})
    )
    assert sum(without_target.path.join_costs) < sum(usual.path.join_costs) < sum(without_join.path.join_costs)
    assert len(without_target.joins) <= len(usual.joins) < len(without_join.joins)
    assert (
        sum(without_join.path.target_costs) < sum(usual.path.target_costs) < sum(without_target.path.target_costs)
    )
    assert all(np.isfinite(said.audio.numpy()).all() for said in (usual, without_join, without_target))


def test_a_rare_phone_is_shown_as_backed_off() -> None:
    said = synthesize("Zhivago's joy.")
    assert any(unit.backed_off for unit in said.units)
