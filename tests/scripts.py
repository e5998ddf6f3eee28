"""Import what is run as a program: the files of tools/ and studies/, which are no modules of the package."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).parents[1]


def script(path):
    """The module made anew from a file, such as "tools/prose.py"."""
    spec = spec_from_file_location(Path(path).stem + "_script", ROOT / path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
