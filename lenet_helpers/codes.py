"""The target codes of the output layer: the 7 x 12 bitmaps of Fig. 3, +1 for black and -1 for white.

`ASCII_CODES` (96, 84) holds the printable ASCII set, row ord(character) - 32, and `DIGIT_CODES` (10, 84) its
digits. A code reads its bitmap row by row: 12 rows of 7, top row first.
"""

from importlib.resources import files

import torch

ROWS, COLUMNS = 12, 7
FIRST = 32  # the figure starts at the space


def _read_codes():
    text = (files(__package__) / "paper_data" / "fig3_ascii_codes.txt").read_text(encoding="utf-8")
    codes = {}
    for block in text.split("\n@ ")[1:]:
        header, *rows = block.split("\n")
        rows = rows[:ROWS]
        if {len(row) for row in rows} != {COLUMNS} or set("".join(rows)) - set("#."):
            raise ValueError(f"fig3_ascii_codes.txt: {header!r} is not {ROWS} rows of {COLUMNS} '#' or '.'")
        codes[int(header.split()[0])] = [1.0 if cell == "#" else -1.0 for cell in "".join(rows)]
    if list(codes) != list(range(FIRST, FIRST + 96)):
        raise ValueError(f"fig3_ascii_codes.txt: expected characters 32 to 127 in order, got {list(codes)}")
    return torch.tensor(list(codes.values()), dtype=torch.float32)


ASCII_CODES = _read_codes()
DIGIT_CODES = ASCII_CODES[ord("0") - FIRST : ord("9") - FIRST + 1].clone()


def code_of(character):
    """The code (84,) of one printable ASCII character; ValueError for any other."""
    if len(character) != 1 or not FIRST <= ord(character) < 127:
        raise ValueError(f"expected one printable ASCII character, got {character!r}")
    return ASCII_CODES[ord(character) - FIRST]


def bitmaps(codes):
    """Codes, or F6 states, (..., 84) as pictures (..., 12, 7)."""
    return codes.reshape(*codes.shape[:-1], ROWS, COLUMNS)
