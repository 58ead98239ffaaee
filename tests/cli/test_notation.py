"""How columns of text write numbers."""

import numpy as np
import pytest

from skfmvae.cli.notation import Notation, find_notation, read_numbers


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        (["1,200", "950", "-1,234,567.5"], [1200, 950, -1234567.5]),
        (["1.200,5", "950", "1.234.567"], [1200.5, 950, 1234567]),
        (["1,5", "0,25", "1,200"], [1.5, 0.25, 1.2]),
        (["1 200", "1\u202f234\u202f567,5"], [1200, 1234567.5]),
        (["1'200.5", "3"], [1200.5, 3]),
        (["$5", "-$1,200", "$ 3.50"], [5, -1200, 3.5]),
        (["5 €", "1.200,50 €"], [5, 1200.5]),
        (["12%", "3.5 %"], [12, 3.5]),
        (["12%", "3.5 %", "0"], [12, 3.5, 0]),
        (["12%", "0.035"], [0.12, 0.035]),
        (["12,5 %", "0,035", "1"], [0.125, 0.035, 1]),
        (["\u22125", "3"], [-5, 3]),
        (["007", "12"], [7, 12]),
        (["1e5", "2E-3", "inf"], [1e5, 2e-3, np.inf]),
    ],
)
def test_notations_of_numbers(fields, numbers):
    assert list(read_numbers(dict.fromkeys(fields, 1)).values()) == numbers


@pytest.mark.parametrize(
    "fields",
    [
        ["A11", "A12"],
        ["12 kg", "500 g"],
        ["12:30", "13:00"],
        ["1.2.2024", "3.4.2024"],
        ["192.168.1.1"],
        ["18-24", "25-34"],
        ["1,2,3", "4,5,6"],
        ["$5", "5%"],
        ["$5", "5 €"],
        ["x", "1"],
        ["?", "NA"],
        [],
    ],
)
def test_other_fields_are_no_numbers(fields):
    assert read_numbers(dict.fromkeys(fields, 1)) == {}


@pytest.mark.parametrize("field", ["err", "?"])
def test_a_few_fields_may_be_no_numbers(field):
    counts = {"1": 45, "2": 45, field: 10}
    assert read_numbers(counts) == {"1": 1, "2": 2}
    # Marks of missing entries are ignored; other words make a column of text.
    read = read_numbers(counts | {field: 11})
    assert (read == {}) == (field == "err")


# A column, another file of it, and what its fields then mean.
OTHER_FILES = [
    (["1,200.5", "950"], ["1,200", "3"], [1200, 3]),
    (["1.200,5", "950"], ["1,200", "3"], [1.2, 3]),
    (["12%", "0.5"], ["12%"], [0.12]),
    (["12%", "3%"], ["12%", "5"], [12, 5]),
    (["$5", "$7"], ["5"], [5]),
    (["5.0", "7.25"], ["1,200", "€3", "x", "2"], [2]),
]


@pytest.mark.parametrize(("fields", "others", "numbers"), OTHER_FILES)
def test_another_file_is_read_in_the_same_notation(fields, others, numbers):
    notation = find_notation(dict.fromkeys(fields, 1))
    assert list(notation.read(others).values()) == numbers


@pytest.mark.parametrize(
    ("fields", "number", "field"),
    [
        (["37.3", "40"], 39.2571, "39.3"),
        (["1,200", "950"], 1049.7, "1050"),
        (["1.200,50", "3"], 1049.777, "1049,78"),
        (["12%", "3.5%"], 7.123, "7.1%"),
        (["12%", "0.035"], 0.0712, "0.071"),
        (["1e-5", "3"], 1.23456789e-4, "0.0001234568"),
        (["$5"], -3.2, "-3"),
        (["5", "7"], -0.2, "0"),
    ],
)
def test_a_written_number_is_rounded_and_read_again(fields, number, field):
    notation = find_notation(dict.fromkeys(fields, 1))
    assert notation.write(number) == field
    places = notation.decimals if notation.decimals is not None else 9
    assert notation.read([field])[field] == pytest.approx(
        number, abs=0.5 * 10.0**-places
    )
    # It fits into its column, whose notation stays what it was.
    assert find_notation(dict.fromkeys([*fields, field], 1)) == notation


def test_plain_numbers_have_the_plain_notation():
    assert find_notation({"1": 3, "2": 4, "?": 2}) == Notation(decimals=0)
    assert find_notation({"a": 1, "2": 1}) is None
