"""The graph over a map of penalties: judged by listing every path, by autograd, and by torch's CTC loss."""

import itertools
import math

import pytest
import torch
from torch.nn.functional import ctc_loss

from lenet_helpers.data.strings import BLANK
from lenet_helpers.strings import Grammar, Interpretations, discriminative_forward, viterbi
from lenet_helpers.strings.graph import least, sweep, together

GRAMMARS = [Grammar(), Grammar(touching=2.5), Grammar(touching=0.0), Grammar(touching=1.0, begin=0.7)]


def maps(count=2, positions=4, seed=0, spread=4.0):
    random = torch.Generator().manual_seed(seed)
    return spread * torch.rand(count, BLANK + 1, positions, generator=random, dtype=torch.float64)


def collapse(path):
    return "".join(str(c) for c, _ in itertools.groupby(path) if c != BLANK)


def every_path(penalties, grammar):
    """(path, penalty) of each path of one map (11, positions) that the grammar allows, by its own words."""
    for path in itertools.product(range(BLANK + 1), repeat=penalties.shape[1]):
        total = sum(penalties[c, p].item() for p, c in enumerate(path))
        before = BLANK
        for c in path:
            if c != BLANK and c != before:
                total += grammar.begin + (grammar.touching if before != BLANK else 0)
            before = c
        if total < math.inf:
            yield path, total


def score(totals):
    return -torch.tensor([-total for total in totals], dtype=torch.float64).logsumexp(0)


class TestViterbi:
    @pytest.mark.parametrize("grammar", GRAMMARS)
    def test_finds_the_least_of_every_path(self, grammar):
        penalties = maps(2, 4)
        for one, path in zip(penalties, viterbi(penalties, grammar)):
            best, _ = min(every_path(one, grammar), key=lambda each: each[1])
            assert path.tolist() == list(best)

    def test_is_the_sweep_that_joins_by_the_least(self):
        grammar, penalties = Grammar(touching=2.5), maps(3, 9)
        arcs = grammar.arcs(penalties)
        reached = sweep(penalties.movedim(2, 0), arcs, arcs[BLANK], least)[-1].amin(1)
        for one, path, total in zip(penalties, viterbi(penalties, grammar), reached):
            steps = arcs[torch.cat([torch.tensor([BLANK]), path[:-1]]), path]
            assert one[path, torch.arange(9)].sum() + steps.sum() == pytest.approx(total.item())

    def test_parts_two_digits_by_a_blank_unless_they_may_touch(self):
        penalties = torch.full((1, 11, 3), 9.0)
        penalties[0, 3, 0] = penalties[0, 5, 1] = 0
        penalties[0, BLANK, 2] = 0
        assert collapse(viterbi(penalties, Grammar(touching=1.0))[0].tolist()) == "35"
        assert len(collapse(viterbi(penalties, Grammar())[0].tolist())) == 1


class TestForwardScore:
    @pytest.mark.parametrize("grammar", GRAMMARS)
    def test_is_that_of_every_path_listed(self, grammar):
        penalties = maps(1, 4)
        listed = list(every_path(penalties[0], grammar))
        legal, _ = Interpretations.all_legal(penalties, grammar).forward(penalties)
        assert legal.item() == pytest.approx(score([total for _, total in listed]).item())
        for text in ("", "7", "33", "12", "5"):
            wanted, _ = Interpretations.of_strings(penalties, [text], grammar).forward(penalties)
            totals = [total for path, total in listed if collapse(path) == text]
            assert wanted.item() == pytest.approx(score(totals).item())

    def test_adds_up_paths_where_viterbi_takes_the_least(self):
        ways = torch.tensor([[[1.0], [3.0]]])
        assert least(ways).item() == 1
        assert together(ways).item() == pytest.approx(-math.log(math.exp(-1) + math.exp(-3)))

    def test_strings_of_different_lengths_do_not_disturb_each_other(self):
        penalties, texts = maps(3, 9), ["12345", "", "77"]
        together_, _ = discriminative_forward(penalties, texts, Grammar(touching=1.0))
        alone = [discriminative_forward(penalties[i : i + 1], [texts[i]], Grammar(touching=1.0))[0] for i in range(3)]
        assert torch.allclose(together_, torch.cat(alone))


class TestDiscriminativeForward:
    TEXTS = ("123", "0", "4445")

    @pytest.mark.parametrize("grammar", GRAMMARS)
    def test_derivative_by_hand_is_that_of_finite_differences(self, grammar):
        penalties = maps(3, 8)
        _, derivative = discriminative_forward(penalties, self.TEXTS, grammar)
        step = torch.zeros_like(penalties)
        for place in [(0, 1, 2), (1, BLANK, 5), (2, 4, 3), (2, 9, 7), (0, 3, 7)]:
            step[place] = 1e-5
            ahead, _ = discriminative_forward(penalties + step, self.TEXTS, grammar)
            behind, _ = discriminative_forward(penalties - step, self.TEXTS, grammar)
            assert (ahead - behind).sum().item() / 2e-5 == pytest.approx(derivative[place].item(), abs=1e-8)
            step[place] = 0

    def test_derivative_by_hand_is_that_of_autograd(self):
        penalties = maps(3, 8).requires_grad_()
        grammar = Grammar(touching=1.0, begin=0.5)
        # without infinite penalties, whose derivative autograd cannot take: all legal paths
        legal, shares = Interpretations.all_legal(penalties, grammar).forward(penalties)
        (by_autograd,) = torch.autograd.grad(legal.sum(), penalties)
        assert torch.allclose(shares, by_autograd, atol=1e-12)

    def test_is_torchs_ctc_loss_where_digits_may_touch_for_nothing(self):
        penalties = maps(3, 9).requires_grad_()
        error, derivative = discriminative_forward(penalties.detach(), self.TEXTS, Grammar(touching=0.0))
        labels = torch.tensor([int(c) for text in self.TEXTS for c in text])
        theirs = ctc_loss(
            (-penalties).log_softmax(1).permute(2, 0, 1),
            labels,
            input_lengths=torch.full((3,), 9),
            target_lengths=torch.tensor([len(text) for text in self.TEXTS]),
            blank=BLANK,
            reduction="none",
        )
        (their_derivative,) = torch.autograd.grad(theirs.sum(), penalties)
        assert torch.allclose(error, theirs, atol=1e-10)
        assert torch.allclose(derivative, their_derivative, atol=1e-10)

    def test_derivative_adds_up_to_nothing_at_every_position(self):
        """One arc is taken at each position, in both graphs."""
        _, derivative = discriminative_forward(maps(3, 8), self.TEXTS, Grammar())
        assert derivative.sum(1).abs().max() < 1e-12

    def test_of_a_string_too_long_for_the_map_is_infinite(self):
        error, _ = discriminative_forward(maps(1, 4), ["3333"], Grammar())
        assert error.item() == math.inf


def test_a_grammar_refuses_what_is_no_penalty():
    for wrong in ({"touching": -1.0}, {"touching": math.nan}, {"begin": math.inf}, {"begin": math.nan}):
        with pytest.raises(ValueError, match="touching of 0 or more"):
            Grammar(**wrong)
