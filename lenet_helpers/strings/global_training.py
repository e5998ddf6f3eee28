"""Global training: strings whose places nobody has marked, through the graph (Section VII-C)."""

import torch
from tqdm import tqdm

from ..data.digits import to_input
from ..data.strings import BLANK
from ..sdlm import MU, SDLM
from ..training.arguments import check_counts
from .graph import READING, discriminative_forward


@torch.no_grad()
def fit_strings(
    model,
    strings,
    *,
    eta=1e-5,
    mu=MU,
    grammar=None,
    passes=1,
    seed=0,
    distort=None,
    curvature_strings=100,
    curvature_every=500,
    progress=True,
):
    """Train `model` on Strings by the discriminative forward criterion, one string an update; in place.

    Only what the strings say is used, not where their digits stand. The criterion's derivative at every position of the
    map is sent down through the whole map by the network's own backprop, and the weights are updated by SDLM. h is
    estimated on `curvature_strings` strings every `curvature_every` updates, the seed at each F6 state the constant
    2 scale as for single patterns. seed: of the order of the strings, the same in every pass, and of `distort`.

    Returns the criterion of every string as it was met, float64 (passes x strings,), 0 for one that was read with
    certainty. Raises ValueError for counts below 1 and for a string with more digits than its field has windows.
    """
    check_counts(passes=passes, curvature_strings=curvature_strings, curvature_every=curvature_every)
    grammar = grammar or READING
    random = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(strings), generator=random).repeat(passes)
    optimizer = SDLM(model.named_parameters(), eta=eta, mu=mu)
    like = next(model.parameters())
    errors = []
    for update, index in enumerate(tqdm(order.tolist(), unit=" strings", disable=not progress)):
        if update % curvature_every == 0:
            chosen = torch.randperm(len(strings), generator=random)[:curvature_strings]
            optimizer.set_curvature(string_curvature(model, to_input(strings.fields[chosen]).to(like)))
        field = strings.fields[index : index + 1]
        if distort is not None:
            field = distort(field, random)
        answers = model(to_input(field).to(like))
        penalties = answers.reshape(1, BLANK + 1, -1).double()
        error, derivative = discriminative_forward(penalties, strings.texts[index : index + 1], grammar)
        if not error.isfinite():
            raise ValueError(
                f"String {index}, {strings.texts[index]!r}, has no path through the {penalties.shape[2]} windows of "
                "its field; expected one or more for each digit, and one between equal ones: make the field wider."
            )
        optimizer.zero_grad()
        model.backprop(derivative.reshape(answers.shape).to(like))
        optimizer.step()
        errors.append(error)
    return torch.cat(errors).cpu()


@torch.no_grad()
def string_curvature(model, x):
    """h of every parameter for whole fields `x` (N, 1, 32, columns): mean over the fields of Eq. 23's sum.

    At each position one arc is taken, whose second derivative is 1, so that every F6 state gets the constant 2 scale:
    it does not matter which arc.
    """
    for parameter in model.parameters():
        parameter.curvature = None
    signal = torch.zeros_like(model(x))
    signal[:, 0] = 1 / len(x)
    model.backprop(signal, order=2)
    return {name: parameter.curvature.clone() for name, parameter in model.named_parameters()}
