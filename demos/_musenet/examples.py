"""Pieces that were composed before: seen and heard at once, and gone on from."""

from __future__ import annotations

import functools
from pathlib import PurePosixPath
from typing import Any

from core.musenet import encoding
from core.musenet import examples as pieces
from demos import _player
from demos._musenet import show
from demos._musenet.show import Shown
from demos._musenet.starts import PIECES
from demos._musenet.versions import Tree, Version
from demos._tab import Strings
from demos._transformer.roll import Roll


@functools.lru_cache(maxsize=1)
def stored() -> list[dict[str, Any]]:
    """The pieces of core.musenet.examples whose sound is there."""
    return [one for one in pieces.stored() if sound(one).exists()]


def sound(piece: dict[str, Any]) -> Any:
    """The file with the sound of a piece, written by `python -m demos._musenet.stored`."""
    return pieces.FOLDER / PurePosixPath(piece["file"]).with_suffix(".ogg").name


def called(t: Strings, piece: dict[str, Any]) -> str:
    """A piece in the menu: in whose style, from what, for which instruments."""
    names = {PurePosixPath(file).stem: f"start_{key}" for key, file in PIECES.items()}
    stem = PurePosixPath(str(piece.get("primer") or "")).stem
    words = {"style": t(f"style_{piece['composer']}"),
             "instruments": ", ".join(t(f"instrument_{name}") for name in piece["instruments"])}  # fmt: skip
    if stem:
        return t("piece_from", start=t(names[stem]) if stem in names else stem, **words)
    return t("piece_alone", **words)


def choices(t: Strings) -> list[tuple[str, str]]:
    return [(called(t, piece), PurePosixPath(piece["file"]).stem) for piece in stored()]


def chosen(name: Any) -> dict[str, Any] | None:
    """The piece of that name; the first for any other; None if there is none."""
    return next((p for p in stored() if PurePosixPath(p["file"]).stem == name), next(iter(stored()), None))


def tree(piece: dict[str, Any]) -> Tree:
    """The piece as a composition: its beginning, and one version that goes on from it."""
    row, split = tuple(piece["tokens"]), int(piece["begun"])
    return Tree((Version(row[:split], split, None, ""), Version(row, split, 0, "A")), 1)


def shown(t: Strings, piece: dict[str, Any]) -> Shown:
    """The piece in roll and player, its files to keep."""
    found = tree(piece)
    now = found.now
    notes = encoding.decode_notes(now.row)
    roll = Roll(show.parts(t), split_s=show.length_s(now.row[: now.split]))
    roll.show(*show.columns(notes))
    facts = t("facts_stored", seconds=f"{show.end_s(notes):.1f}", notes=len(notes), seed=piece["seed"],
              temperature=piece["temperature"], top_p=piece["top_p"])  # fmt: skip
    track = _player.linked(called(t, piece), f"/site/musenet/{sound(piece).name}")
    files = {"mid": f"/site/musenet/{PurePosixPath(piece['file']).name}"}
    return Shown(roll.end(facts), [track], show.links(t, [("", files)]))


def bars(t: Strings, piece: dict[str, Any]) -> dict[str, Any]:
    """Requested against produced instruments of a stored piece."""
    return show.produced(t, piece["instruments"], {"A": piece["tokens"][int(piece["begun"]) :]})
