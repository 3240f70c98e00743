"""The notebooks of the lessons, executed: one in a real kernel, the others cell by cell in this process."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import nbformat
import numpy as np
import plotly.graph_objects as go
import pytest
import soundfile
import torch

from demos import _notebook, _notebooks
from demos._tab import LESSONS, ROOT, SITE, discover

IN_A_KERNEL = "wavenet"
TABS = {tab.slug: tab for tab in discover()}


@pytest.fixture
def one_thread(monkeypatch):
    """Two threads of two tests on two cores wait for each other longer than they compute."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def heard(wav: bytes) -> None:
    sound, rate = soundfile.read(io.BytesIO(wav))
    assert len(sound) > 0.05 * rate and np.abs(sound).max() > 1e-3


@pytest.mark.parametrize("slug", [slug for slug in TABS if slug != IN_A_KERNEL])
def test_a_notebook_runs(slug: str, monkeypatch, one_thread) -> None:
    import IPython.display

    drawn: list[str] = []
    played: list[Any] = []
    monkeypatch.setattr(go.Figure, "show", lambda figure: drawn.append(figure.to_json()))
    monkeypatch.setattr(IPython.display, "display", played.append)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(LESSONS / slug)
    cells = _notebook.code_cells(LESSONS / SITE / "notebook.py") + _notebook.code_cells(LESSONS / slug / "notebook.py")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with torch.random.fork_rng():
        for number, (anchor, source) in enumerate(cells):
            exec(compile(source, f"<{slug}, cell {number}: {anchor}>", "exec"), namespace)
    assert os.getcwd() == str(ROOT)
    assert len(drawn) >= 2 and all('"data":[{' in figure for figure in drawn)
    for sound in played:
        heard(sound.data)
    assert played


def test_a_notebook_runs_in_a_kernel(monkeypatch, one_thread) -> None:
    nbclient = pytest.importorskip("nbclient")
    _notebooks.built(TABS[IN_A_KERNEL])
    made = nbformat.reads(_notebook.text(IN_A_KERNEL, "ko"), as_version=4)
    monkeypatch.setenv("PLOTLY_RENDERER", "plotly_mimetype")
    where = {"metadata": {"path": str(LESSONS / IN_A_KERNEL)}}
    nbclient.NotebookClient(made, timeout=300, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in made.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    shown = [output.data for output in outputs if output.output_type == "display_data"]
    assert any("<audio" in data.get("text/html", "") for data in shown)
    assert any("application/vnd.plotly.v1+json" in data for data in shown)


def test_outside_the_repository_the_first_cell_says_how_to_get_it(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    (_, source), = _notebook.code_cells(LESSONS / SITE / "notebook.py")
    with pytest.raises(FileNotFoundError, match="git clone"):
        exec(source, {})
