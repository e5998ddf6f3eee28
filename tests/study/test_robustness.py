"""The study of robustness: its tables are of the packaged networks, whole, and count what they say they count."""


import pytest
import torch
from scripts import script

from lenet_helpers import load_weights, to_input
from lenet_helpers.checks import withstood as exercise
from lenet_helpers.data.strings import make_strings
from lenet_helpers.data.variations import VARIATIONS, digit_fields
from lenet_helpers.study.compare import error_interval
from lenet_helpers.study.robustness import (
    answers,
    best_of_windows,
    counts,
    curve,
    measured,
    measured_with,
    robustness,
    weights_checksum,
    withstood,
)
from lenet_helpers.weights import PACKAGED


@pytest.fixture(scope="module")
def study():
    return script("studies/robustness.py")


@pytest.mark.parametrize("name", PACKAGED)
def test_a_table_was_measured_with_the_weights_of_the_package(name):
    told = f"the weights are others than those measured: python studies/robustness.py measure {name}"
    assert measured_with(name) == weights_checksum(load_weights(name)), told


@pytest.mark.parametrize("name", PACKAGED)
def test_a_table_holds_every_amount_of_every_variation_on_all_test_digits(name):
    table = robustness()
    for variation in VARIATIONS:
        rows = curve(table, name, variation)
        assert tuple(rows["amount"]) == VARIATIONS[variation].amounts
        assert (rows["patterns"] == 10_000).all() and (rows["blank"] <= rows["wrong"]).all()


@pytest.mark.parametrize("name", PACKAGED)
@pytest.mark.parametrize("variation, amount", [("rotation", -20), ("noise", 10)])
def test_a_table_has_the_counts_of_the_network_on_the_test_set(name, variation, amount, mnist):
    """To five digits: another machine may round a penalty the other way."""
    varied = VARIATIONS[variation](digit_fields(mnist.test.images), amount, torch.Generator().manual_seed(0))
    wrong = (answers(load_weights(name), varied) != mnist.test.labels).sum().item()
    rows = curve(counts(name).assign(network=name), name, variation).set_index("amount")
    assert wrong == pytest.approx(rows.loc[amount, "wrong"], abs=5)


def test_errors_and_bands_are_those_of_the_counts():
    for row in counts("regular").itertuples():
        assert row.error == 100 * row.wrong / row.patterns
        assert (row.low, row.high) == error_interval(row.wrong, row.patterns)
        assert row.low <= row.error <= row.high


def test_networks_trained_with_noise_differ_from_their_twins_on_noise():
    table = counts("trained_on_noise").set_index(["trained", "seed", "amount"]).sort_index()["error"]
    for seed in range(3):
        with_noise, without = table["with noise", seed], table["without noise", seed]
        assert tuple(with_noise.index) == tuple(without.index) == VARIATIONS["noise"].amounts
        assert with_noise[10] < without[10] / 3


def test_the_range_withstood_is_what_the_exercise_asks_for():
    assert exercise(withstood).passed
    lower, upper = withstood([-1, 0, 1], [1.0, 6.0, 1.0], 0, 5)
    assert lower != lower and upper != upper  # NaN: nothing is withstood


def test_the_best_of_windows_is_the_least_penalty_of_a_digit_in_any_of_them(generator):
    fields = 255 * torch.rand(3, 44, 32, generator=generator)
    for name in measured():
        model = load_weights(name)
        windows = [fields[:, top : top + 32] for top in (0, 4, 8, 12)]
        with torch.no_grad():
            penalties = torch.stack([model(to_input(window))[:, :10] for window in windows])
        assert torch.equal(best_of_windows(model, fields), penalties.amin(0).argmin(1))


def test_a_line_has_room_for_what_a_variation_makes_of_it(study, mnist):
    line = make_strings(mnist.test, 20, (5, 5), seed=1).fields
    for variation, amount, grown in (("scale", 2, 4), ("slant", 45, 1), ("slant", -45, 1), ("noise", 30, None)):
        field = study.roomy(line, variation, amount)
        assert (field.shape[2] - line.shape[2]) % 8 == 0  # windows begin where they began
        if grown is None:
            assert torch.equal(field, line)
            continue
        varied = VARIATIONS[variation](field, amount)
        kept = line[:, 8:24] if variation == "scale" else line  # the rows that are left when doubled
        assert varied.sum().item() == pytest.approx(grown * kept.sum().item(), rel=0.01)


def test_strings_misread_are_those_that_differ_from_their_text(study, mnist):
    strings = make_strings(mnist.test, 30, (5, 5), seed=2)
    model = load_weights("strings")
    wrong, _ = study.misread(model, strings.fields, strings.texts)
    others, _ = study.misread(model, strings.fields, tuple(text + "0" for text in strings.texts))
    assert wrong.float().mean() < 0.5 < others.float().mean()
    _, nothing = study.misread(model, torch.zeros(2, 32, 100), ("1", "2"))
    assert nothing.all()
