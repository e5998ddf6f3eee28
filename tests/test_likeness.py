"""Which least penalties are remarked on, and which are refused, by `predict` with the packaged weights."""

import torch
from PIL import Image, ImageDraw

from lenet_helpers import to_input
from lenet_helpers.cli.parser import main
from lenet_helpers.likeness import DOUBTFUL, UNLIKE, unlike_a_digit


def test_what_is_said_grows_with_the_penalty():
    assert unlike_a_digit(DOUBTFUL) == ("", False)
    remark, refused = unlike_a_digit(UNLIKE)
    assert remark.startswith("this may be no digit: the least penalty is 16.2") and not refused
    remark, refused = unlike_a_digit(UNLIKE + 1)
    assert remark.startswith("this does not look like one digit: the least penalty is 17.2") and refused


def test_the_limits_hold_for_training_digits(trained, mnist):
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
