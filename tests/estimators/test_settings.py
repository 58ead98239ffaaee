"""Parameters that stand for settings, and the limits of settings."""

import numpy as np
import pytest
from sklearn.base import clone

from skfmvae.nn import MLP, Gaussian
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.training import BaseObjective, BatchSize, EarlyStopping


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"neighbours__n_neighbors": 7}, {"neighbours": Neighbours(n_neighbors=7)}),
        ({"encoder__hidden": (5,)}, {"encoder": MLP(hidden=(5,))}),
        (
            {"likelihood": "gaussian", "likelihood__min_scale": 0.1},
            {"likelihood": Gaussian(min_scale=0.1)},
        ),
        (
            {"batch_size": 64, "batch_size__labelled": 8},
            {"batch_size": BatchSize(64, labelled=8)},
        ),
        (
            {"adversarial": VirtualAdversarial(2.0), "adversarial__radius": 0.9},
            {"adversarial": VirtualAdversarial(2.0, radius=0.9)},
        ),
    ],
)
def test_settings_are_reached_through_the_words_for_them(Estimator, params, expected):
    estimator = clone(Estimator()).set_params(**params)
    for name, settings in expected.items():
        assert repr(getattr(estimator, name)) == repr(settings)


def test_every_estimator_has_an_objective_to_reach(Estimator):
    objective = Estimator().set_params(objective__kl_warmup=0.1).objective
    assert isinstance(objective, BaseObjective)
    assert objective.kl_warmup == 0.1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"likelihood__min_scale": 0.1}, r"likelihood='auto' has no .*=Gaussian\(\)"),
        ({"neighbours": None, "neighbours__alpha": 0.5}, r"neighbours=Neighbours\(\)"),
        ({"max_epochs__x": 3}, "max_epochs=None has no parameters"),
        ({"neighbors__x": 3}, "Invalid parameter 'neighbors'"),
    ],
)
def test_settings_that_are_off_cannot_be_changed(Estimator, params, message):
    estimator = Estimator()
    with pytest.raises(ValueError, match=message):
        estimator.set_params(**params)
    assert repr(estimator) == repr(Estimator())
    with pytest.raises(ValueError, match="Invalid parameter 'x'"):
        estimator.set_params(neighbours__x=3)
    with pytest.raises(ValueError, match="'NoneType' object .* an object first"):
        estimator.set_params(neighbours__features__n_components=3)


def test_a_number_stands_for_the_size_of_a_batch(make_estimator, partial_blobs):
    X, y = partial_blobs
    by_number, by_object, fewer = (
        make_estimator(batch_size=value).fit(X, y).predict_proba(X)
        for value in (50, BatchSize(50), BatchSize(50, labelled=2))
    )
    np.testing.assert_array_equal(by_number, by_object)
    assert (by_number != fewer).any()


# name: (parameters, what the message says)
REFUSED = {
    "negative_warmup": (
        {"objective__kl_warmup": -1},
        ["Objective", "kl_warmup", "-1"],
    ),
    "warmup_above_one": (
        {"objective__kl_warmup": 2.0},
        ["Objective", "kl_warmup", "2.0"],
    ),
    "warmup_of_words": (
        {"objective__kl_warmup": "long"},
        ["Objective", "kl_warmup", "'long'"],
    ),
    "negative_free_bits": (
        {"objective__free_bits": -0.1},
        ["Objective", "free_bits", "-0.1"],
    ),
    "fraction_above_one": (
        {"callbacks": [EarlyStopping(validation_fraction=2.0)]},
        ["EarlyStopping", "validation_fraction", "2.0"],
    ),
    "no_fraction": (
        {"callbacks": [EarlyStopping(validation_fraction=0.0)]},
        ["EarlyStopping", "validation_fraction", "0.0"],
    ),
    "no_patience": (
        {"callbacks": [EarlyStopping(patience=0)]},
        ["EarlyStopping", "patience", "0"],
    ),
    "negative_tol": (
        {"callbacks": [EarlyStopping(tol=-1.0)]},
        ["EarlyStopping", "tol", "-1.0"],
    ),
    "twice": (
        {"callbacks": [EarlyStopping(), EarlyStopping()]},
        ["callbacks holds 2 EarlyStopping", "give one"],
    ),
    "a_batch_of_one": (
        {"batch_size": BatchSize(1)},
        ["BatchSize", "rows", "1"],
    ),
    "less_than_no_label": (
        {"batch_size": BatchSize(labelled=-1)},
        ["BatchSize", "labelled", "-1"],
    ),
    "no_such_activation": (
        {"encoder": MLP(activation="step")},
        ["MLP", "activation", "'step'", "'relu'"],
    ),
    "negative_scale": (
        {"likelihood": Gaussian(scale=-1.0)},
        ["Gaussian", "scale=-1.0", "positive"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_fit_refuses(assert_fit_refuses, case):
    params, pieces = REFUSED[case]
    assert_fit_refuses(params, None, pieces)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neighbours": Neighbours(n_neighbors=0)}, "n_neighbors"),
        ({"neighbours": Neighbours(alpha=1.0)}, "alpha"),
        ({"neighbours": Neighbours(weight=-1.0)}, "weight"),
        ({"neighbours": Neighbours(n_rebuilds=-1)}, "n_rebuilds"),
        ({"neighbours": Neighbours(exact_up_to=-1)}, "exact_up_to"),
        ({"neighbours": "grph"}, "neighbours"),
        ({"adversarial": VirtualAdversarial(radius=0.0)}, "radius"),
        ({"adversarial": VirtualAdversarial(n_power_iterations=0)}, "n_power"),
    ],
)
def test_regularizers_out_of_range_are_refused(
    make_estimator, blobs, settings, message
):
    with pytest.raises(ValueError, match=message):
        make_estimator(**settings).fit(*blobs)
