"""Show the playground as a page of its own, on this machine alone and without code.

    python tools/demo.py                 open it in the browser; Ctrl-C ends it
    python tools/demo.py --no-browser --port 8866 --theme dark

The page is notebooks/11_playground.ipynb without the cells that only a notebook needs, served by voila. Every visit
gets a kernel of its own, which ends soon after its page is gone. Only requests to this machine by its own names are
answered: a page from elsewhere whose name is made to lead here gets nothing.
"""

import argparse
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
PLAYGROUND = ROOT / "notebooks" / "11_playground.ipynb"
IDLE = 60  # seconds without a page, after which a kernel ends: 370 MB each
LEFT_OUT = {"opening", "setup", "notebook-only", "twin", "closing"}
REFERENCE = re.compile(r" \(\[\d\d\]\(\w+\.ipynb\)\)")  # to a notebook, which the page does not have
TITLE = """\
# LeNet-5, to touch

The network of LeCun, Bottou, Bengio and Haffner (1998), as this project builds it. Draw a digit and see it read; draw
a whole number; walk a digit through the layers; slide a kernel; push two penalties about; roll down a bowl; train a
network yourself."""


def page_of(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The cells of the playground that make sense without code, under a title of their own."""
    page = nbformat.from_dict(notebook)
    kept = [cell for cell in page.cells if not LEFT_OUT & set(cell.metadata.get("tags", []))]
    for cell in kept:
        cell.source = REFERENCE.sub("", cell.source)
    page.cells = [nbformat.v4.new_markdown_cell(TITLE), *kept]
    return page


def serve(page: Path, port: int, theme: str = "light", browser: bool = False, idle: int = IDLE) -> list[str]:
    """The command that serves a notebook as a page. idle: seconds after which a kernel without a page ends."""
    settings = {
        "Voila.ip": "127.0.0.1",
        "Voila.port": port,
        "VoilaConfiguration.theme": theme,
        "Voila.open_browser": browser,
        # voila answers to any name unless told otherwise; the loopback addresses and "localhost" are always allowed
        "Voila.tornado_settings": {"allow_remote_access": False},
        "MappingKernelManager.cull_idle_timeout": idle,
        "MappingKernelManager.cull_interval": max(1, idle // 4),
    }
    return [sys.executable, "-m", "voila", str(page), *(f"--{name}={value}" for name, value in settings.items())]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8866)
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--no-browser", action="store_true", help="serve the page without opening it")
    options = parser.parse_args(arguments)
    page = ROOT / "build" / "demo" / "playground.ipynb"
    page.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(page_of(nbformat.read(PLAYGROUND, as_version=4)), page)
    print(f"demo: http://127.0.0.1:{options.port}/ shows the playground; Ctrl-C ends it.", flush=True)
    server = subprocess.Popen(serve(page, options.port, options.theme, not options.no_browser))
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())  # a page that is stopped leaves no server behind
    try:
        return server.wait()
    except KeyboardInterrupt:
        server.wait()
        return 0


if __name__ == "__main__":
    sys.exit(main())
