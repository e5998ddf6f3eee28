"""Distortions are torchvision's affine maps and SciPy's fields, drawn from the generator given and nothing else."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates

from lenet_helpers.data.distort import Distortion, warp
from lenet_helpers.data.torchvision_import import import_torchvision

NONE = dict(translation=0.0, scaling=0.0, squeezing=0.0, shear=0.0, fraction=1.0)
STRENGTHS = ("translation", "scaling", "squeezing", "shear", "elastic")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(count, seed=0):
    return torch.randint(0, 256, (count, 28, 28), generator=seeded(seed), dtype=torch.uint8)


def torchvision_affine(image, translation=(0, 0), scale=1.0, shear=0.0):
    """torchvision's affine of one image; it takes our slope `shear` as an angle, mirrored."""
    functional = import_torchvision("torchvision.transforms.functional")
    degrees = [-math.degrees(math.atan(shear)), 0.0]
    mode = functional.InterpolationMode.BILINEAR
    image = image[None].float()
    return functional.affine(image, 0.0, list(translation), scale, degrees, interpolation=mode)[0]


def one(matrix, shift=(0.0, 0.0)):
    return torch.tensor([matrix]), torch.tensor([shift])


class TestWarp:
    @given(st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 99))
    def test_translates_as_torchvision(self, across, down, seed):
        image = random_images(1, seed)
        ours = warp(image.float(), *one([[1.0, 0.0], [0.0, 1.0]], (float(across), float(down))))
        assert torch.allclose(ours[0], torchvision_affine(image[0], (across, down)), atol=2e-3)

    @given(st.floats(0.5, 2), st.floats(-0.8, 0.8), st.integers(0, 99))
    def test_scales_and_shears_as_torchvision(self, scale, shear, seed):
        image = random_images(1, seed)
        ours = warp(image.float(), *one([[scale, scale * shear], [0.0, scale]]))
        assert torch.allclose(ours[0], torchvision_affine(image[0], scale=scale, shear=shear), atol=0.02)

    def test_moves_right_and_down(self):
        image = torch.zeros(1, 28, 28)
        image[0, 10, 12] = 200
        moved = warp(image, *one([[1.0, 0.0], [0.0, 1.0]], (3.0, -2.0)))
        assert moved[0, 8, 15].item() == pytest.approx(200, abs=1e-2)

    @given(st.integers(2, 30), st.integers(2, 30), st.integers(1, 4), st.integers(0, 99))
    def test_takes_each_image_by_its_own_map(self, rows, columns, count, seed):
        images = 255 * torch.rand(count, rows, columns, generator=seeded(seed))
        matrix = torch.eye(2) + 0.3 * torch.rand(count, 2, 2, generator=seeded(seed))
        shift = torch.randn(count, 2, generator=seeded(seed))
        together = warp(images, matrix, shift)
        apart = [warp(*one) for one in zip(images.split(1), matrix.split(1), shift.split(1), strict=True)]
        assert torch.allclose(together, torch.cat(apart), atol=1e-3)
        assert together.shape == images.shape

    @given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 99))
    def test_looks_up_a_displacement_field_as_scipy(self, rows, columns, seed):
        image = 255 * torch.rand(rows, columns, generator=seeded(seed))
        field = 3 * torch.randn(2, rows, columns, generator=seeded(seed))
        warped = warp(image[None], torch.eye(2)[None], torch.zeros(1, 2), field[None])[0]
        places = np.indices((rows, columns)) + field.flip(0).numpy()
        expected = map_coordinates(image.numpy(), places, order=1, mode="grid-constant")
        assert np.allclose(warped.numpy(), expected, atol=0.02)

    def test_adds_a_displacement_to_where_the_map_comes_from(self):
        image = torch.zeros(1, 28, 28)
        image[0, 10, 12] = 200
        field = torch.zeros(1, 2, 28, 28)
        field[:, 0], field[:, 1] = 2, 1
        moved = warp(image, *one([[1.0, 0.0], [0.0, 1.0]], (3.0, -2.0)), field)
        assert moved[0, 7, 13].item() == pytest.approx(200, abs=1e-2)


