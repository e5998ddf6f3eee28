"""Start a server as a process of its own, and keep pictures of its pages."""

import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"
WAIT = 240_000  # milliseconds for what a busy core may take


@contextmanager
def served(command, address, folder):
    """The process of a server that is up, since `address` answers, and gone at the end."""
    log = folder / "server.log"
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
    }  # fmt: skip
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        deadline = time.monotonic() + WAIT / 1000
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                said = log.read_text(encoding="utf-8")[-2000:]
                assert process.poll() is None and time.monotonic() < deadline, f"the server did not start:\n{said}"
                time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shoot(page, name, height):
    """A picture of the page as tall as it is, its top at the top."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    page.set_viewport_size({"width": before["width"], "height": height})
    page.evaluate("() => document.querySelectorAll('*').forEach((element) => element.scrollTo(0, 0))")
    page.wait_for_timeout(300)
    page.screenshot(path=SHOTS / f"{name}.png")
    page.set_viewport_size(before)
