"""A composition as a tree: each continuation that was kept is a version, whose parent is the one it goes on from.

    tree = begun(row)                       # version 0: what it begins with
    tree = tree.offered(rows)               # ways to go on from the current version
    tree = tree.kept(2)                     # the third of them becomes a version, and the current one
    tree = tree.undone()                    # its parent is current again; nothing is lost
    tree = tree.at(1)                       # go on from any other: a branch

It lives in one visitor's state only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.errors import SamplingError

MOST_VERSIONS = 40
MOST_TOKENS = 8000  # of a piece: about four minutes
LETTERS = "ABCD"


@dataclass(frozen=True)
class Version:
    """One state of the piece: `row` is header and music; from `split` on it is new."""

    row: tuple[int, ...]
    split: int
    parent: int | None
    path: str  # the letters that were kept on the way, such as "AC"; "" for the beginning


@dataclass(frozen=True)
class Tree:
    """All versions, which of them is current, and the rows that were offered to go on from it."""

    versions: tuple[Version, ...]
    current: int = 0
    offers: tuple[tuple[int, ...], ...] = ()
    split: int = 0  # where the offers begin to be new

    @property
    def now(self) -> Version:
        return self.versions[self.current]

    def offered(self, rows: Sequence[Sequence[int]], split: int) -> Tree:
        """With ways to go on from the current version: whole rows, new from `split` on."""
        return replace(self, offers=tuple(tuple(row) for row in rows), split=split)

    def kept(self, number: int) -> Tree:
        """The offer becomes a version and the current one.

        Raises:
            SamplingError: there is no such offer; too many versions.
        """
        if not 0 <= number < len(self.offers):
            raise SamplingError("There is nothing to keep yet: compose first.")
        if len(self.versions) >= MOST_VERSIONS:
            raise SamplingError(f"There are {MOST_VERSIONS} versions, which is the most: choose a start to begin anew.")
        one = Version(self.offers[number], self.split, self.current, self.now.path + LETTERS[number])
        return Tree((*self.versions, one), len(self.versions))

    def undone(self) -> Tree:
        """Without the offers; if there are none, the parent of the current version is current."""
        if self.offers or self.now.parent is None:
            return Tree(self.versions, self.current)
        return Tree(self.versions, self.now.parent)

    def at(self, number: int) -> Tree:
        """Another version is current; one that is not there changes nothing."""
        return Tree(self.versions, number if 0 <= number < len(self.versions) else self.current)

    def check_room(self) -> None:
        """Raise SamplingError if the current version is as long as a piece may get."""
        if len(self.now.row) >= MOST_TOKENS:
            raise SamplingError(
                f"The piece has {MOST_TOKENS} tokens, which is the most: go on from an earlier version."
            )


def begun(row: Sequence[int]) -> Tree:
    """A tree with only what the piece begins with."""
    return Tree((Version(tuple(row), len(row), None, ""),))
