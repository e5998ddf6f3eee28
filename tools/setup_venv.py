"""Make .venv: the project and everything it needs, at the exact versions of constraints.txt.

    python3 tools/setup_venv.py

`make` calls this when .venv is missing or older than pyproject.toml and constraints.txt. It uses the standard
library alone and runs on any Python 3, so that a Python that is too old is told so. The last thing it writes is
.venv/.ready; a .venv without that file was interrupted half way, and is made again from nothing.

Environment: TORCH_INDEX, an extra package index that holds the CPU build of torch.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
READY = VENV / ".ready"
LOG = VENV / "setup.log"
OLDEST = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def complaint(version, has_venv):
    """What stands in the way of Python `version`, and what to do; None if nothing does."""
    if version[:2] < OLDEST:
        return (
            "this is Python {}.{} ({}); {}.{} or newer is needed.\n"
            "Install one, then name it: make PYTHON=python3.12 ..."
        ).format(version[0], version[1], sys.executable, *OLDEST)
    if not has_venv:
        return (
            "this Python ({}) comes without the venv and ensurepip modules.\n"
            "On Debian and Ubuntu: sudo apt install python3-venv. Or name another Python: make PYTHON=python3.12 ..."
        ).format(sys.executable)
    return None


def has_venv():
    """Whether this Python can make a virtual environment that has pip."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def say(text):
    print("set-up: " + text, flush=True)


def milestone(line):
    """What to tell the reader of one line that pip printed; None for most of them."""
    download = re.match(r"\s*Downloading (?:\S*/)?([^/\s]+?)-([^-\s]+)-\S+ \(([\d.]+) MB\)", line)
    if download and float(download[3]) >= 20:
        return "downloading {} {} ({:.0f} MB)".format(download[1], download[2], float(download[3]))
    if line.startswith("Collecting nvidia-cublas"):
        return "this torch brings about 3 GB of CUDA libraries; without a GPU, stop and add TORCH_INDEX={}".format(CPU_INDEX)
    if line.startswith("Installing collected packages:"):
        return "installing {} packages".format(line.count(",") + 1)
    return None


def clean_environment():
    """The environment for pip, less what would install anywhere but in .venv or import from elsewhere."""
    stray = {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV"}
    kept = {name: value for name, value in os.environ.items() if name not in stray}
    return dict(kept, PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONUNBUFFERED="1")


def run(command):
    """Run `command`, its whole output going to LOG and its milestones to the terminal; its exit status."""
    with open(str(LOG), "a", encoding="utf-8") as log:
        log.write("$ {}\n".format(" ".join(map(str, command))))
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=str(ROOT),
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        for line in process.stdout:
            log.write(line)
            if milestone(line):
                say(milestone(line))
    return process.wait()


def install():
    """Make or update .venv; an error message, or None."""
    index = os.environ.get("TORCH_INDEX")
    if not READY.exists():
        say("making .venv with Python {} (once; downloads about 500 MB, takes 2 to 5 minutes)".format(sys.version.split()[0]))
        if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]):
            return "python -m venv failed, see above."
    else:
        say("pyproject.toml or constraints.txt changed: bringing .venv up to date")
        READY.unlink()
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    extra = ["--extra-index-url", index] if index else []
    if run([python, "-m", "pip", "install", "--progress-bar", "off", "-c", "constraints.txt", "-e", ".[dev]"] + extra):
        tail = LOG.read_text(encoding="utf-8").splitlines()[-12:]
        return "\n".join(["pip could not install everything. Its last words:"] + tail + [
            "Everything it said is in {}. Check the network and the free disk space, then run the same command again.".format(LOG)
        ])
    return None


def main():
    start = time.time()
    problem = complaint(sys.version_info, has_venv()) or install()
    if problem:
        sys.exit("set-up: " + problem)
    READY.write_text("made from pyproject.toml and constraints.txt\n", encoding="utf-8")
    say("ready after {:.0f} s; from now on this step is skipped".format(time.time() - start))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nset-up: interrupted. The same command starts it again.")
