"""A string is read from one run of the network over the whole field."""

import pytest
import torch

from lenet_helpers import DIGIT_CODES, LeNet5
from lenet_helpers.data.strings import BLANK
from lenet_helpers.strings import Grammar, local_minima, penalty_map, read_string, read_strings, window_inputs
from lenet_helpers.strings.graph import READING
from lenet_helpers.strings.reading import confidences, spelled


class Planted(torch.nn.Module):
    """A network whose map of penalties is given."""

    def __init__(self, penalties):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.penalties = penalties

    def forward(self, x):
        return self.penalties.expand(len(x), -1, -1)[:, :, None]


def planted(*winners, sure=0.0, others=9.0):
    """A network of eleven classes for which these classes win, a window each."""
    penalties = torch.full((1, BLANK + 1, len(winners)), others)
    penalties[0, list(winners), range(len(winners))] = sure
    return Planted(penalties)


def noise(count=2, columns=72, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 32, columns), generator=random, dtype=torch.uint8)


class TestPenaltyMap:
    @pytest.mark.parametrize("columns", [32, 36, 72, 75])
    def test_is_that_of_the_same_windows_cut_out_one_by_one(self, columns):
        model = LeNet5(seed=1).eval()
        fields = noise(2, columns)
        penalties = penalty_map(model, fields)
        windows = window_inputs(fields)
        assert penalties.shape == (2, len(DIGIT_CODES), (columns - 32) // 4 + 1)
        with torch.no_grad():
            for position in range(penalties.shape[2]):
                alone = model(windows[:, position, None])
                assert torch.allclose(penalties[:, :, position], alone, rtol=1e-4, atol=1e-4)

    def test_refuses_fields_of_another_height(self):
        for wrong in (torch.zeros(1, 28, 28), torch.zeros(1, 40, 90), torch.zeros(32, 90)):
            with pytest.raises(ValueError, match=r"expected \(N, 32, columns\)"):
                penalty_map(LeNet5(), wrong)


class TestReading:
    def test_spells_runs_of_digits_parted_by_blanks(self):
        path = torch.tensor([BLANK, 4, 4, BLANK, 4, 7, BLANK, BLANK])
        assert spelled(path) == ("447", (16 + 4 * 1.5, 16 + 4 * 4.0, 16 + 4 * 5.0))
        assert spelled(torch.full((3,), BLANK)) == ("", ())

    def test_gives_the_string_its_places_and_the_path(self):
        reading = read_string(planted(BLANK, 2, BLANK, BLANK, 8, 8), noise(1)[0])
        assert reading.text == "28"
        assert reading.places == (20.0, 34.0)
        assert reading.path.tolist() == [BLANK, 2, BLANK, BLANK, 8, 8]
        assert reading.penalties.shape == (11, 6)

    def test_is_surer_the_more_the_penalties_differ(self):
        winners = (BLANK, 2, BLANK, 8, BLANK)
        unsure, sure = (read_string(planted(*winners, others=x), noise(1)[0]) for x in (12.0, 60.0))
        assert 0 < unsure.confidence < 0.9 < sure.confidence <= 1

    def test_the_confidences_of_all_strings_add_up_to_one_and_are_nearer_each_other_where_it_is_hot(self):
        penalties = 6 * torch.rand(1, 11, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        texts = ["", *map(str, range(10)), *(f"{number:02}" for number in range(100))]  # no more fit into three windows
        maps = penalties.expand(len(texts), -1, -1)
        cold, hot = (confidences(maps, texts, READING, temperature) for temperature in (1.0, 6.0))
        assert cold.sum() == pytest.approx(1) and hot.sum() == pytest.approx(1)
        assert cold.max() > 2 * hot.max()

    def test_follows_the_grammar(self):
        model = planted(3, 5, BLANK)
        assert read_string(model, noise(1)[0], Grammar(touching=1.0)).text == "35"
        assert len(read_string(model, noise(1)[0], Grammar()).text) == 1

    def test_reads_many_as_each_alone(self):
        model = planted(BLANK, 2, BLANK)
        assert [reading.text for reading in read_strings(model, noise(5))] == ["2"] * 5

    def test_wants_eleven_classes(self):
        with pytest.raises(ValueError, match="10 classes; expected 11"):
            read_string(LeNet5(), noise(1)[0])


def test_the_simple_rule_takes_local_minima_under_the_threshold():
    penalties = torch.full((BLANK + 1, 7), 50.0)
    penalties[4, 0] = 3
    penalties[4, 1] = 5  # beside a lower one
    penalties[9, 3] = 7
    penalties[1, 5:] = 30  # level, and above the threshold
    assert local_minima(penalties, 10) == "49"
    assert local_minima(penalties, 40) == "491"
