"""Stochastic Diagonal Levenberg-Marquardt (Appendix C): a learning rate of its own for each parameter.

eps_k = eta / (mu + h_kk) (Eq. 21), with h estimated on a few hundred patterns before each pass (Eq. 23 to 27).
"""

import math

import torch
from torch.optim import Optimizer

from .data.digits import to_input
from .losses import one_hot
from .model import FIELD
from .propagation import Propagation

MU = 0.02


class SDLM(Optimizer):
    """w_k <- w_k - eta / (mu + h_k) dE/dw_k (Eq. 18 and 21).

    params: as for every torch.optim.Optimizer, best model.named_parameters(); eta: global rate, each group's "lr", by
    which schedulers know it ("eta" names the same); mu: keeps a rate finite where the curvature is small.
    `set_curvature` must be called before the first step. Raises ValueError for eta or mu below 0 or not finite.
    """

    def __init__(self, params, eta=5e-4, mu=MU):
        super().__init__(params, {"lr": eta, "mu": mu})

    def update(self):
        """The rule, under torch.no_grad(), without the hooks that torch puts around `step`; parameters without a .grad
        stay."""
        for group in self.param_groups:
            weights, damped = group["params"], group.damped(self.state)
            gradients = [weight.grad for weight in weights]
            if any(gradient is None for gradient in gradients):
                found = [each for each in zip(weights, gradients, damped) if each[1] is not None]
                if not found:
                    continue
                weights, gradients, damped = zip(*found)
            torch._foreach_addcdiv_(weights, gradients, damped, value=-group["lr"])

    @torch.no_grad()
    def step(self, closure=None):
        """Update every parameter by its own rate; returns the closure's loss. RuntimeError where no h has been set."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.update()
        return loss

    @torch.no_grad()
    def set_curvature(self, h):
        """Take h: name -> tensor of the parameter's shape, as estimate_curvature returns it.

        Matched by name if the optimizer was given model.named_parameters() or has been given names before, else in
        order. Raises ValueError for a missing or unknown name, another shape, NaN, inf or a negative number; the h of
        before then stays.
        """
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        names = self.names() or list(h)
        if set(h) != set(names) or len(h) != len(parameters):
            differing = sorted(set(h) ^ set(names)) or list(h)
            raise ValueError(
                f"Got the curvature of {len(h)} parameters; expected one for each of {len(parameters)}"
                f" (differing: {', '.join(differing[:4])})."
            )
        for name, parameter in zip(names, parameters):
            check_curvature(name, h[name], parameter)
        for name, parameter in zip(names, parameters):
            self.state[parameter]["h"] = torch.empty_like(parameter).copy_(h[name])
        rest = iter(names)
        for group in self.param_groups:
            group["param_names"] = [next(rest) for _ in group["params"]]
            group.forget()

    @torch.no_grad()
    def average_curvature(self, h, gamma):
        """Running average h <- (1 - gamma) h + gamma h_p, with h_p of the newest patterns (Efficient BackProp)."""
        for group in self.param_groups:
            for name, parameter in zip(group["param_names"], group["params"]):
                self.state[parameter]["h"].lerp_(h[name], gamma)
            group.forget()

    def rates(self):
        """Effective learning rates eta / (mu + h) (Eq. 21): name -> tensor of the parameter's shape."""
        rates = [group["lr"] / damped for group in self.param_groups for damped in group.damped(self.state)]
        return dict(zip(self.names(), rates))

    def names(self):
        """The parameters' names in their order; empty where none were given."""
        return [name for group in self.param_groups for name in group.get("param_names", ())]

    def add_param_group(self, param_group):
        params = param_group["params"]
        params = [params] if torch.is_tensor(params) else list(params)
        if params and isinstance(params[0], tuple):
            names, params = zip(*params)
            param_group = {**param_group, "param_names": list(names)}
        super().add_param_group(Group({**param_group, "params": list(params)}, self.defaults))
        self.param_groups[-1].check()

    def load_state_dict(self, state_dict):
        """Take what `state_dict` returned; a state without names leaves the names as they are."""
        names = self.names()
        state_dict = {**state_dict, "param_groups": [Group(group) for group in state_dict["param_groups"]]}
        super().load_state_dict(state_dict)
        self.__setstate__({"param_groups": self.param_groups})
        for group in self.param_groups:
            own, names = names[: len(group["params"])], names[len(group["params"]) :]
            if own:
                group.setdefault("param_names", own)

    def __setstate__(self, state):
        super().__setstate__(state)
        self.param_groups = [Group(group) for group in self.param_groups]


