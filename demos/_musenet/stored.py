"""What the composer's cell shows at first sight; to be made anew after the network has been trained.

    python -m demos._musenet.stored

Writes into assets/site/musenet/: the sound of every piece of pieces.json (which `python -m core.musenet.examples`
writes) as Ogg Opus, and mask.json with mask-off.ogg and mask-on.ogg, the same beginning without and with the mask.
"""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.musenet import encoding
from core.musenet import examples as composed
from demos._musenet import examples, mask
from demos._musenet.starts import USUAL, Asked

if TYPE_CHECKING:
    import pretty_midi

MASK = Asked(*USUAL, seconds=30, temperature=1.3, top_k=0, top_p=1.0, seed=4, grammar=True, primer_s=8)
RATE_HZ = 48_000  # Opus knows few rates


def write_sound(score: pretty_midi.PrettyMIDI, path: Path) -> None:
    """Play a score into an Ogg Opus file, mono, about 45 kbit/s.

    By FFmpeg: libsndfile 1.2.2 writes files of this length that it cannot read to their end.
    """
    import soundfile

    from core import midi

    sound = midi.render(score, sample_rate_hz=RATE_HZ).T
    wav = io.BytesIO()
    soundfile.write(wav, sound, RATE_HZ, format="WAV", subtype="PCM_16")
    opus = ["-c:a", "libopus", "-ac", "1", "-b:a", "36k", "-bitexact", str(path)]
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", "-", *opus], input=wav.getvalue(), check=True)
    print(f"{path.name}: {len(sound) / RATE_HZ:.1f} s, {path.stat().st_size / 1e3:.0f} kB")


def pieces() -> list[dict[str, Any]]:
    """The sound of every stored piece."""
    found = composed.stored()
    for piece in found:
        write_sound(encoding.decode(piece["tokens"]), examples.sound(piece))
    return found


def main() -> None:
    print(f"{len(pieces())} pieces")
    found = mask.compare(MASK, None)
    mask.STORED.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
    for key in ("off", "on"):
        write_sound(encoding.to_midi(mask.heard(found, key)), composed.FOLDER / f"mask-{key}.ogg")
        print(key, dict(mask.faults(found["row"], found[key])), "of", len(found[key]), "tokens")


if __name__ == "__main__":
    main()
