"""Which pieces of ink are the digit, and which are lines, frames, edges, shadows, dirt, or another digit."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from .ground import CLEAR, NOISY, WIDTHS, departure_from_ground, is_uneven, opened, smooth_light, widened
from .lines import LINE, printed_lines, thickness

TOUCHING = np.ones((3, 3))  # pixels that meet at a corner are of one piece
SPECK = 0.02  # a piece with less than this share of the ink is dirt
SMALL = 0.2  # of a picture's longer side: what spans more within it is what the picture shows
REMNANT = 0.12  # of a picture's longer side: what is smaller beside printed lines is where they cross
PALE = 0.4  # of full ink: a piece that is nowhere darker is a faint mark, and what of a piece is far from darker ink
RECTANGLE = 0.85  # of its box a filled frame has at least, a round digit less
SOLID = 0.6  # of its box: a stroke that lies, straight, fills more
WIDEST = 2.2  # times as wide as it is high: the widest of MNIST's training digits is 2.0
APART = 0.2  # of the height: between tall pieces side by side; in one of MNIST's 60,000 training digits it is larger
UPRIGHT = 1.5  # times as high as it is wide, in two even parts: two digits (or one of six of the 60,000)
MIDDLING = 0.55  # of full ink: as PALE, of what still stands out from the ground as it is seen from closer by
BLOB = 2.5  # widths of the widest stroke: what reaches in from the border and is less long is no digit
STROKES = 3.0  # widths: what is as long for its width needs no second look, with a narrower ground
STRIP = 0.02  # of a picture's height or width: what is all so near to a border is no digit
AROUND = 0.6  # of a picture's border: what lies along more of it is no digit, but around one
FRAME = 4.0  # widths: lines with nothing in them are seen before light places this short are taken for strokes
ENCLOSED = 0.5  # widths: what strokes enclose is taken for strokes only where all else is no longer than a sheet
MOST = 0.4  # of a picture: where so much is one upright piece it is a 1, not a light place between strokes
MANY = 6  # pieces, none of them dirt: the most in pieces of MNIST's training digits has 4
NUMBERS = {2: "two", 3: "three", 4: "four"}
ONE_EACH = "expected one digit; cut out one and give it as a picture of its own."
LINES = "this looks like lines or a frame with nothing in it, expected one digit; give one with a digit."
UNCLEAR = "no strokes stand out clearly from the ground, expected one digit; take it again in even light, close by."
EDGE = "something reaches in from the edge of the picture, expected one digit with ground around it; cut that off."
FAINT = "only faint marks, or what lies along lines, stand out, expected one digit with ground around it; take it anew."
BLANK = "got a blank picture, expected one digit with ground around it; draw or choose another."


@dataclass(frozen=True, eq=False)
class Seen:
    """What one look at a picture (rows, columns) shows: see `normalise.Sighting`."""

    ground: np.ndarray
    ink: np.ndarray
    box: tuple | None = None
    refusal: str = ""
    length: float = -2.0  # of the strokes, in widths of the widest
    lines: bool = False  # whether printed lines were set aside


class Pieces:
    """The connected pieces of a mask: their boxes (pairs of slices), and the mass and the peak of the ink in them."""

    def __init__(self, mask, ink):
        self.labels, self.count = ndimage.label(mask, structure=TOUCHING)
        self.boxes = ndimage.find_objects(self.labels)
        inside = self.labels > 0
        labels, ink = self.labels[inside], ink[inside]
        self.area, self.mass = (np.bincount(labels, weights, self.count + 1)[1:] for weights in (None, ink))
        self.peak = np.zeros(self.count + 1)
        np.maximum.at(self.peak, labels, ink)
        self.peak = self.peak[1:]
        self.ends = np.array([[p.start for p in box] + [p.stop for p in box] for box in self.boxes]).reshape(-1, 4)
        self.height, self.width = (self.ends[:, 2:] - self.ends[:, :2]).T
        self.span = np.maximum(self.height, self.width)
        rows, columns = mask.shape
        self.at_border = (self.ends[:, :2] == 0).any(axis=1) | (self.ends[:, 2:] == [rows, columns]).any(axis=1)

    def mask(self, chosen):
        """The pixels of the chosen pieces, a mask over pieces."""
        return np.concatenate([[False], chosen])[self.labels]

    def length(self, chosen):
        """Of the longest stroke of the chosen pieces, in widths of the widest."""
        return self.area[chosen].max() / max(thickness(self.mask(chosen)), 1) ** 2


def digit_ink(grey):
    """What is seen in grey levels (rows, columns): the digit's ink and its box, or a refusal.

    Dark ink encloses light places and light ink dark ones, and the ground between strokes, or a shadow on it, may be
    taken for ink: of what may be ink, that is ink which is most like strokes, long for its width, and of what is as
    light as the ground of the picture as a whole only where there is nothing else.
    """
    best = Seen(grey, np.zeros_like(grey), refusal=BLANK)
    light, noise = smooth_light(grey)
    flat = grey - light
    if np.abs(flat).max() <= max(6 * noise, 1e-3 * np.abs(grey).max()):
        return replace(best, refusal=UNCLEAR) if is_uneven(grey, noise) else best
    smooth = ndimage.median_filter(flat, 3) if noise else flat
    for width in WIDTHS:
        for sign in (-1, 1):
            seen = _look_at(grey, flat, sign, departure_from_ground(sign * flat, sign * smooth, width), noise)
            best = max(best, seen, key=lambda each: each.length)
        if best.length >= STROKES:
            break
    return best


def _look_at(grey, flat, sign, departure, noise):
    ground = grey - sign * departure
    nothing = Seen(ground, np.zeros_like(grey), refusal=BLANK)
    if not departure.max() > max(6 * noise, 1e-3 * np.abs(grey).max()):
        return nothing
    seen = departure > max(4 * noise, 0.1 * departure.max())
    seen_lines = printed_lines(seen)
    mask = (departure > max(4 * noise, 0.2 * departure.max())) & ~seen_lines
    pieces = Pieces(mask, departure)
    kept = _shown(pieces)
    if seen_lines.any() and pieces.span[kept].max(initial=0) < REMNANT * max(grey.shape):
        faint = departure.max() < PALE * np.ptp(flat)  # beside what is seen with the other sign: the halo of a JPEG
        return nothing if faint else replace(nothing, refusal=LINES, length=FRAME)
    if not kept.any():
        return replace(nothing, length=-0.5)
    mask = pieces.mask(kept)
    full = _full(departure, mask)
    kept &= pieces.peak >= PALE * full
    mask = pieces.mask(kept)
    # the ground again, from closer by: what is three strokes wide is no stroke, but a shadow
    stroke = thickness(mask & (departure > full / 2))
    width = round(3 * stroke + 3)
    if width < 0.3 * max(grey.shape):
        wide = opened(ndimage.median_filter(departure, 3) if noise else departure, width)
        departure = np.maximum(departure - np.maximum(wide, 0), 0)
        full = _full(departure, mask)
    inklevel = np.median(sign * grey[mask & (departure > full / 2)])
    contrast = np.maximum(inklevel - sign * ground, departure[mask].max() / 2)
    share = departure / contrast
    faint = np.clip(max(5 * noise / full, 8 * _halo(share, mask & (share > 0.5))), CLEAR, NOISY)
    set_aside = seen_lines | (pieces.labels > 0) & ~mask
    pieces = Pieces(_connected((share > faint) & ~set_aside, mask), share)
    chosen = _shown(pieces) & (pieces.peak >= MIDDLING)
    if seen_lines.any():
        chosen &= ~_remnants(pieces, seen_lines)
    if not chosen.any():
        return replace(nothing, refusal=FAINT, length=-1.5)
    strong = pieces.mask(chosen)
    strong &= widened(strong & (share >= PALE), max(round(stroke), 1))  # a faint mark may touch the digit
    if not _has_edges(sign * grey, strong, inklevel, full):
        return replace(nothing, refusal=UNCLEAR, length=-1)
    length = pieces.length(chosen)
    if length < BLOB and pieces.at_border[chosen].all():
        return replace(nothing, refusal=EDGE, length=0)
    rows, columns = (np.flatnonzero(strong.any(axis=axis)) for axis in (1, 0))
    box = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    if _along_border(strong, box):
        return replace(nothing, refusal=EDGE, length=0)
    near = widened(strong, max(round(stroke / 2), 1))
    near &= ~widened(seen_lines, 1) | _closed(strong, max(round(stroke / 2), 1))
    share = np.where(near & (share > max(2 * noise / full, 0.02)), share, 0)
    share = np.clip(share / np.percentile(share[share > 0], 95), 0, 1)
    lines_alone = (pieces.at_border & _bars(pieces))[chosen].all()
    sheet = lines_alone or _is_sheet(strong)  # it is read only where nothing else is seen
    if abs(np.median(flat[strong])) < 4 * noise + CLEAR * full:  # as light as the ground: what strokes enclose
        if sheet:
            return nothing
        if chosen.sum() > 1 or not _stands_alone(strong, box):
            length = min(length, ENCLOSED)
    elif sheet:
        length = 0
    other = not_one_digit(pieces, chosen)
    return Seen(ground, share, box, f"{other}, {ONE_EACH}" if other else "", length, bool(seen_lines.any()))


def _stands_alone(mask, box):
    """Whether one upright piece is most of its picture: a 1 cut out so tightly that its ink is taken for the ground."""
    top, left, bottom, right = box
    return mask.mean() >= MOST and bottom - top > UPRIGHT * (right - left)


def _along_border(mask, box):
    """Whether a mask lies along one border, all of it, as a strip beyond a frame, or along most of all four."""
    (top, left, bottom, right), (rows, columns) = box, mask.shape
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return min(bottom / rows, right / columns, 1 - top / rows, 1 - left / columns) <= STRIP or border.mean() > AROUND


def _connected(mask, seeds):
    """The pieces of the mask that hold a seed."""
    labels, count = ndimage.label(mask, structure=TOUCHING)
    kept = np.zeros(count + 1, bool)
    kept[labels[seeds & mask]] = True
    return kept[labels] & mask


def _closed(mask, by):
    """The mask with its gaps of up to twice `by` pixels filled."""
    return ~widened(~widened(mask, by), by)


def _remnants(pieces, lines):
    """Which pieces, beside the heaviest, lie along the lines that were taken away: what the lines left behind."""
    along = widened(lines, max(round(REMNANT * max(lines.shape) / 2), 2)) & (pieces.labels > 0)
    covered = np.bincount(pieces.labels[along], minlength=pieces.count + 1)[1:]
    return (covered >= 0.9 * pieces.area) & (pieces.mass < pieces.mass.max())


def _has_edges(level, mask, inklevel, full):
    """Whether the pixels around the ink are no ink: around a gap between strokes, some are of the gap's level."""
    around = widened(mask, 2) & ~widened(mask, 1)
    return not around.any() or (inklevel - level[around] > 0.4 * full).mean() > 0.85


