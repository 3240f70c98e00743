"""Several copies of the site behind one address, on Ray: python -m deploy.cluster --copies 2 --heavy 1 --port 7860

    make cluster COPIES=2 HEAVY=1 PORT=7860      # the same; installs deploy/requirements.txt first

Three deployments of Ray Serve, on as many machines as the Ray cluster has; a process that dies is started anew.
`Copies` are whole sites, each in a process of its own. What is heavy they have done by `Heavy` (deploy/heavy.py), which
is scaled apart: a number of processes, or between two numbers, as there is work. `Entrance` takes all requests on one
port and leads each visitor to his copy (deploy/door.py). Ray's own GradioServer sends every request to any copy; with
more than one, gradio then asks the wrong one for an answer.

All processes share three folders, for uploads, for what is made of them, and for short links; on several machines they
must be on a disk that all see: GRADIO_TEMP_DIR, SITE_KEPT and SITE_DATA.
"""

from __future__ import annotations

import argparse
import os
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "audio-site"
SEEN_S = 10.0  # a copy that has not said for so long that it lives is taken for dead; one that dies is noticed at once


class Registry:
    """Which copies live: they say so every half second. And who wants no more of what is being made for him."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self.stops: deque[tuple[str, str, float]] = deque(maxlen=1000)
        self.number = 0  # of all stops so far

    def here(self, address: str) -> None:
        self.seen[address] = time.monotonic()

    def gone(self, address: str) -> None:
        self.seen.pop(address, None)

    def alive(self) -> list[str]:
        now = time.monotonic()
        self.seen = {address: at for address, at in self.seen.items() if now - at < SEEN_S}
        return sorted(self.seen)


    def stop(self, session: str, cell: str, when: float) -> None:
        self.stops.append((session, cell, when))
        self.number += 1

    def stops_after(self, number: int) -> tuple[int, list[tuple[str, str, float]]]:
        """(how many there were, those after the first `number` of them)."""
        fresh = min(self.number - number, len(self.stops))
        return self.number, list(self.stops)[len(self.stops) - fresh :]


def registry() -> Any:
    """The one registry of the cluster."""
    import ray

    return ray.remote(Registry).options(
        name="registry", namespace=NAMESPACE, lifetime="detached", get_if_exists=True, num_cpus=0
    ).remote()  # fmt: skip


def build(tabs: list[str]) -> list[Any]:
    """The tabs of those slugs, all of them without any: in every process the same, in the same order."""
    from demos import _tab

    return [tab for tab in _tab.discover() if not tabs or tab.slug in tabs]


class Copy:
    """One site, served by this process on a port of its own.

    heavy: the handle of the deployment that does its heavy work; None: it does it itself.
    """

    def __init__(self, tabs: list[str], environment: dict[str, str], heavy: Any = None) -> None:
        import ray

        os.environ.update(environment)
        os.chdir(ROOT)
        host = ray.util.get_node_ip_address()
        os.environ["SITE_HOST"], os.environ["PORT"] = host, str(free_port(host))
        from demos import _elsewhere, _page, _stop

        self.address = f"http://{host}:{os.environ['PORT']}"
        self.registry = registry()
        if heavy is not None:
            from deploy.heavy import asking

            _elsewhere.connect(asking(heavy))
            _stop.told.append(self.registry.stop.remote)
        _page.serve(build(tabs), prevent_thread_lock=True, quiet=True)
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        while True:
            self.registry.here.remote(self.address)
            time.sleep(0.5)

    def process(self) -> int:
        """The number of this process, which a test may kill."""
        return os.getpid()

    def check_health(self) -> None:
        """Asked by Ray: an error here has this copy replaced."""
        import httpx

        httpx.get(f"{self.address}/site/site.css", timeout=20, trust_env=False).raise_for_status()


def entrance() -> Any:
    """The door, which asks the registry for the copies twice a second."""
    import ray

    from demos._safety import Safety
    from deploy.door import Door

    alive: list[str] = []
    told = registry()

    def look() -> None:
        while True:
            try:
                alive[:] = ray.get(told.alive.remote(), timeout=5)
            except ray.exceptions.RayError:
                pass  # the registry does not answer for a moment: those that were alive still count
            time.sleep(0.5)

    threading.Thread(target=look, daemon=True).start()
    return Safety(Door(lambda: list(alive)))


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def start(copies: int, port: int, *, host: str = "127.0.0.1", tabs: list[str] | None = None, heavy: int = 1,
          heavy_most: int = 0) -> None:  # fmt: skip
    """Start the cluster, or add to the one that runs; returns when a page is served.

    Args:
        copies: of the site.  port, host: where the entrance listens.  tabs: by their slugs; all of them by default.
        heavy: processes for heavy work; 0: the copies do it themselves.  heavy_most: up to so many, as there is work.
    """
    import ray
    from ray import serve

    if not ray.is_initialized():
        ray.init(
            namespace=NAMESPACE, include_dashboard=False, log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
        )  # fmt: skip
    serve.start(http_options={"host": host, "port": port})
    environment = {**folders(), "GRADIO_ANALYTICS_ENABLED": "False"}
    cores = os.cpu_count() or 1
    worker = None
    if heavy:
        from deploy.heavy import Heavy

        most = max(heavy, heavy_most)
        environment["HEAVY_JOBS"] = str(most)  # so many of a copy may run at once; the others wait in its own line
        number: dict[str, Any] = {"num_replicas": heavy}
        if most > heavy:
            scale = {"min_replicas": heavy, "max_replicas": most, "target_ongoing_requests": 1}
            number = {"autoscaling_config": scale}
        worker = serve.deployment(
            Heavy, name="Heavy", max_ongoing_requests=1, health_check_period_s=5, health_check_timeout_s=60,
            ray_actor_options=process(max(1, cores // heavy)), **number,
        ).bind(tabs or [], environment)  # fmt: skip
    sites = serve.deployment(
        Copy, name="Copies", num_replicas=copies, max_ongoing_requests=1000, health_check_period_s=5,
        health_check_timeout_s=60, ray_actor_options=process(max(1, cores // copies)),
    ).bind(tabs or [], environment, worker)  # fmt: skip
    serve.run(sites, name="copies", route_prefix=None)
    door = serve.deployment(
        serve.ingress(entrance)(type("Entrance", (), {})), name="Entrance", num_replicas=1, max_ongoing_requests=10_000,
        ray_actor_options=process(1),
    ).bind()  # fmt: skip
    serve.run(door, name="entrance", route_prefix="/")


def process(threads: int) -> dict[str, Any]:
    """What Ray is to know of a process: it shares the processors with others, and computes in so many threads."""
    return {"num_cpus": 0, "runtime_env": {"env_vars": {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}}}


def folders() -> dict[str, str]:
    """The folders that all processes share, as variables. Those that are not set lie below SITE_SHARED; without that,
    visitors' files lie in a folder that goes with this process, and short links where demos/_short.py has them."""
    from demos import _kept

    names = {"GRADIO_TEMP_DIR": "uploads", "SITE_KEPT": "kept"}
    if shared := os.environ.get("SITE_SHARED"):
        names["SITE_DATA"] = "links"
    found = {name: os.environ[name] for name in names if os.environ.get(name)}
    if len(found) < len(names):
        base = Path(shared) if shared else _kept.private_folder()
        found = {name: str(base / folder) for name, folder in names.items()} | found
    for folder in found.values():
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=2)
    parser.add_argument("--heavy", type=int, default=1, help="processes for heavy work; 0: the copies do it themselves")
    parser.add_argument("--heavy-most", type=int, default=0, help="up to so many of them, as there is work")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--host", default=os.environ.get("SITE_HOST", "127.0.0.1"))
    parser.add_argument("--tabs", nargs="*", default=[], help="slugs; all by default")
    options = parser.parse_args(arguments)
    start(options.copies, options.port, host=options.host, tabs=options.tabs, heavy=options.heavy,
          heavy_most=options.heavy_most)  # fmt: skip
    print(f"{options.copies} copies, and {options.heavy} processes for heavy work, behind "
          f"http://{options.host}:{options.port}", flush=True)  # fmt: skip
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        from ray import serve

        serve.shutdown()


if __name__ == "__main__":
    main()