class TestField:
    @given(st.integers(2, 30), st.integers(2, 30), st.floats(0.5, 9), st.floats(0.1, 50), st.integers(0, 99))
    def test_is_scipys_gaussian_filter_of_the_noise(self, rows, columns, sigma, alpha, seed):
        noise = 2 * torch.rand(2, 2, rows, columns, generator=seeded(seed)) - 1
        field = Distortion(elastic=alpha, sigma=sigma).field(noise)
        for found, rough in zip(field.flatten(0, 1), noise.flatten(0, 1), strict=True):
            smooth = gaussian_filter(rough.double().numpy(), sigma, mode="constant", truncate=9)
            assert np.allclose(found.numpy(), alpha * smooth, atol=1e-5 * alpha)

    def test_moves_the_middle_of_the_picture_by_what_the_docstring_says(self):
        noise = 2 * torch.rand(4000, 2, 28, 28, generator=seeded()) - 1
        spread = Distortion(elastic=34.0, sigma=4.0).field(noise)[:, :, 14, 14].std().item()
        assert spread / 34 == pytest.approx(0.04, rel=0.05)


class TestMaps:
    def draws(self, **values):
        names = ("across", "down", "scaling", "squeezing", "shear")
        return torch.tensor([[values.get(name, 0.0) for name in names]])

    def test_of_a_draw_of_one_have_the_strengths_named(self):
        distortion = Distortion(translation=2.0, scaling=0.25, squeezing=0.5, shear=0.3)
        for draw, matrix, shift in [
            (dict(across=1.0, down=-0.5), [[1, 0], [0, 1]], [2, -1]),
            (dict(scaling=1.0), [[1.25, 0], [0, 1.25]], [0, 0]),
            (dict(scaling=-1.0), [[0.8, 0], [0, 0.8]], [0, 0]),
            (dict(squeezing=1.0), [[1.5, 0], [0, 1 / 1.5]], [0, 0]),
            (dict(squeezing=-1.0), [[1 / 1.5, 0], [0, 1.5]], [0, 0]),
            (dict(shear=1.0), [[1, 0.3], [0, 1]], [0, 0]),
        ]:
            found = distortion.maps(self.draws(**draw))
            assert found[0][0].tolist() == [pytest.approx(row) for row in matrix]
            assert found[1][0].tolist() == pytest.approx(shift)

    def test_squeezing_keeps_the_area(self):
        matrix, _ = Distortion(**NONE | {"squeezing": 0.4, "shear": 0.3}).maps(2 * torch.rand(50, 5) - 1)
        assert torch.allclose(torch.linalg.det(matrix), torch.ones(50), atol=1e-5)


