"""A line of ink of any size comes into the field as strings of training digits stand there."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lenet_helpers.data.string_field import find_string, string_field
from lenet_helpers.data.strings import MARGIN
from lenet_helpers.strings import read_string
from lenet_helpers.weights import load_weights


def line(height, boxes=((0, 10), (14, 20)), margin=5):
    """Blocks of ink of this height, from column to column in tenths of it."""
    ink = np.zeros((height + 2 * margin, round(height * boxes[-1][1] / 10) + 2 * margin), np.uint8)
    for begin, end in boxes:
        ink[margin : margin + height, margin + round(height * begin / 10) : margin + round(height * end / 10)] = 200
    return ink


@pytest.mark.parametrize("height", [10, 20, 47, 200])
def test_digits_become_20_rows_tall_in_the_middle_of_32(height):
    field = string_field(line(height))
    assert field.dtype == torch.uint8 and field.shape[0] == 32 and field.shape[1] % 4 == 0
    rows, columns = (field > 100).any(1).nonzero().ravel(), (field > 100).any(0).nonzero().ravel()
    assert (rows[0].item(), rows[-1].item()) == (6, 25)
    assert columns[0] == MARGIN and abs(columns[-1].item() - (MARGIN + 39)) <= 1
    assert field.shape[1] - columns[-1] > MARGIN
    assert field.max() >= 250


def test_a_tall_piece_does_not_shrink_the_others():
    ink = line(20, ((0, 5), (10, 15), (20, 25), (30, 35)))
    ink = np.pad(ink, ((10, 0), (0, 0)))
    ink[5:15, 5:15] = 200  # the first one reaches higher
    tall = (string_field(ink) > 100).sum(0).max().item()
    assert tall > 25


def test_a_crooked_line_is_made_to_fit():
    ink = np.zeros((300, 900), np.uint8)
    for place in range(6):
        ink[20 + 12 * place : 80 + 12 * place, 30 + 100 * place : 80 + 100 * place] = 255
    rows = (string_field(ink) > 0).any(1).nonzero().ravel()
    assert rows[0] >= 1 and rows[-1] <= 30


def test_nothing_and_a_page_are_refused():
    with pytest.raises(ValueError, match="no digits were found"):
        string_field(np.zeros((40, 90), np.uint8))
    with pytest.raises(ValueError, match="60 times as long as its digits are tall"):
        string_field(line(10, ((0, 10), (590, 600))))
    with pytest.raises(ValueError, match="6 times as tall as its digits are tall, expected one number in one line"):
        string_field(np.concatenate([line(20)] * 4))


PICTURES = sorted((Path(__file__).parents[2] / "results" / "strings" / "pictures").glob("*.png"))


def test_numbers_in_print_and_by_pen_are_found_and_read():
    """Half of the pictures of studies/string_pictures.py: on either polarity, shaded, grainy and crooked."""
    model, right = load_weights("strings"), 0
    for path in PICTURES[::2]:
        with Image.open(path) as picture:
            right += read_string(model, find_string(picture)).text == path.stem.split("_")[1]
    assert len(PICTURES) == 20 and right >= 8
