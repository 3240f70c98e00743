"""What gradio keeps of each visitor: his state, and nothing of what it keeps for links that save a whole page.

For every open page, gradio copies the configuration of all components of all pages, and then every value that it shows:
6 MB and half a second of work a page, kept until 10,000 pages have been opened. It is made for `gr.DeepLinkButton`
alone, and this site's links say what its controls say. And a page that was closed is never opened again with its
state, which gradio keeps for an hour: here it goes after five minutes.
"""

from __future__ import annotations

import datetime
import functools
from types import SimpleNamespace
from typing import Any

from gradio.state_holder import SessionState, StateHolder

CAPACITY = 1500  # open pages whose state is kept, 0.2 MB each and what the visitor has made; beyond it the oldest go
CLOSED_S = 300  # a line that was cut for a moment may come back


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
        self.STATE_TTL_WHEN_CLOSED = CLOSED_S

    sweep = StateHolder.delete_all_expired_state  # called by gradio every second

    @functools.wraps(sweep)
    def swept(self: StateHolder) -> None:
        sweep(self)
        oldest = datetime.datetime.now() - datetime.timedelta(seconds=CLOSED_S)
        for name, session in list(self.session_data.items()):
            if session.is_closed and self.time_last_used.get(name, oldest) <= oldest:
                for component, value, _ in list(session.state_components):
                    component.delete_callback(value)
                with self.lock:
                    self.session_data.pop(name, None)
                    self.time_last_used.pop(name, None)

    light.light = True  # type: ignore[attr-defined]
    SessionState.__init__ = light  # type: ignore[method-assign]
    StateHolder.delete_all_expired_state = swept  # type: ignore[method-assign]
