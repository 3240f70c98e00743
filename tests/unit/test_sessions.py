"""Of a visitor the server keeps his state, apart from others', and nothing that grows with what he sees."""

from __future__ import annotations

import datetime

import gradio as gr
import pytest
from gradio.state_holder import SessionState, StateHolder

from demos import _sessions


@pytest.fixture
def holder(monkeypatch):
    monkeypatch.setattr(SessionState, "__init__", SessionState.__init__)  # both put back at the end
    monkeypatch.setattr(StateHolder, "delete_all_expired_state", StateHolder.delete_all_expired_state)
    _sessions.keep_state_only()
    _sessions.keep_state_only()
    with gr.Blocks(analytics_enabled=False) as blocks:
        state, box = gr.State([1]), gr.Textbox("x", label="l")
        gr.HTML("y" * 1000)
    kept = StateHolder()
    kept.set_blocks(blocks)
    return kept, state, box


def test_each_visitor_has_his_own_state_and_it_starts_as_it_was_built(holder):
    kept, state, _ = holder
    kept["one"][state._id].append(2)
    kept["one"][state._id] = [*kept["one"][state._id], 3]
    assert kept["one"][state._id] == [1, 2, 3] and kept["other"][state._id] == [1] and state.value == [1]


def test_what_a_visitor_sees_is_not_kept(holder):
    kept, _, box = holder
    session = kept["one"]
    assert len(session.config_values) == 0
    session._update_value_in_config(box._id, "z" * 1_000_000)
    session._update_config(box._id)
    session[box._id] = gr.Textbox("new", label="other")
    assert len(session.config_values) == 0
    assert session.blocks_config.blocks[box._id].label == "other", "what an update changes is known"
    assert kept["other"].blocks_config.blocks[box._id].label == "l"


def test_a_closed_page_is_forgotten_after_a_while_and_an_open_one_is_not(holder, monkeypatch):
    kept, state, _ = holder
    gone = []
    state.delete_callback = gone.append
    for name in ("open", "closed", "just closed"):
        kept[name][state._id] = [name]
    long_ago = datetime.datetime.now() - datetime.timedelta(seconds=_sessions.CLOSED_S + 1)
    kept.time_last_used["open"] = kept.time_last_used["closed"] = long_ago
    kept.session_data["closed"].is_closed = kept.session_data["just closed"].is_closed = True
    kept.delete_all_expired_state()
    assert set(kept.session_data) == {"open", "just closed"} and gone == [["closed"]]
    assert kept["open"][state._id] == ["open"]


def test_the_oldest_sessions_go():
    blocks = gr.Blocks(analytics_enabled=False)
    blocks.state_session_capacity = 5
    kept = StateHolder()
    kept.set_blocks(blocks)
    for k in range(9):
        kept[str(k)]
    assert set(kept.session_data) <= {str(k) for k in range(3, 9)} and len(kept.session_data) <= 6
