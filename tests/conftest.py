"""What the tests share: MNIST, or the reason to do without it, and seeded random draws.

With LENET_DATA set, a missing or wrong MNIST fails every test that needs it. Without, such tests are skipped
where MNIST is absent and cannot be downloaded, and only there: files that are not MNIST's fail them too.
"""

import hypothesis
import pytest
import torch
from mnist_at_hand import mnist_or_skip

from lenet_helpers.weights import load_weights

# No deadline: a first call pays for imports, and CI's cores are shared. Derandomized: the same code, the same verdict.
hypothesis.settings.register_profile("lenet", deadline=None, derandomize=True)
hypothesis.settings.load_profile("lenet")


def pytest_collection_modifyitems(items):
    """Mark what needs MNIST, so that `-m "not mnist"` leaves it out."""
    for item in items:
        if "mnist" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.mnist)


@pytest.fixture(scope="session")
def mnist():
    """MNIST as (train, test)."""
    return mnist_or_skip()


@pytest.fixture
def generator():
    """A torch.Generator that starts every test at the same seed."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def mnist_sample(mnist):
    """The first 1,000 training digits of MNIST, for tests that need real digits but not many."""
    return mnist.train.subset(slice(0, 1000))


@pytest.fixture(scope="module")
def trained():
    """The network that comes with the package."""
    return load_weights("regular")


@pytest.fixture(scope="module")
def digits():
    """Made-up digits, for widgets that need some and no matter which."""
    from widget_pages import strokes  # here: the other tests do without the widgets

    return strokes(300)
