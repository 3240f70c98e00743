"""Measure the tagger where the truth is known, on recordings that neither it nor its last layer learned from.

    python -m core.tags.measure --data PATH/music --speech PATH/speech --noise PATH/noise_esc10 \\
        --events PATH/urbansound8k

musicnn's own figures are of MagnaTagATune, which is not here. These are of other music: piano works played by a
soundfont, an electronic song, Chinese pop by amateurs whose sex is known. --write puts them into the card and into
assets/tables/tags.json, which the site draws.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from core import audio, weights
from core.separation import data as separation
from core.tags import convert, train
from core.tags.model import Musicnn
from core.tags.sample import GENRES, NOT_MUSIC, UNSURE, Tags, genre, tags

COMMAND = "python -m core.tags.measure --data PATH --speech PATH --noise PATH --events PATH"
TABLE = Path(__file__).resolve().parents[2] / "assets/tables/tags.json"
LEVEL_DB = -20.0
# MIR-1K has 11 men and 8 women; it names none of them so, but these eight names and pitches are the women's.
WOMEN = ("amy", "Ani", "annar", "ariel", "heycat", "tammy", "titon", "yifen")
FEMALE = ("female", "woman", "female vocal", "female voice")
MALE = ("male", "male vocal", "man", "male voice")
DANCE_FLOOR = ("techno", "electronic", "dance", "ambient")


def hear(model: Musicnn, sounds: list[np.ndarray]) -> list[Tags]:
    """The tags of each sound, at one level."""
    return [tags(model, audio.level_to(torch.from_numpy(np.ascontiguousarray(x)), dbfs=LEVEL_DB)) for x in sounds]


def singers(folder: Path) -> tuple[list[np.ndarray], list[bool]]:
    """Test clips of MIR-1K, music and voice mixed at 0 dB, and whether a woman sings."""
    songs = separation.load_mir1k(folder, part="test")
    sounds = [separation.at_zero_db(song.parts).sum(dim=(0, 1)).numpy() for song in songs]
    return sounds, [song.name.split("_")[0] in WOMEN for song in songs]


def share(found: list[Tags], holds: Callable[[Tags], bool]) -> float:
    """Percent of the sounds for which it holds."""
    return 100 * sum(map(holds, found)) / len(found)


def told_apart(heard: dict[str, list[Tags]]) -> dict[str, float]:
    """Percent of each kind that is rightly called music or not; and the mean of the two sides."""
    out = {
        kind: share(found, lambda one: (float(one.music.mean()) >= 0.5) == (kind in train.MUSIC))  # noqa: B023
        for kind, found in heard.items()
    }
    sides = [np.mean([out[kind] for kind in out if (kind in train.MUSIC) == side]) for side in (True, False)]
    return {**out, "balanced": float(np.mean(sides))}


def verdicts(model: Musicnn, heard: dict[str, list[Tags]]) -> dict[str, dict[str, float]]:
    """Percent of each kind that gets each verdict."""
    names = (*GENRES, UNSURE, NOT_MUSIC)
    return {
        kind: {name: share(found, lambda one: genre(model, one).verdict == name) for name in names}  # noqa: B023
        for kind, found in heard.items()
    }


def heard_sex(one: Tags) -> bool:
    """Whether the tags for women together outweigh those for men."""
    weight = {name: float(one.mean[one.names.index(name)]) for name in FEMALE + MALE}
    return sum(weight[name] for name in FEMALE) > sum(weight[name] for name in MALE)


def seconds_for(model: Musicnn, length_s: float = 10.0) -> float:
    """Seconds of processor time for so much sound."""
    x = 0.1 * torch.randn(round(length_s * 16_000), generator=torch.Generator().manual_seed(0))
    tags(model, x)
    started = time.process_time()
    tags(model, x)
    return time.process_time() - started


def measure(model: Musicnn, options: argparse.Namespace) -> dict[str, Any]:
    """All figures, as the table has them."""
    heard = {kind: hear(model, sounds) for kind, sounds in train.gather(options, "held-out").items()}
    song = hear(model, electronic(options.data))
    sounds, women = singers(options.data / "mir1k" if (options.data / "mir1k").is_dir() else options.data)
    sung = hear(model, sounds)
    kinds = {"electronic song": song, "pop, sung": sung, **{k: v for k, v in heard.items() if k != "music"}}
    named = {
        "piano called classical": share(heard["piano"], lambda one: genre(model, one).names[_best(model, one)]
                                        == "classical"),
        "piano: the tag among the first three": share(heard["piano"], lambda one: "piano" in dict(one.top(3))),
        "electronic song called techno, electronic, dance or ambient": share(
            song, lambda one: GENRES[_best(model, one)] in DANCE_FLOOR
        ),
        "sung pop called pop": share(sung, lambda one: GENRES[_best(model, one)] == "pop"),
        "man or woman sings, told rightly": 100 * float(np.mean([heard_sex(x) == w for x, w in zip(sung, women)])),
    }  # fmt: skip
    return {
        "told_apart": told_apart(heard), "named": named, "counts": {k: len(v) for k, v in (kinds | heard).items()},
        "verdicts": verdicts(model, kinds), "women": sum(women), "seconds_for_10_s": seconds_for(model),
        "means": {kind: torch.stack([one.mean for one in found]).mean(dim=0).tolist() for kind, found in kinds.items()},
    }  # fmt: skip


def _best(model: Musicnn, one: Tags) -> int:
    return int(genre(model, one).mean.argmax())


def electronic(folder: Path) -> list[np.ndarray]:
    """The held-out song in pieces of 10 s."""
    from core.events.data import mixture

    places = [path for path in folder.rglob(separation.HELD_OUT) if path.is_dir()]
    if not places:
        return []
    x, size = mixture(places[0]), 160_000
    return [x[at : at + size] for at in range(0, len(x) - size, size)]


def rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures as a card has them."""
    counts = found["counts"]
    out = [
        (f"{kind} rightly told as {'music' if kind in train.MUSIC else 'not music'} (%)", value,
         f"{counts[kind]} sounds held out")
        for kind, value in found["told_apart"].items() if kind != "balanced"
    ]  # fmt: skip
    out.append(("music and the rest told apart (%)", found["told_apart"]["balanced"], "mean of both sides"))
    places = ("piano", "piano", "electronic song", "pop, sung", "pop, sung")
    out += [(f"{name} (%)", value, f"{counts[kind]} sounds")
            for (name, value), kind in zip(found["named"].items(), places)]  # fmt: skip
    out.append(("seconds for 10 s of sound, 1 thread", found["seconds_for_10_s"], "processor time"))
    return [{"name": name, "value": round(value, 2), "split": split, "command": COMMAND} for name, value, split in out]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    train.sources(parser)
    parser.add_argument("--write", action="store_true", help="write the card and assets/tables/tags.json")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = cast(Musicnn, weights.load(convert.NAME))
    found = measure(model, options)
    for row in rows(found):
        print(f"{row['name']:70s} {row['value']:8.2f}   ({row['split']})")
    for kind, given in found["verdicts"].items():
        print(f"{kind:16s} " + ", ".join(f"{name} {value:.0f}" for name, value in given.items() if value >= 5))
    if options.write:
        TABLE.write_text(json.dumps(rounded(found), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(convert.ship(model, rows(found)))


def rounded(found: Any) -> Any:
    """The same with two digits behind the point, four below one."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return round(found, 2 if found >= 1 else 4) if isinstance(found, float) else found


if __name__ == "__main__":
    main()
