"""Resident memory of the idle product: all processes of `triagedesk up`, summed (Linux)."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import requests

START_SECONDS = 60
SETTLE_SECONDS = 25
"""Long enough for two ticks: workers have run a job by then."""


def measure_memory() -> dict[str, float]:
    """MB of all processes: PSS counts a page shared by n processes once, RSS n times."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        with (Path(folder) / "log").open("wb") as log:
            product = subprocess.Popen(
                [sys.executable, "-m", "webapp", "up", "--port", str(port)],
                env={**os.environ, "TRIAGEDESK_DATA_DIR": str(Path(folder) / "data")},
                stdout=log,
                stderr=log,
            )
        try:
            _wait_for(f"http://127.0.0.1:{port}/")
            time.sleep(SETTLE_SECONDS)
            return _sum(product.pid)
        finally:
            product.terminate()
            product.wait(30)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=2, allow_redirects=False).status_code < 500:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise RuntimeError("the product did not start")


def _sum(pid: int) -> dict[str, float]:
    parent = psutil.Process(pid)
    infos = [one.memory_full_info() for one in [parent, *parent.children(recursive=True)]]
    return {
        "processes": len(infos),
        "pss_mb": sum(info.pss for info in infos) / 2**20,
        "rss_mb": sum(info.rss for info in infos) / 2**20,
    }
