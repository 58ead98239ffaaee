"""Representations, and generated rows: names, values and refusals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

# name: (call, what the message says)
REFUSED = {
    "inverse_transform_wrong_columns": (
        lambda e, X: e.inverse_transform(X[:, :3]),
        ["Z has 3 columns", "transform"],
    ),
    "inverse_transform_nan": (
        lambda e, X: e.inverse_transform(np.full_like(e.transform(X), np.nan)),
        ["Z", "NaN"],
    ),
    "sample_nothing": (
        lambda e, X: e.sample(0),
        ["n_samples=0", "at least 1"],
    ),
    "sample_in_words": (
        lambda e, X: e.sample("many"),
        ["n_samples='many'", "whole number"],
    ),
    "sample_unknown_property": (
        lambda e, X: e.sample(2, {"size": 1}),
        ["no property 'size'", "['kind']"],
    ),
    "sample_unknown_value": (
        lambda e, X: e.sample(2, {"kind": 9}),
        ["'kind' has no value 9", "0, 1, 2"],
    ),
    "sample_unlabelled_value": (
        lambda e, X: e.sample(2, {"kind": -1}),
        ["'kind' has no value -1", "0, 1, 2"],
    ),
    "sample_value_of_another_kind": (
        lambda e, X: e.sample(2, {"kind": "0"}),
        ["'kind' has no value '0'", "0, 1, 2"],
    ),
    "sample_no_value": (
        lambda e, X: e.sample(2, {"kind": None}),
        ["'kind' has no value None", "Leave the property out"],
    ),
    "sample_values_in_columns": (
        lambda e, X: e.sample(2, {"kind": [[0, 1], [1, 0]]}),
        ["'kind' has 2 columns of values", "one for each row"],
    ),
    "sample_values_for_other_rows": (
        lambda e, X: e.sample(2, {"kind": [0, 1, 2]}),
        ["'kind' has 3 values for 2 rows", "one value, or one for each row"],
    ),
    "intervene_unknown_property": (
        lambda e, X: e.intervene(X, {"size": 1}),
        ["no property 'size'", "['kind']"],
    ),
    "intervene_unknown_value": (
        lambda e, X: e.intervene(X, {"kind": 9}),
        ["'kind' has no value 9", "0, 1, 2"],
    ),
    "intervene_values_for_other_rows": (
        lambda e, X: e.intervene(X, {"kind": [0, 1, 2]}),
        ["'kind' has 3 values for 150 rows", "one value, or one for each row"],
    ),
    "intervene_unknown_value_in_an_array": (
        lambda e, X: e.intervene(X, {"kind": np.full(150, 9)}),
        ["'kind' has no value 9", "0, 1, 2"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_fitted_estimator_refuses(fitted, blobs, says, case):
    call, pieces = REFUSED[case]
    X, _ = blobs
    with pytest.raises(ValueError, match=says(*pieces)):
        call(fitted, X)


@pytest.mark.parametrize(
    "call",
    [
        lambda e, X: e.sample(),
        lambda e, X: e.intervene(X, {"property_0": 1}),
        lambda e, X: e.get_feature_names_out(),
    ],
    ids=["sample", "intervene", "get_feature_names_out"],
)
def test_an_unfitted_estimator_generates_nothing(make_estimator, blobs, call):
    with pytest.raises(NotFittedError):
        call(make_estimator(), blobs[0])


@pytest.mark.parametrize("name", ["style", "u", "z0"])
def test_a_property_may_be_called_like_a_latent_block(
    make_estimator, partial_blobs, name
):
    X, y = partial_blobs
    frame = pd.DataFrame({name: y, "other": y})
    estimator = make_estimator().fit(X, frame)
    Z, names = estimator.transform(X), estimator.get_feature_names_out()
    assert Z.shape[1] == len(set(names))
    twin = make_estimator().fit(X, frame.rename(columns={name: "first"}))
    np.testing.assert_array_equal(Z, twin.transform(X))
    rows, found = estimator.sample(5, {name: 1}, random_state=0)
    assert (found[:, 0] == 1).all()
    np.testing.assert_array_equal(rows, twin.sample(5, {"first": 1}, random_state=0)[0])


def test_features_are_named_by_block_and_column(make_estimator, two_properties):
    X, _, y = two_properties
    estimator = make_estimator().fit(X, y)
    names = estimator.get_feature_names_out()
    assert len(names) == estimator.transform(X).shape[1]
    columns = {}
    for name in names:
        block, _, number = name.rpartition("_")
        columns.setdefault(block, []).append(int(number))
    for numbers in columns.values():
        assert numbers == list(range(len(numbers)))
    assert len(columns) > 1
