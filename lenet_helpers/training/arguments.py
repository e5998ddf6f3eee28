"""The arguments of a training run, checked before anything is done."""

from torch.optim import Optimizer

from ..data.digits import Digits
from ..losses import Loss
from ..model import LeNet5
from ..schedules import LinearDecay, eta_at
from ..sdlm import SDLM
from ..weights import LARGEST

MOST = 2**31 - 1
CURVATURES = ("estimate", "running", "exact")


def check_counts(**counts):
    """Raise ValueError for a count that is not a whole number from 1 to `MOST`."""
    for name, value in counts.items():
        if not (isinstance(value, int) and 1 <= value <= MOST):
            raise ValueError(f"{name} is {value!r}; expected a whole number from 1 to {MOST}.")


def check_network(model, loss, train, test):
    """Raise ValueError where `fit` gets another kind of model, loss or digits, or digits of classes without a code."""
    if not isinstance(model, LeNet5):
        raise ValueError(f"model is {model!r}; expected a LeNet5, such as LeNet5().")
    if not isinstance(loss, Loss):
        raise ValueError(f"loss is {loss!r}; expected one of lenet_helpers, made as MAPLoss() or MSELoss().")
    for name, digits in (("train", train), ("test", test)):
        if not (isinstance(digits, Digits) or (digits is None and name == "test")):
            raise ValueError(f"{name} is {type(digits).__name__}; expected Digits, as from load_digits().")
        if digits is not None and digits.classes > len(model.rbf.codes):
            raise ValueError(
                f"{name} has {digits.classes} classes, the model codes for {len(model.rbf.codes)}; expected a code for "
                "each class: give LeNet5 more codes, or take other digits."
            )


def check_choices(model, schedule, seed, optimizer, curvature, gamma):
    """Raise ValueError for an argument of `fit` that is of another kind or out of its range."""
    if not isinstance(schedule, LinearDecay):
        etas = schedule if isinstance(schedule, tuple | list) else ()
        if not etas or not all(isinstance(eta, int | float) and 0 <= eta <= LARGEST for eta in etas):
            raise ValueError(
                f"schedule is {schedule!r}; expected a LinearDecay, or for each pass an eta from 0 to {LARGEST:.1e}."
            )
    if not (isinstance(seed, int) and 0 <= seed < 2**32):
        raise ValueError(f"seed is {seed!r}; expected a whole number from 0 to 2**32 - 1.")
    if not (optimizer is None or updates(optimizer, model)):
        raise ValueError("optimizer does not update this model; expected one made from model.parameters().")
    if not (optimizer is None or isinstance(optimizer, SDLM) or eta_at(schedule, 0) > 0):
        raise ValueError("The schedule starts at 0; another optimizer's rate is scaled in proportion to its start.")
    if curvature not in CURVATURES:
        raise ValueError(f"curvature is {curvature!r}; expected one of {', '.join(map(repr, CURVATURES))}.")
    if not (curvature == "estimate" or optimizer is None or isinstance(optimizer, SDLM)):
        raise ValueError(
            f'curvature is {curvature!r} and optimizer {type(optimizer).__name__}, which has no h; expected SDLM, or '
            'curvature="estimate", which leaves another optimizer alone.'
        )
    if not 0 < gamma <= 1:
        raise ValueError(f"gamma is {gamma}; expected a number above 0 and up to 1, such as 0.1.")


def updates(optimizer, model):
    """Whether every parameter that the optimizer updates is one of the model's."""
    if not isinstance(optimizer, Optimizer):
        return False
    own = {id(parameter) for parameter in model.parameters()}
    return all(id(parameter) in own for group in optimizer.param_groups for parameter in group["params"])
