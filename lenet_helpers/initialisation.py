"""How parameters are drawn at first: as Appendix A has it, or as Lush, the authors' later library, does."""

import warnings

import torch

COEFFICIENT = 0.5  # first coefficient of subsampling in Lush
INITS = {"lush": "lush", "appendix_a": "appendix_a", "authors": "lush", "paper": "appendix_a"}  # old names last


@torch.no_grad()
def draw(layer, init, generator):
    """Draw a layer's parameters anew; F is the fan-in of the unit that a connection belongs to.

    "lush": weights U(+-1/sqrt(F)), biases 0, coefficients 0.5. "appendix_a": everything U(+-2.4/F), as the paper has
    it.
    """
    fan_in = layer.fan_in()
    for name, parameter in layer.named_parameters():
        if init == "lush" and name != "weight":
            parameter.fill_(COEFFICIENT if name == "coefficient" else 0.0)
            continue
        bound = fan_in[name] ** -0.5 if init == "lush" else 2.4 / fan_in[name]
        parameter.copy_((2 * torch.rand(parameter.shape, generator=generator) - 1) * bound)


def init_name(init):
    """The name of an initialisation, old names ("authors", "paper") turned into today's; ValueError for others."""
    if init not in INITS:
        raise ValueError(f'init is {init!r}; expected "lush" or "appendix_a".')
    if INITS[init] != init:
        warnings.warn(f'init="{init}" is now called "{INITS[init]}".', DeprecationWarning, stacklevel=3)
    return INITS[init]
