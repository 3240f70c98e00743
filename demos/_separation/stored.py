"""What the cells of the source separation tab show at first sight; to be made anew after a network has been trained.

    python -m demos._separation.stored

Writes assets/audio/separation/stored/ (parts of the excerpts, as Ogg Vorbis) and
assets/site/separation/first.json.xz.
"""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from demos import _player, _stored
from demos._separation import examples
from demos._tab import LANGUAGES, strings


def parts() -> dict[str, Any]:
    """Take every excerpt apart by every network; gives the index: steps of the network, peaks of each part."""
    import soundfile

    from core import weights
    from core.separation import excerpts
    from core.separation.sample import separate
    from demos._separation.mixer import peaks

    examples.STORED.mkdir(parents=True, exist_ok=True)
    index: dict[str, Any] = {}
    for song, excerpt in excerpts.index().items():
        mixture = sum(excerpts.load(song).values())
        for kind, name in examples.KINDS.items():
            found = separate(mixture, excerpt.sample_rate_hz, model=name)
            stems = {}
            for stem, x in found.items():
                path = examples.STORED / f"{song}-{kind}-{stem}.ogg"
                soundfile.write(path, x.clamp(-1, 1).T.numpy(), excerpt.sample_rate_hz, format="OGG", subtype="VORBIS",
                                compression_level=0.9)
                stems[stem] = peaks(x, excerpt.sample_rate_hz)
            index[f"{song}-{kind}"] = {"steps": weights.card(name)["steps"], "stems": stems}
    (examples.STORED / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return index


def main() -> None:
    from demos._separation import masks

    print(f"{len(parts())} excerpts taken apart")
    for language in LANGUAGES:
        t = strings("separation", language)
        view, sounds, table, ideal = masks.show(t.cell("masks"), masks.USUAL[0], None, *masks.USUAL[1:])
        view = view | {"run": "stored", "facts": view["facts"] + " " + t("stored")}
        _stored.write(t, {"masks": [view, files("masks", sounds), table, files("ideal", ideal)]}, masks.USUAL[0])


def files(name: str, tracks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tracks of a player as files of the site, a tenth as large as within the page."""
    import soundfile

    found = []
    for i, track in enumerate(tracks):
        x, rate = soundfile.read(io.BytesIO(base64.b64decode(track["wav"])), dtype="float32")
        path = examples.STORED / f"{name}-{i}.ogg"
        soundfile.write(path, x, rate, format="OGG", subtype="VORBIS")
        found.append(_player.linked(track["label"], f"/site/audio/separation/stored/{path.name}"))
    return found


if __name__ == "__main__":
    main()
