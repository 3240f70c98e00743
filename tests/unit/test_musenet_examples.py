"""The stored pieces: written and read again, the same from the same seed."""

from pathlib import Path

import numpy as np
import torch

from core import midi
from core.gpt2.model import GPT2
from core.musenet import encoding, examples, grammar, train, works
from core.musenet import vocabulary as v

HELD_OUT = {"rondo-alla-turca.mid": "mozart:k331", "bach-prelude-bwv862.mid": "bach:bwv862"}


def test_pieces_are_stored_with_how_they_were_made(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = GPT2(train.PRESETS["tiny"]).eval()
    short = tuple(
        examples.Example(one.name, one.composer, one.instruments, one.primer, primer_s=2.0, seconds=0.5)
        for one in examples.EXAMPLES[1:]
    )
    found = examples.write(model, tmp_path, examples=short)
    assert examples.stored(tmp_path) == found and not examples.stored(tmp_path / "nowhere")
    for made, one in zip(short, found):
        row = one["tokens"]
        assert examples.compose(model, made) == (row, one["begun"]) and len(row) > one["begun"]
        assert grammar.faults(row) == 0
        assert encoding.declared(row) == (one["composer"], one["instruments"])
        again = midi.read(tmp_path / one["file"]).midi
        expected = np.array(sorted(encoding.decode_notes(row)))
        np.testing.assert_allclose(sorted(encoding.notes(again)), expected, atol=2e-3)


def test_pieces_begin_with_works_that_were_not_learned_or_with_our_own() -> None:
    for one in examples.EXAMPLES:
        assert one.composer in v.COMPOSERS and set(one.instruments) <= set(v.NAMES)
        if one.primer:
            assert (examples.ROOT / "assets/midi" / one.primer).exists()
            assert one.primer == "four-chords.mid" or works.held_out(HELD_OUT[one.primer])
