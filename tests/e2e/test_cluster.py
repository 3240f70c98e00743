"""`python -m deploy.cluster`: two copies on Ray, and a process that does their heavy work.

One copy and that process are killed under load, and Ray brings others.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import soundfile
from crowd import pressed, run

from benchmarks.site import cpu_s as seconds_of
from benchmarks.start import free_port
from demos import _widgets as w
from demos._tab import ROOT

pytest.importorskip("ray", reason="pip install -r deploy/requirements.txt")
linux = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")


def processes_of(session: int, deployment: str) -> list[int]:
    """The processes of a deployment that were started in a session of processes."""
    found, title = [], f"ServeReplica:copies:{deployment}".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if title in path.read_bytes() and os.getsid(int(path.parent.name)) == session:
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


def voice() -> bytes:
    """A second of a recording."""
    x, rate = soundfile.read(w.sample_path(), start=8_000, frames=16_000, dtype="float32")
    file = io.BytesIO()
    soundfile.write(file, x, rate, format="WAV")
    return file.getvalue()


@linux
def test_who_is_killed_is_noticed_by_nobody_and_replaced(tmp_path, record_property) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "deploy.cluster", "--copies", "2", "--heavy", "1", "--port", str(port)]
    shared = tmp_path / "shared"
    environment = {**os.environ, "SITE_SHARED": str(shared), "RAY_TMPDIR": "/tmp"}
    for name in ("GRADIO_TEMP_DIR", "SITE_KEPT", "SITE_DATA"):
        environment.pop(name, None)
    log = (tmp_path / "log.txt").open("w")
    began = time.monotonic()
    cluster = subprocess.Popen(
        [*command, "--tabs", "wavenet"], cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
    )  # fmt: skip

    def told() -> dict:
        return httpx.get(f"{address}/door", timeout=10, trust_env=False).json()

    async def crowd() -> list:
        visitors = [asyncio.create_task(pressed(address, number, **asked)) for number, asked in enumerate(wanted)]
        while (await asyncio.to_thread(told))["jobs"] < len(wanted) or not busy():
            await asyncio.sleep(0.2)
        for process in (copies[0], workers[0]):
            os.kill(process, signal.SIGKILL)
        return await asyncio.gather(*visitors)

    def busy() -> bool:
        """The process for heavy work has begun to compute."""
        return all(seconds_of(process) > idle[process] + 0.5 for process in workers)

    # two with a sound of their own: one copy takes the upload, the other may be asked about it, and Heavy reads it
    wanted = [{"button": "unconditional-run"}, {"button": "unconditional-run"}, {"sound": voice()}, {"sound": voice()}]
    try:
        try:
            until(lambda: told()["copies"] == 2, 180)
        except AssertionError:
            pytest.fail((tmp_path / "log.txt").read_text()[-3000:])
        record_property("seconds until two copies on Ray answer", time.monotonic() - began)
        copies, workers = processes_of(cluster.pid, "Copies"), processes_of(cluster.pid, "Heavy")
        assert (len(copies), len(workers)) == (2, 1)
        idle = {process: seconds_of(process) for process in workers}
        found = run(crowd())
        outcomes = [one for outcomes, _ in found for one in outcomes]
        assert [one.error for one in outcomes if one.error] == [] and len(outcomes) >= 12
        assert 1 <= told()["again"] <= 2, "the jobs of the dead copy, and no others"
        until(lambda: told()["copies"] == 2, 120)
        until(lambda: len(processes_of(cluster.pid, "Heavy")) == 1, 60)
        assert copies[0] not in processes_of(cluster.pid, "Copies")
        assert workers[0] not in processes_of(cluster.pid, "Heavy")
    finally:
        os.killpg(cluster.pid, signal.SIGTERM)
        time.sleep(1)
        subprocess.run(["pkill", "-KILL", "-s", str(cluster.pid)], check=False)
        cluster.wait(20)
        log.close()
