"""Which loops and least penalties are remarked on, and which are refused, by `predict` with the packaged weights."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from lenet_helpers import to_input
from lenet_helpers.cli.parser import main
from lenet_helpers.likeness import DOUBTFUL, LOOPS, UNLIKE, closed_loops, unlike_a_digit

EMPTY = np.zeros((28, 28), np.uint8)


def rings(*centres):
    """An image of rings, ink 255 on 0, with centres (row, column)."""
    row, column = np.mgrid[0:28, 0:28]
    return np.uint8(255 * sum(np.abs(np.hypot(row - a, column - b) - 4) < 1 for a, b in centres).clip(0, 1))


def test_what_is_said_grows_with_the_penalty():
    assert unlike_a_digit(EMPTY, DOUBTFUL) == ("", False)
    remark, refused = unlike_a_digit(EMPTY, UNLIKE)
    assert remark.startswith("this may be no digit: the least penalty is 16.2") and not refused
    remark, refused = unlike_a_digit(EMPTY, UNLIKE + 1)
    assert remark.startswith("this does not look like one digit: the least penalty is 17.2") and refused


def test_loops_are_counted_and_four_are_too_many_for_any_weights():
    eight, four = rings((7, 14), (19, 14)), rings((7, 7), (7, 20), (20, 7), (20, 20))
    assert [closed_loops(image) for image in (EMPTY, eight, four)] == [0, 2, 4]
    assert unlike_a_digit(eight) == ("", False)
    remark, refused = unlike_a_digit(four)
    assert "it closes 4 loops" in remark and refused


def test_the_limits_hold_for_training_digits(trained, mnist):
    assert max(closed_loops(image) for image in mnist.train.images[:5000].numpy()) < LOOPS
    with torch.no_grad():
        least = torch.cat([trained(to_input(part)) for part in mnist.train.images[:5000].split(500)]).amin(1)
    assert 0.002 < (least > DOUBTFUL).float().mean() < 0.01
    assert (least > UNLIKE).float().mean() <= 0.0005


def test_predict_refuses_a_hash_sign(tmp_path, capsys):
    page = Image.new("L", (200, 200), 255)
    for line in ((50, 75, 150, 75), (50, 125, 150, 125), (75, 50, 75, 150), (125, 50, 125, 150)):
        ImageDraw.Draw(page).line(line, 0, 14)
    page.save(tmp_path / "hash.png")
    assert main(["predict", str(tmp_path / "hash.png")]) == 1
    assert "does not look like one digit" in capsys.readouterr().err
