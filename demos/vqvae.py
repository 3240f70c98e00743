"""VQ-VAE, cell by cell: each cell is a module of `demos/_vqvae/`."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings, Tab
from demos._vqvae import codebook, codes, convert, edit, piano, prior

CELLS = (codes, edit, codebook, convert, prior, *((piano,) if piano.is_trained() else ()))


def build(t: Strings) -> None:
    """Header, the cells, references."""
    w.header(t, badge="real", minutes=45)
    for cell in CELLS:
        cell.build(t)
    w.references(t)


TAB = Tab(slug="vqvae", order=50, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
