"""Kinds of life-like pictures: photographed, scanned, framed, shadowed, several digits at once; all seeded.

Each kind is a function (rng, digits) -> (picture, right), where digits() draws another (28, 28) digit and its label,
and `right` is the label that a reading must give, or REFUSE. What is right is said here, before anything is read.
"""

import numpy as np
from scipy import ndimage
from sheets import cell, photographed, placed, rules, saved, shade, shrunk, stroke

REFUSE = "refuse"


def drawn(rng, digits, low=60, high=260):
    image, label = digits()
    return stroke(image, rng.integers(low, high)), label


def clean(rng, digits):
    image, label = digits()
    return saved(255 - 225 * placed(rng, stroke(image, rng.integers(24, 300)), (0.1, 1.0))), label


def small_jpeg(rng, digits):
    image, label = digits()
    return shrunk(image, int(rng.integers(32, 130)), rng.integers(30, 96)), label


def thin_pen(rng, digits):
    image, label = digits()
    height = rng.integers(100, 260)
    return photographed(rng, placed(rng, stroke(image, height, pen=height * rng.uniform(0.03, 0.08)))), label


def photo(rng, digits):
    ink, label = drawn(rng, digits)
    return photographed(rng, placed(rng, ink), noise=(2, 12), slope=(0.1, 0.5)), label


def pencil(rng, digits):
    ink, label = drawn(rng, digits)
    return photographed(rng, placed(rng, ink), dark=(0.55, 0.75)), label


def textured(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink)
    grain = ndimage.gaussian_filter(rng.normal(0, 1, sheet.shape), rng.uniform(1, 4))
    return photographed(rng, sheet, light=1 + rng.uniform(0.01, 0.04) * grain / grain.std()), label


def chalk(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink)
    dust = ndimage.gaussian_filter(rng.random(sheet.shape), 1.5)
    sheet = sheet * np.clip((dust - dust.min()) / np.ptp(dust) + 0.4, 0, 1)
    return saved(45 + 170 * sheet + rng.normal(0, 5, sheet.shape), 85), label


def faint_shadow(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink)
    return photographed(rng, sheet, light=1 - shade(rng, sheet.shape, rng.uniform(0.04, 0.15), soft=(0.02, 0.1))), label


def hard_shadow(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink)
    return photographed(rng, sheet, light=1 - shade(rng, sheet.shape, rng.uniform(0.3, 0.5), soft=(0.01, 0.03))), label


def bleed_through(rng, digits):
    ink, label = drawn(rng, digits)
    sheet, back = placed(rng, ink), digits()[0]
    other = placed(rng, stroke(back, min(max(ink.shape), min(sheet.shape) - 20) * 0.7, softness=0.6), shape=sheet.shape)
    return photographed(rng, np.maximum(sheet, rng.uniform(0.08, 0.25) * other[:, ::-1])), label


def specks(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink)
    for _ in range(rng.integers(3, 12)):
        size = max(round(max(ink.shape) * rng.uniform(0.01, 0.05)), 1)
        top, left = (rng.integers(0, side - size) for side in sheet.shape)
        sheet[top : top + size, left : left + size] = rng.uniform(0.5, 1)
    return photographed(rng, sheet), label


def ruled(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink)
    return photographed(rng, np.maximum(sheet, rules(rng, sheet.shape, max(ink.shape), rng.uniform(0.2, 0.6)))), label


def squared(rng, digits):
    ink, label = drawn(rng, digits)
    sheet, strength, every = placed(rng, ink), rng.uniform(0.15, 0.5), max(ink.shape) * rng.uniform(0.3, 0.8)
    grid = np.maximum(*(
        rules(rng, shape, every, strength).T if turned else rules(rng, shape, every, strength)
        for turned, shape in ((False, sheet.shape), (True, sheet.shape[::-1]))
    ))  # fmt: skip
    return photographed(rng, np.maximum(sheet, grid)), label


def frame(rng, digits):
    ink, label = drawn(rng, digits)
    sheet, width, inset = placed(rng, ink), int(rng.integers(1, 8)), int(rng.integers(0, 12))
    edge = np.ones_like(sheet, bool)
    edge[inset : edge.shape[0] - inset, inset : edge.shape[1] - inset] = False
    border = np.pad(np.ones((sheet.shape[0] - 2 * inset, sheet.shape[1] - 2 * inset), bool), inset) & ~edge
    border[inset + width : -inset - width, inset + width : -inset - width] = False
    return saved(255 - 225 * np.maximum(sheet, border)), label


def cell_all_round(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink, (0.25, 0.6))
    return photographed(rng, cell(rng, sheet, max(ink.shape) * rng.uniform(0.01, 0.06))), label


def cell_in_part(rng, digits):
    ink, label = drawn(rng, digits)
    sheet, sides = placed(rng, ink, (0.25, 0.6)), rng.permutation(4)[: rng.integers(1, 4)]
    return photographed(rng, cell(rng, sheet, max(ink.shape) * rng.uniform(0.01, 0.06), sides)), label


