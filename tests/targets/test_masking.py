"""Labels that are hidden and labels that are kept."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfmvae.datasets import LIT_OBJECTS_COLUMNS, mask_labels
from skfmvae.targets import PartialLabelEncoder, keep_entries

Y = np.repeat([0, 1, 2], [60, 30, 10])
MIXED = np.column_stack([Y, np.random.default_rng(0).normal(size=(100, 3))])


def kept(y, partial):
    """Return which labels are left; they must be those that were there."""
    y, partial = (np.asarray(values, dtype=object) for values in (y, partial))
    marks = pd.isna(partial)
    marks = marks | (np.where(marks, -1, partial) == -1)
    assert (partial[~marks] == y[~marks]).all()
    return ~marks


def counts(y, *args, **kwargs):
    """Return how many labels are left of each value."""
    is_kept = kept(y, mask_labels(y, *args, random_state=0, **kwargs))
    return np.bincount(y[is_kept], minlength=3)


@pytest.mark.parametrize(
    ("stratify", "n_labelled", "expected"),
    [
        ("balanced", 30, [10, 10, 10]),
        ("balanced", 60, [25, 25, 10]),  # no more are there
        ("balanced", 99, [59, 30, 10]),
        ("balanced", 100, [60, 30, 10]),
        ("proportional", 3, [2, 1, 0]),
        ("proportional", 10, [6, 3, 1]),
        ("proportional", 50, [30, 15, 5]),
    ],
)
def test_stratified_counts(stratify, n_labelled, expected):
    assert_array_equal(counts(Y, n_labelled, stratify=stratify), expected)


def test_counts_differ_by_one_where_they_must():
    assert sorted(counts(Y, 11)) == [3, 4, 4]


def test_without_stratification_rows_are_drawn_alike():
    partial = [mask_labels(Y, 10, stratify=None, random_state=s) for s in range(200)]
    is_kept = np.array(partial) >= 0
    assert_array_equal(is_kept.sum(axis=1), 10)
    share = [is_kept[:, Y == value].mean() for value in range(3)]
    assert_allclose(share, 0.1, atol=0.02)  # three standard deviations for the rarest


@pytest.mark.parametrize("stratify", ["balanced", "proportional", None])
@pytest.mark.parametrize("per_property", [True, False, {"light": [1, 2, 3]}])
def test_fewer_labels_are_a_subset_of_more(stratify, per_property):
    settings = {
        "stratify": stratify,
        "per_property": per_property,
        "random_state": 3,
    }
    few = kept(MIXED, mask_labels(MIXED, 20, **settings))
    more = kept(MIXED, mask_labels(MIXED, fraction=0.5, **settings))
    assert_array_equal(few.sum(axis=0), 20)
    assert_array_equal(more.sum(axis=0), 50)
    assert (more | ~few).all()


def test_draws_are_repeated_and_differ_between_seeds():
    first, again, other = (mask_labels(Y, 30, random_state=s) for s in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_each_column_has_rows_of_its_own_by_default():
    own = kept(MIXED, mask_labels(MIXED, 40, random_state=0))
    assert len(np.unique(own, axis=1).T) == 4
    shared = kept(MIXED, mask_labels(MIXED, 40, per_property=False, random_state=0))
    assert len(np.unique(shared, axis=1).T) == 1


@pytest.mark.parametrize(
    "groups",
    [
        {"identity": [0], "light": [1, 2, 3]},
        {"light": [1, 2, 3]},
        [[1, 2, 3]],
        [(3, 1, 2), (0,)],
    ],
    ids=str,
)
def test_columns_of_a_group_are_masked_together(groups):
    partial = mask_labels(MIXED, 30, per_property=groups, random_state=0)
    is_kept = kept(MIXED, partial)
    assert_array_equal(is_kept.sum(axis=0), 30)
    assert_array_equal(is_kept[:, 1], is_kept[:, 2])
    assert_array_equal(is_kept[:, 1], is_kept[:, 3])
    assert (is_kept[:, 0] != is_kept[:, 1]).any()
    assert_array_equal(np.bincount(Y[is_kept[:, 0]]), [10, 10, 10])


def test_quantities_do_not_stratify_what_they_are_masked_with():
    y = MIXED[:, [1, 0, 2]]
    is_kept = kept(y, mask_labels(y, 30, per_property=False, random_state=0))
    assert_array_equal(np.bincount(Y[is_kept[:, 0]]), [10, 10, 10])


def test_quantities_are_drawn_alike():
    y = np.repeat([0.5, 1.5], [90, 10])
    rare = [(mask_labels(y, 20, random_state=s) == 1.5).sum() for s in range(200)]
    assert np.mean(rare) == pytest.approx(2, abs=0.3)  # 10 of 20 if stratified


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (Y, Y.dtype),
        (Y.astype(np.int8), np.int8),
        ((Y + 253).astype(np.uint8), np.int16),
        (Y.astype(np.uint64), np.int64),
        (Y.astype(np.float32), np.float32),
        (Y > 0, object),
        (Y.astype(str), object),
        (Y.tolist(), np.int64),
        (np.ma.array(Y), Y.dtype),
        ((Y + 2**53).tolist(), np.int64),
        ([int(value) + 2**70 for value in Y], object),
        ([2**53 + int(value) if value else 1.0 for value in Y], object),
        ([f"value {value}" for value in Y], object),
        (["a\0" * value for value in Y], object),
        ([[f"value {value}", value] for value in Y], object),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value)[:30],
)
def test_marks_are_those_that_the_estimators_read(y, dtype):
    partial = mask_labels(y, 30, random_state=0)
    assert partial.dtype == dtype
    assert partial.shape == np.shape(y)
    is_kept = kept(y, partial)
    encoder = PartialLabelEncoder().fit(partial)
    is_read = encoder.transform(partial) >= 0
    assert_array_equal(is_read, is_kept.reshape(is_read.shape))
    assert_array_equal(is_kept.sum(axis=0), 30)
    mark = {"f": "nan", "i": "-1", "O": "None"}[np.dtype(dtype).kind]
    assert set(map(str, partial[~is_kept])) == {mark}


@pytest.mark.parametrize(
    "dtype",
    ["uint8", "uint64", "Int64", "float32", "boolean", "bool", "str", "category"],
)
def test_pandas_comes_back(dtype):
    index = pd.RangeIndex(100, 200)
    series = pd.Series((Y > 0) if "bool" in dtype else Y, index, name="kind")
    frame = pd.DataFrame({"kind": series.astype(dtype), "size": MIXED[:, 1]}, index)
    before = frame.copy()
    partial = mask_labels(frame, 20, random_state=0)
    pd.testing.assert_frame_equal(frame, before)
    assert list(partial.columns) == ["kind", "size"]
    assert partial.index.equals(index)
    assert_array_equal(kept(frame, partial).sum(axis=0), 20)
    if dtype in ("Int64", "float32", "boolean", "category"):
        assert partial["kind"].dtype == frame["kind"].dtype
    if dtype.startswith("uint"):
        assert partial["kind"].dtype.kind == "i"
    codes = PartialLabelEncoder().fit(partial["kind"]).transform(partial["kind"])
    assert (codes >= 0).sum() == 20

    alone = mask_labels(frame["kind"], 20, random_state=0)
    pd.testing.assert_series_equal(alone, partial["kind"])


def test_groups_of_a_frame_are_names():
    frame = pd.DataFrame(MIXED, columns=list(LIT_OBJECTS_COLUMNS))
    groups = {"light": list(LIT_OBJECTS_COLUMNS[1:])}
    partial = mask_labels(frame, 30, per_property=groups, random_state=0)
    by_position = mask_labels(
        MIXED, 30, per_property={"light": [1, 2, 3]}, random_state=0
    )
    assert_array_equal(partial, by_position)
    with pytest.raises(ValueError, match="names column 1; .*'light_x'"):
        mask_labels(frame, 30, per_property=[[1]])


def test_a_quantity_may_be_minus_one():
    y = np.array([-1.0, 0.5, 2.0])
    np.testing.assert_array_equal(mask_labels(y, 3), y)


@pytest.mark.parametrize(
    "values", [["a", "a\0", "b"], [2**53, 2**53 + 1, 1.0], [2**70, 2**70 + 1, 5]]
)
def test_labels_that_numpy_would_merge_stay_apart(values):
    assert mask_labels(values, 3).tolist() == values
    # They count as different values, too.
    order = [*values, *[values[0]] * 5]
    found = mask_labels(order, 3, random_state=0)
    assert set(found) - {None} == set(values)


@pytest.mark.parametrize("dtype", [int, float, np.uint8, bool, "U1"])
def test_masked_entries_are_not_kept(dtype):
    y = np.ma.array(np.array([1, 0, 1], dtype=dtype), mask=[0, 0, 1])
    found = keep_entries(y, np.array([True, False, True]))
    encoder = PartialLabelEncoder().fit(np.array([0, 1], dtype=dtype))
    assert encoder.transform(found).ravel().tolist() == [1, -1, -1]


def test_labels_that_came_in_stay():
    y = Y.copy()
    mask_labels(y, 10, random_state=0)
    assert_array_equal(y, Y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "n_labelled=None and fraction=None: give one"),
        ({"n_labelled": 3, "fraction": 0.5}, "n_labelled=3 and fraction=0.5"),
        ({"n_labelled": 101}, "n_labelled=101 .* from 1 to 100"),
        ({"n_labelled": 0}, "n_labelled=0 "),
        ({"n_labelled": 2.5}, r"n_labelled=2\.5"),
        ({"fraction": 1.5}, r"fraction=1\.5"),
        ({"fraction": 0}, "fraction=0 "),
        ({"fraction": 0.5, "stratify": "even"}, "stratify='even'.*'balanced'"),
        ({"fraction": 0.5, "per_property": [[4]]}, r"column 4; .*\[0, 1, 2, 3\]"),
        ({"fraction": 0.5, "per_property": [[0, 1], [1]]}, "column 1 twice"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        mask_labels(MIXED, **settings)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, -1], "column 0 of y holds -1"),
        ([1.5, np.nan], "holds nan"),
        ([1.0, -1.0], "holds -1.0"),
        (["a", None], "holds None"),
        (np.ma.array([1, 2], mask=[0, 1]), "holds None"),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "'a' of y holds"),
        (np.array([0, 2**64 - 1], dtype=np.uint64), "too large beside -1"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        ([], r"shape \(0,\)"),
    ],
    ids=str,
)
def test_labels_that_cannot_be_masked(y, message):
    with pytest.raises(ValueError, match=message):
        mask_labels(y, 1)
