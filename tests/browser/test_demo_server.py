"""The server behind `make demo` answers this machine alone, by its own names, and ends the kernels of pages that are
gone."""

import http.client
import time
from contextlib import suppress

import nbformat
import psutil
import pytest
from scripts import script
from serving import WAIT, free_port, served

KERNEL = "/api/kernels/00000000-0000-0000-0000-000000000000"
OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")
OTHER_NAMES = ("demo.example", "localhost.example", "127.0.0.1.example", "192.168.1.5", "")
WEBSOCKET = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@pytest.fixture
def demo(tmp_path):
    """(port, process) of a server of one small page, whose kernels end after two seconds without a page."""
    tool = script("tools/demo.py")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "page.ipynb")
    port = free_port()
    command = tool.serve(tmp_path / "page.ipynb", port, idle=2)
    with served(command, f"http://127.0.0.1:{port}/voila/static/voila.js", tmp_path) as server:
        yield port, server


def status(port, path, host, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT / 1000)
    connection.request("GET", path, headers={"Host": host, **headers})
    return connection.getresponse().status


def kernels(server):
    """Processes of kernels that this server has started."""
    found = []
    for process in server.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [process] if any("ipykernel" in word for word in process.cmdline()) else []
    return found


def test_only_this_machines_own_names_are_answered_and_kernels_without_a_page_end(demo):
    port, server = demo
    for host in OTHER_NAMES:  # as a name on the web does that its owner has made to lead here
        for named in (host, f"{host}:{port}"):
            assert status(port, "/", named) == 403
            assert status(port, KERNEL, named) == 403
            origin = {"Origin": f"http://{named}"}
            assert status(port, f"{KERNEL}/channels", named, **WEBSOCKET, **origin) == 403
    assert not kernels(server)
    for host in OWN_NAMES:
        assert status(port, "/", f"{host}:{port}") == 200
        assert status(port, KERNEL, f"{host}:{port}") == 404, "there is no such kernel"
    deadline = time.monotonic() + WAIT / 1000
    while kernels(server):
        assert time.monotonic() < deadline, "kernels go on without a page"
        time.sleep(0.2)
    assert status(port, "/", "localhost") == 200, "a new visit gets a new kernel"
    assert kernels(server)
