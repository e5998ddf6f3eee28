"""Scores are those of scikit-learn and of hand counts, over the whole set, for any model of penalties."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from lenet_helpers import paper
from lenet_helpers.data.digits import Digits
from lenet_helpers.evaluation import NotFiniteError, evaluate, rejection_curve, rejection_for, score, score_table


def random_digits(count, seed, classes=10):
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 28, 28), generator=random, dtype=torch.uint8)
    return Digits(images, torch.randint(0, classes, (count,), generator=random), "test digits")


def penalties_of(labels, gaps):
    """Penalties whose smallest is `labels`' and whose two smallest differ by `gaps`."""
    penalties = torch.full((len(labels), 10), 100.0, dtype=torch.float64)
    index = torch.arange(len(labels))
    penalties[index, labels] = 1.0
    penalties[index, (labels + 1) % 10] = 1.0 + torch.as_tensor(gaps, dtype=torch.float64)
    return penalties


def with_errors(gaps, wrong):
    """(penalties, labels) of patterns of these gaps between the best two, wrong where told."""
    labels = torch.arange(len(gaps)) % 10
    return penalties_of((labels + torch.as_tensor(wrong).long()) % 10, gaps), labels


class Linear(torch.nn.Module):
    """A model of one matrix that notes how it is called."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        weight = torch.randn(1024, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.weight = torch.nn.Parameter(weight.to(dtype))
        self.calls = []

    def forward(self, x):
        self.calls.append((len(x), x.dtype, self.training, torch.is_grad_enabled()))
        return x.flatten(1) @ self.weight


class TestEvaluate:
    @given(st.integers(1, 300), st.integers(0, 9), st.integers(1, 10), st.integers(1, 310))
    def test_agrees_with_scikit_learn_on_the_whole_set(self, count, seed, classes, batch_size):
        digits, model = random_digits(count, seed, classes), Linear(torch.float64)
        report = evaluate(model, digits, batch_size)
        labels, predictions = digits.labels, report.predictions
        assert len(report) == len(predictions) == count
        assert sum(call[0] for call in model.calls) == count
        assert report.error_rate == pytest.approx(100 * (1 - reference.accuracy_score(labels, predictions)))
        present = sorted(set(labels.tolist()) | set(predictions.tolist()))
        expected = reference.f1_score(labels, predictions, average="macro", labels=present)
        assert report.macro_f1 == pytest.approx(expected)
        assert [not math.isnan(f1) for f1 in report.per_digit_f1] == [digit in present for digit in range(10)]
        assert report.confusion.sum() == count
        assert report.confusion.diagonal().sum() == count - len(report.wrong)
        for digit in range(10):
            assert report.confusion[digit].sum() == (labels == digit).sum()
        assert report.wrong.tolist() == (labels != predictions).nonzero().ravel().tolist()

    def test_takes_the_smallest_penalty(self):
        digits = random_digits(50, 0)
        report = evaluate(lambda x: -torch.nn.functional.one_hot(digits.labels, 10).float(), digits)
        assert report.error_rate == 0
        assert report.macro_f1 == 1
        assert len(report.wrong) == 0
        assert report.rejection == 0

    def test_does_not_depend_on_the_batch_size(self):
        digits, model = random_digits(101, 1), Linear(torch.float64)
        one, other = evaluate(model, digits, batch_size=7), evaluate(model, digits, batch_size=500)
        assert torch.allclose(one.penalties, other.penalties, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_meets_the_model_in_its_dtype_in_eval_mode_without_gradients(self, dtype):
        model = Linear(dtype)
        assert evaluate(model, random_digits(5, 0)).penalties.dtype == dtype
        assert model.calls == [(5, dtype, False, False)]
        assert model.training
        model.eval()
        evaluate(model, random_digits(5, 0))
        assert not model.training

    def test_leaves_the_mode_as_it_was_when_the_model_fails(self):
        class Failing(Linear):
            def forward(self, x):
                raise RuntimeError("out of memory")

        model = Failing()
        with pytest.raises(RuntimeError, match="out of memory"):
            evaluate(model, random_digits(5, 0))
        assert model.training

    def test_keeps_the_penalties_of_a_model_that_reuses_its_memory(self):
        digits, memory = random_digits(30, 2), torch.empty(10, 10)

        def model(x):
            memory.copy_(x.flatten(1)[:, 100:110])
            return memory

        report = evaluate(model, digits, batch_size=10)
        assert len(report.penalties.unique(dim=0)) == 30

    def test_leaves_out_the_blank_of_a_network_that_reads_strings(self):
        digits = random_digits(30, 3)
        penalties = torch.rand(30, 10)
        with_blank = torch.cat([penalties, torch.zeros(30, 1)], 1)
        report = evaluate(lambda x: with_blank, digits, batch_size=30)
        assert torch.equal(report.penalties, penalties)
        assert report.error_rate == score(penalties, digits).error_rate

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    def test_refuses_penalties_that_are_not_finite(self, value):
        def model(x):
            penalties = torch.zeros(len(x), 10)
            penalties[3, 4] = value
            return penalties

        with pytest.raises(NotFiniteError, match=r"for 2 of 20 patterns, pattern 3 first.*lower eta"):
            evaluate(model, random_digits(20, 0), batch_size=10)

    @pytest.mark.parametrize("shape", [(4,), (4, 9), (3, 10), (4, 10, 1, 1)])
    def test_refuses_penalties_of_another_shape(self, shape):
        with pytest.raises(ValueError, match=r"got penalties of shape .*, expected \(4, 10\)"):
            evaluate(lambda x: torch.zeros(shape), random_digits(4, 0))

    def test_refuses_windows_of_strings_whose_blanks_would_all_be_wrong(self):
        with pytest.raises(ValueError, match="got digits of 11 classes, expected 10"):
            evaluate(Linear(), replace(random_digits(4, 0), classes=11))

    @pytest.mark.parametrize("batch_size", [0, -1])
    def test_refuses_a_batch_of_nothing(self, batch_size):
        with pytest.raises(ValueError, match=f"got batch_size {batch_size}, expected 1 or more"):
            evaluate(Linear(), random_digits(4, 0), batch_size)

    def test_nearest_mean_on_mnist_scores_what_it_is_known_to(self, mnist):
        """An Euclidean nearest-mean classifier reads 82% of MNIST's test digits."""
        images, labels = mnist.train.images.float(), mnist.train.labels
        means = torch.stack([images[labels == digit].mean(0) for digit in range(10)])
        means = torch.nn.functional.pad(means * 1.275 / 255 - 0.1, (2, 2, 2, 2), value=-0.1).flatten(1)
        report = evaluate(lambda x: torch.cdist(x.flatten(1), means) ** 2, mnist.test)
        assert report.error_rate == pytest.approx(17.97, abs=0.05)
        assert len(report) == 10_000
        assert report.source == "MNIST"


