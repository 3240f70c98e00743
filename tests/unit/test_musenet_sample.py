"""Composing: the cached past against the network read anew, the grammar, full contexts, primers, limits."""

import numpy as np
import pretty_midi
import pytest
import torch

from core import sampling
from core.errors import MidiError, SamplingError
from core.gpt2.model import GPT2, GPT2Config
from core.musenet import encoding, grammar, sample
from core.musenet import vocabulary as v
from core.musenet.encoding import Note

MUSIC = [Note(0, 60 + i % 7, 72, 0.2 * i, 0.2 * i + 0.3) for i in range(40)]


@pytest.fixture(scope="module")
def model() -> GPT2:
    torch.manual_seed(0)
    made = GPT2(GPT2Config(v.VOCABULARY, 96, 32, 2, 2, 0.0)).eval()
    with torch.no_grad():  # far from uniform, so that a wrong past shows
        for parameter in made.parameters():
            parameter.mul_(4)
    return made


def by_reading_all(model: GPT2, row: list[int], settings: sample.Settings, uniforms: torch.Tensor) -> list[int]:
    """The same by the reference: the whole row through the network for each token."""
    found: list[int] = []
    for u in uniforms:
        with torch.no_grad():
            logits = model(torch.tensor([row + found]))[0][:, -1]
        may = torch.from_numpy(grammar.State(row + found).allowed()) if settings.grammar else None
        token = int(sampling.draw(sampling.distribution(logits, settings.options, may), u[None]))
        found.append(token)
        if token == v.END:
            break
    return found


@pytest.mark.parametrize("with_grammar", [True, False])
def test_the_past_gives_the_same_tokens_as_reading_all(
    model: GPT2, with_grammar: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "LONGEST_NOTE_S", 3600.0)  # has its own test
    settings = sample.Settings("bach", ("piano", "bass"), tokens=50, grammar=with_grammar)
    uniforms = torch.rand(50, generator=torch.Generator().manual_seed(1))
    row = sample.begin(settings, encoding.to_midi(MUSIC), primer_s=1.0)
    assert list(sample.generate(model, row, settings, uniforms=uniforms)) == by_reading_all(
        model, row, settings, uniforms
    )


def test_rows_drawn_together_are_those_drawn_alone(model: GPT2) -> None:
    settings = sample.Settings("bach", tokens=40, ending=False)
    row = sample.begin(settings)
    uniforms = sampling.uniforms_of(5, 40, 3)
    together = sample.continuations(model, row, settings, seed=5, count=3)
    assert together == [list(sample.generate(model, row, settings, uniforms=u)) for u in uniforms]
    assert len({tuple(one) for one in together}) == 3


def test_the_grammar_keeps_every_token_in_its_rules_over_full_contexts(model: GPT2) -> None:
    settings = sample.Settings("pop", ("piano", "drums"), tokens=400, ending=False)
    row = sample.begin(settings)
    new = list(sample.generate(model, row, settings, seed=2))
    assert len(new) == 400 and grammar.faults(row + new) == 0
    assert set(sample.produced(new)) <= {"piano", "drums"}
    free = sample.Settings("pop", ("piano", "drums"), tokens=80, grammar=False)
    assert grammar.faults(row + list(sample.generate(model, row, free, seed=2))) > 0


def test_a_full_context_is_taken_up_from_its_end(model: GPT2) -> None:
    row = encoding.encode_notes(MUSIC, "bach", end=False)
    for most in (40, 60, 96):
        short = sample.taken_up(row, most)
        assert len(short) <= most and short[:3] == v.header("bach", ["piano"], first=v.MIDDLE)
        assert short[-20:] == row[-20:]
        assert grammar.State(short).sounding.keys() == grammar.State(row).sounding.keys()
    settings = sample.Settings("bach", tokens=5)
    assert len(list(sample.generate(model, row * 2, settings, seed=1))) <= 5  # longer than the context


