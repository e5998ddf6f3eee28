"""The published numbers are consistent with each other and with the network's arithmetic."""

from lenet_helpers import paper


def test_the_layers_add_up_to_the_papers_totals():
    assert sum(layer.parameters for layer in paper.TABLE) == paper.TOTAL_PARAMETERS == 60_000
    assert sum(layer.connections for layer in paper.TABLE) == paper.TOTAL_CONNECTIONS == 340_908


def test_a_convolutions_connections_are_its_parameters_at_every_place():
    layers = {layer.name: layer for layer in paper.TABLE}
    for name in ("C1", "C3", "C5", "F6"):
        layer = layers[name]
        assert layer.connections == layer.parameters * layer.size**2
    for name in ("S2", "S4"):
        layer = layers[name]
        assert layer.parameters == 2 * layer.maps
        assert layer.connections == 5 * layer.maps * layer.size**2
    assert layers["C1"].parameters == 6 * (25 + 1)
    assert layers["C3"].parameters == 60 * 25 + 16
    assert layers["C5"].parameters == 120 * (16 * 25 + 1)
    assert layers["F6"].parameters == 84 * (120 + 1)
    assert layers["output"].connections == 10 * 84


def test_figure_5_has_21_passes_that_end_at_the_published_error():
    for curve in (paper.FIG5_TRAIN, paper.FIG5_TEST):
        assert list(curve) == list(range(1, 22))
    assert paper.FIG5_TEST[2] == 2.24
    assert paper.FIG5_TRAIN[19] == 0.36
    assert abs(paper.FIG5_TEST[20] - paper.FIG9["LeNet-5"]) <= 0.03
    assert paper.FIG5_TRAIN[1] > paper.FIG5_TEST[1]


def test_figure_6_ends_where_figure_5_does():
    assert list(paper.FIG6["test"]) == list(paper.FIG6["train"]) == [15_000, 30_000, 60_000]
    assert abs(paper.FIG6["test"][60_000] - paper.FIG5_TEST[20]) <= 0.05
    assert abs(paper.FIG6["test_distorted"][60_000] - paper.FIG9["LeNet-5 (distorted)"]) <= 0.03


def test_figure_8_shows_as_many_digits_as_figure_9_counts_wrong():
    assert abs(paper.FIG8_ERRORS / 10_000 * 100 - paper.FIG9["LeNet-5 (distorted)"]) < 0.05


def test_the_other_figures_have_their_entries():
    assert len(paper.FIG9) == 17
    assert len(paper.FIG10) == 9
    assert not any("LeNet-5" in name for name in paper.FIG10)
    assert min(paper.FIG9, key=paper.FIG9.get) == "boosted LeNet-4 (distorted)"
    assert min(paper.FIG10, key=paper.FIG10.get) == "boosted LeNet-4"
    assert 1.55 < paper.FIG11["RS-SVM"] / paper.FIG11["LeNet-5"] < 1.65
    assert paper.FIG12["LeNet-5"] == paper.TOTAL_PARAMETERS


def test_the_published_rates_stand_for_curvatures_within_their_bounds():
    """Eq. 21 with eta = 0.0005, mu = 0.02: no rate is above eta / mu."""
    slowest, fastest = paper.PUBLISHED_RATES
    assert slowest < fastest < 0.0005 / 0.02


def test_the_earlier_implementations_macro_f1_is_the_mean_of_its_ten():
    scores = paper.EARLIER["per_digit_f1"]
    assert len(scores) == 10
    assert round(sum(scores) / 10, 3) == paper.EARLIER["macro_f1"]
