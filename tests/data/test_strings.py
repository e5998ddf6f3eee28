"""Strings and windows are made of the digits asked for, where they are said to be."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lenet_helpers.data.digits import Digits, to_input
from lenet_helpers.data.strings import BLANK, MARGIN, PixelInversion, boxes, make_strings, string_windows


def blocks(count=40):
    """Digits that are full blocks, 12 rows high and 4 + 2 x label columns wide, of a level that tells the label."""
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    labels = torch.arange(count) % 10
    for image, label in zip(images, labels.tolist()):
        image[8:20, 3 : 7 + 2 * label] = 100 + 10 * label
    return Digits(images, labels, "blocks")


def runs(field):
    """(level, first column, width) of each run of equal ink along the middle of a field."""
    levels, widths = field[16].unique_consecutive(return_counts=True)
    begins = widths.cumsum(0) - widths
    return [(v, b, w) for v, b, w in zip(levels.tolist(), begins.tolist(), widths.tolist()) if v]


class TestStrings:
    @given(st.integers(0, 1000), st.integers(1, 4), st.integers(0, 6))
    def test_show_their_digits_at_the_stated_gaps(self, seed, gap, more):
        strings = make_strings(blocks(), 3, (2, 5), gaps=(gap, gap + more), seed=seed)
        assert strings.fields.shape[1] == 32 and strings.fields.shape[2] % 4 == 0
        for field, text, centres in zip(strings.fields, strings.texts, strings.centres):
            shown = runs(field)
            assert [(level - 100) // 10 for level, *_ in shown] == [int(digit) for digit in text]
            assert shown[0][1] == MARGIN
            assert field.shape[1] - sum(shown[-1][1:]) >= MARGIN
            for (_, begin, width), (_, following, _) in zip(shown, shown[1:]):
                assert gap <= following - begin - width <= gap + more
            middles = [begin + width / 2 for _, begin, width in shown]
            assert centres[: len(text)].tolist() == middles
            assert centres[len(text) :].isnan().all()

    def test_overlap_where_gaps_are_negative_and_show_the_darker_pixel(self):
        strings = make_strings(blocks(), 20, (2, 2), gaps=(-3, -3), seed=1)
        for field, text in zip(strings.fields, strings.texts):
            width = sum(4 + 2 * int(digit) for digit in text) - 3
            assert int((field[16] > 0).sum()) == width
            darker, lighter = (int(digit) for digit in (max(text), min(text)))
            whole = [4 + 2 * darker] if darker != lighter else [width]
            assert [int((field[16] == 100 + 10 * darker).sum())] == whole

    def test_have_every_length_asked_for(self):
        lengths = [len(text) for text in make_strings(blocks(), 200, (3, 6), seed=2).texts]
        assert set(lengths) == {3, 4, 5, 6}

    def test_rise_and_fall_by_no_more_than_the_jitter(self):
        strings = make_strings(blocks(), 100, (4, 4), gaps=(1, 2), jitter=3, seed=3)
        tops = (strings.fields > 0).int().argmax(1)[(strings.fields > 0).any(1)]
        assert set(tops.tolist()) == set(range(10 - 3, 10 + 3 + 1))

    def test_same_seed_same_strings(self):
        first, again, other = (make_strings(blocks(), 5, noise=0.1, seed=seed) for seed in (4, 4, 5))
        assert torch.equal(first.fields, again.fields) and first.texts == again.texts
        assert first.texts != other.texts

    @pytest.mark.parametrize(
        "wrong, said",
        [
            ({"count": 0}, "count 0"),
            ({"count": 1, "lengths": (4, 3)}, r"lengths \(4, 3\)"),
            ({"count": 1, "gaps": (4, -1)}, r"gaps \(4, -1\)"),
            ({"count": 1, "gaps": (-20, 4)}, "at least -8"),
            ({"count": 1, "jitter": -1}, "jitter -1"),
            ({"count": 1, "noise": 2.0}, "probability 2.0"),
        ],
    )
    def test_refuse_what_cannot_be_made(self, wrong, said):
        with pytest.raises(ValueError, match=said):
            make_strings(blocks(), **wrong)


@pytest.mark.parametrize("make", [make_strings, string_windows])
def test_strings_are_made_of_single_digits_alone(make):
    windows = string_windows(blocks(), 5)
    whole_fields = Digits(windows.images, windows.labels.clamp(max=9), "blocks")
    with_blanks = replace(blocks(), classes=11)
    for digits, said in ((whole_fields, r"\(5, 32, 32\) in 10 classes"), (with_blanks, "in 11 classes")):
        with pytest.raises(ValueError, match=f"{make.__name__}: got images of shape .*{said}, expected single digits"):
            make(digits, 3)


class TestWindows:
    def test_are_digits_of_eleven_classes_that_fill_the_field(self):
        windows = string_windows(blocks(), 50)
        assert windows.images.shape == (50, 32, 32) and windows.classes == 11
        assert windows.subset([1, 2]).classes == 11
        assert to_input(windows.images).shape == (50, 1, 32, 32)

    def test_have_a_digit_in_the_middle_or_are_blank_as_their_label_says(self):
        windows = string_windows(blocks(), 400, gaps=(6, 10), close=0, wide=0, ends=0, seed=5)
        for image, label in zip(windows.images, windows.labels.tolist()):
            nearest = min(runs(image), key=lambda run: abs(run[1] + run[2] / 2 - 16))
            away = abs(nearest[1] + nearest[2] / 2 - 16)
            cut = nearest[1] == 0 or sum(nearest[1:]) == 32
            if label == BLANK:
                assert away >= 2.5 or cut
            else:
                assert (nearest[0] - 100) // 10 == label and away <= 2.5

    def test_show_every_digit_and_every_gap_in_one_window_of_those_that_come_every_four_columns(self):
        eights = blocks().subset(range(2, 40, 10))  # 8 columns wide, with a gap of 4: 12 from middle to middle
        windows = string_windows(eights, 500, gaps=(4, 4), close=0, wide=0, ends=0, seed=10)
        places = {True: set(), False: set()}
        for image, label in zip(windows.images, windows.labels.tolist()):
            middles = [begin + width / 2 - 16 for _, begin, width in runs(image) if width == 8]
            places[label == BLANK].add(min(map(abs, middles)))
        assert places[False] == {0, 1, 2} and places[True] == {4, 5, 6}

    def test_have_the_share_of_blanks_asked_for(self):
        for share in (0.0, 0.3, 1.0):
            labels = string_windows(blocks(), 2500, blanks=share, seed=6).labels
            assert (labels == BLANK).float().mean().item() == pytest.approx(share, abs=0.03)

    def test_at_the_end_of_a_string_show_nothing_beyond(self):
        windows = string_windows(blocks(), 100, blanks=0, ends=1, wide=0, seed=7)
        assert all(len(runs(image)) == 1 for image in windows.images)

    def test_same_seed_same_windows(self):
        first, again = (string_windows(blocks(), 30, seed=8) for _ in range(2))
        assert torch.equal(first.images, again.images) and torch.equal(first.labels, again.labels)

    @pytest.mark.parametrize("wrong", [{"blanks": 1.5}, {"close": 2}, {"wide": -0.1}, {"ends": 2}])
    def test_refuse_shares_that_are_none(self, wrong):
        with pytest.raises(ValueError, match=f"got {next(iter(wrong))}"):
            string_windows(blocks(), 5, **wrong)


class TestPixelInversion:
    def test_inverts_the_share_of_pixels_in_the_share_of_images(self):
        images = blocks(1000).images
        noisy = PixelInversion(0.1, 0.5)(images, torch.Generator().manual_seed(9))
        assert noisy.dtype == torch.uint8
        changed = noisy != images
        assert torch.equal(noisy[changed], 255 - images[changed])
        hit = changed.flatten(1).any(1)
        assert hit.float().mean().item() == pytest.approx(0.5, abs=0.05)
        assert changed[hit].float().mean().item() == pytest.approx(0.1, abs=0.005)

    def test_refuses_what_is_no_probability(self):
        with pytest.raises(ValueError, match="got fraction -1"):
            PixelInversion(0.1, -1)


def test_boxes_are_those_of_the_ink():
    left, width = boxes(blocks(10).images)
    assert left.tolist() == [3] * 10
    assert width.tolist() == [4 + 2 * label for label in range(10)]
