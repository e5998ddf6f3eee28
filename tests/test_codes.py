"""The codes are Fig. 3's bitmaps: right shape, right place, right way up."""

import pytest
import torch

from lenet_helpers.codes import ASCII_CODES, DIGIT_CODES, bitmaps, code_of

SEVEN = """
#######
.....##
.....##
....##.
...##..
...##..
..##...
..##...
..##...
..##...
.......
.......
""".split()  # as the figure shows it


def test_codes_are_plus_and_minus_one():
    assert ASCII_CODES.shape == (96, 84)
    assert DIGIT_CODES.shape == (10, 84)
    assert ASCII_CODES.dtype == DIGIT_CODES.dtype == torch.float32
    assert (ASCII_CODES.abs() == 1).all()


def test_a_code_reads_its_bitmap_row_by_row():
    expected = [1.0 if cell == "#" else -1.0 for row in SEVEN for cell in row]
    assert DIGIT_CODES[7].tolist() == expected
    assert bitmaps(DIGIT_CODES).shape == (10, 12, 7)
    assert bitmaps(DIGIT_CODES)[7, 0].tolist() == [1.0] * 7
    assert bitmaps(DIGIT_CODES[7])[:2, -1].tolist() == [1.0, 1.0]


def test_digits_are_the_ascii_rows_of_their_characters():
    assert torch.equal(DIGIT_CODES, ASCII_CODES[16:26])
    assert all(torch.equal(code_of(str(digit)), DIGIT_CODES[digit]) for digit in range(10))
    assert torch.equal(code_of("~"), ASCII_CODES[94])


def test_digits_differ_in_12_to_50_places():
    different = (DIGIT_CODES[:, None] != DIGIT_CODES).sum(2)
    pairs = different[torch.triu(torch.ones(10, 10), 1).bool()]
    assert (pairs.min(), pairs.max()) == (12, 50)
    assert different[6, 8] == 12
    assert (pairs == 12).sum() == 1


def test_the_space_is_white_and_so_is_the_last_cell():
    assert (code_of(" ") == -1).all()
    assert (ASCII_CODES[95] == -1).all()


def test_confusable_characters_have_close_codes():
    """Section II-B: that is what distributed codes are for."""

    def distance(one, other):
        return (code_of(one) != code_of(other)).sum().item()

    distances = (DIGIT_CODES[:, None] != DIGIT_CODES).sum(2).float()
    typical = distances[~torch.eye(10, dtype=torch.bool)].mean().item()
    for one, other in ("O0", "Oo", "lI", "1l"):
        assert distance(one, other) < typical


@pytest.mark.parametrize("character", ["", "10", "é", "\n", "\x7f"])
def test_other_characters_have_no_code(character):
    with pytest.raises(ValueError, match="expected one printable ASCII character, got"):
        code_of(character)