class Group(dict):
    """The parameters of a group and its options; "eta" is another name of "lr". Keeps mu + h until one changes."""

    def __init__(self, group, defaults=None):
        super().__init__((named(key), value) for key, value in group.items())
        for key, value in (defaults or {}).items():
            self.setdefault(key, value)
        self.forget()

    def __missing__(self, key):
        if key == "eta":
            return self["lr"]
        raise KeyError(key)

    def __contains__(self, key):
        return super().__contains__(named(key))

    def __setitem__(self, key, value):
        super().__setitem__(named(key), value)

    def get(self, key, default=None):
        return super().get(named(key), default)

    def setdefault(self, key, default=None):
        return super().setdefault(named(key), default)

    def update(self, *others, **more):
        super().update((named(key), value) for key, value in dict(*others, **more).items())

    def check(self):
        for name in ("lr", "mu"):
            if not (self[name] >= 0 and math.isfinite(self[name])):
                name, value = "eta" if name == "lr" else name, self[name]
                raise ValueError(f"{name} is {value}; expected a finite number >= 0, such as eta=5e-4 and mu=0.02.")

    def forget(self):
        self.kept, self.of = None, None

    def damped(self, state):
        """mu + h of every parameter."""
        first = self["params"][0]
        of = self["mu"], first.dtype, first.device
        if self.of != of:
            if any("h" not in state[parameter] for parameter in self["params"]):
                raise RuntimeError(
                    "SDLM has no curvature; call set_curvature(estimate_curvature(model, loss, x, labels))."
                )
            self.kept = [self["mu"] + state[parameter]["h"].to(parameter) for parameter in self["params"]]
            self.of = of
        return self.kept


def named(key):
    """The key by which a group keeps an option."""
    return "lr" if key == "eta" else key


def check_curvature(name, value, parameter):
    if value.shape != parameter.shape:
        raise ValueError(
            f"The curvature of {name} has shape {tuple(value.shape)}; expected {tuple(parameter.shape)}."
        )
    if not (torch.isfinite(value).all() and (value >= 0).all()):
        raise ValueError(f"The curvature of {name} holds NaN, inf or a negative number; expected h >= 0.")


def estimate_curvature(model, loss, x, labels, exact=False, propagation=None):
    """h of every parameter: Eq. 23's sum over shared connections, mean over the patterns given (Eq. 24), >= 0.

    x: (N, 1, 32, 32) of the model's dtype; labels: int64 (N,). exact: seed F6 with the exact diagonal of the loss
    instead of the constant 2 scale. propagation: a Propagation of this model and loss, whose recordings are used again.
    Returns name -> tensor of the parameter's shape. Raises ValueError for inputs the model would refuse,
    for a larger field, and for labels of another shape, dtype or range.
    """
    model.check_input(x)
    if x.shape[2:] != (FIELD, FIELD):
        raise ValueError(f"Got x of shape {tuple(x.shape)}; expected (N, 1, {FIELD}, {FIELD}): one answer a pattern.")
    classes = len(model.rbf.codes)
    if (
        labels.shape != x.shape[:1]
        or labels.dtype != torch.int64
        or not 0 <= labels.min() <= labels.max() < classes
    ):
        raise ValueError(
            f"Got labels {labels.dtype} of shape {tuple(labels.shape)}, {labels.flatten()[:8].tolist()} the first; "
            f"expected int64 ({len(x)},) from 0 to {classes - 1}."
        )
    h = (propagation or Propagation(model, loss)).curvature(x, one_hot(labels, classes, x.dtype), exact)
    return {name: h[name].clone() for name, _ in model.named_parameters()}


def sampled_curvature(model, loss, digits, count, seed, estimates=0, exact=False, propagation=None):
    """h estimated on `count` patterns (III-B), drawn from the digits anew for each estimate; so many came before."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + estimates)
    chosen = digits.subset(torch.randperm(len(digits), generator=generator)[:count])
    x = to_input(chosen.images).to(next(model.parameters()))
    return estimate_curvature(model, loss, x, chosen.labels.to(x.device), exact, propagation)
