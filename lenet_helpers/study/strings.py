"""The figures of the study of strings, studies/strings.py, read back."""

import json

from .read import RESULTS


def string_figures(name):
    """What a step of the study has written, such as "measured" or "global". FileNotFoundError for no such step."""
    return json.loads((RESULTS / "strings" / f"{name}.json").read_text(encoding="utf-8"))
