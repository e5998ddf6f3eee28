"""The two losses of Section II-C, with the first and the second derivative that they send down."""

import math

import torch

from .layout import has_numbers


class Loss:
    """A loss is called as loss(penalties, labels) and returns the mean over patterns.

    penalties: (N, classes) of the RBF units, >= 0; labels: int64 (N,). All methods raise ValueError for other shapes,
    for an empty set and for labels out of range, which torch.func.vmap does not show.
    """

    def __call__(self, penalties, labels):
        """Mean loss over the patterns, 0-dimensional; autograd can differentiate it."""
        return self.per_pattern(penalties, labels).mean()

    def per_pattern(self, penalties, labels):
        """Loss of each pattern, (N,)."""
        check_penalties(penalties, labels)
        return self.error(penalties.movedim(0, -1), labels)

    def derivative(self, penalties, labels):
        """dE/dy of each pattern's own loss (not divided by N), (N, classes)."""
        check_penalties(penalties, labels)
        target = one_hot(labels, penalties.shape[1], penalties.dtype)
        with torch.no_grad():
            return self.signal(penalties.movedim(0, -1), target.movedim(0, -1)).movedim(-1, 0)

    def second_derivative(self, penalties, labels):
        """The order-2 signal of each pattern, (N, classes): 1 for the right class, 0 for the others.

        Through the RBF layer it becomes the constant 2 scale at every unit of F6. For MSE this is the exact curvature;
        for MAP it is what the authors' code does: the exact diagonal of Eq. 9 vanishes as training goes on.
        """
        check_penalties(penalties, labels)
        return one_hot(labels, penalties.shape[1], penalties.dtype)


def one_hot(labels, classes, dtype):
    """(N, classes), 1 in the column of the label."""
    return torch.eye(classes, dtype=dtype, device=labels.device)[labels]


def check_penalties(penalties, labels):
    if penalties.dim() != 2 or labels.shape != penalties.shape[:1] or len(labels) == 0:
        raise ValueError(
            f"The loss got penalties of shape {tuple(penalties.shape)} and labels of shape {tuple(labels.shape)}; "
            "expected (N, classes) and (N,) with N at least 1."
        )
    if not has_numbers(labels):
        return
    if labels.dtype != torch.int64 or not 0 <= int(labels.min()) <= int(labels.max()) < penalties.shape[1]:
        raise ValueError(
            f"The labels are {labels.dtype} from {int(labels.min())} to {int(labels.max())}; "
            f"expected torch.int64 from 0 to {penalties.shape[1] - 1}."
        )


class MSELoss(Loss):
    """Eq. 8: the penalty of the right class, y_D, averaged over patterns."""

    def error(self, penalties, labels):
        """y_D of each pattern, (patterns,); penalties: classes first, patterns last, here and below."""
        return penalties.gather(0, labels.unsqueeze(0)).squeeze(0)

    def signal(self, penalties, target):
        """dE/dy = 1 for the right class, 0 for the others, of each pattern's own loss; target: 1 at the label."""
        return target

    def hessian(self, penalties):
        """d2E/dy_i dy_k, (classes, classes, ..., patterns): the loss is linear in the penalties, so zero."""
        return penalties.new_zeros(len(penalties), *penalties.shape)

    def __repr__(self):
        return "MSELoss()"


class MAPLoss(Loss):
    """Eq. 9: y_D + log(exp(-j) + sum_i exp(-y_i)), averaged over patterns.

    j > 0: the penalty of the "rubbish" class, which keeps penalties that are already large from being pushed up. The
    paper gives no value; 10 is the default (at penalty scale 1/2). Raises ValueError for j <= 0 or not finite.
    """

    def __init__(self, j=10.0):
        if not (j > 0 and math.isfinite(j)):
            raise ValueError(f"j is {j}; expected a positive, finite number such as 10.")
        self.j = float(j)

    def error(self, penalties, labels):
        """y_D + log(exp(-j) + sum_i exp(-y_i)) of each pattern; shapes as those of MSELoss."""
        return penalties.gather(0, labels.unsqueeze(0)).squeeze(0) + self.scores(penalties).logsumexp(0)

    def signal(self, penalties, target):
        """dE/dy_i = 1 if i is the right class - p_i, with the shares p_i = exp(-y_i) / (exp(-j) + sum_k exp(-y_k))."""
        return target - self.scores(penalties).softmax(0)[:-1]

    def hessian(self, penalties):
        """d2E/dy_i dy_k = p_i (1 if i = k else 0) - p_i p_k, with p the shares."""
        shares = self.scores(penalties).softmax(0)[:-1]
        own = torch.eye(len(shares), dtype=shares.dtype, device=shares.device)
        own = own.view(*own.shape, *[1] * (shares.dim() - 1))
        return shares * own - shares.unsqueeze(0) * shares.unsqueeze(1)

    def scores(self, penalties):
        """The classes' -y_i, and below them the rubbish class's -j."""
        return torch.cat([-penalties, penalties.new_full((1, *penalties.shape[1:]), -self.j)])

    def __repr__(self):
        return f"MAPLoss(j={self.j:g})"
