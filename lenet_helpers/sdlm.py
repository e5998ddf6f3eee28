"""Stochastic Diagonal Levenberg-Marquardt (Appendix C): a learning rate of its own for each parameter.

eps_k = eta / (mu + h_kk) (Eq. 21), with h estimated on a few hundred patterns before each pass (Eq. 23 to 27).
"""

import math
from dataclasses import dataclass

import torch
from torch.optim import Optimizer

from .data.digits import to_input
from .losses import one_hot
from .propagation import Propagation

MU = 0.02
PAPER_SCHEDULE = (
    (5e-4,) * 2 + (2e-4,) * 3 + (1e-4,) * 3 + (5e-5,) * 4 + (1e-5,) * 8
)  # eta for pass 1..20 (III-B)


@dataclass(frozen=True)
class LinearDecay:
    """eta falling linearly, update by update, from `start` at the first update to `end` after the last of `passes`."""

    start: float = 5e-4
    end: float = 1e-5
    passes: int = 2

    def __post_init__(self):
        if not (0 <= self.end <= self.start and self.passes >= 1):
            raise ValueError(f"{self} does not fall; expected 0 <= end <= start and at least 1 pass.")

    def eta(self, passes_done):
        """eta after `passes_done` passes, a fraction included."""
        return self.start + (self.end - self.start) * min(passes_done / self.passes, 1.0)


TWO_PASS_SCHEDULE = LinearDecay()


def eta_at(schedule, passes_done):
    """eta after `passes_done` passes of a LinearDecay, or of one eta for each pass (the last one holds on)."""
    if isinstance(schedule, LinearDecay):
        return schedule.eta(passes_done)
    return schedule[min(int(passes_done), len(schedule) - 1)]


def estimate_curvature(model, loss, x, labels, exact=False, propagation=None):
    """h of every parameter: Eq. 23's sum over shared connections, mean over the patterns given (Eq. 24), >= 0.

    x: (N, 1, 32, 32) of the model's dtype; labels: int64 (N,). exact: seed F6 with the exact diagonal of the loss
    instead of the constant 2 scale. propagation: a Propagation of this model and loss, whose memories are used again.
    Returns name -> tensor of the parameter's shape. Raises ValueError for inputs the model would refuse.
    """
    model.check_input(x)
    if (
        labels.shape != x.shape[:1]
        or labels.dtype != torch.int64
        or not 0 <= labels.min() <= labels.max() <= 9
    ):
        raise ValueError(
            f"Got labels {labels.dtype} of shape {tuple(labels.shape)}; expected int64 ({len(x)},) from 0 to 9."
        )
    propagation = propagation or Propagation(model, loss)
    propagation.curvature(x, one_hot(labels, 10, x.dtype), exact)
    return {name: parameter.curvature.clone() for name, parameter in model.named_parameters()}


