"""Arrays in, figures out: one look for every figure of the site, in light and in dark."""

from __future__ import annotations

DARK_FOR_LIGHT: dict[str, str] = {}


def plotly_templates() -> dict[str, dict]:
    """The plotly templates `light` and `dark` as plain dicts."""
    return {"light": {}, "dark": {}}
