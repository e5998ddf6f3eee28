"""Reading a string: the network once over the field, then the best path through its map of penalties (VII-A)."""

from dataclasses import dataclass

import torch

from ..data.digits import FIELD, to_input
from ..data.strings import BLANK, STEP
from .graph import READING, TEMPERATURE, discriminative_forward, viterbi


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read of one field.

    text: the digits, "" for none. places: for each, the column in the middle of the windows that saw it. confidence:
    the share that the text has of all legal interpretations, from 0 to 1; see `confidences`. path: class of each
    window, 10 for the blank, int64 (positions,). penalties: (11, positions). The window at position p covers columns
    4 p to 4 p + 31.
    """

    text: str
    places: tuple
    confidence: float
    path: torch.Tensor
    penalties: torch.Tensor


def penalty_map(model, fields):
    """Penalties at every window of fields (N, 32, columns) of 0 to 255, one every 4 columns: (N, classes, positions).

    The network runs once over each field: windows that overlap share the states of what they both see.
    Raises ValueError for fields of another shape, as `to_input` does.
    """
    fields = torch.as_tensor(fields)
    if fields.ndim != 3 or fields.shape[1] != FIELD:
        raise ValueError(
            f"Got fields of shape {tuple(fields.shape)}; expected (N, {FIELD}, columns): scale the string to digits "
            "about 20 rows tall, in the middle of 32 rows."
        )
    like = next(model.parameters())
    with torch.no_grad():
        penalties = model(to_input(fields).to(like))
    return penalties.reshape(len(fields), penalties.shape[1], -1)


def window_inputs(fields):
    """The same windows cut out one by one, as inputs of the network: (N, positions, 32, 32)."""
    return to_input(fields)[:, 0].unfold(2, FIELD, STEP).movedim(2, 1)


def read_strings(model, fields, grammar=None):
    """A Reading of each of the fields (N, 32, columns) of 0 to 255, ink 255.

    model: LeNet5 with eleven classes, the last the blank, such as load_weights("strings"). grammar: READING unless
    given. Raises ValueError for a model of other classes and for fields of another shape.
    """
    grammar = grammar or READING
    penalties = penalty_map(model, fields)
    if penalties.shape[1] != BLANK + 1:
        raise ValueError(
            f"The model has {penalties.shape[1]} classes; expected {BLANK + 1}, ten digits and the blank: "
            'load_weights("strings").'
        )
    paths = viterbi(penalties, grammar)
    read = [spelled(path) for path in paths.cpu()]
    confidence = confidences(penalties, [text for text, _ in read], grammar)
    return [Reading(*each) for each in zip(*zip(*read), confidence.tolist(), paths, penalties)]


def read_string(model, field, grammar=None):
    """The Reading of one field (32, columns) of 0 to 255; see `read_strings`."""
    return read_strings(model, torch.as_tensor(field)[None], grammar)[0]


def confidences(penalties, texts, grammar, temperature=TEMPERATURE):
    """The share that each of N texts has of all legal interpretations of its map, float64 (N,), from 0 to 1.

    An interpretation weighs exp(-penalty / temperature). At a temperature of 1, as in the criterion of Section VI-D,
    the share of what is read wrongly is near 1 too; at TEMPERATURE it is about the probability that the text is right
    (temperature scaling, Guo et al. 2017). penalties: (N, 11, positions).
    """
    error, _ = discriminative_forward(penalties.double() / temperature, texts, grammar.divided_by(temperature))
    return torch.exp(-error).clamp(0, 1)


def spelled(path):
    """The string that a path (positions,) spells, and the column in the middle of each of its digits' runs."""
    digits = [run for run in runs_along(path) if run[0] != BLANK]
    text = "".join(str(digit) for digit, _, _ in digits)
    return text, tuple(FIELD / 2 + STEP * (first + last) / 2 for _, first, last in digits)


def runs_along(path):
    """(class, first window, last window) of each run of one class along a path (positions,)."""
    classes, lengths = path.unique_consecutive(return_counts=True)
    ends = lengths.cumsum(0)
    return list(zip(classes.tolist(), (ends - lengths).tolist(), (ends - 1).tolist()))


def local_minima(penalties, threshold):
    """The simple rule: a digit wherever the least penalty of a digit has a local minimum under the threshold.

    penalties: (classes, positions), those of the digits first. Returns the string.
    """
    least, digit = penalties[:BLANK].min(0)
    wall = least.new_full((1,), torch.inf)
    before, after = torch.cat([wall, least[:-1]]), torch.cat([least[1:], wall])
    minimum = (least <= before) & (least < after) & (least < threshold)
    return "".join(map(str, digit[minimum].tolist()))
