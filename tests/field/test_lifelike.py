"""Pictures as from life come out right or are refused; how they are made and what is right stands in lifelike.py."""

import lifelike
import numpy as np
import pytest
from PIL import Image
from sheets import shrunk, stroke

SEED, COUNT = 5, 4


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
