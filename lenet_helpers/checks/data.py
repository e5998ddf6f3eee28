"""Exercises of 00_start_here and 01_data."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases


def _labels(generator):
    """Two cases of (predictions, labels), of different lengths."""
    for count in (40, 250):
        labels = torch.randint(10, (count,), generator=generator)
        predictions = torch.where(torch.rand(count, generator=generator) < 0.3, 9 - labels, labels)
        yield predictions, labels


error_rate = Check(
    "error rate in percent",
    right=lambda predictions, labels: 100 * (predictions != labels).double().mean(),
    measure=on_cases(_labels),
    mistakes=[
        Mistake(
            "the share that is right",
            lambda p, t: 100 * (p == t).double().mean(),
            "The paper counts errors: patterns whose prediction differs from the label.",
        ),
        Mistake("a fraction, not percent", lambda p, t: (p != t).double().mean(), "Multiply by 100."),
        Mistake("a count, not a rate", lambda p, t: (p != t).sum(), "Divide by the number of patterns."),
    ],
)

share_of_c5 = Check(
    "C5's share of the parameters, in percent",
    right=100 * 48_120 / 60_000,
    relative=5e-3,  # 80 is right enough
    mistakes=[
        Mistake("a fraction, not percent", 48_120 / 60_000, "Multiply by 100."),
        Mistake(
            "the share of the connections",
            100 * 48_120 / 340_908,
            "A parameter counts once, however many connections share it: divide by the 60,000 parameters.",
        ),
        Mistake("F6 instead of C5", 100 * 10_164 / 60_000, "Take the row of C5."),
    ],
)


def _fields(generator):
    """Batches of fields (N, 1, 32, 32) made from random images, each pixel up to 0.3 of a grey level off.

    So rounding gives the images back, and cutting the fraction off does not, in whichever order the steps are undone.
    """
    for count in (1, 3):
        levels = torch.randint(1, 255, (count, 28, 28), generator=generator)
        levels = levels + 0.6 * torch.rand(count, 28, 28, generator=generator) - 0.3
        field = torch.full((count, 1, 32, 32), -0.1)
        field[:, 0, 2:-2, 2:-2] = levels / 255 * 1.275 - 0.1
        yield (field,)


def _pixels(field, background=-0.1, spread=1.275, inside=slice(2, -2)):
    return (field[:, 0, inside, inside] - background) / spread * 255


field_to_pixels = Check(
    "from the field back to pixels",
    right=lambda field: _pixels(field).round(),
    measure=on_cases(_fields),
    absolute=1e-2,
    mistakes=[
        Mistake(
            "cut off instead of rounded",
            lambda field: _pixels(field).floor(),
            "Converting to uint8 drops the fraction, and 254.9999 becomes 254: call .round() first.",
        ),
        Mistake("not rounded", _pixels, "Grey levels are whole numbers: call .round()."),
        Mistake(
            "the corner instead of the middle",
            lambda field: _pixels(field, inside=slice(0, 28)).round(),
            "The digit lies in the middle: leave out two rows and columns on every side.",
        ),
        Mistake(
            "the foreground instead of the range",
            lambda field: _pixels(field, spread=1.175).round(),
            "From background to foreground it is 1.175 - (-0.1) = 1.275.",
        ),
        Mistake(
            "the background forgotten",
            lambda field: _pixels(field, background=0.0).round(),
            "Pixel 0 is -0.1: add 0.1 before you scale.",
        ),
    ],
)


def _blots(generator):
    """Images (28, 28) with ink in one lopsided triangle."""
    for rows, columns in (
        (slice(2, 9), slice(11, 27)),
        (slice(14, 28), slice(0, 5)),
        (slice(3, 25), slice(6, 22)),
    ):
        image = torch.zeros(28, 28)
        shape = image[rows, columns].shape
        image[rows, columns] = (
            torch.rand(shape, generator=generator) * torch.linspace(1, 255, shape[1])
        ).tril()
        yield (image,)


def _centre_of_mass(image):
    places = torch.arange(28, dtype=image.dtype)
    return torch.stack([(image.sum(1) * places).sum(), (image.sum(0) * places).sum()]) / image.sum()


def _box_centre(image):
    inked = image.nonzero().to(image.dtype)
    return (inked.min(0).values + inked.max(0).values) / 2


centre_of_mass = Check(
    "centre of mass",
    right=_centre_of_mass,
    measure=on_cases(_blots),
    mistakes=[
        Mistake(
            "(column, row) instead of (row, column)",
            lambda image: _centre_of_mass(image).flip(0),
            "Summing over columns, image.sum(1), leaves one number a row: those weigh the row numbers.",
        ),
        Mistake(
            "the middle of the box",
            _box_centre,
            "Weigh each place with its ink; a thin tail must count for little.",
        ),
        Mistake(
            "every inked pixel weighed alike",
            lambda image: _centre_of_mass((image > 0).to(image.dtype)),
            "Weigh each place with its grey value.",
        ),
        Mistake(
            "divided by the number of pixels",
            lambda image: _centre_of_mass(image) * image.sum() / image.numel(),
            "Divide by the total mass, image.sum().",
        ),
    ],
)


standard_levels = Check(
    "background and foreground for mean 0 and variance 1",
    right=lambda mean, deviation: (-mean / deviation, (1 - mean) / deviation),
    measure=on_cases(lambda generator: [(0.1, 0.28), (0.45, 0.6)]),
    mistakes=[
        Mistake(
            "only the mean",
            lambda m, s: (-m, 1 - m),
            "After taking away the mean, divide by the standard deviation.",
        ),
        Mistake(
            "divided by the variance",
            lambda m, s: (-m / s**2, (1 - m) / s**2),
            "Dividing values by c divides their variance by c squared: divide by the standard deviation.",
        ),
        Mistake(
            "foreground first", lambda m, s: ((1 - m) / s, -m / s), "The background, pixel 0, comes first."
        ),
    ],
)
