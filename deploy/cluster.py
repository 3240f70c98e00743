"""Several copies of the site behind one address, on Ray: python -m deploy.cluster [--copies 2] [--port 7860]

    make cluster COPIES=2 PORT=7860      # the same; installs deploy/requirements.txt first

Two deployments of Ray Serve. `Copies` are whole sites, each in a process of its own with its own line of heavy work:
as many as asked for, on as many machines as the Ray cluster has, and started anew when one dies. `Entrance` takes all
requests on one port and leads each visitor to his copy (deploy/door.py). Ray's own GradioServer sends every request to
any copy; with more than one, gradio then asks the wrong one for an answer.

Copies share two folders, for uploads and for short links; on several machines both must be on a disk that all see:
GRADIO_TEMP_DIR and SITE_DATA.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "audio-site"
SEEN_S = 3.0  # a copy that has not said for so long that it lives is taken for dead


class Registry:
    """Which copies live: they say so every half second."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    def here(self, address: str) -> None:
        self.seen[address] = time.monotonic()

    def gone(self, address: str) -> None:
        self.seen.pop(address, None)

    def alive(self) -> list[str]:
        now = time.monotonic()
        self.seen = {address: at for address, at in self.seen.items() if now - at < SEEN_S}
        return sorted(self.seen)


def registry() -> Any:
    """The one registry of the cluster."""
    import ray

    return ray.remote(Registry).options(
        name="registry", namespace=NAMESPACE, lifetime="detached", get_if_exists=True, num_cpus=0
    ).remote()  # fmt: skip


class Copy:
    """One site, served by this process on a port of its own."""

    def __init__(self, tabs: list[str], environment: dict[str, str]) -> None:
        os.environ.update(environment)
        os.chdir(ROOT)
        sys.path.insert(0, str(ROOT))
        import ray

        from demos import _page, _tab

        host = ray.util.get_node_ip_address()
        os.environ["SITE_HOST"], os.environ["PORT"] = host, str(free_port(host))
        self.address = f"http://{host}:{os.environ['PORT']}"
        found = [tab for tab in _tab.discover() if not tabs or tab.slug in tabs]
        _page.serve(found, prevent_thread_lock=True, quiet=True)
        self.registry = registry()
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
    return Door(lambda: list(alive))


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def start(copies: int, port: int, *, host: str = "127.0.0.1", tabs: list[str] | None = None) -> None:
    """Start the cluster, or add to the one that runs; returns when a page is served.

    Args:
        copies: of the site.  port, host: where the entrance listens.  tabs: by their slugs; all of them by default.
    """
    import ray
    from ray import serve

    shared = Path(os.environ.get("SITE_SHARED") or tempfile.mkdtemp(prefix="audio-site-cluster-"))
    environment = {
        "GRADIO_TEMP_DIR": os.environ.get("GRADIO_TEMP_DIR") or str(shared / "uploads"),
        "SITE_DATA": os.environ.get("SITE_DATA") or str(shared),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    for folder in environment["GRADIO_TEMP_DIR"], environment["SITE_DATA"]:
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    if not ray.is_initialized():
        ray.init(
            namespace=NAMESPACE, include_dashboard=False, log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
        )  # fmt: skip
    serve.start(http_options={"host": host, "port": port})
    cores = max(1, (os.cpu_count() or 1) // copies)
    sites = serve.deployment(
        Copy, name="Copies", num_replicas=copies, max_ongoing_requests=1000, health_check_period_s=5,
        health_check_timeout_s=60, ray_actor_options={"num_cpus": 0, "runtime_env": {
            "env_vars": {"OMP_NUM_THREADS": str(cores), "PYTHONPATH": str(ROOT)}
        }},
    ).bind(tabs or [], environment)  # fmt: skip
    serve.run(sites, name="copies", route_prefix=None)
    door = serve.deployment(
        serve.ingress(entrance)(type("Entrance", (), {})), name="Entrance", num_replicas=1, max_ongoing_requests=10_000,
        ray_actor_options={"num_cpus": 0},
    ).bind()  # fmt: skip
    serve.run(door, name="entrance", route_prefix="/")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=2)
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--host", default=os.environ.get("SITE_HOST", "127.0.0.1"))
    parser.add_argument("--tabs", nargs="*", default=[], help="slugs; all by default")
    options = parser.parse_args(arguments)
    start(options.copies, options.port, host=options.host, tabs=options.tabs)
    print(f"{options.copies} copies behind http://{options.host}:{options.port}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        from ray import serve

        serve.shutdown()


if __name__ == "__main__":
    main()
