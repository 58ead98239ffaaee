"""Parameters that stand for settings, and the limits of settings."""

import numpy as np
import pytest
from sklearn.base import clone

from skfmvae.nn import MLP, Gaussian
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.training import BaseObjective, EarlyStopping


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
            {"early_stopping": True, "early_stopping__patience": 3},
            {"early_stopping": EarlyStopping(patience=3)},
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
        ({"early_stopping__patience": 3}, r"early_stopping=EarlyStopping\(\)"),
        ({"early_stopping": False, "early_stopping__tol": 0}, "early_stopping=False"),
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


@pytest.mark.parametrize("early_stopping", [True, False])
def test_early_stopping_by_a_truth_value(make_estimator, partial_blobs, early_stopping):
    X, y = partial_blobs
    settings = EarlyStopping() if early_stopping else None
    by_word, by_object = (
        make_estimator(early_stopping=value).fit(X, y)
        for value in (early_stopping, settings)
    )
    np.testing.assert_array_equal(by_word.predict_proba(X), by_object.predict_proba(X))
    assert ("valid_loss" in by_word.net_.history[-1]) == early_stopping


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
        {"early_stopping": EarlyStopping(validation_fraction=2.0)},
        ["EarlyStopping", "validation_fraction", "2.0"],
    ),
    "no_fraction": (
        {"early_stopping": EarlyStopping(validation_fraction=0.0)},
        ["EarlyStopping", "validation_fraction", "0.0"],
    ),
    "no_patience": (
        {"early_stopping": EarlyStopping(patience=0)},
        ["EarlyStopping", "patience", "0"],
    ),
    "negative_tol": (
        {"early_stopping": EarlyStopping(tol=-1.0)},
        ["EarlyStopping", "tol", "-1.0"],
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