def sampled_curvature(model, loss, digits, count, seed, estimates=0, exact=False, propagation=None):
    """h estimated on `count` patterns (III-B), drawn from the digits anew for each estimate; so many came before."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + estimates)
    chosen = digits.subset(torch.randperm(len(digits), generator=generator)[:count])
    x = to_input(chosen.images).to(next(model.parameters()))
    return estimate_curvature(model, loss, x, chosen.labels.to(x.device), exact, propagation)


class SDLM(Optimizer):
    """w_k <- w_k - eta / (mu + h_k) dE/dw_k (Eq. 18 and 21).

    params: as for every torch.optim.Optimizer; eta: global rate; mu: keeps a rate finite where the curvature is small.
    `set_curvature` must be called before the first step. Raises ValueError for eta or mu below 0 or not finite.

    The weights of a group, their gradients and 1 / (mu + h) are each one vector, of which the parameters and their
    .grad are views: the update is one operation. A parameter that has been given other storage is taken in again.
    """

    def __init__(self, params, eta=5e-4, mu=MU):
        params, self.names, self.vectors = list(params), None, []
        if params and isinstance(params[0], tuple):
            self.names, params = (list(part) for part in zip(*params))
        super().__init__(params, {"eta": eta, "mu": mu})

    def add_param_group(self, param_group):
        for name in ("eta", "mu"):
            value = param_group.get(name, self.defaults[name])
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{name} is {value}; expected a finite number >= 0, such as eta=5e-4 and mu=0.02.")
        super().add_param_group(param_group)
        self.vectors.append(Vectors(self.param_groups[-1]["params"]))

    @torch.no_grad()
    def set_curvature(self, h):
        """Take h: name -> tensor of the parameter's shape, as estimate_curvature returns it.

        Matched by name if the optimizer was given model.named_parameters() or has been given names before, else in
        order. Raises ValueError for a missing or unknown name, another shape, NaN, inf or a negative number; the h of
        before then stays.
        """
        names = self.names or list(h)
        parameters = [parameter for vectors in self.vectors for parameter in vectors.parameters]
        if set(h) != set(names) or len(h) != len(parameters):
            differing = sorted(set(h) ^ set(names)) or list(h)
            raise ValueError(
                f"Got the curvature of {len(h)} parameters; expected one for each of {len(parameters)}"
                f" (differing: {', '.join(differing[:4])})."
            )
        for name, parameter in zip(names, parameters):
            check_curvature(name, h[name], parameter)
        for name, parameter in zip(names, parameters):
            self.state[parameter]["h"] = h[name].detach().to(parameter, copy=True)
        self.names = names
        self.gather_curvature()

    def gather_curvature(self):
        """Make each group's vector of h out of the parameters' own; each becomes a view of it."""
        for group, vectors in zip(self.param_groups, self.vectors):
            vectors.h, views = flattened([self.state[parameter]["h"] for parameter in vectors.parameters])
            for parameter, view in zip(vectors.parameters, views):
                self.state[parameter]["h"] = view
            vectors.inverse, vectors.mu = 1 / (group["mu"] + vectors.h), group["mu"]

    @torch.no_grad()
    def average_curvature(self, gamma):
        """Running average h <- (1 - gamma) h + gamma h_p, with h_p the parameters' .curvature (Efficient BackProp)."""
        for group, vectors in zip(self.param_groups, self.vectors):
            for parameter in vectors.parameters:
                self.state[parameter]["h"].lerp_(parameter.curvature, gamma)
            torch.add(vectors.h, group["mu"], out=vectors.inverse)
            vectors.inverse.reciprocal_()

    def rates(self):
        """Effective learning rates eta / (mu + h) (Eq. 21): name -> tensor of the parameter's shape."""
        self.require_curvature()
        rates = [
            group["eta"] / (group["mu"] + self.state[parameter]["h"])
            for group in self.param_groups
            for parameter in group["params"]
        ]
        return dict(zip(self.names, rates))

    def step(self, closure=None):
        """Update every parameter by its own rate (Eq. 18). Raises RuntimeError where no curvature has been set."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.update()
        return loss

    @torch.no_grad()
    def update(self):
        """The update itself, without the hooks that torch puts around step."""
        for group, vectors in zip(self.param_groups, self.vectors):
            if vectors.h is None:
                self.require_curvature()
            if vectors.mu != group["mu"]:
                self.gather_curvature()
            vectors.take_in()
            vectors.weights.addcmul_(vectors.gradient, vectors.inverse, value=-group["eta"])

    def require_curvature(self):
        if any(vectors.h is None for vectors in self.vectors):
            raise RuntimeError(
                "SDLM has no curvature; call set_curvature(estimate_curvature(model, loss, x, labels))."
            )

    def state_dict(self):
        return {**super().state_dict(), "names": self.names}

    def load_state_dict(self, state_dict):
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "names"})
        self.names = state_dict["names"]
        if self.state:
            self.gather_curvature()


def check_curvature(name, value, parameter):
    if value.shape != parameter.shape:
        raise ValueError(
            f"The curvature of {name} has shape {tuple(value.shape)}; expected {tuple(parameter.shape)}."
        )
    if not (torch.isfinite(value).all() and (value >= 0).all()):
        raise ValueError(f"The curvature of {name} holds NaN, inf or a negative number; expected h >= 0.")


class Vectors:
    """The parameters of one group and their gradients as one vector each; h and 1 / (mu + h) beside them."""

    def __init__(self, parameters):
        self.parameters = list(parameters)
        self.h = self.inverse = self.mu = None
        self.gather()

    @torch.no_grad()
    def gather(self):
        """Make each parameter and its .grad a view of the vectors, values unchanged."""
        self.weights, weights = flattened(self.parameters)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        self.gradient, self.grads = flattened(grads)
        for parameter, view, grad in zip(self.parameters, weights, self.grads):
            parameter.data, parameter.grad = view, grad
        self.places = [view.data_ptr() for view in weights]
        if self.h is not None:
            self.h, self.inverse = self.h.to(self.weights), self.inverse.to(self.weights)

    def take_in(self):
        """Bring back what was put elsewhere since: moved parameters, gradients that are not the views."""
        if self.places != [parameter.data_ptr() for parameter in self.parameters]:
            self.gather()
        for parameter, grad in zip(self.parameters, self.grads):
            if parameter.grad is not grad:
                grad.zero_() if parameter.grad is None else grad.copy_(parameter.grad)
                parameter.grad = grad


def flattened(tensors):
    """One vector of all the numbers, and its views in the tensors' shapes."""
    vector = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    parts = vector.split([tensor.numel() for tensor in tensors])
    return vector, [part.view(tensor.shape) for part, tensor in zip(parts, tensors)]
