"""Make `import torchvision` work beside a torch it was not compiled for.

PyPI's torchvision for Linux is compiled against the CUDA build of torch. Beside a CPU-only torch its
operators cannot be loaded, and `import torchvision` stops at "operator torchvision::nms does not exist" (then
`qnms`): it attaches Python code to operators that nobody declared. Declaring their schemas is enough for
datasets, transforms and utils, which use none of them. Where the import works by itself, nothing is declared.
"""

import re
import sys
from importlib import import_module

import torch

# As torchvision's own C++ declares them.
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared = {}  # operator -> the library that holds its declaration; a library that is dropped takes it along


def import_torchvision(name="torchvision"):
    """Import torchvision, or one of its modules such as "torchvision.datasets", and return it.

    Raises ImportError if torchvision is not installed, or cannot be imported for another reason than
    operators of SCHEMAS that are missing.
    """
    while True:
        try:
            return import_module(name)
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            operator = missing and missing[1]
            if operator not in SCHEMAS or operator in _declared:
                raise ImportError(
                    f"torchvision cannot be imported beside torch {torch.__version__}: {error}. "
                    "Install the torchvision release that belongs to this torch."
                ) from error
        _declared[operator] = torch.library.Library("torchvision", "FRAGMENT")
        _declared[operator].define(SCHEMAS[operator])
        for module in [module for module in sys.modules if module.split(".")[0] == "torchvision"]:
            del sys.modules[module]  # what the failed attempt left half imported
