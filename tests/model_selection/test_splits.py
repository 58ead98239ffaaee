import tracemalloc

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

from skfmvae.model_selection import PartialLabelKFold, PartialLabelShuffleSplit

SPLITTERS = [
    PartialLabelKFold(3),
    PartialLabelKFold(3, shuffle=True, random_state=0),
    PartialLabelShuffleSplit(4, test_size=0.3, random_state=0),
]


def make_labels(n=200, n_properties=2, share=0.3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=(n, n_properties))
    return np.where(rng.random(y.shape) < share, y, -1)


def rows_of(y):
    return np.zeros((len(y), 1))


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_what_is_tested_has_labels_and_the_rest_is_trained_on(splitter):
    y = make_labels()
    labelled = (y >= 0).any(axis=1)
    splits = list(splitter.split(rows_of(y), y))
    assert len(splits) == splitter.get_n_splits() == splitter.n_splits
    for train, test in splits:
        assert labelled[test].all()
        assert len(test)
        np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(len(y)))
        assert set(np.flatnonzero(~labelled)) <= set(train)


@pytest.mark.parametrize("splitter", SPLITTERS[:2])
def test_folds_test_every_labelled_row_once(splitter):
    y = make_labels()
    tested = np.concatenate([test for _, test in splitter.split(rows_of(y), y)])
    np.testing.assert_array_equal(np.sort(tested), np.flatnonzero((y >= 0).any(axis=1)))


@settings(deadline=None, max_examples=60)
@given(
    y=st.lists(st.integers(-1, 4), min_size=8, max_size=80),
    n_splits=st.integers(2, 6),
    shuffle=st.booleans(),
)
def test_folds_of_one_property_are_as_even_as_can_be(y, n_splits, shuffle):
    y = np.array(y)
    if (y >= 0).sum() < n_splits:
        return
    splitter = PartialLabelKFold(
        n_splits, shuffle=shuffle, random_state=0 if shuffle else None
    )
    tests = [test for _, test in splitter.split(rows_of(y), y)]
    for value in set(y[y >= 0]):
        counts = [np.sum(y[test] == value) for test in tests]
        assert max(counts) - min(counts) <= 1
    sizes = [len(test) for test in tests]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) > 0


def test_the_labelled_rows_are_dealt_as_scikit_learn_does():
    """With all rows labelled, folds hold as many of each class as StratifiedKFold's."""
    _, y = load_digits(return_X_y=True)
    ours = [np.bincount(y[test]) for _, test in PartialLabelKFold().split(y, y)]
    theirs = [np.bincount(y[test]) for _, test in StratifiedKFold().split(y, y)]
    np.testing.assert_array_equal(np.sort(ours, axis=0), np.sort(theirs, axis=0))


def unevenness(y, tests):
    """Return the largest gap between folds in the count of any value."""
    gaps = [
        np.ptp([np.sum(y[test, k] == value) for test in tests])
        for k in range(y.shape[1])
        for value in range(3)
    ]
    return max(gaps)


def test_several_properties_are_spread_together():
    y = make_labels(n=600, n_properties=3)
    tests = [test for _, test in PartialLabelKFold(5).split(rows_of(y), y)]
    assert unevenness(y, tests) <= 2
    random = [test for _, test in KFold(5, shuffle=True, random_state=0).split(y)]
    assert unevenness(y, random) > 6


@pytest.mark.parametrize("seed", range(10))
def test_labels_are_even_though_folds_are_of_one_size(seed):
    y = make_labels(n=300, n_properties=4, share=0.5, seed=seed)
    tests = [test for _, test in PartialLabelKFold(5).split(rows_of(y), y)]
    assert unevenness(y, tests) <= 2
    assert np.ptp([len(test) for test in tests]) <= 1


def test_a_share_of_each_value_is_tested():
    y = make_labels(n=600, n_properties=2)
    for test_size in (0.25, int(0.25 * (y >= 0).any(axis=1).sum())):
        splitter = PartialLabelShuffleSplit(3, test_size=test_size, random_state=0)
        for _, test in splitter.split(rows_of(y), y):
            for k in range(2):
                for value in range(3):
                    n = np.sum(y[:, k] == value)
                    assert abs(np.sum(y[test, k] == value) - n / 4) <= 2


