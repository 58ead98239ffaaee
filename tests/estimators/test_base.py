"""What `fit` learns from, and how it refuses the rest."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skfmvae.estimators import BaseVAE
from skfmvae.nn import Bernoulli, Categorical, Gaussian

# Targets, likelihoods and networks that cannot be fitted ------------------------------


class NotAModule:
    def __init__(self, n_inputs, n_outputs):
        pass


def one_column_more(n_inputs, n_outputs):
    return torch.nn.Linear(n_inputs, n_outputs + 1)


def one_input_more(n_inputs, n_outputs):
    return torch.nn.Linear(n_inputs + 1, n_outputs)


# name: (parameters, what becomes of (X, y), what the message says)
REFUSED = {
    # targets
    "short_y": ({}, lambda X, y: (X, y[:-1]), ["inconsistent", "149", "150"]),
    "long_y": ({}, lambda X, y: (X, [*y, 0]), ["inconsistent", "151", "150"]),
    "cubic_y": (
        {},
        lambda X, y: (X, y[:, None, None]),
        ["y has 3 dimensions", "(n_samples,)"],
    ),
    "continuous_y": (
        {},
        lambda X, y: (X, y + 0.5),
        ["continuous", "'property_0'", "Continuous", "SemiSupervisedVAE"],
    ),
    "rounded_y": (
        {},
        lambda X, y: (X, y + 1e17),
        ["'property_0'", "1e+17", "float64", "integers or strings"],
    ),
    "mixed_y": (
        {},
        lambda X, y: (X, ["a", *y[1:]]),
        ["'property_0'", "mixes", "int", "str", "all strings"],
    ),
    # networks
    "encoder_of_wrong_width": (
        {"encoder": one_column_more},
        None,
        ["encoder", "(2, 4)", "is expected", "columns"],
    ),
    "decoder_of_wrong_width": (
        {"decoder": one_column_more},
        None,
        ["decoder", "(2, 5)", "(2, 4)", "is expected", "end it with 4 columns"],
    ),
    "encoder_of_wrong_input": (
        {"encoder": one_input_more},
        None,
        ["encoder", "(2, 4)", "must take 4 columns"],
    ),
    "no_module": (
        {"encoder": NotAModule},
        None,
        ["encoder", "NotAModule", "torch.nn.Module"],
    ),
    "conv_without_an_image": (
        {"encoder": "conv"},
        lambda X, y: (X[:, :2], y),
        ["Conv", "2 columns", "image_shape=(channels, height, width)"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_fit_refuses(assert_fit_refuses, case):
    assert_fit_refuses(*REFUSED[case])


# name: (likelihood, rows in its support but for a value, the value, the message)
OUTSIDE_THE_SUPPORT = {
    "bernoulli": (
        "bernoulli",
        lambda X: X.clip(0, 1),
        1.5,
        ["Bernoulli", "1.5", "[0, 1]", "MinMaxScaler"],
    ),
    "categorical": (
        "categorical",
        lambda X: X.clip(0).round(),
        0.5,
        ["Categorical", "0.5", "0, 1, 2", "OrdinalEncoder"],
    ),
    "too_few_categories": (
        Categorical(n_categories=3),
        lambda X: X.clip(0, 2).round(),
        3,
        ["Categorical", "3.0", "n_categories"],
    ),
    "poisson": (
        "poisson",
        lambda X: X.clip(0).round(),
        -1,
        ["Poisson", "-1.0", "counts", "gaussian"],
    ),
    "negative_binomial": (
        "negative_binomial",
        lambda X: X.clip(0).round(),
        2.5,
        ["NegativeBinomial", "2.5", "counts", "gaussian"],
    ),
}


@pytest.mark.parametrize("case", OUTSIDE_THE_SUPPORT)
def test_fit_refuses_values_outside_the_support(assert_fit_refuses, with_value, case):
    likelihood, prepare, value, pieces = OUTSIDE_THE_SUPPORT[case]
    assert_fit_refuses(
        {"likelihood": likelihood},
        lambda X, y: (with_value(prepare(X), value), y),
        ["row 3", "column 2", *pieces],
    )


# Rows that are no error ---------------------------------------------------------------


@pytest.mark.parametrize("likelihood", [Gaussian(), Bernoulli()], ids=str)
def test_constant_columns_are_fine(make_estimator, blobs, likelihood):
    X, number = blobs
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    X[:, 1], X[:, 2] = 0.0, 1.0
    estimator = make_estimator(likelihood=likelihood).fit(X, number)
    for method in ("predict_proba", "transform", "reconstruct", "score_samples"):
        assert np.isfinite(getattr(estimator, method)(X)).all()
    X_new, _ = estimator.sample(20, random_state=0)
    assert np.isfinite(X_new).all()


def test_constant_rows_are_fine(make_estimator):
    X = np.full((20, 3), 7.0)
    estimator = make_estimator(property_components=2).fit(X)
    assert np.isfinite(estimator.score_samples(X)).all()
    assert np.isfinite(estimator.predict_proba(X)).all()


# What fit learns ----------------------------------------------------------------------


def test_the_base_builds_no_model():
    with pytest.raises(TypeError, match="_build_model"):
        BaseVAE()


def test_tags_say_what_fit_takes(Estimator):
    tags = get_tags(Estimator())
    assert not tags.target_tags.required
    assert tags.target_tags.multi_output
    assert tags.input_tags.sparse
    assert tags.input_tags.allow_nan


def test_a_fit_counts_what_it_found(make_estimator, two_properties):
    X, _, y = two_properties
    estimator = make_estimator(property_components={"property_1": 4}, n_discovered=1)
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    estimator.fit(X, y)
    check_is_fitted(estimator)
    assert estimator.n_features_in_ == 6
    assert estimator.n_iter_ == 3
    names = ["property_0", "property_1", "discovered_0"]
    assert list(estimator.n_components_) == names
    assert list(estimator.n_components_.values())[:2] == [2, 4]
    # Classes are those of the columns of y alone.
    assert [values.tolist() for values in estimator.classes_] == [[0, 1], [0, 1, 2, 3]]
