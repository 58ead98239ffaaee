"""Types of options, and options that several commands share."""

import argparse
from pathlib import Path

import pytest

from skfmvae.cli.options import (
    add_data,
    add_drop,
    add_model,
    add_out,
    add_quiet,
    add_seed,
    add_target,
    list_of,
    names,
    number,
    whole,
)


def test_names_with_a_comma_are_quoted():
    assert names('id,"width, in mm"') == ["id", "width, in mm"]


def test_blanks_in_names_are_single_spaces():
    assert names(" kind  of\nthing ") == ["kind of thing"]


def test_numbers():
    assert whole(0, 3)("3") == 3
    assert list_of(whole(1))("1,20") == [1, 20]
    assert number("-1.5e3") == -1500


@pytest.mark.parametrize(
    ("convert", "text", "message"),
    [
        (names, "a,a", "names 'a' twice"),
        (names, "", "empty name"),
        (whole(1), "0", "'0' should be a whole number of at least 1"),
        (whole(0, 3), "4", "from 0 to 3"),
        (whole(0), "1.5", "whole number"),
        (number, "inf", "'inf' should be a number"),
    ],
)
def test_what_is_refused(convert, text, message):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        convert(text)


def test_shared_options():
    parser = argparse.ArgumentParser()
    add_model(parser)
    add_data(parser)
    add_target(parser)
    add_drop(parser)
    add_out(parser, "the model")
    add_seed(parser, "the draws")
    add_quiet(parser)
    given = "m d --target a,b --out o --seed 3".split()
    assert vars(parser.parse_args(given)) == {
        "model": Path("m"),
        "data": Path("d"),
        "target": ["a", "b"],
        "drop": [],
        "out": Path("o"),
        "seed": 3,
        "quiet": False,
    }