class TestDistortion:
    def test_depends_on_the_generator_alone(self):
        images, distortion = random_images(40), Distortion()
        torch.manual_seed(1)
        first = distortion(images, seeded(5))
        torch.manual_seed(2)
        assert torch.equal(distortion(images, seeded(5)), first)
        assert not torch.equal(distortion(images, seeded(6)), first)
        before = torch.get_rng_state()
        distortion(images, seeded(5))
        assert torch.equal(torch.get_rng_state(), before)

    def test_without_elastic_distortion_draws_the_numbers_of_the_affine_map_alone(self):
        images, distortion = random_images(30), Distortion(fraction=1.0)
        draws = torch.rand(30, 6, generator=seeded())
        expected = warp(images.float(), *distortion.maps(2 * draws[:, :5] - 1))
        assert torch.equal(distortion(images, seeded()), expected)

    @pytest.mark.parametrize("elastic", [0.0, 20.0])
    def test_goes_on_where_a_generator_stands(self, elastic):
        images, distortion = random_images(30), Distortion(elastic=elastic)
        generator = seeded()
        parts = torch.cat([distortion(part, generator) for part in images.split(10)])
        whole = distortion(images, seeded())
        assert torch.allclose(parts, whole, atol=1e-3)

    @given(st.integers(1, 20), st.sampled_from([torch.uint8, torch.float32]), st.integers(0, 99))
    def test_keeps_shape_and_range_and_leaves_its_input_alone(self, count, dtype, seed):
        images = random_images(count, seed).to(dtype)
        before = images.clone()
        distorted = Distortion(elastic=20.0)(images, seeded(seed))
        assert distorted.shape == images.shape
        assert distorted.dtype == torch.float32
        assert distorted.min() >= 0
        assert distorted.max() <= 255
        assert torch.equal(images, before)

    def test_distorts_nine_of_ten_and_no_pixel_of_the_tenth(self):
        images = random_images(20_000)
        distorted = Distortion()(images, seeded())
        same = (distorted == images).flatten(1).all(1)
        assert same.float().mean().item() == pytest.approx(0.1, abs=0.01)
        assert torch.equal(Distortion(fraction=0.0)(images, seeded()), images.float())
        assert not (Distortion(fraction=1.0)(images, seeded()) == images).flatten(1).all(1).any()

    def test_of_no_strength_changes_nothing(self):
        images = random_images(10)
        assert torch.allclose(Distortion(**NONE)(images, seeded()), images.float(), atol=1e-2)

    @pytest.mark.parametrize("name", STRENGTHS)
    def test_grows_with_each_strength(self, name):
        images = random_images(200)
        departures = [
            (Distortion(**NONE | {name: strength})(images, seeded()) - images).abs().mean().item()
            for strength in (0.01, 0.03, 0.1)
        ]
        assert departures == sorted(departures)
        assert departures[0] > 0

    def test_spreads_translations_over_the_whole_range(self):
        image = torch.zeros(5000, 28, 28, dtype=torch.uint8)
        image[:, 13:15, 13:15] = 255
        moved = Distortion(**NONE | {"translation": 2.0})(image, seeded()).double()
        place = torch.arange(28, dtype=torch.float64) - 13.5
        for centre in ((moved.sum(1) @ place), (moved.sum(2) @ place)):
            centre = centre / moved.sum((1, 2))
            assert centre.abs().max() <= 2.001
            assert centre.mean().abs() < 0.1
            assert centre.var().item() == pytest.approx(4 / 3, rel=0.05)

    def test_keeps_mnists_ink_in_the_picture(self, mnist_sample):
        ink = mnist_sample.images.float().sum((1, 2))
        kept = Distortion(squeezing=0.0, scaling=0.0)(mnist_sample.images, seeded()).sum((1, 2)) / ink
        assert kept.mean().item() == pytest.approx(1, abs=1e-3)
        assert kept.min() > 0.9  # some digits reach the edge of MNIST's own field

    @pytest.mark.parametrize("name", STRENGTHS)
    @pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
    def test_refuses_a_strength_that_is_none(self, name, value):
        with pytest.raises(ValueError, match=f"got {name} {value}, expected 0 or more"):
            Distortion(**{name: value})

    @pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
    def test_refuses_a_sigma_that_is_none(self, value):
        with pytest.raises(ValueError, match=f"got sigma {value}, expected more than 0"):
            Distortion(sigma=value)

    @pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
    def test_refuses_a_fraction_that_is_none(self, value):
        with pytest.raises(ValueError, match=f"got fraction {value}, expected 0 to 1"):
            Distortion(fraction=value)

    def test_refuses_other_shapes_and_a_missing_generator(self):
        with pytest.raises(ValueError, match=r"got images of shape \(2, 1, 28, 28\), expected"):
            Distortion()(torch.zeros(2, 1, 28, 28), seeded())
        with pytest.raises(ValueError, match="got generator None, expected torch.Generator"):
            Distortion()(random_images(2), None)
