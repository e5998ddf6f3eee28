"""The graph over a map of penalties: which strings it stands for, at what penalty (Sections VI and VII-A).

Between one position of the map and the next, an arc for each class carries that class's penalty. A grammar says which
class may follow which, and what that costs. A path through the positions spells a string: a run of one digit is that
digit, blanks are nothing. The penalty of a path is the sum along it. Of all its paths a string is given either the
least penalty (Viterbi) or, as exp(-penalty) adds up where paths join, the forward score -log(sum of exp(-penalty)): the
same recursion, once with min and once with logsumexp.
"""

import math
from dataclasses import dataclass

import torch

from ..data.strings import BLANK


@dataclass(frozen=True)
class Grammar:
    """What may follow what: a digit itself, for a run of windows, or a blank; a blank anything.

    touching: penalty of another digit without a blank between; infinite where a blank must part them. The same digit
    twice always needs a blank between. begin: penalty of every digit that begins.
    Raises ValueError for a touching below 0, and for NaN.
    """

    touching: float = math.inf
    begin: float = 0.0

    def __post_init__(self):
        if not (self.touching >= 0 and math.isfinite(self.begin)):
            raise ValueError(f"{self}: expected a touching of 0 or more, inf included, and a finite begin.")

    def arcs(self, like):
        """Penalty from class to class, (11, 11): row before, column after. The blank comes last."""
        arcs = like.new_full((BLANK + 1, BLANK + 1), self.touching + self.begin)
        arcs.fill_diagonal_(0)
        arcs[BLANK, :BLANK] = self.begin
        arcs[:, BLANK] = 0
        return arcs

    def divided_by(self, temperature):
        """The grammar of penalties that have been divided by a temperature."""
        return Grammar(self.touching / temperature, self.begin / temperature)


READING = Grammar(begin=-8.0)  # for reading; chosen on held-out strings: results/strings/choose-grammar.json
TEMPERATURE = 7.0  # of the confidence in a reading; chosen on held-out strings: results/strings/choose-limits.json


def least(ways):
    """Viterbi: of the ways into each state (N, states before, states), the one of least penalty."""
    return ways.amin(1)


def together(ways):
    """Forward: all the ways into each state, as -log(sum of exp(-penalty))."""
    return -(-ways).logsumexp(1)


def sweep(penalties, arcs, start, join):
    """Penalty of reaching each state at each position, that state's own included: (positions, N, states).

    penalties: (positions, N, states); arcs: (states, states) or (N, states, states), before and after; start: (states)
    or (N, states), the penalty of beginning there; join: `least` or `together`.
    """
    reached = [penalties[0] + start]
    for own in penalties[1:]:
        reached.append(own + join(reached[-1][:, :, None] + arcs))
    return torch.stack(reached)


def viterbi(penalties, grammar):
    """The path of least penalty through each map of penalties (N, 11, positions): classes, int64 (N, positions)."""
    arcs = grammar.arcs(penalties)
    first, *others = penalties.unbind(2)
    best, came_from = first + arcs[BLANK], []
    for own in others:
        best, before = (best[:, :, None] + arcs).min(1)
        best = best + own
        came_from.append(before)
    path = [best.argmin(1)]
    for before in reversed(came_from):
        path.append(before.gather(1, path[-1][:, None])[:, 0])
    return torch.stack(path[::-1], 1)


class Interpretations:
    """A graph of paths over maps of penalties (N, 11, positions): its forward score, and who takes part in it.

    classes: (N, states), the class of each state; arcs: (N, states, states) or (states, states), penalties from state
    to state; start, end: (N, states), penalties of beginning and of ending there.
    """

    def __init__(self, classes, arcs, start, end):
        self.classes, self.arcs, self.start, self.end = classes, arcs, start, end

    @classmethod
    def all_legal(cls, penalties, grammar):
        """Every path that the grammar allows: a state is a class."""
        arcs = grammar.arcs(penalties)
        classes = torch.arange(BLANK + 1, device=penalties.device).expand(len(penalties), -1)
        start = arcs[BLANK].expand(len(penalties), -1)
        return cls(classes, arcs, start, torch.zeros_like(start))

    @classmethod
    def of_strings(cls, penalties, texts, grammar):
        """The paths that spell a given string: blank, first digit, blank, second digit ... blank, in that order."""
        longest = max(map(len, texts))
        classes = torch.full((len(texts), 2 * longest + 1), BLANK)
        for row, text in zip(classes, texts):
            row[1 : 2 * len(text) : 2] = torch.tensor([int(digit) for digit in text], dtype=torch.int64)
        classes = classes.to(penalties.device)
        state = torch.arange(classes.shape[1], device=penalties.device)
        ahead = state - state[:, None]
        differ = classes[:, :, None] != classes[:, None, :]
        allowed = (ahead == 0) | (ahead == 1) | ((ahead == 2) & differ)  # from digit to digit, without the blank
        arcs = grammar.arcs(penalties)
        ways = arcs[classes[:, :, None], classes[:, None, :]].masked_fill(~allowed, math.inf)
        start = arcs[BLANK][classes].masked_fill(state > 1, math.inf)
        last = 2 * torch.tensor([len(text) for text in texts], device=penalties.device)[:, None]
        end = torch.zeros_like(start).masked_fill((state < last - 1) | (state > last), math.inf)
        return cls(classes, ways, start, end)

    def forward(self, penalties):
        """Forward score of each graph, (N,), and the share of its paths, weighed by exp(-penalty), that go through each
        class at each position, (N, 11, positions): the derivative of the score with respect to that penalty.
        """
        own = penalties.movedim(2, 0).gather(2, self.classes.expand(penalties.shape[2], -1, -1))
        reached = sweep(own, self.arcs, self.start, together)
        to_go = sweep(own.flip(0), self.arcs.mT, self.end, together).flip(0)
        score = together((reached[-1] + self.end)[:, :, None])[:, 0]
        through = torch.exp(score[:, None] - (reached + to_go - own))
        shares = torch.zeros_like(penalties).movedim(2, 0)
        shares = shares.scatter_add(2, self.classes.expand(len(own), -1, -1), through)
        return score, shares.movedim(0, 2)


def discriminative_forward(penalties, texts, grammar):
    """The discriminative forward criterion (Section VI-D) of each string, (N,), and its derivative, (N, 11, positions).

    E = forward score of the paths that spell the string - that of all legal paths: -log of the share that the string
    has of all interpretations. penalties: (N, 11, positions); texts: N strings of digits. E is infinite, and its
    derivative NaN, for a string that has no path through so few positions.
    """
    wanted, of_wanted = Interpretations.of_strings(penalties, texts, grammar).forward(penalties)
    legal, of_legal = Interpretations.all_legal(penalties, grammar).forward(penalties)
    return wanted - legal, of_wanted - of_legal
