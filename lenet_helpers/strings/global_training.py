"""Global training: strings whose places nobody has marked, through the graph (Section VII-C)."""

import math

import torch
from tqdm import tqdm

from ..data.digits import to_input
from ..data.strings import BLANK
from ..schedules import eta_at
from ..sdlm import MU, SDLM
from ..training.arguments import check_counts
from .graph import READING, discriminative_forward


@torch.no_grad()
def fit_strings(
    model,
    strings,
    *,
    passes=1,
    schedule=(1e-5,),
    mu=MU,
    grammar=None,
    temperature=1.0,
    batch_size=1,
    seed=0,
    distort=None,
    curvature_strings=100,
    curvature_every=500,
    progress=True,
):
    """Train `model` on Strings by the discriminative forward criterion, `batch_size` strings an update; in place.

    Only what the strings say is used, not where their digits stand. The criterion's derivative at every position of the
    map is sent down through the whole map by the network's own backprop, and the weights are updated by SDLM.
    schedule: an eta for each pass, or a LinearDecay. temperature: penalties are divided by it in the criterion, the
    grammar's charges are not, and the criterion is multiplied by it: the hotter, the more interpretations take part
    beside the best. h is estimated on `curvature_strings` strings every `curvature_every` updates, the seed at each F6
    state the constant 2 scale as for single patterns. seed: of the order of the strings, the same in every pass, and of
    `distort`.

    Returns the criterion of every string as it was met, float64 (passes x strings,), 0 for one that was read with
    certainty. Raises ValueError for counts below 1, for a temperature that is not above 0, and for a string with more
    digits than its field has windows.
    """
    check_counts(
        passes=passes,
        batch_size=batch_size,
        curvature_strings=curvature_strings,
        curvature_every=curvature_every,
    )
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature is {temperature!r}; expected a number above 0, such as 1.0.")
    grammar = grammar or READING
    random = torch.Generator().manual_seed(seed)
    batches = torch.randperm(len(strings), generator=random).split(batch_size)
    optimizer = SDLM(model.named_parameters(), eta=eta_at(schedule, 0), mu=mu)
    like = next(model.parameters())
    errors = []
    for update, batch in enumerate(tqdm(batches * passes, unit=" updates", disable=not progress)):
        if update % curvature_every == 0:
            chosen = torch.randperm(len(strings), generator=random)[:curvature_strings]
            optimizer.set_curvature(string_curvature(model, to_input(strings.fields[chosen]).to(like)))
        fields, texts = strings.fields[batch], [strings.texts[index] for index in batch]
        if distort is not None:
            fields = distort(fields, random)
        answers = model(to_input(fields).to(like))
        penalties = answers.reshape(len(batch), BLANK + 1, -1).double()
        error, derivative = discriminative_forward(penalties / temperature, texts, grammar)
        check_paths(error, batch, strings, penalties.shape[2])
        optimizer.zero_grad()
        model.backprop((derivative / len(batch)).reshape(answers.shape).to(like))
        optimizer.param_groups[0]["eta"] = eta_at(schedule, update / len(batches))
        optimizer.step()
        errors.append(temperature * error)
    return torch.cat(errors).cpu()


def check_paths(error, batch, strings, windows):
    """Raise ValueError for a string of the batch that has no path: its criterion is infinite."""
    for index in batch[~error.isfinite().cpu()].tolist():
        raise ValueError(
            f"String {index}, {strings.texts[index]!r}, has no path through the {windows} windows of its field; "
            "expected one or more for each digit, and one between equal ones: make the field wider."
        )


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
