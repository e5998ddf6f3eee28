"""The step of `one_pattern.c`, compiled where there is a compiler, called through ctypes."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch

from lenet_helpers import TABLE_I

SOURCE = Path(__file__).with_name("one_pattern.c")
FLAGS = ["-O3", "-march=native", "-shared", "-fPIC"]


def compiled(more=()):
    """The C function `step`, compiled with FLAGS and more, or None where there is no `cc`."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows keeps a file that is loaded
        library = Path(folder) / "one_pattern.so"
        subprocess.run([compiler, *FLAGS, *more, "-o", library, SOURCE, "-lm"], check=True)
        return ctypes.CDLL(str(library)).step


def c_step(step, model, optimizer, x, label, j=10.0):
    """(a function that updates weights by one pattern, the weights as one vector, the penalties that it fills).

    model, optimizer: a LeNet5 and its SDLM with a curvature; weights and rates are copied. x: (1, 1, 32, 32).
    """
    weights = torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
    rates = torch.cat([rate.reshape(-1) for rate in optimizer.rates().values()])
    maps = [maps.to(torch.int32).contiguous() for maps in TABLE_I.nonzero().t().flip(0)]  # of S2, of C3
    codes, pixels, penalties = model.rbf.codes.contiguous(), x.contiguous(), torch.empty(10)
    held = [weights, rates, pixels, *maps, codes, penalties]
    at = [ctypes.c_void_p(tensor.data_ptr()) for tensor in held]
    scale, j = ctypes.c_float(model.rbf_scale), ctypes.c_float(j)

    def update(held=held):
        step(at[0], at[1], at[2], ctypes.c_int(label), at[3], at[4], at[5], scale, j, at[6])

    return update, weights, penalties
