"""Kinds of framed cells, as forms and sudokus have them: lines of every kind, cut, doubled, dotted, touched, skewed.

As kinds.py: functions (rng, digits) -> (picture, right). Each cell is cut out of its form roughly, so that more or less
of its lines, and of what stands beyond them, is in the picture.
"""

import numpy as np
from kinds import drawn
from scipy import ndimage
from sheets import photographed, saved, shade, stroke

WIDTHS = 0.01, 0.06  # of a line, in heights of the digit


def form(rng, digits, room=(0.1, 0.45), beyond=(-0.03, 0.25), low=60):
    """A digit on a sheet, the places of the cell's lines (top, left, bottom, right), the digit's size, the label."""
    ink, label = drawn(rng, digits, low)
    size = max(ink.shape)
    inside, outside = (np.round(size * rng.uniform(*each, 4)).astype(int) for each in (room, beyond))
    if ink.shape[1] < 0.5 * size:  # a cell is no narrower for a 1
        inside[1::2] += round((0.6 * size - ink.shape[1]) / 2)
    margin = np.maximum(inside + outside, 0)
    sheet = np.pad(ink, ((margin[0], margin[2]), (margin[1], margin[3])))
    top, left = (margin - inside)[:2]
    return sheet, (top, left, *(sheet.shape - (margin - inside)[2:])), size, label


def across(shape, place, width, turned, tilt=0.0, bend=0.0, between=None):
    """A line, level or upright (`turned`), through `place`: softly edged coverage by ink."""
    along, away = np.mgrid[0 : shape[0], 0 : shape[1]][:: 1 if turned else -1]
    middle = shape[0 if turned else 1] / 2
    u = (along - middle) / max(middle, 1)
    line = np.clip(width / 2 + 0.5 - np.abs(away - place - tilt * (along - middle) - bend * u**2), 0, 1)
    return line if between is None else line * ((along >= between[0]) & (along <= between[1]))


def outlined(rng, sheet, ends, size, sides=(0, 1, 2, 3), width=WIDTHS, dark=(0.4, 1.0), crossing=True, tilt=0.03):
    """The sheet with the cell's lines on the sides named; `crossing` lines run on beyond the corners."""
    lines, turn, thick = np.zeros_like(sheet), rng.uniform(-tilt, tilt), max(size * rng.uniform(*width), 1)
    for side in sides:
        upright = side % 2 == 1
        between = None if crossing else sorted((ends[0], ends[2]) if upright else (ends[1], ends[3]))
        line = across(sheet.shape, ends[side], thick, upright, -turn if upright else turn, between=between)
        lines = np.maximum(lines, line)
    return np.maximum(sheet, rng.uniform(*dark) * lines)


def framed(rng, digits):
    sheet, ends, size, label = form(rng, digits)
    return photographed(rng, outlined(rng, sheet, ends, size, crossing=rng.random() < 0.5)), label


def some_sides(rng, digits):
    sheet, ends, size, label = form(rng, digits)
    return photographed(rng, outlined(rng, sheet, ends, size, rng.permutation(4)[: rng.integers(1, 4)])), label


def comb(rng, digits):
    """The comb of a form: a foot line, and low teeth at both sides."""
    sheet, ends, size, label = form(rng, digits)
    sheet = outlined(rng, sheet, ends, size, (2,))
    low = ends[2] - size * rng.uniform(0.2, 0.5), ends[2]
    for place in ends[1], ends[3]:
        sheet = np.maximum(sheet, rng.uniform(0.5, 1) * across(sheet.shape, place, size * 0.02, True, between=low))
    return photographed(rng, sheet), label


def thick_lines(rng, digits):
    sheet, ends, size, label = form(rng, digits)
    return photographed(rng, outlined(rng, sheet, ends, size, width=(0.06, 0.16), tilt=0.02)), label


def hair_lines(rng, digits):
    sheet, ends, size, label = form(rng, digits)
    return photographed(rng, outlined(rng, sheet, ends, size, width=(0.003, 0.012), dark=(0.3, 0.9))), label


def dotted(rng, digits):
    sheet, ends, size, label = form(rng, digits)
    lines = outlined(rng, np.zeros_like(sheet), ends, size, width=(0.015, 0.05))
    row, column = np.mgrid[0 : sheet.shape[0], 0 : sheet.shape[1]]
    every, share = max(size * rng.uniform(0.04, 0.12), 4), rng.uniform(0.4, 0.65)
    return photographed(rng, np.maximum(sheet, lines * ((row + column) % every < share * every))), label


def doubled(rng, digits):
    sheet, ends, size, label = form(rng, digits, beyond=(0.05, 0.3))
    apart = np.array([-1, -1, 1, 1]) * size * rng.uniform(0.05, 0.14)
    sheet = outlined(rng, sheet, ends, size, width=(0.01, 0.03), tilt=0)
    return photographed(rng, outlined(rng, sheet, ends + apart, size, width=(0.01, 0.03), tilt=0)), label


def cut_by_the_digit(rng, digits):
    """The digit is too large for its cell: it runs across one or two of the lines."""
    sheet, ends, size, label = form(rng, digits, room=(0.05, 0.4), beyond=(0.1, 0.3))
    ends = np.array(ends, float)
    for side in rng.permutation(4)[: rng.integers(1, 3)]:
        ends[side] += (1 if side < 2 else -1) * size * rng.uniform(0.12, 0.6)
    return photographed(rng, outlined(rng, sheet, ends, size, width=(0.01, 0.04))), label


