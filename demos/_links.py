"""State in the URL: `?tab=&step=&<control>=`. Unknown names and values are ignored, numbers are clamped.

A control takes part when it is registered by name; the page collects the registrations of its tab while it is built,
restores them on load and writes them back with `history.replaceState` (`assets/site/site.js`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

RESERVED = ("tab", "step", "__theme", "view", "mode")


@dataclass
class Step:
    """One entry of the contents list: a cell of a tab."""

    anchor: str
    heading: str


@dataclass
class Voice:
    """A control for a sound: the sound, and the menu that says which one it is.

    samples: what the menu offers, (label, key).  paths: of the samples, by their keys.
    """

    sound: gr.Audio
    menu: gr.Dropdown
    samples: list[tuple[str, str]]
    paths: dict[str, str]


@dataclass
class Page:
    """What the cells of one page, a tab in one language, register while they are built."""

    language: str
    tab: str
    controls: dict[str, gr.components.Component] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    voices: list[Voice] = field(default_factory=list)
    own: gr.State | None = None  # the sound that the visitor has brought

    def add_control(self, name: str, component: gr.components.Component) -> None:
        """Register a control under a name that is unique in its tab."""
        if name in RESERVED or name in self.controls:
            raise ValueError(f"The link name {name!r} is reserved or already taken in tab {self.tab!r}.")
        self.controls[name] = component

    def add_step(self, anchor: str, heading: str) -> int:
        """Register a cell; returns its number, from 1."""
        self.steps.append(Step(anchor, heading))
        return len(self.steps)


_PAGE: ContextVar[Page | None] = ContextVar("page", default=None)


@contextmanager
def building(page: Page) -> Iterator[Page]:
    """Make `page` the one that cells and controls register with."""
    token = _PAGE.set(page)
    try:
        yield page
    finally:
        _PAGE.reset(token)


def current_page() -> Page:
    """The page being built."""
    page = _PAGE.get()
    if page is None:
        raise RuntimeError("Cells are built inside a page: use demos._page.")
    return page


def restored(component: gr.components.Component, text: str) -> Any:
    """The value that a link gives to a control, or None if the control cannot take it.

    Args:
        component: Slider, Number, Checkbox, Radio, Dropdown or Textbox.
        text: what stands in the URL.
    """
    if isinstance(component, gr.Checkbox):
        return {"1": True, "true": True, "0": False, "false": False}.get(text.lower())
    if isinstance(component, gr.Slider | gr.Number):
        return _number(component, text)
    if isinstance(component, gr.Radio | gr.Dropdown):
        values = {str(value): value for _, value in component.choices or []}
        return values.get(text)
    if isinstance(component, gr.Textbox):
        return text[: component.max_length or 500]
    return None


def _number(component: gr.Slider | gr.Number, text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    low, high, step = component.minimum, component.maximum, component.step
    if isinstance(component, gr.Slider) and low is not None and step:
        value = low + round((value - low) / step) * step
    value = max(value, low) if low is not None else value
    value = min(value, high) if high is not None else value
    whole = float(value).is_integer() and (getattr(component, "precision", None) == 0 or float(step or 0).is_integer())
    return int(value) if whole else value


def within(value: Any, low: float, high: float, otherwise: float | None = None) -> float:
    """What a control gave, or the nearest that it could have given; `otherwise` (low) for what is no finite number."""
    otherwise = low if otherwise is None else otherwise
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = otherwise
    return min(max(number if math.isfinite(number) else otherwise, low), high)


def restore(page: Page, query: Mapping[str, str]) -> list[Any]:
    """The updates that a query makes: one for each registered control, in their order."""
    values = [restored(control, query[name]) if name in query else None for name, control in page.controls.items()]
    return [gr.skip() if value is None else gr.update(value=value) for value in values]
