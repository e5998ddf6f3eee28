"""Strings of digits, and the windows of them that the network learns to read strings from (Section VII-B).

Digits stand side by side in a field of 32 rows, at stated gaps between their bounding boxes; where two meet, the darker
pixel shows. What the paper leaves open is said at `string_windows`.
"""

from dataclasses import dataclass

import torch

from .digits import FIELD, SIZE, Digits

STEP = 4  # columns from one window of the network to the next: two subsamplings by 2
MARGIN = 12  # background before the first and after the last bounding box of a string
BLANK = 10  # label of the windows that no digit is in the middle of
GAPS = (-1, 4)  # smallest and largest gap between bounding boxes, in pixels (VII-B)
CHUNK = 2000  # windows or strings laid out at a time


@dataclass(frozen=True, eq=False)
class Strings:
    """N strings of digits: fields uint8 (N, 32, columns), what they say, and where their digits stand.

    texts: N strings of "0" to "9". centres: float32 (N, longest), the column in the middle of each digit's bounding
    box, NaN beyond the end of a shorter string. source: as Digits.source.
    """

    fields: torch.Tensor
    texts: tuple
    centres: torch.Tensor
    source: str

    def __len__(self):
        return len(self.texts)


@dataclass(frozen=True)
class PixelInversion:
    """Salt and pepper noise: each pixel inverted with `probability`, in a `fraction` of the images.

    Called as fit's `distort`: images (n, rows, columns) of 0 to 255 and a torch.Generator; returns new images of the
    same dtype. Raises ValueError for a probability or fraction outside 0 to 1.
    """

    probability: float = 0.1
    fraction: float = 1.0

    def __post_init__(self):
        for name in ("probability", "fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"PixelInversion: got {name} {getattr(self, name)}, expected 0 to 1.")

    def __call__(self, images, generator):
        inverted = torch.rand(images.shape, generator=generator) < self.probability
        inverted &= (torch.rand(len(images), generator=generator) < self.fraction)[:, None, None]
        return torch.where(inverted.to(images.device), 255 - images, images)


def make_strings(digits, count, lengths=(3, 6), gaps=GAPS, jitter=0, noise=0.0, seed=0):
    """`count` Strings of `digits` drawn at random, of a length drawn from `lengths`, both ends included.

    gaps: smallest and largest gap between bounding boxes, in pixels; below 0 they overlap. jitter: each digit stands up
    to so many pixels above or below its place. noise: probability of a pixel to be inverted. All are drawn uniformly,
    and independently, by a generator of this seed. Raises ValueError for ranges that are none, and for
    digits that are windows of strings themselves.
    """
    check_single("make_strings", digits)
    check_ranges("make_strings", count=count, lengths=lengths, gaps=gaps, jitter=jitter)
    random = torch.Generator().manual_seed(seed)
    longest = lengths[1]
    chosen = torch.randint(len(digits), (count, longest), generator=random)
    length = drawn(lengths, (count, 1), random)
    present = torch.arange(longest) < length
    gap = drawn(gaps, (count, longest - 1), random)
    left, width = map(torch.cat, zip(*(boxes(digits.images[part]) for part in chosen.split(CHUNK))))
    begins = MARGIN + in_a_row(width, gap)
    ends = (begins + width).masked_fill(~present, 0).amax(1)
    columns = max(FIELD, -(-(int(ends.max()) + MARGIN) // STEP) * STEP)
    rises = drawn((-jitter, jitter), chosen.shape, random)
    parts = zip(*(each.split(CHUNK) for each in (chosen, begins - left, rises, present)))
    fields = torch.cat([lay_out(digits.images[part], *placed, columns) for part, *placed in parts])
    if noise:
        fields = PixelInversion(noise)(fields, random)
    labels = digits.labels[chosen].tolist()
    texts = tuple("".join(map(str, row[:n])) for row, n in zip(labels, length.ravel().tolist()))
    centres = (begins + width / 2).masked_fill(~present, float("nan"))
    return Strings(fields, texts, centres, digits.source)


def string_windows(
    digits, count, gaps=GAPS, blanks=0.3, central=2.0, clear=6.0, close=0.2, wide=0.1, ends=0.15, jitter=1, seed=0
):
    """`count` windows (32 x 32) of strings, as Digits of 11 classes: the digit in the middle, or 10 for none.

    The digit in the middle is flanked by two others on either side, at gaps drawn from `gaps` (VII-B). Left open there,
    and chosen here:

    blanks:  share of windows with no digit in the middle.
    central: a digit is in the middle up to so many pixels between its middle and the window's, and no digit is up to so
             many from half way between two; where the two are close, both up to a quarter of the way from one to the
             other. A window comes every 4 pixels: with 2 one of them has every digit in its middle, and one every gap.
    clear:   no digit is in the middle either from so many pixels to the middle of the nearest. What lies between
             `central` and that is not shown.
    close:   probability of an overlap instead, of up to 5 pixels more than `gaps` has.
    wide:    probability of a gap of up to 16 pixels more instead, as people leave them.
    ends:    probability that the string ends beside the central digit, on either side.
    jitter:  pixels that a digit may stand above or below its place.

    Noise is for `fit` to add, anew each time: distort=PixelInversion(...). Raises ValueError for ranges that are none,
    and for digits that are windows of strings themselves.
    """
    check_single("string_windows", digits)
    check_ranges("string_windows", count=count, gaps=gaps, jitter=jitter)
    for name, share in (("blanks", blanks), ("close", close), ("wide", wide), ("ends", ends)):
        if not 0 <= share <= 1:
            raise ValueError(f"string_windows: got {name} {share}, expected a share from 0 to 1.")
    random = torch.Generator().manual_seed(seed)
    parts = [min(CHUNK, count - done) for done in range(0, count, CHUNK)]
    images, labels = zip(
        *(some_windows(digits, part, gaps, blanks, central, clear, close, wide, ends, jitter, random) for part in parts)
    )
    return Digits(torch.cat(images), torch.cat(labels), digits.source, classes=BLANK + 1)


def some_windows(digits, count, gaps, blanks, central, clear, close, wide, ends, jitter, random):
    """Images (count, 32, 32) and labels (count,) of `string_windows`."""
    chosen = torch.randint(len(digits), (count, 5), generator=random)
    gap = drawn(gaps, (count, 4), random)
    for probability, others in ((close, (gaps[0] - 5, gaps[0] - 1)), (wide, (gaps[1] + 1, gaps[1] + 16))):
        if probability == 0:
            continue
        gap = torch.where(chance(probability, gap.shape, random), drawn(others, gap.shape, random), gap)
    none_left, none_right = chance(ends, (2, count, 1), random)
    gap[:, 1:2].masked_fill_(none_left, FIELD)  # the next digit would be out of sight
    gap[:, 2:3].masked_fill_(none_right, FIELD)
    left, width = boxes(digits.images[chosen])
    begins = in_a_row(width, gap)
    middles = begins + width / 2
    before, after = (middles[:, 2] - middles[:, 1]), (middles[:, 3] - middles[:, 2])
    blank = chance(blanks, (count,), random)
    u = 2 * torch.rand(count, generator=random) - 1
    on_digit = u * (torch.where(u < 0, before, after) / 4).clamp(0, central)
    side = torch.where(chance(0.5, (count,), random), -before, after)
    off_digit = side / 2 + u * torch.maximum(side.abs() / 2 - clear, (side.abs() / 4).clamp(0, central))
    middle = middles[:, 2] + torch.where(blank, off_digit, on_digit)
    begins = (begins - middle[:, None] + FIELD / 2).round().long()
    rises = drawn((-jitter, jitter), chosen.shape, random)
    images = lay_out(digits.images[chosen], begins - left, rises, torch.ones_like(chosen, dtype=torch.bool), FIELD)
    return images, torch.where(blank, BLANK, digits.labels[chosen[:, 2]])


def boxes(images):
    """First column and width of the ink in images (..., 28, 28), int64 (...)."""
    ink = (images > 0).any(-2).int()
    left = ink.argmax(-1)
    return left, images.shape[-1] - ink.flip(-1).argmax(-1) - left


def in_a_row(width, gap):
    """Where boxes of these widths (N, L) begin, the first at 0, with gaps (N, L - 1) between them."""
    return torch.cat([torch.zeros_like(width[:, :1]), (width[:, :-1] + gap).cumsum(1)], 1)


def lay_out(images, columns_from, rises, present, columns):
    """Fields uint8 (N, 32, columns) of images (N, L, 28, 28), each with its first column at `columns_from` (N, L).

    rises: pixels by which each stands lower than the middle. present: which of them are there. The darker pixel shows.
    """
    fields = torch.zeros(len(images), FIELD, columns, dtype=torch.uint8)
    for place in range(images.shape[1]):
        row = torch.arange(FIELD) - (FIELD - SIZE) // 2 - rises[:, place, None]
        column = torch.arange(columns) - columns_from[:, place, None]
        inside = (within(row) & present[:, place, None])[:, :, None] & within(column)[:, None, :]
        row, column = row.clamp(0, SIZE - 1), column.clamp(0, SIZE - 1)
        picked = images[:, place].gather(1, row[:, :, None].expand(-1, -1, SIZE))
        picked = picked.gather(2, column[:, None, :].expand(-1, FIELD, -1))
        fields = torch.maximum(fields, picked * inside)
    return fields


def within(index):
    return (index >= 0) & (index < SIZE)


def drawn(ends, shape, random):
    """Whole numbers from ends[0] to ends[1], both included."""
    return torch.randint(ends[0], ends[1] + 1, shape, generator=random)


def chance(probability, shape, random):
    return torch.rand(shape, generator=random) < probability


def check_single(caller, digits):
    """Raise ValueError unless there is a digit in every image, with ground around it to be cut off."""
    if digits.images.shape[1:] != (SIZE, SIZE) or digits.classes > BLANK:
        raise ValueError(
            f"{caller}: got images of shape {tuple(digits.images.shape)} in {digits.classes} classes, expected single "
            f"digits, (N, {SIZE}, {SIZE}) in {BLANK} classes, as from load_digits()."
        )


def check_ranges(caller, count, gaps, jitter, lengths=(1, 1)):
    """Raise ValueError where the strings asked for cannot be made."""
    if not count >= 1 or not jitter >= 0:
        raise ValueError(f"{caller}: got count {count} and jitter {jitter}, expected at least 1 and at least 0.")
    if not 1 <= lengths[0] <= lengths[1]:
        raise ValueError(f"{caller}: got lengths {lengths}, expected the shortest, at least 1, and the longest.")
    if not -8 <= gaps[0] <= gaps[1] <= SIZE:
        raise ValueError(f"{caller}: got gaps {gaps}, expected the smallest, at least -8, and the largest, up to 28.")
