"""`python -m deploy.cluster`: two copies on Ray; one is killed under load, and Ray brings another one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from crowd import pressed

from benchmarks.start import free_port
from demos._tab import ROOT

pytest.importorskip("ray", reason="pip install -r deploy/requirements.txt")
linux = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")


def copies_of(session: int) -> list[int]:
    """The processes of the copies that were started in a session of processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"ServeReplica:copies" in path.read_bytes() and os.getsid(int(path.parent.name)) == session:
                found.append(int(path.parent.name))
        except (OSError, ValueError):
            continue  # it has ended
    return found


def until(ready, seconds: float):
    """What `ready` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := ready():
                return found
        except (httpx.HTTPError, ValueError):  # nothing answers yet, or Ray itself does
            pass
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s")


@linux
def test_a_killed_copy_is_noticed_by_nobody_and_replaced(tmp_path, record_property) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "deploy.cluster", "--copies", "2", "--port", str(port), "--tabs", "wavenet"]
    environment = {**os.environ, "SITE_SHARED": str(tmp_path / "shared"), "RAY_TMPDIR": "/tmp"}
    environment.pop("GRADIO_TEMP_DIR", None)
    log = (tmp_path / "log.txt").open("w")
    began = time.monotonic()
    cluster = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
    )  # fmt: skip

    def told() -> dict:
        return httpx.get(f"{address}/door", timeout=10, trust_env=False).json()

    async def crowd() -> list:
        visitors = [asyncio.create_task(pressed(address, number)) for number in range(4)]
        while (await asyncio.to_thread(told))["jobs"] < 4:
            await asyncio.sleep(0.2)
        os.kill(copies[0], signal.SIGKILL)
        return await asyncio.gather(*visitors)

    try:
        try:
            until(lambda: told()["copies"] == 2, 180)
        except AssertionError:
            pytest.fail((tmp_path / "log.txt").read_text()[-3000:])
        record_property("seconds until two copies on Ray answer", time.monotonic() - began)
        copies = copies_of(cluster.pid)
        assert len(copies) == 2
        found = asyncio.run(crowd())
        outcomes = [one for outcomes, _ in found for one in outcomes]
        assert [one.error for one in outcomes if one.error] == [] and len(outcomes) >= 12
        assert 1 <= told()["again"] <= 2, "the jobs of the dead copy, and no others"
        until(lambda: told()["copies"] == 2, 120)
        assert copies[0] not in copies_of(cluster.pid)
    finally:
        os.killpg(cluster.pid, signal.SIGTERM)
        time.sleep(1)
        subprocess.run(["pkill", "-KILL", "-s", str(cluster.pid)], check=False)
        cluster.wait(20)
        log.close()
