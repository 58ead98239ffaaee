import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skfmvae.columns import Column
from skfmvae.columns.coding import decoded, encoded, fitted
from skfmvae.columns.dtypes import integer_range
from skfmvae.columns.reading import RawColumn

NUMBERS = np.array([0.0, 1.0, np.nan, 3.0])
TEXTS = np.array(["b", None, "a", "b"], dtype=object)


def test_codes_are_those_of_sorted_text():
    raw = RawColumn("u", "text", TEXTS, "object")
    column = fitted(raw, is_category=True)
    assert column.categories.tolist() == ["a", "b"]
    unseen = {}
    assert_array_equal(encoded(column, raw, unseen), [1, np.nan, 0, 1])
    assert not unseen


def test_unseen_entries_are_missing_and_noted():
    column = Column("u", "categorical", np.array(["a", "c", "d"]), "text")
    unseen = {}
    codes = encoded(column, RawColumn("u", "text", TEXTS, "object"), unseen)
    assert_array_equal(codes, [np.nan, np.nan, 0, np.nan])
    assert unseen == {"u": ["b", "b"]}


def test_numbers_that_are_categories_keep_their_values():
    raw = RawColumn("u", "numbers", NUMBERS, "int64")
    column = fitted(raw, is_category=True)
    assert column.kind == "categorical"
    assert column.categories.dtype == np.int64
    assert_array_equal(encoded(column, raw, {}), [0, 1, np.nan, 2])


@pytest.mark.parametrize(
    ("n_categories", "is_ordered", "kind"),
    [(2, False, "binary"), (2, True, "binary"), (3, True, "ordinal")]
    + [(1, False, "categorical"), (3, False, "categorical")],
)
def test_kinds_of_categories(n_categories, is_ordered, kind):
    values = np.array(["0", None], dtype=object)
    listed = [str(c) for c in range(n_categories)]
    raw = RawColumn("u", "categories", values, "category[str]", listed, is_ordered)
    column = fitted(raw, is_category=True)
    assert column.kind == kind
    assert column.categories.tolist() == listed


@pytest.mark.parametrize("is_category", [True, False])
def test_infinity_is_refused_where_it_stands(is_category):
    values = np.array([1.0, 2.0, -np.inf])
    raw = RawColumn("u", "numbers", values, "float64")
    with pytest.raises(ValueError, match="infinity: row 2, column 'u'.*NaN"):
        fitted(raw, is_category=is_category)
    with pytest.raises(ValueError, match="infinity: row 2, column 'u'"):
        encoded(Column("u", "real"), raw, {})


def test_text_that_is_no_category_needs_a_word():
    raw = RawColumn("u", "text", TEXTS, "object")
    with pytest.raises(ValueError, match="'u' holds text, .* does not name it"):
        fitted(raw, is_category=False)


def test_dates_are_no_categories():
    dates = np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")
    raw = RawColumn("u", "dates", dates, "Date")
    with pytest.raises(ValueError, match="'u', which holds dates; make text"):
        fitted(raw, is_category=True)


@pytest.mark.parametrize(
    ("held", "raw"),
    [
        (Column("u", "real"), RawColumn("u", "text", TEXTS, "object")),
        (
            Column("u", "binary", np.array(["a", "b"]), "text"),
            RawColumn("u", "numbers", NUMBERS, "int64"),
        ),
        (
            Column("u", "real", None, "dates", unit="D", origin="2024-01-01"),
            RawColumn("u", "numbers", NUMBERS, "int64"),
        ),
    ],
)
def test_another_content_is_refused(held, raw):
    with pytest.raises(
        ValueError, match=f"'u' holds {raw.holds} .*but held {held.holds} at fit"
    ):
        encoded(held, raw, {})


def test_numbers_stay_within_dtype_and_kind():
    values = np.array([-1e30, -0.6, 0.4, 254.7, 1e30, np.nan])
    column = Column("u", "real", dtype="int8", range=(-128, 127))
    assert_array_equal(decoded(column, values), [-128, -1, 0, 127, 127, np.nan])
    column = Column("u", "count", dtype="int64", range=integer_range("int64"))
    found = decoded(column, values)
    assert_array_equal(found[:4], [0, 0, 0, 255])
    assert 2**63 - 2**11 < int(found[4]) <= 2**63 - 1
    column = Column("u", "positive", dtype="int8", range=(-128, 127))
    assert_array_equal(decoded(column, values), [1, 1, 1, 127, 127, np.nan])
    column = Column("u", "count")
    assert_array_equal(decoded(column, values), [0, 0, 0.4, 254.7, 1e30, np.nan])
    column = Column("u", "binary")
    assert_array_equal(decoded(column, values), [0, 0, 0, 1, 1, np.nan])


def test_codes_are_the_nearest():
    column = Column("u", "ordinal", np.array(["a", "b", "c"]), "categories")
    values = np.array([-3, 0.4, 0.6, 1.7, 9, np.nan])
    assert_array_equal(decoded(column, values), [0, 0, 1, 2, 2, -1])
