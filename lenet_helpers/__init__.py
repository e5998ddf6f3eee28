"""LeNet-5 of LeCun, Bottou, Bengio and Haffner (1998), built from tensor operations.

The public names are those of `__all__`. Each is imported from its module when it is first asked for, so that a program
waits only for what it uses.
"""

from importlib import import_module

__version__ = "0.2.0"

MODULES = {
    "codes": ("ASCII_CODES", "DIGIT_CODES"),
    "layers": ("RBF", "Convolution", "FullConnection", "Squash", "Subsampling"),
    "losses": ("MAPLoss", "MSELoss"),
    "model": ("TABLE_I", "LeNet5"),
    "weights": ("load_weights", "save_weights"),
    "schedules": ("PAPER_SCHEDULE", "TWO_PASS_SCHEDULE", "LinearDecay"),
    "sdlm": ("SDLM", "estimate_curvature"),
    "data": ("DataError", "Digits", "Distortion", "centre_digit", "load_digits", "to_input"),
    "training": ("DivergenceError", "History", "StopTraining", "fit"),
    "evaluation": ("evaluate", "rejection_curve", "rejection_for", "score_table"),
}
HOME = {name: module for module, names in MODULES.items() for name in names}

__all__ = ["__version__", *HOME]


def __getattr__(name):
    if name not in HOME:
        raise AttributeError(f"lenet_helpers has no {name!r}; its public names are {', '.join(sorted(HOME))}.")
    value = globals()[name] = getattr(import_module(f".{HOME[name]}", __name__), name)
    return value


def __dir__():
    return sorted(__all__)
