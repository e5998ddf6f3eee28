"""Digits are what they claim to be, and reach the network as the paper says."""

import hashlib
import os

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lenet_helpers.data import mnist as _mnist
from lenet_helpers.data.digits import DataError, Digits, load_digits, to_input
from lenet_helpers.data.torchvision_import import import_torchvision

SKLEARN_TEST_LABELS = "eff59bacc24de44fc202d2b2edba0705"


def digits(count=5, seed=0):
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 28, 28), generator=random, dtype=torch.uint8)
    return Digits(images, torch.arange(count) % 10, "test")


class TestDigits:
    def test_have_a_length_and_subsets(self):
        some = digits(7)
        assert len(some) == 7
        mask = torch.arange(7) % 3 == 1
        for chosen in (slice(1, 7, 3), [1, 4], torch.tensor([1, 4]), np.array([1, 4]), mask):
            part = some.subset(chosen)
            assert torch.equal(part.images, some.images[[1, 4]])
            assert part.labels.tolist() == [1, 4]
            assert part.source == "test"

    @pytest.mark.parametrize(
        "images, labels, said",
        [
            (torch.zeros(2, 28, 28), torch.zeros(2).long(), "got images of dtype torch.float32"),
            (torch.zeros(2, 30, 30).byte(), torch.zeros(2).long(), r"shape \(2, 30, 30\), expected"),
            (torch.zeros(28, 28).byte(), torch.zeros(1).long(), r"shape \(28, 28\), expected"),
            (torch.zeros(2, 28, 28).byte(), torch.zeros(2), "got labels of dtype torch.float32"),
            (torch.zeros(2, 28, 28).byte(), torch.zeros(3).long(), "for 2 images"),
            (torch.zeros(2, 28, 28).byte(), torch.zeros(2, 1).long(), r"expected torch.int64 and \(2,\)"),
            (torch.zeros(0, 28, 28).byte(), torch.zeros(0).long(), "got an empty set"),
            (torch.zeros(2, 28, 28).byte(), torch.tensor([0, 10]), "labels from 0 to 10, expected 0 to 9"),
            (torch.zeros(2, 28, 28).byte(), torch.tensor([-1, 3]), "labels from -1 to 3, expected 0 to 9"),
        ],
    )
    def test_refuse_what_is_not_digits(self, images, labels, said):
        with pytest.raises(DataError, match=said):
            Digits(images, labels, "test")

    def test_may_have_more_classes_and_fill_the_field(self):
        windows = Digits(torch.zeros(2, 32, 32).byte(), torch.tensor([0, 10]), "test", classes=11)
        assert windows.subset([1]).classes == 11
        with pytest.raises(DataError, match="labels from 0 to 11, expected 0 to 10"):
            Digits(windows.images, torch.tensor([0, 11]), "test", classes=11)

    def test_refuse_an_empty_subset(self):
        with pytest.raises(DataError, match="empty set"):
            digits().subset(slice(0, 0))
        with pytest.raises(DataError, match="empty set"):
            digits().subset([])


class TestMNIST:
    def test_is_the_published_set(self, mnist):
        assert (len(mnist.train), len(mnist.test)) == (60_000, 10_000)
        assert mnist.train.source == mnist.test.source == "MNIST"
        assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert mnist.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
        counts = mnist.train.labels.bincount().tolist()
        assert counts == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]

    def test_reads_as_torchvision_reads_it(self, mnist):
        root = os.environ.get("LENET_DATA") or _mnist.default_folder()
        theirs = import_torchvision("torchvision.datasets").MNIST(root, train=False)
        assert torch.equal(mnist.test.images, theirs.data)
        assert torch.equal(mnist.test.labels, theirs.targets)

    def test_has_a_mean_near_0_on_the_input_field(self, mnist):
        """Section II-B expects a mean of about 0 and a variance of about 1; MNIST's variance is 0.13."""
        field = to_input(mnist.train.images)
        assert abs(field.mean().item()) < 0.05
        assert field.double().var().item() == pytest.approx(0.125, abs=0.005)