def test_a_forgotten_note_is_ended() -> None:
    """A network that only ever waits: the primer's note is let go all the same, and nothing else is."""
    lazy = GPT2(GPT2Config(v.VOCABULARY, 96, 32, 2, 2, 0.0)).eval()
    with torch.no_grad():
        for parameter in lazy.parameters():
            parameter.zero_()
        lazy.get_parameter("model/ln_f/b")[0] = 1.0
        lazy.get_parameter("model/wte")[v.WAIT + 49, 0] = 50.0
    row = [v.parse(name) for name in "bach +piano <start> v72 piano:C4 wait:1000ms wait:500ms piano:E4".split()]
    settings = sample.Settings("bach", tokens=12, ending=False)
    new = [v.name(t) for t in sample.generate(lazy, row, settings, seed=1)]
    # C4 began 1.5 s before the row goes on; it is ended when it has sounded for 6 s, E4 1.5 s later.
    assert new == ["wait:1000ms"] * 5 + ["piano:v0:C4"] + ["wait:1000ms"] + ["piano:v0:E4"] + ["wait:1000ms"] * 4


def test_a_primer_gets_the_header_asked_for_and_is_cut() -> None:
    settings = sample.Settings("chopin", ("piano", "strings"))
    row = sample.begin(settings, encoding.to_midi(MUSIC), primer_s=2.0)
    assert row[:4] == v.header("chopin", ["piano", "strings"])
    notes = encoding.decode_notes(row)
    assert [n.pitch for n in notes] == [n.pitch for n in MUSIC if n.start_s <= 2.0]
    whole = encoding.encode_notes(MUSIC, "mozart")
    assert sample.begin(settings, whole, primer_s=None) == row[:4] + whole[3:-1]
    assert sample.begin(settings) == row[:4]
    cut = grammar.resumed(grammar.State(whole[:20]))
    assert sample.begin(settings, cut)[3] == v.MIDDLE
    with pytest.raises(MidiError):
        sample.begin(settings, pretty_midi.PrettyMIDI())


def test_seconds_end_the_music(model: GPT2) -> None:
    settings = sample.Settings("bach", tokens=400, seconds=3.0, ending=False)
    row = sample.begin(settings, encoding.to_midi(MUSIC), primer_s=1.0)
    new = list(sample.generate(model, row, settings, seed=4))
    steps = sum(t - v.WAIT + 1 for t in new if v.WAIT <= t < v.NOTE) * v.STEP_S
    assert len(new) < 400 and 3.0 < steps <= 4.0 + 1e-9  # the last wait may go over


def test_uniforms_decide(model: GPT2) -> None:
    settings = sample.Settings("bach", tokens=30)
    row = sample.begin(settings)
    first, again = (list(sample.generate(model, row, settings, seed=7)) for _ in range(2))
    other = list(sample.generate(model, row, settings, seed=8))
    assert first == again and first != other
    with pytest.raises(SamplingError, match="need as many"):
        next(sample.generate(model, row, settings, uniforms=torch.zeros(3)))
    with pytest.raises(SamplingError):
        next(sample.generate(model, row, settings, uniforms=torch.ones(30)))


def test_what_cannot_be_asked_for_is_said(model: GPT2) -> None:
    with pytest.raises(MidiError, match="composer"):
        sample.Settings("salieri")
    with pytest.raises(MidiError, match="No instrument"):
        sample.Settings("bach", ())
    for wrong in ({"tokens": 0}, {"temperature": -1.0}, {"seconds": 0.0}, {"top_p": 2.0}):
        with pytest.raises(SamplingError):
            sample.Settings(**wrong)
    with pytest.raises(SamplingError, match="vocabulary"):
        next(sample.generate(GPT2(GPT2Config(50, 16, 8, 2, 1)), [1], sample.Settings()))
    with pytest.raises(SamplingError, match="no row"):
        next(sample.generate(model, [], sample.Settings()))
    with pytest.raises(SamplingError, match="continuations"):
        sample.continuations(model, sample.begin(sample.Settings()), sample.Settings(tokens=90))


def test_produced_counts_notes_by_instrument() -> None:
    row = encoding.encode_notes([*MUSIC, Note(v.DRUMS, 40, 90, 0.5, 0.6)], "pop")
    assert sample.produced(row) == {"piano": 40, "drums": 1}
    assert np.isin(list(sample.produced(row)), v.NAMES).all()
