"""Make .venv: the project and everything it needs, at the exact versions of constraints.txt.

    python3 tools/setup_venv.py

torch comes first. Every other file is compared with its SHA-256 in hashes.txt before it is installed; those of torch
differ from index to index, and are taken by their version.

`make` calls this when .venv is missing or older than what it is made of (`MADE_OF`). It uses the standard
library alone and the syntax of Python 3.6, so that a Python that is too old is told so. The last thing it
writes is .venv/.ready; a .venv without that file was left half made, and is made again from nothing.

In an activated environment that has torch (conda's, Binder's), .venv takes that environment's packages and adds
only what it lacks, in the newest versions that fit, whose files are compared with nothing.

Environment: TORCH_INDEX, a package index that torch and torchvision are taken from, such as the one of the CPU
builds. Nothing else is: what it may hold under the names of other packages is never looked at.
"""

import os
import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
READY = VENV / ".ready"
LOG = VENV / "setup.log"
MADE_OF = ("pyproject.toml", "constraints.txt", "hashes.txt")
OLDEST = (3, 11)
LARGE = 20  # MB, of a download worth a line
CUDA_FOLLOWS = (
    " and then 2 GB of CUDA libraries; without a GPU, stop here\n"
    "set-up: and add TORCH_INDEX=https://download.pytorch.org/whl/cpu to the command"
)
# What would make pip install anywhere but in .venv, or Python import from elsewhere.
STRAY = {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV"}


def complaint(version, has_venv):
    """What stands in the way of this Python, and what to do about it; None if nothing does."""
    if version[:2] < OLDEST:
        return (
            f"{sys.executable} is Python {version[0]}.{version[1]}; 3.11 or newer is needed.\n"
            "Install one and name it, such as: make test PYTHON=python3.12"
        )
    if not has_venv:
        return (
            f"this Python ({sys.executable}) comes without its modules venv and ensurepip.\n"
            "On Debian and Ubuntu: apt install python3-venv. Or name another: make test PYTHON=python3.12"
        )
    return None


def activated(environment):
    """The Python of the activated environment (conda's or venv's) if it is new enough and has torch, else None."""
    prefix = environment.get("CONDA_PREFIX") or environment.get("VIRTUAL_ENV")
    if not prefix or Path(prefix).resolve() == VENV.resolve():
        return None
    places = ("python.exe", "Scripts/python.exe") if os.name == "nt" else ("bin/python",)
    found = [Path(prefix) / place for place in places if (Path(prefix) / place).exists()]
    code = f"import sys, importlib.util as u; sys.exit(sys.version_info < {OLDEST} or not u.find_spec('torch'))"
    return found[0] if found and subprocess.call([str(found[0]), "-c", code]) == 0 else None


def make_from(python):
    """Make .venv anew from `python`; whether that worked."""
    return subprocess.call([str(python), "-m", "venv", "--clear", str(VENV)]) == 0


def venv_python():
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_packages(python):
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return subprocess.check_output([str(python), "-c", code]).decode().strip()


def say(text):
    print("set-up: " + text, flush=True)


def milestone(line):
    """What to tell the reader of one line that pip printed; None for most of them."""
    download = re.match(r"\s*Downloading (?:\S*/)?([^/\s]+?)-([^-\s]+)-\S+ \(([\d.]+) MB\)", line)
    if download and float(download[3]) >= LARGE:
        name, version, size = download[1], download[2], float(download[3])
        cuda = CUDA_FOLLOWS if name == "torch" and size > 300 else ""
        return f"downloading {name} {version} ({size:.0f} MB){cuda}"
    if line.startswith("Installing collected packages:"):
        return f"installing {line.count(',') + 1} packages"
    return None


def run(command):
    """Run `command`, its whole output going to LOG and its milestones to the terminal; its exit status."""
    environment = {name: value for name, value in os.environ.items() if name not in STRAY}
    with open(str(LOG), "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            cwd=str(ROOT),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        try:
            for line in process.stdout:
                log.write(line)
                if milestone(line):
                    say(milestone(line))
            return process.wait()
        finally:
            if process.poll() is None:  # interrupted: nothing may go on writing into .venv
                process.kill()
                process.wait()


def installations(torch_index, shared=None):
    """The commands of pip, in their order: torch, from its own index if there is one; what can be compared with
    hashes.txt; then the project itself, with what torch brings along.

    shared: the Python of an activated environment, whose torch and whose versions stay.
    """
    pip = [str(venv_python()), "-m", "pip", "install", "--progress-bar", "off"]
    project = ["--editable", ".[dev]"]
    if shared:
        return [pip + project]
    pinned = pip + ["--constraint", "constraints.txt"]
    index = ["--index-url", torch_index] if torch_index else []
    return [
        pinned + index + ["--no-deps", "torch", "torchvision"],
        pip + ["--no-deps", "--require-hashes", "--requirement", "hashes.txt"],
        pinned + ["--no-build-isolation"] + project,
    ]


def install():
    """Make .venv, or bring it up to date; what went wrong, or None."""
    shared = activated(os.environ)
    if READY.exists():
        say(f"one of {', '.join(MADE_OF)} is newer than .venv: bringing it up to date")
        READY.unlink()
    else:
        version = sys.version.split()[0]
        say(
            f"using the activated environment of {shared}; .venv gets only what it lacks (once)"
            if shared
            else f"making .venv with Python {version} (once; downloads about 500 MB, takes 2 to 5 minutes)"
        )
        if not make_from(shared or sys.executable):
            return "python -m venv failed; its message stands above."
    if shared:
        path = Path(site_packages(venv_python())) / "activated.pth"
        path.write_text(site_packages(shared) + "\n", encoding="utf-8")
    for command in installations(os.environ.get("TORCH_INDEX"), shared):
        if run(command):
            end = "".join(LOG.read_text(encoding="utf-8").splitlines(True)[-12:])
            return (
                f"pip stopped. The end of {LOG}:\n\n{end}\n"
                "Check the network and the free disk space (3 GB), then run the same command again."
            )
    return None


def main():
    start = time.time()
    problem = complaint(sys.version_info, find_spec("venv") and find_spec("ensurepip")) or install()
    if problem:
        sys.exit("set-up: " + problem)
    READY.touch()
    say(f"ready after {time.time() - start:.0f} s; later commands skip this step")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nset-up: interrupted. The same command starts it again.")
