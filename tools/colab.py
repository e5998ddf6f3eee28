"""Do in this environment what a notebook's set-up cell does on Colab, and see that Colab's own packages stay.

    python -m venv colab && colab/bin/pip install torch torchvision -r tools/colab.txt nbval pytest-timeout
    colab/bin/python tools/colab.py && colab/bin/python -m pytest --nbval-lax notebooks
"""

import json
import os
import subprocess
import sys
import tempfile
import types
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = [line.split("==") for line in (ROOT / "tools" / "colab.txt").read_text(encoding="utf-8").splitlines()
           if "==" in line]  # fmt: skip


def installed():
    """The version of each package that Colab ships, as a fresh process finds it."""
    names = ["torch", "torchvision", *(name for name, _ in SHIPPED)]
    code = f"import json; from importlib.metadata import version; print(json.dumps([version(n) for n in {names!r}]))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return dict(zip(names, json.loads(output), strict=True))


def main():
    other = [f"{name} {version(name)}, Colab has {shipped}" for name, shipped in SHIPPED if version(name) != shipped]
    if other:
        sys.exit(f"This is not what Colab ships: {'; '.join(other)}. Install tools/colab.txt first.")
    from IPython.core.interactiveshell import InteractiveShell

    notebook = json.loads(next((ROOT / "notebooks").glob("00*.ipynb")).read_text(encoding="utf-8"))
    before = installed()
    sys.modules["google.colab"] = types.ModuleType("google.colab")
    with tempfile.TemporaryDirectory() as content:  # as after `!git clone`
        subprocess.run(["git", "clone", "-q", ROOT, Path(content) / "clone"], check=True)
        os.chdir(content)
        InteractiveShell.instance().run_cell("".join(notebook["cells"][1]["source"])).raise_error()
        os.chdir(ROOT)
    changed = [f"{name} {was} became {now}" for (name, was), now in zip(before.items(), installed().values())
               if was != now]  # fmt: skip
    if changed:
        sys.exit(f"The set-up cell changed what Colab ships: {'; '.join(changed)}.")
    print(f"lenet_helpers is installed beside torch {before['torch']}; nothing else changed.")


if __name__ == "__main__":
    main()