def touched(rng, digits):
    """The digit ends on a line, or lies along it."""
    sheet, ends, size, label = form(rng, digits, room=(-0.02, 0.03), beyond=(0.02, 0.3))
    sides = rng.permutation(4)[: rng.integers(1, 4)]
    return photographed(rng, outlined(rng, sheet, ends, size, sides, width=(0.01, 0.05))), label


def line_through(rng, digits):
    """The middle line of a form, or two, crosses the digit."""
    sheet, ends, size, label = form(rng, digits, beyond=(0.1, 0.3))
    turned = rng.random() < 0.3
    for _ in range(rng.integers(1, 3)):
        place = sheet.shape[1 if turned else 0] * rng.uniform(0.3, 0.7)
        line = across(sheet.shape, place, max(size * rng.uniform(0.008, 0.04), 1), turned, rng.uniform(-0.03, 0.03))
        sheet = np.maximum(sheet, rng.uniform(0.4, 1) * line)
    return photographed(rng, sheet), label


def with_neighbours(rng, digits):
    """Beyond the lines at the left and right stand the neighbours, and some of them run into the cell."""
    sheet, ends, size, label = form(rng, digits, room=(0.15, 0.4), beyond=(0.1, 0.35))
    ends = np.array(ends)
    for side in (1, 3):
        other = stroke(digits()[0], size * rng.uniform(0.8, 1))[: sheet.shape[0]]
        reach = round(size * rng.uniform(-0.05, 0.1))  # into the cell, or short of the line
        part = other[:, -(ends[1] + reach) :] if side == 1 else other[:, : sheet.shape[1] - ends[3] + reach]
        if min(part.shape) == 0 or part.shape[1] > sheet.shape[1]:
            continue
        top = rng.integers(0, sheet.shape[0] - part.shape[0] + 1)
        left = (
            max(ends[1] + reach - part.shape[1], 0)
            if side == 1
            else min(ends[3] - reach, sheet.shape[1] - part.shape[1])
        )
        at = slice(top, top + part.shape[0]), slice(left, left + part.shape[1])
        sheet[at] = np.maximum(sheet[at], part)
    return photographed(rng, outlined(rng, sheet, ends, size, width=(0.01, 0.04))), label


def skewed(rng, digits):
    """Photographed from the side: turned by up to ten degrees and sheared, with its lines."""
    sheet, ends, size, label = form(rng, digits, room=(0.2, 0.45), beyond=(0.0, 0.3))
    whole = outlined(rng, sheet, ends, size, width=(0.01, 0.05))
    angle, shear = np.radians(rng.uniform(-10, 10)), rng.uniform(-0.1, 0.1)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [shear - np.sin(angle), np.cos(angle)]])
    middle = np.array(sheet.shape) / 2
    whole = ndimage.affine_transform(whole, matrix, middle - matrix @ middle, order=1, mode="nearest")
    return photographed(rng, np.clip(whole, 0, 1)), label


def shadowed(rng, digits):
    sheet, ends, size, label = form(rng, digits)
    light = 1 - shade(rng, sheet.shape, rng.uniform(0.15, 0.5), soft=(0.005, 0.06))
    return photographed(rng, outlined(rng, sheet, ends, size), light=light), label


def sudoku(rng, digits):
    """A small cell of a grid, some of its lines thick, little of the grid beyond."""
    sheet, ends, size, label = form(rng, digits, room=(0.15, 0.4), beyond=(-0.02, 0.1), low=24)
    for side in range(4):
        width = (0.08, 0.14) if rng.random() < 0.3 else (0.02, 0.05)
        sheet = outlined(rng, sheet, ends, size, (side,), width=width, dark=(0.7, 1.0), tilt=0.015)
    small = max(rng.uniform(30, 110) / max(sheet.shape), 0.05)
    return photographed(rng, np.clip(ndimage.zoom(sheet, min(small, 1), order=1), 0, 1), blur=(0.2, 0.8)), label


def scanned(rng, digits):
    """Black on white without noise, lines as dark as the digit and as wide as its strokes."""
    sheet, ends, size, label = form(rng, digits)
    return saved(255 - 225 * outlined(rng, sheet, ends, size, width=(0.03, 0.11), dark=(0.9, 1), tilt=0.01)), label


def coloured_field(rng, digits):
    """A cell printed as a darker or lighter field."""
    sheet, ends, size, label = form(rng, digits, room=(0.15, 0.4), beyond=(-0.02, 0.3))
    light = np.ones_like(sheet)
    top, left, bottom, right = (max(end, 0) for end in ends)
    light[top:bottom, left:right] = rng.uniform(0.7, 0.93)
    return photographed(rng, sheet, light=light), label


CELLS = {
    function.__name__.replace("_", " "): function
    for function in (
        framed, some_sides, comb, thick_lines, hair_lines, dotted, doubled, cut_by_the_digit, touched, line_through,
        with_neighbours, skewed, shadowed, sudoku, scanned, coloured_field,
    )
}  # fmt: skip