class TestInput:
    @given(st.integers(1, 6), st.sampled_from([torch.uint8, torch.float32, torch.float64]))
    def test_is_a_field_of_background_around_the_digit(self, count, dtype):
        images = digits(count).images.to(dtype)
        field = to_input(images)
        assert field.dtype == torch.float32
        assert field.shape == (count, 1, 32, 32)
        expected = -0.1 + images.double() * 1.275 / 255
        assert torch.allclose(field[:, 0, 2:30, 2:30].double(), expected, atol=1e-6, rtol=0)
        frame = torch.ones(32, 32, dtype=torch.bool)
        frame[2:30, 2:30] = False
        assert (field[:, 0, frame] == torch.tensor(-0.1)).all()

    def test_has_the_papers_levels_exactly(self):
        image = torch.zeros(28, 28, dtype=torch.uint8)
        image[0, 0] = 255
        assert to_input(image).unique().tolist() == torch.tensor([-0.1, 1.175]).tolist()

    @given(st.integers(32, 90))
    def test_of_a_field_is_all_of_it(self, columns):
        random = torch.Generator().manual_seed(columns)
        images = torch.randint(0, 256, (2, 32, columns), generator=random, dtype=torch.uint8)
        field = to_input(images)
        assert field.shape == (2, 1, 32, columns)
        assert torch.allclose(field[:, 0].double(), -0.1 + images.double() * 1.275 / 255, atol=1e-6, rtol=0)

    def test_takes_one_image_and_numpy_and_the_same_bits_from_either_dtype(self):
        images = digits(3).images
        assert torch.equal(to_input(images[1]), to_input(images)[1:2])
        assert torch.equal(to_input(images.numpy()), to_input(images))
        assert torch.equal(to_input(images.float()), to_input(images))

    @pytest.mark.parametrize(
        "images, said",
        [
            (torch.zeros(2, 30, 30).byte(), r"got images of shape \(2, 30, 30\), expected \(N, 28, 28\)"),
            (torch.zeros(2, 32, 28).byte(), r"or fields \(N, 32, columns\) of 32 columns or more"),
            (torch.zeros(2, 1, 28, 28).byte(), r"shape \(2, 1, 28, 28\)"),
            (torch.zeros(0, 28, 28).byte(), r"N at least 1"),
            (torch.zeros(2, 28, 28).long(), "got pixels of torch.int64"),
            (torch.zeros(2, 28, 28).bool(), "got pixels of torch.bool"),
            (torch.full((1, 28, 28), float("nan")), "got pixels from nan"),
            (torch.full((1, 28, 28), float("inf")), "to inf, expected finite"),
            (torch.full((1, 28, 28), -1.0), "got pixels from -1"),
            (torch.full((1, 28, 28), 256.0), "to 256, expected finite values from 0 to 255"),
            (torch.full((1, 28, 28), 0.5), "multiply by 255 if the scale is 0 to 1"),
        ],
    )
    def test_refuses_what_is_not_pixels_of_0_to_255(self, images, said):
        with pytest.raises(ValueError, match=said):
            to_input(images)

    def test_refuses_one_nan_among_good_pixels(self):
        images = digits(4).images.float()
        images[2, 5, 5] = float("nan")
        with pytest.raises(ValueError, match="nan"):
            to_input(images)


class TestScikitLearnDigits:
    def test_are_1797_in_mnists_form(self):
        train, test = load_digits("train", "sklearn"), load_digits("test", "sklearn")
        assert (len(train), len(test)) == (1437, 360)
        assert train.source == test.source == "scikit-learn digits"
        images = torch.cat([train.images, test.images]).double()
        rows, columns = images.any(2).sum(1), images.any(1).sum(1)
        assert torch.maximum(rows, columns).max() <= 20
        assert torch.maximum(rows, columns).min() >= 18
        place, mass = torch.arange(28.0), images.sum((1, 2))
        for centre in ((images.sum(2) @ place.double()) / mass, (images.sum(1) @ place.double()) / mass):
            assert (centre - 14).abs().max() <= 0.51
        assert (test.labels.bincount() - 36).abs().max() <= 1

    def test_are_split_alike_every_time_and_share_no_digit(self):
        train, test = load_digits("train", "sklearn"), load_digits("test", "sklearn")
        assert torch.equal(load_digits("test", "sklearn").images, test.images)
        assert hashlib.md5(test.labels.numpy().tobytes()).hexdigest() == SKLEARN_TEST_LABELS
        known = {image.numpy().tobytes() for image in train.images}
        assert not any(image.numpy().tobytes() in known for image in test.images)
