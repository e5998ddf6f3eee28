"""Exercises of 15_robustness."""

import math

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases

Z = 1.959964  # of 95%


def _angles(generator):
    for degrees in (30.0, -40.0, 90.0, 123.0):
        yield (degrees,)


def _turn(radians):
    cosine, sine = math.cos(radians), math.sin(radians)
    return torch.tensor([[cosine, sine], [-sine, cosine]])


rotation = Check(
    "the matrix of a rotation",
    right=lambda degrees: _turn(math.radians(degrees)),
    measure=on_cases(_angles),
    absolute=1e-5,
    mistakes=[
        Mistake(
            "clockwise",
            lambda degrees: _turn(-math.radians(degrees)),
            "Rows count downwards. Turned anticlockwise by 90 degrees, the point right of the middle, (1, 0), goes to "
            "the one above it, (0, -1).",
        ),
        Mistake("degrees taken for radians", _turn, "`math.cos` and `math.sin` take radians: `math.radians(degrees)`."),
        Mistake(
            "degrees taken for radians, and clockwise",
            lambda degrees: _turn(-degrees),
            "`math.cos` and `math.sin` take radians; and rows count downwards.",
        ),
        Mistake(
            "both sines of one sign",
            lambda degrees: _turn(math.radians(degrees)) * torch.tensor([[1.0, 1.0], [-1.0, 1.0]]),
            "That squeezes along a diagonal: the two sines of a rotation have opposite signs.",
        ),
    ],
)


def _images(generator):
    for shape in ((5, 7), (8, 8)):
        yield (255 * torch.rand(shape, generator=generator),)


def _neighbourhoods(image, outside=0.0):
    """(rows, columns, 3, 3): each pixel among its eight neighbours."""
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1), value=outside)
    return padded.unfold(0, 3, 1).unfold(1, 3, 1)


def _wrapped(image):
    moved = [image.roll((down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return torch.stack(moved).amax(0)


thicken = Check(
    "thicker strokes",
    right=lambda image: _neighbourhoods(image).amax((2, 3)),
    measure=on_cases(_images),
    absolute=1e-3,
    mistakes=[
        Mistake(
            "the mean of the nine",
            lambda image: _neighbourhoods(image).mean((2, 3)),
            "A mean blurs: a stroke becomes wider and paler. Thicker strokes stay as dark: take the largest.",
        ),
        Mistake(
            "the smallest of the nine",
            lambda image: _neighbourhoods(image, math.inf).amin((2, 3)),
            "That is erosion: ink is 255, so the smallest of the nine makes strokes thinner.",
        ),
        Mistake(
            "the smallest of the nine, with background outside",
            lambda image: _neighbourhoods(image).amin((2, 3)),
            "That is erosion: ink is 255, so the smallest of the nine makes strokes thinner.",
        ),
        Mistake(
            "without the corners",
            lambda image: _neighbourhoods(image).flatten(2)[..., 1::2].amax(2).maximum(image),
            "Nine pixels: those that touch at a corner are among them.",
        ),
        Mistake(
            "round the edge",
            _wrapped,
            "`roll` brings back on the left what left on the right. Outside the image there is background, 0.",
        ),
        Mistake(
            "the pixel itself left out",
            lambda image: _neighbourhoods(image).flatten(2)[..., [0, 1, 2, 3, 5, 6, 7, 8]].amax(2),
            "The pixel is one of the nine.",
        ),
    ],
)


def _counts(generator):
    """(wrong, patterns)."""
    yield from ((117, 10_000), (3, 50), (0, 40), (45, 60))


def _wald(wrong, patterns, z=Z):
    share = wrong / patterns
    reach = z * math.sqrt(share * (1 - share) / patterns)
    return 100 * (share - reach), 100 * (share + reach)


def _wilson(wrong, patterns, z=Z):
    share, spread = wrong / patterns, z**2 / patterns
    middle = (share + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * math.sqrt(share * (1 - share) / patterns + spread / (4 * patterns))
    return 100 * (middle - reach), 100 * (middle + reach)


band = Check(
    "the band around an error",
    right=_wilson,
    measure=on_cases(_counts),
    absolute=1e-5,
    mistakes=[
        Mistake(
            "the spread at the share that was found",
            _wald,
            "The spread belongs to the share that is sought, p, and not to the one that was found: with none wrong, "
            "yours says that none ever will be. Solve the equation for p.",
        ),
        Mistake(
            "one standard deviation",
            lambda wrong, patterns: _wilson(wrong, patterns, 1.0),
            "One standard deviation holds 68%; z = 1.96 of them hold 95%.",
        ),
        Mistake(
            "one side's z",
            lambda wrong, patterns: _wilson(wrong, patterns, 1.644854),
            "With 1.645 on each side 90% are inside; 95% need 1.96.",
        ),
        Mistake(
            "shares, not percentages",
            lambda wrong, patterns: tuple(end / 100 for end in _wilson(wrong, patterns)),
            "Percent were asked for.",
        ),
    ],
)


def _curves(generator):
    """(amounts, errors, neutral, limit): errors that rise and fall again, an error at the limit, the whole range."""
    yield [-20, -10, 0, 10, 20], [4.0, 8.0, 1.0, 3.0, 4.5], 0, 5.0
    yield [0.5, 0.7, 1.0, 1.4, 2.0], [60.0, 5.0, 1.0, 5.0, 70.0], 1.0, 5.0
    yield [-2, -1, 0, 1, 2], [4.0, 3.0, 1.0, 2.0, 3.0], 0, 5.0
    yield [0, 5, 10, 15], [1.0, 7.0, 3.0, 2.0], 0, 5.0


def _withstood(amounts, errors, neutral, limit, fits=lambda error, limit: error <= limit):
    low = high = amounts.index(neutral)
    while low > 0 and fits(errors[low - 1], limit):
        low -= 1
    while high < len(amounts) - 1 and fits(errors[high + 1], limit):
        high += 1
    return amounts[low], amounts[high]


def _anywhere(amounts, errors, neutral, limit):
    fitting = [amount for amount, error in zip(amounts, errors) if error <= limit]
    return min(fitting), max(fitting)


def _first_failures(amounts, errors, neutral, limit):
    low, high = (amounts.index(end) for end in _withstood(amounts, errors, neutral, limit))
    return amounts[max(low - 1, 0)], amounts[min(high + 1, len(amounts) - 1)]


withstood = Check(
    "the range withstood",
    right=_withstood,
    measure=on_cases(_curves),
    mistakes=[
        Mistake(
            "from the first that is read to the last",
            _anywhere,
            "Between the two there may be amounts that are not read. Go outwards from the neutral one, and stop.",
        ),
        Mistake(
            "the limit itself left out",
            lambda *case: _withstood(*case, fits=lambda error, limit: error < limit),
            "An error of exactly the limit is within it.",
        ),
        Mistake(
            "the first amounts that fail",
            _first_failures,
            "Asked for are the last amounts that are still within the limit.",
        ),
    ],
)
