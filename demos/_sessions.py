"""What gradio keeps of each visitor: his state, and nothing of what it keeps for links that save a whole page.

For every open page, gradio copies the configuration of all components of all pages, and then every value that it shows:
6 MB and half a second of work a page, kept until 10,000 pages have been opened. It is made for `gr.DeepLinkButton`
alone, and this site's links say what its controls say.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

from gradio.state_holder import SessionState

CAPACITY = 1500  # open pages whose state is kept, 0.2 MB each and what the visitor has made; beyond it the oldest go


class Forgets(dict):
    """Has every key, and an empty configuration for it; keeps nothing."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: object) -> dict[str, Any]:
        return {}

    def __setitem__(self, key: object, value: object) -> None:
        return


def keep_state_only() -> None:
    """Let a new session hold no configurations. Once is enough for all that follow."""
    begin = SessionState.__init__
    if getattr(begin, "light", False):
        return

    @functools.wraps(begin)
    def light(self: SessionState, blocks: Any) -> None:
        begin(self, SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore[arg-type]
        self.config_values = Forgets()

    light.light = True  # type: ignore[attr-defined]
    SessionState.__init__ = light  # type: ignore[method-assign]
