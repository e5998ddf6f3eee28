"""See that the notebooks run beside what Colab ships.

    python -m venv colab && colab/bin/pip install torch torchvision -r tools/colab.txt nbval pytest-timeout
    colab/bin/python tools/colab.py try         the set-up cell, as on Colab: Colab's own packages must stay
    colab/bin/python -m pytest --nbval-lax notebooks

    python tools/colab.py renew pip-freeze.txt  the versions of tools/colab.txt from Colab's own list, by the standard
                                                library alone
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tools" / "colab.txt"
VERSIONS = "import json, sys, importlib.metadata as m; print(json.dumps([m.version(name) for name in sys.argv[1:]]))"


def pins(text):
    """Name -> version of each line name==version, names as PyPI spells them."""
    found = re.findall(r"^([\w.-]+)==(\S+)$", text, re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def renew(listed, shipped):
    """The list with the versions that are shipped. Raises ValueError for a package that no longer is."""
    versions = pins(shipped)
    gone = sorted(pins(listed).keys() - versions.keys())
    if gone:
        raise ValueError(f"Colab no longer ships {', '.join(gone)}: if no notebook needs it, strike it off.")
    return re.sub(r"^([\w.-]+)==\S+$", lambda line: f"{line[1]}=={versions[line[1]]}", listed, flags=re.M)


def installed(names):
    """Name -> version, as a fresh process finds it."""
    found = subprocess.run([sys.executable, "-c", VERSIONS, *names], capture_output=True, text=True, check=True)
    return dict(zip(names, json.loads(found.stdout), strict=True))


def try_set_up():
    """Run the set-up cell of a notebook as Colab would; what it broke, or None."""
    from IPython.core.interactiveshell import InteractiveShell

    sys.path.append(str(ROOT / "tools"))
    from notebooks import setup

    shipped = pins(LIST.read_text(encoding="utf-8"))
    before = installed(["torch", "torchvision", *shipped])
    other = [f"{name} {before[name]}, not {version}" for name, version in shipped.items() if before[name] != version]
    if other:
        return f"This is not what Colab ships: {'; '.join(other)}. Install tools/colab.txt first."
    sys.modules["google.colab"] = types.ModuleType("google.colab")
    with tempfile.TemporaryDirectory() as content:  # as after `!git clone`
        subprocess.run(["git", "clone", "-q", ROOT, Path(content) / "clone"], check=True)
        os.chdir(content)
        InteractiveShell.instance().run_cell(setup(None, "main")).raise_error()
        os.chdir(ROOT)
    after = installed([*before, "lenet_helpers"])
    changed = [f"{name} {version} became {after[name]}" for name, version in before.items() if version != after[name]]
    return f"The set-up cell changed what Colab ships: {'; '.join(changed)}." if changed else None


def main(arguments):
    if arguments == ["try"]:
        sys.exit(try_set_up())
    if len(arguments) != 2 or arguments[0] != "renew":
        sys.exit(__doc__)
    text = renew(LIST.read_text(encoding="utf-8"), Path(arguments[1]).read_text(encoding="utf-8"))
    LIST.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
