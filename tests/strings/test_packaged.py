"""The packaged network reads strings as the study says, and answers whatever it is shown."""

import pytest
import torch

from lenet_helpers import ASCII_CODES, DIGIT_CODES, load_weights, to_input
from lenet_helpers.data.strings import make_strings
from lenet_helpers.strings import read_string, read_strings
from lenet_helpers.study.strings import string_figures


@pytest.fixture(scope="module")
def reader():
    return load_weights("strings")


def test_has_the_digits_and_the_space_for_codes_and_says_how_it_was_made(reader):
    assert torch.equal(reader.rbf.codes, torch.cat([DIGIT_CODES, ASCII_CODES[:1]]))
    assert reader.facts["source"] == "MNIST"
    assert "studies/strings.py" in reader.facts["command"]


@pytest.mark.parametrize("kind, noise, gaps", [("clean", 0.0, (-1, 4)), ("noisy", 0.1, (-1, 4))])
def test_reads_strings_of_test_digits_as_often_as_the_study_found(reader, mnist, kind, noise, gaps):
    """300 other strings: three standard deviations of their share is 7 points."""
    strings = make_strings(mnist.test, 300, (5, 5), gaps=gaps, noise=noise, seed=77)
    right = sum(r.text == text for r, text in zip(read_strings(reader, strings.fields), strings.texts))
    assert right / 3 == pytest.approx(string_figures("measured")[kind]["whole right, %"], abs=7)


def test_is_surer_of_what_it_reads_right(reader, mnist):
    strings = make_strings(mnist.test, 300, (5, 5), seed=78)
    readings = read_strings(reader, strings.fields)
    confidence = torch.tensor([reading.confidence for reading in readings])
    right = torch.tensor([reading.text == text for reading, text in zip(readings, strings.texts)])
    assert confidence[right].median() > confidence[~right].median()


def test_places_are_where_the_digits_stand(reader, mnist):
    strings = make_strings(mnist.test, 100, (4, 4), gaps=(2, 6), seed=79)
    for reading, text, centres in zip(read_strings(reader, strings.fields), strings.texts, strings.centres):
        if reading.text == text:
            assert (torch.tensor(reading.places) - centres).abs().max() <= 6


def test_reads_single_digits_and_nothing(reader, mnist):
    fields = to_input(mnist.test.images[:200])
    with torch.no_grad():
        assert (reader(fields).argmin(1) == mnist.test.labels[:200]).float().mean() > 0.95
    assert read_string(reader, torch.zeros(32, 160)).text == ""


def test_answers_for_thirty_digits_in_a_row(reader, mnist):
    strings = make_strings(mnist.test, 1, (30, 30), gaps=(2, 4), seed=80)
    assert 25 <= len(read_string(reader, strings.fields[0]).text) <= 33
