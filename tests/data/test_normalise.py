"""A digit is found in any picture of it and brought into the form MNIST's own digits have."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lenet_helpers.data import normalise
from lenet_helpers.data.digit_pieces import digit_ink
from lenet_helpers.data.digits import centre_digit
from lenet_helpers.data.ground import smooth_light
from lenet_helpers.data.lines import printed_lines


def centre_of_mass(images):
    images, place = images.double(), torch.arange(28, dtype=torch.float64)
    mass = images.sum((-2, -1))
    return torch.stack([images.sum(-1) @ place / mass, images.sum(-2) @ place / mass], -1)


def two(scale=1):
    """A drawn digit, (28, 28) times scale, ink 1.0 on 0.0: an arch, a slope and a foot."""
    rows, columns = np.mgrid[0 : 28 : 28j * scale, 0 : 28 : 28j * scale]
    ring = np.abs(np.hypot(rows - 9, columns - 14) - 5) < 1.2
    arch = ring & ((rows < 9) | ((columns > 14) & (rows < 12)))
    slope = (np.abs(rows - 11 - (18 - columns)) < 1.6) & (rows > 10) & (rows < 21)
    foot = (np.abs(rows - 21) < 1.2) & (columns > 8) & (columns < 20)
    return (arch | slope | foot).astype(float)


def alike(one, other):
    """Correlation of two images."""
    return np.corrcoef(np.asarray(one, float).ravel(), np.asarray(other, float).ravel())[0, 1]


REFERENCE = centre_digit(two(10))


class TestForm:
    @given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 9), st.booleans(), st.integers(0, 99))
    def test_is_mnists_whatever_the_picture(self, rows, columns, margin, inverted, seed):
        ink = np.random.default_rng(seed).integers(100, 256, (rows, columns))
        picture = np.pad(ink, margin + max(rows, columns)).astype(np.uint8)
        image = centre_digit(255 - picture if inverted else picture)
        assert image.dtype == torch.uint8
        assert image.shape == (28, 28)
        inked_rows, inked_columns = image.any(1).nonzero().ravel(), image.any(0).nonzero().ravel()
        height, width = (int(each[-1] - each[0] + 1) for each in (inked_rows, inked_columns))
        assert max(height, width) == 20
        assert min(height, width) == pytest.approx(20 * min(rows, columns) / max(rows, columns), abs=1.01)
        assert image.max() == 255
        assert (centre_of_mass(image) - 14).abs().max() <= 0.5001

    def test_reproduces_mnists_own_digits(self, mnist):
        originals = mnist.test.images[:500]
        centred = torch.stack([centre_digit(image) for image in originals])
        difference = (centred.float() - originals.float()).abs()
        assert difference.mean() < 0.5
        assert (difference.flatten(1).max(1).values <= 32).float().mean() >= 0.99
        assert (centre_of_mass(centred) - centre_of_mass(originals)).abs().max() <= 1.0
        assert (centre_of_mass(centred) - 14).abs().max() <= 0.5001

    def test_is_independent_of_place_and_polarity(self):
        for shift in ((0, 0), (-40, 30), (25, -60)):
            picture = np.roll(np.pad(two(5), 70), shift, axis=(0, 1))
            assert torch.equal(centre_digit(picture), centre_digit(np.pad(two(5), 70)))
            assert torch.equal(centre_digit(1 - picture), centre_digit(picture))

    @pytest.mark.parametrize("scale", [1, 2, 5, 20, 60])
    def test_is_independent_of_size(self, scale):
        assert alike(centre_digit(two(scale)), REFERENCE) > 0.9


class TestKindsOfPicture:
    grey = (255 * np.pad(two(10), 30)).astype(np.uint8)

    @pytest.mark.parametrize("kind", [bool, np.uint8, np.uint16, np.int64, np.float32, np.float64])
    def test_arrays_and_tensors_of_any_kind(self, kind):
        picture = self.grey.astype(kind)
        assert torch.equal(centre_digit(picture), centre_digit(self.grey))
        if kind is not np.uint16:
            assert torch.equal(centre_digit(torch.from_numpy(picture)), centre_digit(self.grey))
        if kind is np.float32:  # as what autograd follows
            assert torch.equal(centre_digit(torch.from_numpy(picture).requires_grad_()), centre_digit(self.grey))

    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I", "F", "I;16"])
    def test_pil_pictures_of_any_mode(self, mode):
        picture = Image.fromarray(self.grey)
        picture = Image.fromarray(self.grey.astype(np.uint16)) if mode == "I;16" else picture.convert(mode)
        assert picture.mode == mode
        assert alike(centre_digit(picture), REFERENCE) > 0.98

    @pytest.mark.parametrize("ink", [0, 255])
    @pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
    def test_ink_on_a_transparent_ground(self, ink, mode):
        if mode == "P":
            picture = Image.fromarray((self.grey > 0).astype(np.uint8))
            picture.putpalette([90, 90, 90, ink, ink, ink])
            picture.info["transparency"] = 0
        else:
            picture = Image.new("L", self.grey.shape, ink).convert(mode)
            picture.putalpha(Image.fromarray(self.grey))
        assert alike(centre_digit(picture), REFERENCE) > 0.98

    def test_a_picture_that_lies_on_its_side(self):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
        file = io.BytesIO()
        Image.fromarray(255 - np.rot90(self.grey).copy()).save(file, "JPEG", exif=exif, quality=95)
        assert alike(centre_digit(Image.open(file)), REFERENCE) > 0.95

    def test_a_hairline_keeps_its_strength(self):
        picture = np.full((300, 300), 255, np.uint8)
        picture[50:250, 150] = 0
        image = centre_digit(picture)
        assert image.any(0).sum() == 1
        assert image.max() == 255


class TestPhotographs:
    """Dark ink on paper under uneven light, with noise, as a camera sees it."""

    def photograph(self, ink, noise=6, slope=0.0, vignette=0.0, seed=0):
        rows, columns = np.mgrid[-1 : 1 : ink.shape[0] * 1j, -1 : 1 : ink.shape[1] * 1j]
        paper = 200 * (1 - slope * (0.35 * rows + 0.15 * columns + 0.5)) - vignette * (rows**2 + columns**2)
        picture = paper * (1 - ink) + 40 * ink
        if noise:
            picture += np.random.default_rng(seed).normal(0, noise, ink.shape)
        return np.clip(picture, 0, 255).astype(np.uint8)

    @pytest.mark.parametrize(
        "light",
        [{}, {"noise": 15}, {"slope": 0.3}, {"slope": 0.6}, {"vignette": 30}, {"slope": 0.3, "vignette": 30}],
    )
    @pytest.mark.parametrize("margin", [0, 300])
    def test_are_read_like_drawings(self, light, margin):
        picture = self.photograph(np.pad(two(10), margin), **light)
        assert alike(centre_digit(picture), REFERENCE) > (0.93 if margin == 0 else 0.9)

    def test_survive_strong_compression(self):
        file = io.BytesIO()
        Image.fromarray(self.photograph(two(10), slope=0.4)).save(file, "JPEG", quality=25)
        assert alike(centre_digit(Image.open(file)), REFERENCE) > 0.93

    def test_lose_their_specks(self):
        ink = np.pad(two(10), 50)
        for row, column in ((5, 5), (370, 20), (30, 350)):
            ink[row : row + 4, column : column + 4] = 1
        assert alike(centre_digit(self.photograph(ink)), REFERENCE) > 0.95

    def test_keep_a_detached_stroke(self):
        ink = np.zeros((280, 280))
        ink[60:70, 100:180] = 1  # the bar of a 5, off its body
        ink[80:220, 100:110] = 1
        image = centre_digit(self.photograph(ink))
        first = image.any(1).nonzero()[0, 0]
        assert (image[first : first + 2] > 128).sum() >= 8

    def test_of_4000_by_4000_are_averaged_before_anything_else(self, monkeypatch):
        picture = self.photograph(np.kron(two(4), np.ones((36, 36)))[:4000, :4000], noise=0, slope=0.3)
        assert picture.shape == (4000, 4000)
        looked_at = []
        monkeypatch.setattr(normalise, "digit_ink", lambda grey: looked_at.append(grey.size) or digit_ink(grey))
        for each in (picture, Image.fromarray(np.stack([picture] * 3, -1))):
            assert alike(centre_digit(each), REFERENCE) > 0.93
        assert looked_at == [200 * 200] * 2

    def test_of_a_small_digit_in_4000_by_4000_are_looked_at_twice(self, monkeypatch):
        picture = np.full((4000, 4000), 200, np.uint8)
        picture[3000:3280, 600:880] -= np.uint8(150 * two(10))
        looked_at = []
        monkeypatch.setattr(normalise, "digit_ink", lambda grey: looked_at.append(grey.size) or digit_ink(grey))
        assert alike(centre_digit(picture), REFERENCE) > 0.93
        assert looked_at[0] == 200 * 200
        assert len(looked_at) == 2 and looked_at[1] < 400 * 400

    def test_keep_no_faint_mark_that_touches_the_digit(self):
        ink = two(6)
        clean = centre_digit(self.photograph(ink))
        ink[30:36, 100:160] = np.maximum(ink[30:36, 100:160], 0.25)  # seen through from the back, up to the arch
        ink[20:60, 150:156] = 0.25
        assert alike(centre_digit(self.photograph(ink)), clean) > 0.9


class TestLines:
    def seven(self):
        row, column = np.mgrid[0:60, 0:40]
        return (row < 8) | (np.abs(column - 36 + 0.4 * row) < 4)

    def cell(self, widths, foot):
        """A 7 whose foot reaches `foot` pixels into the lines of a cell, whose widths are those from the top on."""
        picture = np.full((120, 120), 200, np.uint8)
        top, left, bottom, right = widths
        picture[:top] = picture[:, :left] = 40
        picture[120 - bottom :] = picture[:, 120 - right :] = 40
        picture[60 - bottom + foot : 120 - bottom + foot, 40:80][self.seven()] = 60
        return picture

    @pytest.mark.parametrize("widths", [(2, 9, 9, 2), (9, 2, 9, 2), (2, 2, 9, 9)])
    @pytest.mark.parametrize("foot", [-6, 1])
    def test_a_cells_thick_lines_are_no_strokes(self, widths, foot):
        assert alike(centre_digit(self.cell(widths, foot)), centre_digit(np.pad(self.seven(), 30))) > 0.8

    def test_a_stem_is_no_line_beside_a_border(self):
        picture = np.full((200, 200), 210, np.uint8)
        picture[30:170, 96:103] = 50  # a 1 over more than six tenths of the picture
        alone = centre_digit(picture)
        picture[196:] = 60  # the table at the foot of the sheet
        assert alike(centre_digit(picture), alone) > 0.95

    def test_what_ends_in_the_digit_is_a_stroke_of_it_and_what_goes_on_beyond_it_a_line(self):
        row, column = np.mgrid[0:200, 0:120]
        bar = (row >= 2) & (row < 9)
        for place, printed in ((60, True), (116, False)):  # where the stem meets the bar: in its middle, at its end
            mask = bar | (np.abs(column - place + 0.25 * row) < 4) & (row >= 2)
            assert (printed_lines(mask) & bar).sum() > 0.8 * bar.sum() if printed else not printed_lines(mask).any()

    def test_a_frame_does_not_end_in_its_corners(self):
        frame = np.pad(np.zeros((150, 130), bool), 5, constant_values=True)
        for mask in (frame, np.pad(frame, 8)):
            assert printed_lines(mask)[mask].mean() > 0.8
            with pytest.raises(ValueError, match="lines or a frame with nothing in it"):
                centre_digit(mask)

    def test_light_is_found_where_lines_run_along_the_border(self):
        light = np.linspace(150, 210, 100)[:, None] * np.ones((1, 90))
        ink = np.pad(two(2), ((22, 22), (17, 17))) > 0.5
        picture = np.where(ink, 0.6 * light, light)
        picture[:14] = picture[:, :8] = picture[:, -7:] = 85
        picture[::2] += 1
        assert smooth_light(picture)[1] < 3
        assert alike(centre_digit(picture.astype(np.uint8)), REFERENCE) > 0.8


class TestRefusals:
    @pytest.mark.parametrize(
        "picture",
        [
            np.zeros((28, 28), np.uint8),
            np.full((300, 200), 255, np.uint8),
            np.full((30, 30), 0.1),
            np.full((30, 30), 1e9),
            np.array([[7]]),
            np.tile(np.linspace(90, 200, 300), (300, 1)).astype(np.uint8),
            np.random.default_rng(0).normal(128, 20, (400, 400)),
            255 * (np.random.default_rng(0).random((200, 200)) < 0.003),
            Image.new("RGB", (50, 50), "white"),
            Image.new("RGBA", (50, 50), (0, 0, 0, 0)),
        ],
        ids=["black", "white", "float", "large", "pixel", "slope", "noise", "specks", "picture", "clear"],
    )
    def test_a_blank_picture(self, picture):
        with pytest.raises(ValueError, match="got a blank picture, expected one digit"):
            centre_digit(picture)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_pixels_that_are_not_numbers(self, value):
        picture = two(1)
        picture[3, 3] = value
        with pytest.raises(ValueError, match="got NaN or infinite pixels"):
            centre_digit(picture)

    @pytest.mark.parametrize("shape", [(28,), (28, 28, 3), (1, 28, 28), (0, 28)])
    def test_arrays_that_are_no_picture(self, shape):
        with pytest.raises(ValueError, match=r"got an array of shape .*expected \(rows, columns\)"):
            centre_digit(np.zeros(shape))

    def test_arrays_of_something_else(self):
        with pytest.raises(ValueError, match="dtype"):
            centre_digit(np.array([["a", "b"]]))

    def test_of_a_digit_lost_in_a_shadow_say_that_it_does_not_stand_out(self):
        row, column = np.mgrid[-1:1:200j, -1:1:200j]
        light = np.where(row + column > 0.2, 90, 210) - 40 * np.cos(6 * row) * np.sin(5 * column)
        picture = light * (1 - 0.1 * np.kron(two(1), np.ones((8, 8)))[:200, :200])
        with pytest.raises(ValueError, match="expected one digit") as refused:
            centre_digit(picture.astype(np.uint8))
        assert "blank" not in str(refused.value)
