"""Variations are torchvision's maps and grey morphology by its definition, and each does what its unit says."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet_helpers.data.torchvision_import import import_torchvision
from lenet_helpers.data.variations import FINE, VARIATIONS, digit_fields, widened

AFFINE = ("scale", "rotation", "slant", "shift down", "shift right")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def fields(count=3, seed=0):
    """Random images with background all around, as uint8."""
    return digit_fields(torch.randint(0, 256, (count, 28, 28), generator=seeded(seed), dtype=torch.uint8))


def upright(width=3):
    """A field with an upright bar in the middle: columns 16 - width / 2 to 16 + width / 2, rows 6 to 25."""
    bar = torch.zeros(1, 32, 32)
    bar[0, 6:26, 16 - width // 2 : 16 - width // 2 + width] = 255
    return bar


def by_torchvision(images, angle=0.0, translate=(0, 0), scale=1.0, slant=0.0):
    """torchvision's angle is clockwise, its shear mirrors ours."""
    functional = import_torchvision("torchvision.transforms.functional")
    mode = functional.InterpolationMode.BILINEAR
    return functional.affine(images[:, None].float(), -angle, list(translate), scale, [slant, 0.0], mode)[:, 0]


REFERENCE = {
    "scale": lambda images, amount: by_torchvision(images, scale=amount),
    "rotation": lambda images, amount: by_torchvision(images, angle=amount),
    "slant": lambda images, amount: by_torchvision(images, slant=amount),
    "shift down": lambda images, amount: by_torchvision(images, translate=(0, amount)),
    "shift right": lambda images, amount: by_torchvision(images, translate=(amount, 0)),
}


@pytest.mark.parametrize("name", AFFINE)
def test_maps_are_torchvisions(name):
    for amount in VARIATIONS[name].amounts:
        ours, theirs = VARIATIONS[name](fields(), amount), REFERENCE[name](fields(), amount)
        assert (ours - theirs).abs().max() < 0.1, amount


@pytest.mark.parametrize("name", VARIATIONS)
def test_the_neutral_amount_changes_nothing_and_the_amounts_rise_through_it(name):
    variation = VARIATIONS[name]
    assert list(variation.amounts) == sorted(set(variation.amounts)) and variation.neutral in variation.amounts
    same = variation(fields(), variation.neutral, seeded())
    assert same.dtype == torch.float32 and (same - fields().float()).abs().max() < 0.02


@pytest.mark.parametrize("name", VARIATIONS)
def test_keeps_shape_and_range_and_leaves_its_input_alone(name):
    given_fields = torch.nn.functional.pad(fields(), (0, 40))
    before = given_fields.clone()
    for amount in (VARIATIONS[name].amounts[0], VARIATIONS[name].amounts[-1]):
        varied = VARIATIONS[name](given_fields, amount, seeded())
        assert varied.shape == given_fields.shape
        assert varied.min() >= 0 and varied.max() <= 255
    assert torch.equal(given_fields, before)


@pytest.mark.parametrize("name", VARIATIONS)
def test_every_field_is_varied_alike_however_many_there_are(name):
    variation, amount, some = VARIATIONS[name], VARIATIONS[name].amounts[-1], fields(501)[:, 12:20, 12:20]
    together = variation(some, amount, seeded())
    random = seeded()
    apart = torch.cat([variation(some[:500], amount, random), variation(some[500:], amount, random)])
    assert torch.allclose(together, apart, atol=1e-3)


def middle_of_ink(row):
    return (row @ (torch.arange(32) + 0.5) / row.sum()).item()


def test_turns_anticlockwise_and_leans_to_the_right():
    for name in ("rotation", "slant"):
        bar = VARIATIONS[name](upright(), 20)[0]
        above, below = middle_of_ink(bar[10]), middle_of_ink(bar[21])
        side = 1 if name == "slant" else -1  # the top of an upright bar goes left as it turns anticlockwise
        assert (above - below) / 11 == pytest.approx(side * math.tan(math.radians(20)), abs=0.02)


def test_moves_down_and_to_the_right():
    assert VARIATIONS["shift down"](upright(), 5)[0].sum(1).nonzero().ravel()[[0, -1]].tolist() == [11, 30]
    assert VARIATIONS["shift right"](upright(), -5)[0].sum(0).nonzero().ravel()[[0, -1]].tolist() == [10, 12]


@pytest.mark.parametrize("pixels", [pixels for pixels in VARIATIONS["stroke width"].amounts if pixels > -3])
def test_a_stroke_is_as_many_pixels_wider_as_said(pixels):
    inked = VARIATIONS["stroke width"](upright(3), pixels)[0, 16].sum().item() / 255
    assert inked == pytest.approx(3 + pixels)


def by_definition(image, pixels):
    """The largest (smallest, below 0) grey within a disc around each point of a grid FINE times finer, averaged."""
    fine = image.repeat_interleave(FINE, 0).repeat_interleave(FINE, 1)
    points = torch.cartesian_prod(*(torch.arange(side, dtype=torch.float64) for side in fine.shape))
    reached = torch.cdist(points, points) <= FINE * abs(pixels) / 2 + 1e-9
    least, grey = -1 if pixels > 0 else 256, fine.ravel().expand(len(points), -1)
    grey = torch.where(reached, grey, torch.tensor(float(least)))
    picked = grey.amax(1) if pixels > 0 else grey.amin(1)
    return picked.view(fine.shape).unfold(0, FINE, FINE).unfold(1, FINE, FINE).mean((2, 3))


@settings(max_examples=10)
@given(st.sampled_from([-1.5, -1, -0.5, 0.5, 1, 2]), st.integers(0, 99))
def test_strokes_are_widened_as_grey_morphology_is_defined(pixels, seed):
    image = torch.randint(0, 256, (1, 7, 9), generator=seeded(seed)).float()
    assert torch.allclose(widened(image, pixels)[0], by_definition(image[0], pixels), atol=1e-3)


def test_noise_inverts_the_share_asked_for_and_comes_from_the_generator_alone():
    some = fields(200)
    noisy = VARIATIONS["noise"](some, 12.5, seeded(3))
    changed = noisy != some
    assert changed.float().mean().item() == pytest.approx(0.125, abs=0.005)
    assert torch.equal(noisy[changed], 255 - some.float()[changed])
    assert torch.equal(noisy, VARIATIONS["noise"](some, 12.5, seeded(3)))
    assert not torch.equal(noisy, VARIATIONS["noise"](some, 12.5, seeded(4)))


def test_refuses_fields_of_another_shape_and_amounts_that_are_none():
    with pytest.raises(ValueError, match=r"shape \(2, 1, 32, 32\); expected \(N, rows, columns\)"):
        VARIATIONS["scale"](torch.zeros(2, 1, 32, 32), 2)
    with pytest.raises(ValueError, match="wider by 0.3 pixels; expected whole halves"):
        VARIATIONS["stroke width"](fields(), 0.3)
    with pytest.raises(ValueError, match="got probability 1.1, expected 0 to 1"):
        VARIATIONS["noise"](fields(), 110, seeded())
    for variation in VARIATIONS.values():
        for amount in (math.nan, math.inf):
            with pytest.raises(ValueError, match=f"amount of {amount}; expected a finite number"):
                variation(fields(), amount, seeded())
    for factor in (0, -1):
        with pytest.raises(ValueError, match=f"got factor {factor}; expected above 0"):
            VARIATIONS["scale"](fields(), factor)