def _is_sheet(mask):
    """Whether the mask is a large rectangle, turned by up to ten degrees, with nothing or little written on it."""
    filled = ndimage.binary_fill_holes(mask)
    row, column = np.nonzero(filled & ~ndimage.binary_erosion(filled))
    angle = np.radians(np.arange(-10, 11, 2))[:, None]
    along = np.cos(angle) * row + np.sin(angle) * column
    across = np.cos(angle) * column - np.sin(angle) * row
    sides = 1 + np.ptp(along, axis=1), 1 + np.ptp(across, axis=1)
    best = (sides[0] * sides[1]).argmin()
    large = min(sides[0][best], sides[1][best]) > SMALL * max(mask.shape)
    return large and filled.sum() > RECTANGLE * sides[0][best] * sides[1][best] and mask.sum() > SOLID * filled.sum()


def _halo(share, strong):
    """The share of full ink that four fifths of the pixels around strong ink do not reach: 0 on clean ground."""
    around = widened(strong, 4) & ~widened(strong, 2)
    return np.percentile(share[around], 80) if around.any() else 0


def _full(departure, mask):
    """The departure of full ink: the median of what is more than half as dark as the darkest."""
    inside = departure[mask]
    return np.median(inside[inside > inside.max() / 2])


def _shown(pieces):
    """The pieces that the picture shows: not dirt, not what reaches in from the border, no frame around others."""
    kept = pieces.mass >= 0
    side = max(pieces.labels.shape)
    inside = ~pieces.at_border
    if (pieces.span[inside] >= SMALL * side).any():
        kept &= inside
    large = pieces.span >= SMALL * side
    bars = large & _bars(pieces)
    if (kept & large & ~bars).any():
        kept &= ~bars
    for piece in np.flatnonzero(kept & large):
        if _frames(pieces, piece, kept):
            kept[piece] = False
    total = pieces.mass[kept].sum()
    return kept & (pieces.mass >= SPECK * total)