def touching_a_line(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = np.pad(ink, round(0.3 * max(ink.shape)))
    share, sides = 0.3 * max(ink.shape) / max(sheet.shape), rng.permutation(4)[: rng.integers(1, 5)]
    sheet = cell(rng, sheet, max(ink.shape) * rng.uniform(0.01, 0.05), sides, (0.85 * share, 1.1 * share))
    return photographed(rng, sheet), label


def one_line_through(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink, (0.4, 0.8))
    return photographed(rng, cell(rng, sheet, max(ink.shape) * rng.uniform(0.01, 0.03), (0,), (0.35, 0.65))), label


def neighbours(rng, digits):
    """A cell of a form cut out with parts of the digits beside it."""
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink, (0.4, 0.7))
    for left in (True, False):
        other = stroke(digits()[0], max(ink.shape))
        width = max(round(other.shape[1] * rng.uniform(0.1, 0.4)), 2)
        part = other[: sheet.shape[0], -width:] if left else other[: sheet.shape[0], :width]
        top = rng.integers(0, sheet.shape[0] - part.shape[0] + 1)
        at = slice(0, width) if left else slice(-width, None)
        sheet[top : top + part.shape[0], at] = np.maximum(sheet[top : top + part.shape[0], at], part)
    return photographed(rng, sheet), label


def sheet_on_table(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink, (0.4, 1.0))
    margin = [round(max(ink.shape) * rng.uniform(0.1, 1.2)) for _ in range(4)]
    shape = sheet.shape[0] + margin[0] + margin[1], sheet.shape[1] + margin[2] + margin[3]
    paper, whole = np.zeros(shape), np.zeros(shape)
    at = slice(margin[0], margin[0] + sheet.shape[0]), slice(margin[2], margin[2] + sheet.shape[1])
    paper[at], whole[at] = 1, sheet
    angle = rng.uniform(-8, 8)
    paper, whole = (ndimage.rotate(each, angle, order=1, reshape=False) for each in (paper, whole))
    return photographed(rng, np.clip(whole, 0, 1), light=np.clip(paper, rng.uniform(0.2, 0.6), 1)), label


def table_at_a_side(rng, digits):
    ink, label = drawn(rng, digits)
    sheet = placed(rng, ink, (0.4, 1.0))
    light = np.ones_like(sheet)
    for side in rng.permutation(4)[: rng.integers(1, 3)]:
        turned = np.rot90(light, side)
        row, column = np.mgrid[0 : turned.shape[0], 0 : turned.shape[1]]
        turned[row < 0.25 * max(ink.shape) * rng.uniform(0.2, 1) + rng.uniform(-0.05, 0.05) * column] = 0.3
    return photographed(rng, sheet, light=light), label


def tight(rng, digits):
    image, label = digits()
    ink = stroke(image, rng.integers(24, 260))
    ink = np.pad(ink, int(rng.integers(0, 3))) if min(ink.shape) > 0.3 * max(ink.shape) else np.pad(ink, 12)
    return saved(255 - 225 * ink), label


def small_in_a_large(rng, digits):
    image, label = digits()
    sheet = placed(rng, stroke(image, rng.integers(70, 110)), shape=(1200, 1600))
    return photographed(rng, sheet, slope=(0, 0.3)), label


def side_by_side(rng, digits, count=2):
    sheets = [stroke(digits()[0], 120 * rng.uniform(0.85, 1.15)) for _ in range(count)]
    gap = [round(120 * rng.uniform(0.08, 0.5)) for _ in sheets]
    high = max(each.shape[0] for each in sheets) + 8
    parts = [
        np.pad(each, ((int(rng.integers(0, high - each.shape[0] + 1)), 0), (space, 0)))
        for each, space in zip(sheets, gap)
    ]
    row = np.concatenate([np.pad(each, ((0, high + 8 - each.shape[0]), (0, 0))) for each in parts], axis=1)
    return photographed(rng, placed(rng, row, (0.2, 0.5))), REFUSE


def three_digits(rng, digits):
    return side_by_side(rng, digits, 3)


def page(rng, digits):
    lines = []
    for _ in range(rng.integers(3, 7)):
        line = [np.pad(stroke(digits()[0], 40), 6) for _ in range(8)]
        high = max(each.shape[0] for each in line)
        line = np.concatenate([np.pad(each, ((0, high - each.shape[0]), (0, 0))) for each in line], axis=1)
        lines.append(line[:, :240] if line.shape[1] >= 240 else np.pad(line, ((0, 0), (0, 240 - line.shape[1]))))
    return photographed(rng, np.pad(np.concatenate(lines), 30)), REFUSE


def blank_sheet(rng, digits):
    shape = tuple(rng.integers(80, 500, 2))
    light = 1 - shade(rng, shape, rng.choice([0, 0.1, 0.4]), soft=(0.01, 0.08))
    return photographed(rng, np.zeros(shape), light=light), REFUSE


def empty_cell(rng, digits):
    sheet = np.zeros(tuple(rng.integers(100, 400, 2)))
    return photographed(rng, cell(rng, sheet, max(sheet.shape) * rng.uniform(0.01, 0.04))), REFUSE


KINDS = {
    function.__name__.replace("_", " "): function
    for function in (
        clean, small_jpeg, thin_pen, photo, pencil, textured, chalk, faint_shadow, hard_shadow, bleed_through, specks,
        ruled, squared, frame, cell_all_round, cell_in_part, touching_a_line, one_line_through, neighbours,
        sheet_on_table, table_at_a_side, tight, small_in_a_large, side_by_side, three_digits, page, blank_sheet,
        empty_cell,
    )
}  # fmt: skip
