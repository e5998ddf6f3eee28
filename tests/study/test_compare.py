"""Which of two is better: the tests agree with their definitions, and say when nothing can be told."""

from math import comb

import numpy as np
import pytest
from scipy import stats

from lenet_helpers.study.compare import (
    Comparison,
    choose,
    compare_means,
    error_interval,
    errors_by_seed,
    mcnemar,
    mean_interval,
)
from lenet_helpers.study.read import load_study


def test_mcnemar_is_a_fair_coin_thrown_once_a_discordant_digit():
    one, other = range(0, 12), range(9, 15)  # 9 that the first alone gets wrong, 3 the second alone, 3 both
    found = mcnemar(one, other, 1000)
    by_hand = 2 * sum(comb(12, k) for k in range(9, 13)) / 2**12
    assert found.p == pytest.approx(by_hand)
    assert found.difference == pytest.approx(0.6)
    assert found.equal and found.low < 0 < found.high


def test_digits_that_both_get_wrong_change_nothing():
    alone = mcnemar(range(30), range(30, 40), 1000)
    shared = mcnemar([*range(30), *range(100, 400)], [*range(30, 40), *range(100, 400)], 1000)
    assert (alone.difference, alone.low, alone.high, alone.p) == (
        shared.difference,
        shared.low,
        shared.high,
        shared.p,
    )
    assert not alone.equal and alone.low > 0


def test_mcnemar_turned_round_turns_the_difference_round():
    there, back = mcnemar(range(20), range(15, 22), 500), mcnemar(range(15, 22), range(20), 500)
    assert there.difference == -back.difference and there.p == back.p
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_two_networks_with_the_same_errors_are_equal():
    found = mcnemar([3, 5], [5, 3], 100)
    assert found.equal and found.p == 1 and found.difference == 0


def test_an_interval_leaves_out_zero_exactly_where_the_test_rejects():
    for one in range(0, 30):
        found = mcnemar(range(one), range(100, 110), 1000)
        assert found.equal == (found.low <= 0 <= found.high)


def test_recipes_of_the_same_seeds_are_compared_pair_by_pair():
    hard = np.array([1.0, 2.0, 3.0, 4.0])  # what makes a seed hard is common to both
    better = hard - [0.10, 0.12, 0.09, 0.11]
    first, second = dict(enumerate(better)), dict(enumerate(hard))
    paired = compare_means(first, second)
    assert not paired.equal and paired.difference == pytest.approx(-0.105) and "paired" in paired.test
    assert paired.p == pytest.approx(stats.ttest_1samp(better - hard, 0).pvalue)
    apart = compare_means(first, {seed + 10: error for seed, error in second.items()})
    assert apart.equal and "Welch" in apart.test and apart.difference == pytest.approx(-0.105)
    assert str(paired).endswith("lower") and str(apart).endswith("equal")


def test_only_seeds_that_both_recipes_have_are_paired():
    found = compare_means({0: 1.0, 1: 1.2, 2: 9.0}, {0: 1.1, 1: 1.4, 5: 0.0})
    assert found.difference == pytest.approx(-0.15) and "2 seeds" in found.test


def test_one_run_each_tells_nothing():
    found = compare_means({0: 1.0}, {0: 2.0})
    assert found.equal and np.isnan(found.p) and found.difference == -1 and "no interval" in str(found)


@pytest.mark.parametrize("seeds", [(0, 1, 2), (7, 8, 9)])
def test_runs_without_any_scatter_give_no_measure_of_chance(seeds):
    first = {0: 1.0, 1: 1.0, 2: 1.0}
    assert compare_means(first, dict.fromkeys(seeds, 1.0)).p == 1
    apart = compare_means(first, dict.fromkeys(seeds, 1.5))
    assert apart.equal and np.isnan(apart.p) and apart.difference == -0.5 and "no interval" in str(apart)


def test_two_seeds_that_happen_to_differ_by_the_same_prove_nothing():
    found = compare_means({0: 1.76, 1: 1.87}, {0: 1.72, 1: 1.83})
    assert found.equal and np.isnan(found.p) and found.difference == pytest.approx(0.04)


def test_about_one_interval_in_twenty_misses_the_mean():
    generator = np.random.default_rng(0)
    runs = [mean_interval(generator.normal(1.0, 0.1, 4)) for _ in range(2000)]
    missed = np.mean([not low <= 1.0 <= high for low, high in runs])
    assert 0.03 < missed < 0.07
    assert mean_interval([1.0]) == (-np.inf, np.inf)


def test_an_error_rate_of_one_percent_is_known_to_about_a_fifth():
    low, high = error_interval(100, 10_000)
    assert 0.8 < low < 1.0 < high < 1.25
    assert error_interval(0, 100)[0] == 0


def test_a_choice_calls_equal_what_the_runs_cannot_tell_apart():
    ranked = choose(load_study(), ["renew-never", "renew-1000", "margin-5-renewed", "margin-7-renewed"])
    assert [choice.name for choice in ranked] == ["margin-5-renewed", "margin-7-renewed", "renew-1000", "renew-never"]
    assert ranked[0].against is None
    assert [choice.against.equal for choice in ranked[1:]] == [True, True, False]
    assert [choice.mean for choice in ranked] == sorted(choice.mean for choice in ranked)


def test_seeds_that_decide_nothing_are_left_out_of_a_choice():
    study = load_study()
    assert len(study.runs("margin-5-gentle")) > 6
    assert all(len(choice.errors) == 6 for choice in choose(study, ["margin-5-renewed", "margin-5-gentle"]))


def test_a_choice_between_single_runs_is_judged_by_the_digits_they_were_judged_on():
    study = load_study()
    none, some = (study.runs(f"strength-elastic-{strength}")[0] for strength in (0, 8))
    lowest, other = choose(study, [none["experiment"], some["experiment"]])
    assert lowest.name == "strength-elastic-0"
    assert other.against == mcnemar(some["wrong"], none["wrong"], 10_000)
    assert not other.against.equal


def test_errors_are_found_by_seed_and_pass():
    study = load_study()
    assert errors_by_seed(study, "regular")[0] == 1.17
    assert errors_by_seed(study, "regular", after=8)[0] == study.runs("regular")[0]["passes"][7]["error"]
    with pytest.raises(ValueError, match="'sgd' has no finished run of 99 passes"):
        errors_by_seed(study, "sgd", after=99)
    with pytest.raises(ValueError, match="no finished run"):
        choose(study, ["regular", "nonsense"])


def test_a_comparison_reads_in_words():
    assert str(Comparison(0.2, 0.1, 0.3, 0.01, "paired t, 5 seeds")) == (
        "+0.200 [+0.100, +0.300], p = 0.01 (paired t, 5 seeds): higher"
    )
