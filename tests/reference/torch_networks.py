"""The same network in torch.nn.functional, a function of the parameters by name, and what autograd makes
of it: exact first derivatives, the exact Gauss-Newton diagonal, products with the Hessian."""

import torch
from torch.nn import functional

from reference.loops import AMPLITUDE, SLOPE, TABLE_I


def squash(a):
    """Eq. 6."""
    return AMPLITUDE * torch.tanh(SLOPE * a)


def subsampling(x, coefficient, bias):
    """avg_pool2d gives the mean of 2x2; four times it is the sum of Sec. II-B."""
    return 4 * functional.avg_pool2d(x, 2) * coefficient[:, None, None] + bias[:, None, None]


def dense_kernels(weight, table=TABLE_I, in_maps=6):
    """(kernels, k, k) in the table's order -> (out_maps, in_maps, k, k), zeros where nothing is connected."""
    rows = [(m, s) for m, sees in enumerate(table) for s in sorted(sees)]
    place = torch.tensor([m * in_maps + s for m, s in rows], device=weight.device)
    dense = weight.new_zeros(len(table) * in_maps, *weight.shape[1:])
    return dense.index_add(0, place, weight).unflatten(0, (len(table), in_maps))


def f6_states(w, x):
    """(N, 1, rows, columns) -> (N, 84, rows', columns'): the last squashed states."""
    x = squash(functional.conv2d(x, w["c1.weight"], w["c1.bias"]))
    x = squash(subsampling(x, w["s2.coefficient"], w["s2.bias"]))
    x = squash(functional.conv2d(x, dense_kernels(w["c3.weight"]), w["c3.bias"]))
    x = squash(subsampling(x, w["s4.coefficient"], w["s4.bias"]))
    x = squash(functional.conv2d(x, w["c5.weight"], w["c5.bias"]))
    return squash(functional.conv2d(x, w["f6.weight"][:, :, None, None], w["f6.bias"]))


def rbf(states, codes, scale):
    """(N, inputs, ...) -> (N, classes, ...) of Eq. 7."""
    codes = codes.view(1, *codes.shape, *[1] * (states.ndim - 2))
    return scale * ((states[:, None] - codes) ** 2).sum(2)


def penalties(w, x, codes, scale=0.5):
    """(N, 1, rows, columns) -> (N, 10), or (N, 10, rows', columns') over a larger field."""
    y = rbf(f6_states(w, x), codes, scale)
    return y.flatten(1) if y.shape[2:] == (1, 1) else y


def mse(y, labels):
    """Eq. 8, summed over the patterns."""
    return y.gather(1, labels[:, None]).sum()


def map_loss(j):
    """Eq. 9, summed over the patterns, as a function of (penalties, labels)."""

    def loss(y, labels):
        rubbish = torch.full_like(y[:, :1], -j)
        return mse(y, labels) + torch.logsumexp(torch.cat([rubbish, -y], 1), 1).sum()

    return loss


def leaves(model):
    """The model's parameters by name, copied as independent leaves of autograd."""
    return {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}


def first_derivatives(model, loss, x, labels, scale=0.5):
    """(dE/dinput, {name: dE/dw}) of the loss summed over patterns, by autograd."""
    w, x = leaves(model), x.detach().clone().requires_grad_()
    y = penalties(w, x, model.rbf.codes.detach().to(x), scale)
    found = torch.autograd.grad(loss(y, labels), [x, *w.values()])
    return found[0], dict(zip(w, found[1:], strict=True))


def gauss_newton_diagonal(model, x, scale=0.5):
    """{name: diagonal of J^T (2 scale I) J}, mean over patterns, J the Jacobian of F6's states."""
    w = {name: p.detach() for name, p in model.named_parameters()}
    total = {name: torch.zeros_like(p) for name, p in w.items()}
    for pattern in x:
        rows = torch.func.jacrev(lambda w, p=pattern: f6_states(w, p[None]).reshape(-1))(w)
        for name, jacobian in rows.items():
            total[name] += 2 * scale * (jacobian**2).sum(0) / len(x)
    return total


def exact_seeds(model, loss, x, labels, scale=0.5):
    """(N, 84): the exact diagonal of each pattern's d2E/dx2 at F6's states."""
    w, codes = leaves(model), model.rbf.codes.detach().to(x)
    states = f6_states(w, x).detach().flatten(1)
    diagonals = []
    for i in range(len(x)):
        energy = torch.func.hessian(lambda s, i=i: loss(rbf(s[None], codes, scale), labels[i : i + 1]))
        diagonals.append(energy(states[i]).diagonal())
    return torch.stack(diagonals)


def mean_squared_gradient(model, loss, x, labels, scale=0.5):
    """{name: mean over patterns of (dE^p/dw)^2}: what Eq. 23 is often taken for."""
    total = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for i in range(len(x)):
        _, found = first_derivatives(model, loss, x[i : i + 1], labels[i : i + 1], scale)
        for name, value in found.items():
            total[name] += value**2 / len(x)
    return total


def hessian_row_sums(model, loss, x, labels, scale=0.5):
    """{name: H 1}, H the Hessian of the mean loss: one product with the Hessian, by differentiating twice."""
    w = leaves(model)
    y = penalties(w, x, model.rbf.codes.detach().to(x), scale)
    first = torch.autograd.grad(loss(y, labels) / len(x), list(w.values()), create_graph=True)
    rows = torch.autograd.grad(sum(g.sum() for g in first), list(w.values()))
    return dict(zip(w, rows, strict=True))
