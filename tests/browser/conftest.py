"""A browser, and the servers whose pages it opens."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from filelock import FileLock
from serving import ROOT, WAIT, free_port, served, shoot

sys.path.append(str(ROOT / "site"))
import visitor  # noqa: E402


def unavailable(what):
    """Skip, or fail where a skip would hide that nothing was tested."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; CI must have it")
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed")
    path = next(filter(None, map(shutil.which, visitor.BROWSERS)), None)
    if path is None:
        unavailable(f"no browser is installed ({', '.join(visitor.BROWSERS)})")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=visitor.FLAGS)


@pytest.fixture
def page(browser, request):
    """A page that fails its test on any error its scripts throw, and leaves a picture of how it ended."""
    context = browser.new_context(viewport={"width": 1250, "height": 1000})
    page, errors = context.new_page(), []
    page.set_default_timeout(WAIT)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    shoot(page, f"end_of_{request.node.name}", 1000)
    context.close()
    assert not errors


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address of a JupyterLab that serves a copy of the playground, and notebooks with nothing but a widget."""
    folder = tmp_path_factory.mktemp("lab")
    pages = folder / "pages"
    pages.mkdir()
    shutil.copy(ROOT / "notebooks" / "11_playground.ipynb", pages)
    nbformat.write(widget_alone("DrawPad(load_weights('regular'))"), pages / "pad.ipynb")
    samples = "samples=load_digits('test', 'sklearn')"
    nbformat.write(widget_alone(f"NumberPad(load_weights('strings'), {samples})"), pages / "number.ipynb")
    network = "NetworkView(load_weights('regular'), load_digits('test', 'sklearn'))"
    nbformat.write(widget_alone(network), pages / "network.ipynb")
    settings = {
        "apputils-extension/notification": {"fetchNews": "false"},
        "notebook-extension/tracker": {"windowingMode": "none"},
    }
    for name, values in settings.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", f"--ServerApp.root_dir={pages}", "--IdentityProvider.token=",
    ]  # fmt: skip
    with served(command, f"{address}/api", folder):
        yield address


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id):
    """The address of the site, built once for all tests, however many processes they run in."""
    pytest.importorskip("myst_nb", reason="the site is built where the extra `site` is installed")
    folder = tmp_path_factory.getbasetemp()
    built = (folder if worker_id == "master" else folder.parent) / "site-is-built"
    with FileLock(built.with_suffix(".lock")):
        if not built.exists():
            run = subprocess.run([sys.executable, "site/build.py"], cwd=ROOT, capture_output=True, text=True)
            assert run.returncode == 0, run.stderr[-3000:]
            built.touch()
    with visitor.serving(ROOT / "build" / "site") as address:
        yield address


@pytest.fixture
def modules(page, site):
    """A page of the site with the front page's modules loaded."""
    page.goto(site)
    visitor.load_modules(page, site)
    return page


def widget_alone(widget):
    cells = [
        "from lenet_helpers import load_digits, load_weights\n"
        "from lenet_helpers.widgets import DrawPad, NetworkView, NumberPad",
        f"widget = {widget}\nwidget",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook
