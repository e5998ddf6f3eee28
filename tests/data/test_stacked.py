"""Two digits one above the other are told from one."""

import numpy as np
import pytest
from test_normalise import two

from lenet_helpers.data.digits import centre_digit


def test_two_digits_one_above_the_other_are_refused():
    picture = np.pad(np.concatenate([two(6), two(6)]), 40)
    with pytest.raises(ValueError, match="two digits one above the other"):
        centre_digit(picture)
