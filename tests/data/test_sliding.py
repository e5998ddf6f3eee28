"""Windows that slide over a picture give what SciPy's do, bit for bit."""

import numpy as np
import pytest
from scipy import ndimage

from lenet_helpers.data.sliding import median_of_nine, opened, widened


@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (40, 31)])
@pytest.mark.parametrize("width", [1, 2, 5, 12])
def test_is_scipys(shape, width):
    level = np.random.default_rng(width).normal(size=shape)
    inner = slice(width, -width)
    opening = ndimage.grey_opening(np.pad(level, width), (width, width))[inner, inner]
    assert np.array_equal(opened(level, width), opening)
    mask = level > 1
    assert np.array_equal(widened(mask, width), ndimage.binary_dilation(mask, np.ones((3, 3)), iterations=width))
    assert np.array_equal(median_of_nine(level), ndimage.median_filter(level, 3))
