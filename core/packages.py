"""Packages that judge and test: the site does without them, and says so where they are not installed."""

from __future__ import annotations

import importlib
from types import ModuleType

from core.errors import PackageError


def imported(name: str) -> ModuleType:
    """A module of such a package.

    Raises:
        PackageError: the package is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise PackageError(
            f"The package {package} is not installed here: `pip install -r tests/requirements.txt` brings it."
        ) from error
