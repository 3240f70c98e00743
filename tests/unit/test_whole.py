"""Files that are there whole or not at all: `core.whole`."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest

from core.whole import whole


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "deep" / "mels.npz"
    with whole(path) as part:
        np.savez(part, a=np.arange(3))
        assert not path.exists() and part.parent == path.parent
    with pytest.raises(KeyboardInterrupt), whole(path) as part:
        part.write_bytes(b"half")
        raise KeyboardInterrupt
    with np.load(path) as kept:
        assert kept["a"].tolist() == [0, 1, 2]
    assert [one.name for one in path.parent.iterdir()] == ["mels.npz"]


def write(path, value: int) -> None:
    for _ in range(20):
        with whole(path) as part:
            np.savez(part, a=np.full(100_000, value))


def test_processes_that_write_at_the_same_time_do_not_mix(tmp_path):
    path, context = tmp_path / "a.npz", multiprocessing.get_context("fork")
    writers = [context.Process(target=write, args=(path, value)) for value in (1, 2)]
    for one in writers:
        one.start()
    read = 0
    while any(one.is_alive() for one in writers):
        if path.exists():
            with np.load(path) as kept:
                assert len(set(kept["a"].tolist())) == 1
            read += 1
    assert read and [one.exitcode for one in writers] == [0, 0] and len(list(tmp_path.iterdir())) == 1