class TestRejection:
    def test_is_the_least_that_meets_the_target(self):
        # sureness 1..10; the patterns of sureness 2 and 4 are wrong: after 4 rejections nothing wrong is left
        curve = rejection_curve(*with_errors(range(1, 11), [g in (2, 4) for g in range(1, 11)]))
        assert curve.rejected.tolist() == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
        expected = [20, 200 / 9, 12.5, 100 / 7, 0, 0, 0, 0, 0, 0]
        assert curve.error_rate.tolist() == pytest.approx(expected)
        assert rejection_for(curve) == 40
        assert rejection_for(curve, target=12.5) == 20
        assert rejection_for(curve, target=20) == 0

    def test_is_counted_in_the_patterns_kept(self):
        """6 wrong of 1,000: 0.6%. Without the two least sure, one of them wrong, 5 of 998: 0.501%."""
        wrong = [index in (1, 2, 500, 600, 700, 800) for index in range(1000)]
        curve = rejection_curve(*with_errors([index + 1.0 for index in range(1000)], wrong))
        assert curve.error_rate[2].item() == pytest.approx(100 * 5 / 998)
        assert rejection_for(curve) == pytest.approx(0.3)

    def test_is_0_where_the_target_is_met(self):
        assert rejection_for(rejection_curve(*with_errors([1.0, 2.0, 3.0], [False] * 3))) == 0

    def test_is_100_and_said_so_where_it_never_is(self):
        digits = random_digits(3, 0)
        report = score(penalties_of((digits.labels + 1) % 10, [1.0, 2.0, 3.0]), digits)
        assert report.rejection == 100
        assert "never met" in str(report)

    def test_takes_equal_sureness_together(self):
        curve = rejection_curve(*with_errors([1.0, 1.0, 1.0, 2.0], [True, False, False, False]))
        assert curve.rejected.tolist() == [0, 0, 0, 75]
        assert curve.error_rate.tolist() == [25, 25, 25, 0]

    @given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=60))
    def test_is_what_every_threshold_gives(self, patterns):
        expected = set()
        for threshold, _ in patterns:
            kept = [wrong for gap, wrong in patterns if gap >= threshold]
            expected.add((100 * (len(patterns) - len(kept)) / len(patterns), 100 * sum(kept) / len(kept)))
        curve = rejection_curve(*with_errors(*zip(*patterns, strict=True)))
        assert set(zip(*(points.tolist() for points in curve), strict=True)) == expected

    @pytest.mark.parametrize(
        "penalties, labels", [((3, 10), (4,)), ((3, 9), (3,)), ((0, 10), (0,)), ((10,), (1,))]
    )
    def test_refuses_shapes_that_do_not_match(self, penalties, labels):
        with pytest.raises(ValueError, match=r"expected \(N, 10\) and \(N,\)"):
            rejection_curve(torch.zeros(penalties), torch.zeros(labels).long())


class TestTables:
    report = score(penalties_of(torch.arange(100) % 10, torch.ones(100)), random_digits(100, 3))

    def test_a_report_reads_in_words(self):
        text = str(self.report)
        assert text.startswith(f"test digits, 100 digits: error rate {self.report.error_rate:.2f}% (")
        assert f"{len(self.report.wrong)} wrong" in text
        assert f"macro F1 {self.report.macro_f1:.4f}" in text
        assert f"9: {self.report.per_digit_f1[9]:.3f}" in text

    def test_the_table_sets_ours_beside_the_earlier_and_the_papers(self):
        table = score_table(self.report, passes=2)
        lines = [line for line in table.splitlines() if "|" in line]
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        assert rows[0] == ["", "ours (test digits, 2 passes)", "adheep04/lenet5-pure-pytorch (2 passes)", "paper"]
        ours = f"{self.report.error_rate:.2f}"
        assert rows[2] == ["error rate, %", ours, "not known", "2.24 after 2 passes, 0.95 in the end"]
        assert rows[3][2] == "0.964"
        for digit, f1 in enumerate(paper.EARLIER["per_digit_f1"]):
            expected = [f"F1 of {digit}", f"{self.report.per_digit_f1[digit]:.3f}", f"{f1:.3f}", "not given"]
            assert rows[4 + digit] == expected
        assert len({len(line) for line in lines}) == 1

    def test_the_table_says_what_does_not_compare(self):
        assert score_table(self.report).splitlines()[-1].startswith("Ours is measured on test digits")
        digits = random_digits(100, 3)
        on_mnist = Digits(digits.images, digits.labels, "MNIST")
        assert "do not compare" not in score_table(score(self.report.penalties, on_mnist), passes=1)
        assert "0.95 in the end" in score_table(self.report, passes=40)
