"""Which loops and least penalties are remarked on, and which are refused, by `predict` with the packaged weights."""

import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lenet_helpers import load_weights, to_input
from lenet_helpers.cli.parser import main
from lenet_helpers.likeness import DOUBTFUL, LOOPS, UNLIKE, closed_loops, is_cross, unlike_a_digit
from lenet_helpers.study.read import RESULTS
from lenet_helpers.study.robustness import weights_checksum

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


def test_what_is_doubtful_beside_printed_lines_is_refused():
    assert unlike_a_digit(EMPTY, DOUBTFUL, lines=True) == ("", False)
    remark, refused = unlike_a_digit(EMPTY, DOUBTFUL + 1, lines=True)
    assert remark.startswith("a digit cannot be told from the lines: the least penalty is 8.5") and refused


def drawn(*strokes, width=3):
    page = Image.new("L", (28, 28))
    for stroke in strokes:
        ImageDraw.Draw(page).line(stroke, 255, width)
    return np.asarray(page)


@pytest.mark.parametrize("turned", range(0, 11, 5))
def test_an_x_and_a_plus_are_crosses(turned):
    for strokes in (((5, 5, 22, 22), (22, 5, 5, 22)), ((4, 14, 24, 14), (14, 4, 14, 24))):
        image = np.asarray(Image.fromarray(drawn(*strokes)).rotate(turned, Image.Resampling.BICUBIC))
        assert is_cross(image)
        assert unlike_a_digit(image) == ("this does not look like one digit: it is a cross.", True)


def test_strokes_that_do_not_cross_in_the_middle_are_no_cross():
    seven = drawn((7, 5, 21, 5), (21, 5, 12, 23), (10, 14, 20, 14))
    one, bar = drawn((14, 4, 14, 24)), drawn((4, 14, 24, 14))
    corner = drawn((5, 5, 5, 22), (5, 22, 22, 22))
    assert not any(map(is_cross, (EMPTY, seven, one, bar, corner, rings((7, 14), (19, 14)))))


def test_the_limits_are_those_measured_with_the_weights_of_the_package(trained, mnist):
    """On training digits as `predict` sees them; a thousand are looked at again here, as they are."""
    found = json.loads((RESULTS / "likeness.json").read_text(encoding="utf-8"))
    assert found["weights"] == weights_checksum(load_weights()), "measure anew: python studies/likeness.py"
    assert DOUBTFUL == round(found["half a percent are above"], 1)
    assert 0 <= UNLIKE - found["largest"] < 0.1
    assert found["above j = 5, percent"] > max(1, 3 * found["above j = 10, percent"]), "DrawPad says so"
    images = mnist.train.images[:1000]
    with torch.no_grad():
        least = torch.cat([trained(to_input(part)) for part in images.split(500)]).amin(1)
    assert 0.001 < (least > DOUBTFUL).float().mean() < 0.015 and least.max() <= UNLIKE
    many = f"{LOOPS} loops or more"
    for shape, refused in ((many, lambda image: closed_loops(image) >= LOOPS), ("crosses", is_cross)):
        assert found[shape] <= 0.0005 * found["shapes"]
        assert sum(map(refused, images.numpy())) <= 1


def test_predict_refuses_a_hash_sign(tmp_path, capsys):
    page = Image.new("L", (200, 200), 255)
    for line in ((50, 75, 150, 75), (50, 125, 150, 125), (75, 50, 75, 150), (125, 50, 125, 150)):
        ImageDraw.Draw(page).line(line, 0, 14)
    page.save(tmp_path / "hash.png")
    assert main(["predict", str(tmp_path / "hash.png")]) == 1
    assert "does not look like one digit" in capsys.readouterr().err
