"""A number for each value that a page is given, by which it sees that this is a new one.

Values of one page may come from several processes (deploy/cluster.py), so each process counts from a place of its own.
"""

from __future__ import annotations

import itertools
import secrets

_numbers = itertools.count(secrets.randbelow(2**20) * 2**30 + 1)  # below 2^51: JavaScript counts exactly to 2^53


def fresh() -> int:
    """Never 0, and never twice."""
    return next(_numbers)