@st.composite
def partial_labels(draw):
    """Return codes of several properties, and groups or None."""
    n = draw(st.integers(4, 90))
    n_properties, n_values = draw(st.integers(1, 3)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    y = rng.integers(n_values, size=(n, n_properties))
    y = np.where(rng.random(y.shape) < draw(st.sampled_from([0.4, 1.0])), y, -1)
    groups = rng.integers(draw(st.integers(2, 30)), size=n)
    return y, groups if draw(st.booleans()) else None


@settings(deadline=None, max_examples=100)
@given(partial_labels(), st.floats(0.01, 0.99), st.integers(1, 80))
def test_as_much_is_tested_as_asked(labels, share, number):
    y, groups = labels
    labelled = np.flatnonzero((y >= 0).any(axis=1))
    groups = np.arange(len(y)) if groups is None else groups
    n = len(np.unique(groups[labelled]))
    if n < 2:
        return
    for test_size, exact in ((share, share * n), (min(number, n - 1),) * 2):
        splitter = PartialLabelShuffleSplit(2, test_size=test_size, random_state=0)
        for train, test in splitter.split(rows_of(y), y, groups):
            n_test = len(np.unique(groups[test]))
            assert abs(n_test - exact) <= (1 if test_size == share else 0)
            assert n_test
            assert np.isin(train, labelled).any()


@settings(deadline=None, max_examples=100)
@given(partial_labels(), st.integers(2, 9), st.booleans())
def test_folds_are_of_one_size_as_far_as_groups_allow(labels, n_splits, shuffle):
    y, groups = labels
    labelled = np.flatnonzero((y >= 0).any(axis=1))
    _, sizes = np.unique(
        (np.arange(len(y)) if groups is None else groups)[labelled], return_counts=True
    )
    if len(sizes) < n_splits:
        return
    random_state = 0 if shuffle else None
    splitter = PartialLabelKFold(n_splits, shuffle=shuffle, random_state=random_state)
    folds = [len(test) for _, test in splitter.split(rows_of(y), y, groups)]
    assert min(folds) > 0
    assert max(folds) - min(folds) <= max(sizes)


@pytest.mark.parametrize("n_each", [2, 3, 5])
@pytest.mark.parametrize("test_size", [0.15, 0.2, 0.5, 0.8, 7])
def test_rounding_errors_do_not_add_up_over_classes(n_each, test_size):
    """Each class is rounded up or down, and their total is as asked."""
    y = np.r_[np.tile(np.arange(10), n_each), np.full(50, -1)]
    share = test_size if test_size < 1 else test_size / (10 * n_each)
    splitter = PartialLabelShuffleSplit(20, test_size=test_size, random_state=0)
    tested = np.zeros(10)
    for _, test in splitter.split(rows_of(y), y):
        assert len(test) == pytest.approx(share * 10 * n_each, abs=0.5)
        counts = np.bincount(y[test], minlength=10)
        assert (np.abs(counts - share * n_each) < 1).all()
        tested += counts
    assert tested.min() > 0, "not always the same classes are rounded up"


def test_equal_groups_make_equal_folds():
    y = np.random.default_rng(0).integers(3, size=60)
    groups = np.repeat(np.arange(20), 3)
    for n_splits in (2, 4, 5, 10, 20):
        splits = PartialLabelKFold(n_splits).split(rows_of(y), y, groups)
        assert {len(test) for _, test in splits} == {60 // n_splits}


def test_many_labels_take_little_memory():
    y = np.arange(100_000)
    tracemalloc.start()
    try:
        sizes = [len(test) for _, test in PartialLabelKFold(5).split(rows_of(y), y)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sizes == [20_000] * 5
    assert peak < 2**27  # bytes; a table of rows by labels would have 80 GB


def test_quantities_are_known_or_not():
    """Rows with a quantity alone are tested too, and those of each kind are spread."""
    rng = np.random.default_rng(0)
    y = pd.DataFrame({"kind": rng.integers(2, size=120), "size": rng.normal(size=120)})
    y["kind"] = y["kind"].where(np.arange(120) < 60, -1)
    y["size"] = y["size"].where(np.arange(120) % 3 == 0, np.nan)
    for form in (y, y.astype(object).where(y.notna(), None), y.to_numpy()):
        tests = [test for _, test in PartialLabelKFold(4).split(rows_of(y), form)]
        known = np.flatnonzero((y["kind"] >= 0) | y["size"].notna())
        np.testing.assert_array_equal(np.sort(np.concatenate(tests)), known)
        sized = [y["size"].iloc[test].notna().sum() for test in tests]
        assert max(sized) - min(sized) <= 1
    splitter = PartialLabelShuffleSplit(1, test_size=0.25, random_state=0)
    [(_, test)] = splitter.split(rows_of(y), y["size"])  # of quantities alone
    assert len(test) == 10
    assert y["size"].iloc[test].notna().all()


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_groups_stay_together(splitter):
    y = make_labels(n=300, share=0.1)
    groups = np.random.default_rng(0).choice(list("abcdefghijklmnop"), size=300)
    n_left_out = 0
    for train, test in splitter.split(rows_of(y), y, groups):
        assert not set(groups[train]) & set(groups[test])
        assert (y[test] >= 0).any(axis=1).all()
        left_out = np.setdiff1d(np.arange(300), np.r_[train, test])
        assert (y[left_out] == -1).all()
        assert set(groups[left_out]) <= set(groups[test])
        n_left_out += len(left_out)
    assert n_left_out


def test_marks_of_missing_labels_are_those_of_the_estimators():
    codes = make_labels(n=60)
    frame = pd.DataFrame(codes, columns=["shape", "colour"]).astype(object)
    frame["shape"] = frame["shape"].map({-1: None, 0: "a", 1: "b", 2: "c"})
    frame["colour"] = frame["colour"].map({-1: float("nan"), 0: 0, 1: 1, 2: 2})
    for splitter in SPLITTERS:
        for ours, expected in zip(
            splitter.split(frame, frame), splitter.split(codes, codes), strict=True
        ):
            np.testing.assert_array_equal(ours[0], expected[0])
            np.testing.assert_array_equal(ours[1], expected[1])


def test_the_seed_decides():
    y = make_labels()
    for splitter in (
        PartialLabelKFold(3, shuffle=True, random_state=1),
        PartialLabelShuffleSplit(3, random_state=1),
    ):
        first, again, other = (
            [test.tolist() for _, test in s.split(rows_of(y), y)]
            for s in (splitter, clone_of(splitter), clone_of(splitter, random_state=2))
        )
        assert first == again
        assert first != other


def clone_of(splitter, **params):
    return type(splitter)(**(vars(splitter) | params))


def test_in_cross_validation_and_grid_search():
    X, digit = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(digit)) < 0.1, digit, -1)
    model = make_pipeline(StandardScaler(), LabelSpreading(gamma=0.05))
    scores = cross_validate(model, X, y, cv=PartialLabelKFold(4))["test_score"]
    assert scores.shape == (4,)
    expected = []
    for train, test in PartialLabelKFold(4).split(X, y):
        # -1 marks missing labels for scikit-learn's estimators.
        expected.append(clone(model).fit(X[train], y[train]).score(X[test], y[test]))
    np.testing.assert_allclose(scores, expected)
    assert scores.mean() > 0.8
    grid = {"labelspreading__alpha": [0.1, 0.5]}
    search = GridSearchCV(model, grid, cv=PartialLabelShuffleSplit(3, random_state=0))
    assert search.fit(X, y).best_score_ > 0.8


def test_groups_may_be_of_any_kind():
    y = np.arange(40) % 2
    numbers = np.arange(40) // 4
    expected = list(PartialLabelKFold(3).split(rows_of(y), y, numbers))
    mixed = [(f"g{i}" if i % 2 else int(i)) for i in numbers]  # NumPy makes text of it
    for groups in (mixed, np.array(mixed, dtype=object), pd.Series(mixed)):
        for ours, theirs in zip(
            PartialLabelKFold(3).split(rows_of(y), y, groups), expected, strict=True
        ):
            np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_rows_without_a_group_are_refused(missing):
    y = np.arange(6) % 2
    for groups in (
        ["a", "b", "a", missing, "b", "b"],
        pd.Series(["a", "b", "a", missing, "b", "b"], dtype=object),
        np.array([0, 1, 0, missing, 1, 1], dtype=object),
    ):
        with pytest.raises(ValueError, match="groups holds .* in row 3; give every"):
            next(PartialLabelKFold(2).split(rows_of(y), y, groups))
    groups = [0.0, np.nan, 1, 1, 1, np.nan]
    with pytest.raises(ValueError, match="groups holds nan in row 1"):
        next(PartialLabelShuffleSplit(1).split(rows_of(y), y, groups))
    groups = np.ma.array([0, 0, 1, 1, 1, 0], mask=[0, 0, 0, 0, 1, 0])
    with pytest.raises(ValueError, match="groups holds None in row 4"):
        next(PartialLabelKFold(2).split(rows_of(y), y, groups))


def test_groups_are_passed_on():
    y = make_labels(n=120, n_properties=1)[:, 0]
    X = np.random.default_rng(0).normal(size=(120, 2)) + 3 * y[:, None]
    groups = np.arange(120) // 10
    params = {"groups": groups}
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_validate(
            LabelSpreading(kernel="knn"),
            X,
            y,
            cv=PartialLabelKFold(3),
            params=params,
            return_indices=True,
        )["indices"]
    for train, test in zip(found["train"], found["test"], strict=True):
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize(
    ("splitter", "y", "message"),
    [
        (PartialLabelKFold(1), [0, 1, 1], "n_splits=1 should be.* at least 2"),
        (PartialLabelKFold(2.5), [0, 1, 1], "n_splits=2.5 should be"),
        (PartialLabelKFold(3), [0, 1, -1], "n_splits=3, but only 2 rows or groups"),
        (PartialLabelKFold(2), [-1, -1, -1], "n_splits=2, but only 0 rows"),
        (PartialLabelKFold(2), None, "y is None; give partial labels"),
        (PartialLabelShuffleSplit(0), [0, 1, 1], "n_splits=0 should be.* least 1"),
        (PartialLabelShuffleSplit(test_size=3), [0, 1, 1], "test_size=3 should .* 3"),
        (PartialLabelShuffleSplit(test_size=1.5), [0, 1, 1], "test_size=1.5 should"),
        (PartialLabelShuffleSplit(test_size="a"), [0, 1, 1], "test_size='a' should"),
        (PartialLabelShuffleSplit(), [0, -1, -1], "only 1 rows or groups have a label"),
    ],
)
def test_splits_that_cannot_be(splitter, y, message):
    with pytest.raises(ValueError, match=message):
        list(splitter.split(np.zeros((3, 1)), y))
