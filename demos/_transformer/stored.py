"""What the transformer tab shows at first sight: python -m demos._transformer.stored

One primer, continued by both networks: their events in assets/site/transformer/music.json, their sounds beside it.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from demos._tab import ROOT

FOLDER = ROOT / "assets/site/transformer"
SEED = 1


@functools.cache
def music() -> dict[str, Any] | None:
    """{"primer": events of it, "seed", "relative": ids, "absolute": ids}, or None where nothing is stored."""
    file = FOLDER / "music.json"
    return json.loads(file.read_text()) if file.exists() else None


def sound_url(network: str) -> str:
    """Where the page finds the sound of a network's continuation."""
    return f"/site/transformer/music-{network}.ogg"


def main() -> None:
    import soundfile

    from core import midi, weights
    from core.sampling import Options
    from core.transformer import sample
    from demos._transformer import pieces, playing

    ids = midi.encode(midi.read(pieces.path(pieces.FIRST)).midi)[: playing.PRIMER_EVENTS]
    kept: dict[str, Any] = {"primer": len(ids), "seed": SEED}
    for network in playing.NETWORKS:
        drawn = sample.generate(
            weights.load(f"transformer-{network}"), ids, events=1000, seed=SEED, options=Options(top_p=0.98)
        )
        kept[network] = [*ids, *drawn]
        sound = midi.render(midi.decode(kept[network]), sample_rate_hz=playing.RATE_HZ).mean(axis=0)
        file = FOLDER / f"music-{network}.ogg"
        soundfile.write(file, sound, playing.RATE_HZ, format="OGG", subtype="VORBIS")
        print(f"{file.name}: {len(sound) / playing.RATE_HZ:.1f} s, {file.stat().st_size / 1e6:.2f} MB")
    (FOLDER / "music.json").write_text(json.dumps(kept, separators=(",", ":")))


if __name__ == "__main__":
    main()
