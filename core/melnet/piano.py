"""Piano to learn from: python -m core.melnet.piano --data PATH --out runs/piano --minutes 60

Performances (ASAP's or MAESTRO's folder, or an archive) are played by FluidSynth's grand piano. The works that
core.transformer.data holds out go to a folder of their own, OUT/held-out, and are never trained on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from core.audio import SAMPLE_RATE_HZ
from core.errors import DataError
from core.transformer import data

PIECE_S = 40.0  # from the start of each performance, so that many pieces are heard
HELD_OUT_SHARE = 0.1


def render(piece: data.Piece, *, seconds: float) -> np.ndarray:
    """The beginning of a performance as mono sound at 16 kHz, float32 [T]."""
    import pretty_midi

    from core.midi import sound

    midi = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(program=0)
    notes = piece.notes
    for start, end, pitch, velocity in zip(notes.start_s, notes.end_s, notes.pitch, notes.velocity):
        if start < seconds:
            piano.notes.append(pretty_midi.Note(int(velocity), int(pitch), float(start), float(min(end, seconds))))
    midi.instruments.append(piano)
    played = sound.render(midi, sample_rate_hz=SAMPLE_RATE_HZ).mean(axis=0)
    return played[: int(seconds * SAMPLE_RATE_HZ)]


def main(arguments: list[str] | None = None) -> None:
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="performances: a folder or a tar archive")
    parser.add_argument("--out", type=Path, default=Path("runs/piano"))
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cache", type=Path, help="an .npz that keeps the notes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    random = np.random.default_rng(options.seed)
    for held_out, minutes in ((False, options.minutes), (True, options.minutes * HELD_OUT_SHARE)):
        pieces = data.load(options.data, held_out=held_out, cache=options.cache)
        if not pieces:
            raise DataError(f"{options.data} holds no performances of that part.")
        folder = options.out / ("held-out" if held_out else "train")
        folder.mkdir(parents=True, exist_ok=True)
        done_s = 0.0
        for number in random.permutation(len(pieces)):
            x = render(pieces[number], seconds=PIECE_S)
            name = pieces[number].name.replace("/", "_").rsplit(".", 1)[0]
            soundfile.write(str(folder / f"{name}.flac"), x, SAMPLE_RATE_HZ)
            done_s += len(x) / SAMPLE_RATE_HZ
            if done_s >= minutes * 60:
                break
        print(f"{folder}: {done_s / 60:.1f} min")


if __name__ == "__main__":
    main()