def _bars(pieces):
    """Which pieces are straight, level or upright, and as long as a printed line: lines wider than most."""
    rows, columns = pieces.labels.shape
    long = (pieces.width >= LINE * columns) | (pieces.height >= LINE * rows)
    return long & (pieces.area >= RECTANGLE * pieces.height * pieces.width)


def _frames(pieces, piece, kept):
    """Whether a piece is a rectangle around another one."""
    filled = ndimage.binary_fill_holes(pieces.labels[pieces.boxes[piece]] == piece + 1)
    if filled.mean() < RECTANGLE:
        return False
    top, left, bottom, right = pieces.ends[piece]
    within = (pieces.ends[:, :2] > (top, left)).all(axis=1) & (pieces.ends[:, 2:] < (bottom, right)).all(axis=1)
    return bool((within & kept & (pieces.span >= SMALL * pieces.span[piece])).any())


def not_one_digit(pieces, chosen):
    """What the chosen pieces look like if that is not one digit, else ""."""
    ends = pieces.ends[chosen]
    height, width = ends[:, 2:].max(axis=0) - ends[:, :2].min(axis=0)
    gaps, count = _gaps(ends[pieces.height[chosen] >= 0.5 * height], 1)
    if count > 1 and gaps.min() >= 0 and (width > 0.9 * height or gaps.max() > APART * height):
        return f"this looks like {NUMBERS.get(count, 'several')} digits side by side"
    parts = ends[pieces.height[chosen] >= 0.25 * height]
    gaps, count = _gaps(parts, 0)
    even = (parts[:, 2] - parts[:, 0]).max(initial=0) <= 0.65 * height
    if count > 1 and even and gaps.min() >= 0 and height > UPRIGHT * width:
        return f"this looks like {NUMBERS.get(count, 'several')} digits one above the other"
    if width > WIDEST * height and pieces.mask(chosen).sum() < SOLID * height * width:
        return "this is wider than any digit, as two that touch are"
    if len(ends) >= MANY:
        return f"this looks like a page, or {len(ends)} scattered pieces"
    return ""


def _gaps(ends, axis):
    """The gaps between pieces in order, of rows (axis 0) or columns (1), and how many pieces there are."""
    ends = ends[np.argsort(ends[:, axis])]
    return ends[1:, axis] - ends[:-1, axis + 2], len(ends)
