"""Every kind of partial labels goes in, and comes out as it was."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score

from skfmvae import SemiSupervisedVAE

# Of code that all estimators share, for which one of them stands.
one_estimator = pytest.mark.parametrize(
    "Estimator", [SemiSupervisedVAE], indirect=True, ids=["SemiSupervisedVAE"]
)

# Containers of one property ----------------------------------------------------------


def instead_of_none(marker):
    return lambda labels: [marker if label is None else label for label in labels]


def object_array(labels):
    return np.array(labels, dtype=object)


def categorical(labels):
    return pd.Series(pd.Categorical(labels, categories=["emu", "dog", "cat", "ant"]))


NUMBERS, WORDS = [7, 0, 300], ["dog", "cat", "emu"]
CONTAINERS = {
    # name: (classes, how labels with None for unlabelled are held, dtype to predict)
    "int_array": (NUMBERS, lambda y: np.array(instead_of_none(-1)(y)), np.int64),
    "int16_array": (
        NUMBERS,
        lambda y: np.array(instead_of_none(-1)(y), dtype=np.int16),
        np.int16,
    ),
    "float_array": (NUMBERS, lambda y: np.array(y, dtype=float), np.float64),
    "float_with_minus_one": (
        NUMBERS,
        lambda y: np.array(instead_of_none(-1.0)(y), dtype=np.float32),
        np.float32,
    ),
    "int_list": (NUMBERS, list, np.int64),
    "object_array_of_ints": (NUMBERS, object_array, np.int64),
    "str_list": (WORDS, list, object),
    "object_array_of_str": (WORDS, object_array, object),
    "str_beside_nan": (
        WORDS,
        lambda y: object_array(instead_of_none(float("nan"))(y)),
        object,
    ),
    "str_beside_minus_one": (WORDS, instead_of_none(-1), object),
    "bool_list": ([True, False], list, np.bool_),
    "pandas_int64": (NUMBERS, lambda y: pd.Series(y, dtype="Int64"), np.int64),
    "pandas_float64": (NUMBERS, lambda y: pd.Series(y, dtype=float), np.float64),
    "pandas_string": (WORDS, lambda y: pd.Series(y, dtype="string"), object),
    "pandas_object": (WORDS, lambda y: pd.Series(y, dtype=object), object),
    "pandas_boolean": (
        [True, False],
        lambda y: pd.Series(y, dtype="boolean"),
        np.bool_,
    ),
    "pandas_categorical": (WORDS, categorical, object),
    "polars_int": (NUMBERS, lambda y: pl.Series("kind", y), np.int64),
    "polars_str": (WORDS, lambda y: pl.Series("kind", y), object),
    "polars_bool": ([True, False], lambda y: pl.Series("kind", y), np.bool_),
    "polars_categorical": (
        WORDS,
        lambda y: pl.Series("kind", y, dtype=pl.Categorical),
        object,
    ),
}


@one_estimator
@pytest.mark.parametrize("container", CONTAINERS)
def test_values_come_back_as_they_went_in(make_learner, blobs, container):
    classes, hold, dtype = CONTAINERS[container]
    X, number = blobs
    keep = number < len(classes)
    X, number = X[keep], number[keep]
    labels = [classes[i] if row % 4 == 0 else None for row, i in enumerate(number)]
    y = hold(labels)
    estimator = make_learner(adversarial=None).fit(X, y)
    assert estimator.classes_.tolist() == sorted(classes)
    predicted = estimator.predict(X)
    assert predicted.tolist() == [classes[i] for i in number]
    assert predicted.dtype == dtype
    # The unlabelled three quarters of y do not count.
    assert estimator.score(X, y) == 1.0
    assert estimator.predict_proba(X).shape == (len(X), len(classes))
    # Any of the values can be asked for.
    _, sampled = estimator.sample(2, {estimator.property_names_[0]: classes[0]})
    assert sampled.tolist() == [classes[0]] * 2


def test_all_labels_known_as_strings(make_learner, blobs):
    X, number = blobs
    y = np.array(["one", "two", "three"])[number]
    predicted = make_learner().fit(X, y).predict(X)
    np.testing.assert_array_equal(predicted, y)
    assert predicted.dtype == y.dtype


def test_masked_entries_are_unlabelled(make_estimator, blobs):
    X, number = blobs
    known = np.arange(150) < 45
    plain = make_estimator().fit(X, np.where(known, number, -1))
    masked = make_estimator().fit(X, np.ma.array(number, mask=~known))
    proba = plain.predict_proba(X)
    np.testing.assert_array_equal(masked.predict_proba(X), proba)
    right = masked.predict(X) == number
    assert masked.score(X, np.ma.array(number, mask=~known)) == right[known].mean()
    assert masked.score(X, np.ma.array(number)) == right.mean()


@one_estimator
@pytest.mark.parametrize(
    ("fitted", "later"),
    [(int, bool), (bool, int), (float, int), (int, float), (bool, float), (str, None)],
)
def test_equal_labels_are_scored_as_equal(make_estimator, blobs, fitted, later):
    """As ``predict(X) == y`` has them."""
    X, number = blobs
    X, number = X[number < 2], number[number < 2]
    estimator = make_estimator().fit(X, number.astype(fitted))
    if later is None:
        y = np.array([np.str_(value) for value in number], dtype=object)
    else:
        y = number.astype(later)
    expected = np.mean(estimator.predict(X) == y)
    assert 0 < expected == estimator.score(X, y)
    one = y.tolist()[0]
    _, sampled = estimator.sample(2, {"property_0": one})
    assert (sampled == one).all()


@one_estimator
@pytest.mark.parametrize(
    ("fitted", "later"), [(int, str), (str, int), (float, str), (str, bool)]
)
def test_numbers_and_strings_are_not_scored(make_estimator, blobs, fitted, later):
    X, number = blobs
    estimator = make_estimator().fit(X, number.astype(fitted))
    with pytest.raises(ValueError, match="'property_0' has no value.*No number equals"):
        estimator.score(X, number.astype(later))


@one_estimator
def test_labels_that_numpy_would_merge_are_predicted_apart(make_learner, blobs):
    X, number = blobs
    for values in (["a", "a\0", "b"], [2**53, 2**53 + 1, 2**53 + 2], [2**70, 1.0, 0]):
        y = [values[i] for i in number]
        estimator = make_learner().fit(X, [*y[:-1], None])
        assert estimator.classes_.tolist() == sorted(values)
        assert estimator.predict(X).tolist() == y
        assert estimator.score(X, y) == 1.0


# Names --------------------------------------------------------------------------------


@pytest.mark.parametrize("make_series", [pd.Series, lambda y, name: pl.Series(name, y)])
@pytest.mark.parametrize("name", ["digit", None])
def test_a_series_names_its_property(make_estimator, partial_blobs, make_series, name):
    X, y = partial_blobs
    estimator = make_estimator().fit(X, make_series(y, name=name))
    assert estimator.property_names_ == [name or "property_0"]
    assert list(estimator.property_proba(X)) == [name or "property_0"]


# Several properties -------------------------------------------------------------------


@pytest.mark.parametrize("library", [pd, pl])
def test_columns_of_a_frame_are_properties(make_learner, two_properties, library):
    """Columns of different kinds and with gaps of their own."""
    X, numbers, partial = two_properties
    sides, legs = ["left", "right"], [4, 2, 8]
    y = library.DataFrame(
        {
            "side": [None if i < 0 else sides[i] for i in partial[:, 0]],
            "legs": library.Series(
                [None if i < 0 else legs[i] for i in partial[:, 1]],
                dtype="Int64" if library is pd else pl.Int64,
            ),
        }
    )
    estimator = make_learner().fit(X, y)
    assert estimator.property_names_ == ["side", "legs"]
    assert [c.tolist() for c in estimator.classes_] == [sides, [2, 4, 8]]

    expected = [[sides[i], legs[j]] for i, j in numbers]
    assert estimator.predict(X).tolist() == expected
    assert estimator.score(X, y) == 1.0

    side, n_legs = estimator.predict_proba(X)
    assert side.argmax(axis=1).tolist() == numbers[:, 0].tolist()
    assert n_legs.argmax(axis=1).tolist() == np.array([1, 0, 2])[numbers[:, 1]].tolist()
    by_name = estimator.property_proba(X)
    assert list(by_name) == ["side", "legs"]
    np.testing.assert_array_equal(by_name["legs"], n_legs)


def test_columns_of_one_dtype_keep_it(make_learner, two_properties):
    X, numbers, partial = two_properties
    estimator = make_learner().fit(X, partial.astype(np.int8))
    predicted = estimator.predict(X)
    np.testing.assert_array_equal(predicted, numbers)
    assert predicted.dtype == np.int8
    assert estimator.property_names_ == ["property_0", "property_1"]


def test_probabilities_sum_to_one_in_float64(make_estimator, two_properties):
    X, _, y = two_properties
    estimator = make_estimator(n_discovered=1).fit(X, y)
    proba = estimator.property_proba(X)
    assert list(proba) == ["property_0", "property_1", "discovered_0"]
    for values in proba.values():
        assert values.dtype == np.float64
        np.testing.assert_allclose(values.sum(axis=1), 1.0, rtol=0, atol=1e-14)
    # predict_proba speaks of the columns of y alone.
    assert len(estimator.predict_proba(X)) == 2


def test_a_column_without_a_label_is_discovered(make_learner, two_properties):
    """Its values are numbers of components, and the other column does not suffer."""
    X, numbers, y = two_properties
    y = pd.DataFrame({"hidden": pd.array([pd.NA] * len(y), "string"), "known": y[:, 1]})
    estimator = make_learner(property_components={"hidden": 4}).fit(X, y)
    assert estimator.property_names_ == ["hidden", "known"]
    assert estimator.n_components_ == {"hidden": 4, "known": 3}
    hidden, known = estimator.classes_
    assert hidden.tolist() == [0, 1, 2, 3]
    assert known.tolist() == [0, 1, 2]
    predicted = estimator.predict(X)
    np.testing.assert_array_equal(predicted[:, 1], numbers[:, 1])
    assert set(predicted[:, 0]) <= {0, 1, 2, 3}
    assert estimator.score(X, y) == np.mean(predicted[:, 1] == numbers[:, 1])


def test_an_unlabelled_property_is_found_beside_a_labelled_one(make_learner):
    """Though the effect of what is labelled, on all rows, is twice as large."""
    rng = np.random.default_rng(0)
    kind, hidden = rng.integers(3, size=(2, 200))
    X = rng.normal(scale=0.3, size=(200, 6))
    X[:, :3] += 4 * np.eye(3)[kind]
    X[:, 3:] += 2 * np.eye(3)[hidden]
    estimator = make_learner(property_components=3, n_discovered=1)
    found = estimator.fit(X, kind).property_proba(X)["discovered_0"].argmax(axis=1)
    assert adjusted_rand_score(hidden, found) > 0.95


@pytest.fixture(scope="module")
def knows_both(make_learner, two_properties):
    X, _, y = two_properties
    return make_learner().fit(X, y)


@pytest.mark.parametrize("missing", [None, np.nan, -1, pd.NA])
def test_rows_whose_property_is_not_chosen(knows_both, two_properties, missing):
    """They are drawn as if nothing was asked for, or left alone."""
    X, *_ = two_properties
    estimator = knows_both
    _, sampled = estimator.sample(
        300, {"property_1": [2, missing, 0] * 100}, random_state=0
    )
    assert set(sampled[0::3, 1]) == {2}
    assert set(sampled[1::3, 1]) == {0, 1, 2}
    assert set(sampled[2::3, 1]) == {0}
    wanted = {"property_1": [2, missing] * 100}
    changed = estimator.intervene(X, wanted)
    everywhere = estimator.intervene(X, {"property_1": 2})
    nowhere = estimator.intervene(X, {})
    np.testing.assert_array_equal(changed[0::2], everywhere[0::2])
    np.testing.assert_array_equal(changed[1::2], nowhere[1::2])


# Classes that are rarely meant --------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.where(np.arange(200) % 2, 1, -1), "'side'.*one class only, 1.*-1 marks"),
        (np.arange(200) % 4 - 2.0, "'side'.*class -2.0 beside -1.*-1 marks"),
        (np.arange(200), "'side'.*200 classes on 200.*Continuous.*SemiSupervisedVAE"),
    ],
)
def test_fit_warns_of_doubtful_classes(make_estimator, two_properties, column, message):
    """Once, of the column that has them."""
    X, numbers, _ = two_properties
    y = pd.DataFrame({"kind": numbers[:, 1], "side": column})
    with pytest.warns(UserWarning, match=message) as caught:
        estimator = make_estimator(max_epochs=1, n_discovered=1).fit(X, y)
    assert len(caught) == 1
    estimator.score(X[:1], y.iloc[1:2])  # not of a test fold that has one class


# Few labels, or none ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "name"),
    [
        (None, "discovered_0"),
        (np.full(150, -1), "property_0"),
        ([None] * 150, "property_0"),
        (pd.Series([pd.NA] * 150, dtype="Int64", name="kind"), "kind"),
    ],
    ids=["none", "minus_one", "list_of_none", "pandas_na"],
)
def test_without_labels_components_are_predicted(make_estimator, blobs, y, name):
    X, _ = blobs
    estimator = make_estimator(property_components=5).fit(X, y)
    assert estimator.property_names_ == [name]
    assert estimator.classes_.tolist() == [0, 1, 2, 3, 4]
    proba = estimator.predict_proba(X)
    np.testing.assert_array_equal(proba, estimator.property_proba(X)[name])
    np.testing.assert_array_equal(estimator.predict(X), proba.argmax(axis=1))
    # There is nothing to be right about.
    with pytest.raises(ValueError, match="y has no labelled entry|fit had no y"):
        estimator.score(X, np.full(150, -1))


def test_nothing_but_nan_is_refused(make_estimator, blobs):
    X, _ = blobs
    with pytest.raises(ValueError, match="nothing but NaN.*pass y=None"):
        make_estimator().fit(X, np.full(150, np.nan))


def test_one_labelled_class(make_estimator, blobs):
    X, number = blobs
    y = np.where((number == 2) & (np.arange(150) < 30), 2, -1)
    with pytest.warns(UserWarning, match="labels of one class only, 2"):
        estimator = make_estimator().fit(X, y)
    assert estimator.classes_.tolist() == [2]
    assert (estimator.predict(X) == 2).all()
    np.testing.assert_array_equal(estimator.predict_proba(X), np.ones((150, 1)))
    assert estimator.score(X, y) == 1.0


def test_a_class_seen_once(Estimator, blobs):
    X, number = blobs
    y = np.where((np.arange(150) < 60) & (number < 2), number, -1)
    y[np.flatnonzero(number == 2)[0]] = 2
    estimator = Estimator(calibrate=False, random_state=0).fit(X, y)
    assert np.mean(estimator.predict(X) == number) > 0.95


def test_more_classes_than_a_byte_counts(make_estimator):
    rng = np.random.default_rng(0)
    y = np.where(np.arange(400) < 300, 3 * np.arange(400), -1)
    X = rng.normal(size=(400, 4))
    with pytest.warns(UserWarning, match="300 classes on 300 labelled rows"):
        estimator = make_estimator(max_epochs=1).fit(X, y)
    assert estimator.classes_.tolist() == list(range(0, 900, 3))
    proba = estimator.predict_proba(X[:50])
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_array_equal(
        estimator.predict(X[:50]), estimator.classes_[proba.argmax(axis=1)]
    )
    _, sampled = estimator.sample(3, {"property_0": [897, 0, 30]})
    assert sampled.tolist() == [897, 0, 30]


# Spare components ---------------------------------------------------------------------


def test_only_the_named_property_gets_spare_components(make_estimator, two_properties):
    X, _, y = two_properties
    estimator = make_estimator(property_components={"property_1": 5}).fit(X, y)
    assert estimator.n_components_ == {"property_0": 2, "property_1": 5}
    assert estimator.classes_[1].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("components", "message"),
    [
        (2, "property_components=2 is too small for property 'property_0'.*3 classes"),
        ({"nonsense": 4}, r"unknown properties \['nonsense'\].*\['property_0'\]"),
        ({"property_0": "many"}, "'many' is not allowed for property 'property_0'"),
    ],
)
def test_wrong_numbers_of_components(make_estimator, blobs, components, message):
    with pytest.raises(ValueError, match=message):
        make_estimator(property_components=components).fit(*blobs)
