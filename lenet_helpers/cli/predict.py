"""What `predict` does: pictures in, the digit or the number in each out, and a sentence for those that are not read."""

from dataclasses import replace

import torch

from ..codes import DIGIT_CODES
from ..data.digits import to_input
from ..data.grey import open_picture
from ..data.normalise import find_digit
from ..data.string_field import find_string
from ..data.strings import BLANK
from ..files import CheckpointError, check_writable, same_file
from ..likeness import unlike_a_digit, unlike_a_number
from ..strings import read_string
from ..weights import load_weights
from .failures import blaming, complain
from .streams import shown

UNREADABLE = (OSError, ValueError, SyntaxError)  # what PIL, open_picture, find_digit and find_string raise
SEVERAL = "Or have the whole number read: predict --string."


def predict(options):
    if options.explain:
        if options.string:
            raise ValueError("--explain draws how one digit was read; leave out --string, or --explain.")
        if len(options.files) > 1:
            raise ValueError(f"--explain draws one picture; got {len(options.files)} files: name one of them.")
        if same_file(options.explain, options.files[0]):
            raise ValueError(f"--explain {shown(options.explain)} is the picture itself; name another file.")
        check_writable(options.explain)
    read = predict_strings if options.string else predict_digits
    return int(read(options) < len(options.files))


def predict_digits(options):
    """Print the digit in each picture; returns how many were read."""
    weights = options.weights or "regular"
    model = reader_of_digits(weights)
    read = 0
    for name, sighting in seen_in(options.files, find_digit):
        penalties = None
        if sighting.digit is None:
            more = f" {SEVERAL}" if sighting.box else ""
            leave_out(name, sighting.refusal + more)
        else:
            with torch.no_grad(), blaming(weights):
                penalties = model(to_input(sighting.digit).to(model.c1.weight))[0, :BLANK]  # a blank is no answer here
            least = penalties.min().item() if weights == "regular" else 0.0  # the limits are of these weights
            remark, refused = unlike_a_digit(sighting.digit, least, sighting.lines)
            if refused:
                leave_out(name, remark)
                sighting, penalties = replace(sighting, digit=None, refusal=remark), None
            else:
                listed = "  ".join(f"{digit}: {penalty:.1f}" for digit, penalty in enumerate(penalties.tolist()))
                print(f"{shown(name)}: {int(penalties.argmin())}   penalties  {listed}" + (remark and f"   ({remark})"))
                read += 1
        if options.explain:
            from .explain import save_explanation  # imports matplotlib, which takes a second

            save_explanation(options.explain, shown(name), sighting, penalties)
            print(f"{shown(options.explain)} is written")
    return read


def predict_strings(options):
    """Print the number in each picture; returns how many were read."""
    weights = options.weights or "strings"
    model = reader_of_digits(weights)
    read = 0
    for name, field in seen_in(options.files, find_string):
        with blaming(weights):
            reading = read_string(model, field)
        remark, refused = "no digit was read in it.", True
        if reading.text:  # the limits are of the packaged weights
            remark, refused = unlike_a_number(reading) if weights == "strings" else ("", False)
        if refused:
            leave_out(name, remark)
        else:
            remark = remark and f"   ({remark})"
            print(f"{shown(name)}: {reading.text}   confidence {reading.confidence:.3f}{remark}")
            read += 1
    return read


def seen_in(names, find):
    """(name, what `find` sees) for each picture; one that cannot be opened, or holds nothing to see, is left out."""
    for name in names:
        try:
            with open_picture(name) as picture:
                found = find(picture)
        except UNREADABLE as error:
            leave_out(name, error)
        else:
            yield name, found


def leave_out(name, why):
    complain(f"{name} is left out: {why}", 1)


def reader_of_digits(weights):
    """The network of these weights; raises CheckpointError where its first ten classes are not the digits from 0 on."""
    model = load_weights(weights)
    if not torch.equal(model.rbf.codes[:BLANK].to(DIGIT_CODES), DIGIT_CODES):
        raise CheckpointError(f"{weights} has rbf.codes of other signs; expected those of the digits 0 to 9 first.")
    return model
