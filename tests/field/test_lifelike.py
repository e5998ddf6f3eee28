"""Pictures as from life come out right or are refused; how they are made and what is right stands in lifelike.py."""

import lifelike
import numpy as np
import pytest
from PIL import Image, ImageDraw
from sheets import shrunk, stroke

SEED, COUNT = 5, 4
DRAWN = {
    1: [[(200, 70), (200, 330)]],
    2: [[(130, 130), (150, 85), (210, 70), (260, 100), (260, 150), (125, 335), (285, 335)]],
    3: [[(130, 90), (270, 90), (190, 190), (260, 240), (250, 310), (190, 340), (120, 320)]],
    4: [[(160, 70), (120, 208), (280, 208)], [(240, 112), (224, 340)]],
    5: [[(275, 75), (140, 75)], [(140, 75), (140, 190), (220, 180), (270, 230), (265, 300), (210, 338), (125, 330)]],
    7: [[(120, 80), (280, 80), (190, 336)], [(160, 210), (270, 210)]],
}  # strokes on 400 x 400: columns and rows


@pytest.fixture(scope="module")
def read():
    return lifelike.reader()


@pytest.mark.parametrize("kind", lifelike.KINDS)
def test_at_most_one_of_four_is_read_wrongly(kind, mnist, read):
    right, refused, wrong = lifelike.judged(kind, SEED, COUNT, mnist.test, read)
    assert right + refused + wrong == COUNT
    assert wrong <= 1 and right >= COUNT - 2


def test_of_framed_cells_nine_in_ten_are_right_or_refused(mnist, read):
    judged = [lifelike.judged(kind, SEED, 2, mnist.test, read) for kind in lifelike.CELLS]
    right, refused, wrong = map(sum, zip(*judged, strict=True))
    assert wrong <= (right + refused + wrong) / 10
    assert right >= 0.85 * (right + refused + wrong)


def test_most_crosses_are_refused(mnist, read):
    assert lifelike.judged("cross", SEED, 10, mnist.test, read)[0] >= 7


def test_the_halo_of_a_jpeg_is_no_line_beside_the_digit(mnist, read):
    """The light columns beside this upright 1 are fainter than it by far."""
    assert [read(shrunk(mnist.test.images[342].numpy(), 64, quality)) for quality in (None, 75)] == [1, 1]


def test_a_strip_of_light_beyond_a_thick_frame_is_no_1(mnist, read):
    picture, label = lifelike.pictures("scanned", 913, 3, mnist.test)[2]
    assert read(picture) == label == 7


@pytest.mark.parametrize("place", [(20, 20), (1480, 1080)])
def test_a_digit_of_90_pixels_in_a_corner_of_1600_by_1200_is_read(place, mnist, read):
    sheet = Image.new("L", (1600, 1200), 250)
    for image, label in zip(mnist.test.images[:4].numpy(), mnist.test.labels[:4].tolist(), strict=True):
        sheet.paste(Image.fromarray(np.uint8(250 - 220 * stroke(image, 90))), place)
        assert read(sheet) == label
        sheet.paste(250, (0, 0, 1600, 1200))


def cut_out(strokes, pen, margin):
    """Ink 0 to 1 of strokes, with `margin` pixels of ground around it."""
    sheet = Image.new("1", (400, 400))
    for line in strokes:
        ImageDraw.Draw(sheet).line(line, fill=1, width=pen, joint="curve")
    return np.pad(np.asarray(sheet.crop(sheet.getbbox())), margin)


@pytest.mark.parametrize("pen", [6, 24])
@pytest.mark.parametrize("digit", DRAWN)
def test_a_digit_cut_out_tightly_is_read(digit, pen, read):
    """Its bar, its foot or the whole 1 runs along the border as a printed line does."""
    for margin in (0, 1, 3, 10):
        ink = cut_out(DRAWN[digit], pen, margin)
        expected = lifelike.REFUSE if digit == 1 and margin == 0 else digit  # all of one level: a blank picture
        assert [read(255 - 225 * ink), read(30 + 190 * ink)] == [expected] * 2


@pytest.mark.parametrize("margin", [1, 3, 10])
def test_the_ground_around_a_thick_1_is_no_stroke(margin, read):
    ink = cut_out([[(210, 70), (190, 330)]], 40, margin)
    assert read(255 - 225 * ink) in (1, lifelike.REFUSE)


@pytest.mark.parametrize("size", [32, 64])
def test_a_small_jpeg_is_read_like_a_png(size, mnist, read):
    def wrong(quality):
        answers = [read(shrunk(image, size, quality)) for image in mnist.test.images[:60].numpy()]
        return sum(answer != label for answer, label in zip(answers, mnist.test.labels[:60].tolist(), strict=True))

    assert wrong(50) <= wrong(None) + 1


def test_mnists_own_digits_are_read_as_well_as_without_centring(trained, mnist):
    from lenet_helpers import centre_digit, to_input

    some = mnist.test.subset(slice(None, None, 25))
    centred = [centre_digit(image) for image in some.images]
    wrong = [sum(trained.predict(to_input(image)).item() != label for image, label in zip(images, some.labels))
             for images in (centred, some.images)]  # fmt: skip
    assert wrong[0] <= wrong[1] + 0.003 * len(some)
