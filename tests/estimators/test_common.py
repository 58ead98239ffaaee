"""scikit-learn's own checks, and ours in place of the three that cannot pass."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import generate_invalid_param_val
from sklearn.utils.estimator_checks import (
    check_classifiers_train,
    parametrize_with_checks,
)

import skfmvae
from skfmvae._utils.compat import Interval
from skfmvae.nn import MLP
from skfmvae.training import BatchSize

STOCHASTIC = (
    "training is stochastic: repeating rows changes batches and draws, as it does for "
    "scikit-learn's estimators that fail this check"
)
EXPECTED_FAILURES = {
    "check_classifiers_classes": (
        "its last step uses -1 as a class, which marks unlabelled rows here; "
        "scikit-learn exempts its semi-supervised classifiers by name"
    ),
    "check_sample_weight_equivalence_on_dense_data": STOCHASTIC,
    "check_sample_weight_equivalence_on_sparse_data": STOCHASTIC,
}


# At the defaults but for the epochs, as scikit-learn's own estimators iterate less in
# these checks; benchmarks/checks.py runs them in all epochs.
@parametrize_with_checks(
    [getattr(skfmvae, name)(max_epochs=5) for name in skfmvae.__all__],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
# One check fits a single class, which a fit may do, but warns of.
@pytest.mark.filterwarnings("ignore:.*labels of one class only:UserWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_the_defaults_learn_what_scikit_learn_asks(Estimator):
    """The check that turns on training, in all epochs."""
    check_classifiers_train(Estimator.__name__, Estimator(calibrate=False))


# What check_classifiers_classes guards ------------------------------------------------

CLASSES = {
    "str": ["one", "two", "three"],
    "object": np.array(["one", "two", "three"], dtype=object),
    "int": [7, 0, 100],
    "uint8": np.array([7, 0, 255], dtype=np.uint8),
    "negative": [-3, -2, 5],
    "float": [2.0, 0.0, 1.0],
    "bool": [False, True],
    "two_str": ["one", "two"],
    "two_int": [1, 2],
}


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_classes_make_the_round_trip(make_learner, blobs, classes):
    classes = np.asarray(classes)
    X, number = blobs
    X, number = X[number < len(classes)], number[number < len(classes)]
    y = classes[number]
    estimator = make_learner(adversarial=None).fit(X, y)
    np.testing.assert_array_equal(estimator.classes_, np.unique(y))
    assert estimator.classes_.dtype == y.dtype
    predicted = estimator.predict(X)
    np.testing.assert_array_equal(predicted, y)
    assert predicted.dtype == y.dtype
    most_probable = estimator.predict_proba(X).argmax(axis=1)
    np.testing.assert_array_equal(estimator.classes_[most_probable], y)


def test_minus_one_is_no_class(make_estimator, blobs):
    X, number = blobs
    y = np.array([-1, 1])[number % 2]
    with pytest.warns(UserWarning, match="-1 marks unlabelled entries.*recode"):
        estimator = make_estimator().fit(X, y)
    assert estimator.classes_.tolist() == [1]
    assert set(estimator.predict(X)) == {1}


# What check_sample_weight_equivalence guards ------------------------------------------


def test_integer_weights_are_repetitions(make_estimator, without_draws):
    """Without draws and batches, a fit to weights is a fit to repeated rows.

    Weights are relative, hence their mean of one here. Batch normalisation looks at
    rows rather than at weights, and a graph of nearest rows is another when rows are
    repeated, hence none of them.
    """
    rng = np.random.default_rng(0)
    X = rng.random((60, 5), dtype=np.float32)
    y = rng.integers(-1, 3, 60)
    weight = np.repeat([0, 1, 2], 20)
    # Repeated in the same order: a row's first copy stands where the row stood.
    repeated = np.repeat(np.arange(60), weight)
    estimator = make_estimator(
        encoder=MLP(hidden=(16,), norm=None),
        decoder=MLP(hidden=(16,), norm=None),
        likelihood="bernoulli",
        optimizer="sgd",  # its steps are not sensitive to rounding
        lr=0.1,
        batch_size=BatchSize(60, labelled=0),
        max_epochs=20,
        neighbours=None,
        adversarial=None,
    )
    with without_draws():
        weighted = clone(estimator).fit(X, y, sample_weight=weight)
        in_copies = clone(estimator).fit(X[repeated], y[repeated])
        unweighted = clone(estimator).fit(X, y)
    expected = in_copies.predict_proba(X)
    np.testing.assert_allclose(weighted.predict_proba(X), expected, atol=1e-4)
    np.testing.assert_allclose(weighted.transform(X), in_copies.transform(X), atol=1e-4)
    assert abs(unweighted.predict_proba(X) - expected).max() > 1e-3


def test_only_the_ratios_of_weights_matter(make_estimator, partial_blobs):
    X, y = partial_blobs
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    proba = [
        make_estimator().fit(X, y, sample_weight=factor * weight).predict_proba(X)
        for factor in (1, 1024)
    ]
    np.testing.assert_array_equal(*proba)


@pytest.mark.parametrize("heavy", [0, 1])
def test_predictions_follow_the_heavier_class(make_learner, heavy):
    """Rows say nothing about their class, so its weight decides."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 4)), rng.permutation(np.arange(200) % 2)
    weight = np.where(y == heavy, 9.0, 1.0)
    estimator = make_learner(max_epochs=20).fit(X, y, sample_weight=weight)
    assert estimator.predict_proba(X)[:, heavy].mean() > 0.75
    assert np.mean(estimator.predict(X) == heavy) > 0.85


# Parameters ---------------------------------------------------------------------------


def test_constructor_only_stores(Estimator):
    parameters = inspect.signature(Estimator).parameters.values()
    assert {p.kind for p in parameters} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert len(parameters) <= 25
    # Whatever comes is kept as it is, and nothing else.
    values = {p.name: object() for p in parameters}
    assert vars(Estimator(**values)) == values


def test_every_parameter_has_constraints(Estimator):
    names = inspect.signature(Estimator).parameters
    assert set(Estimator._parameter_constraints) == set(names)


def test_every_parameter_is_checked(make_estimator, Estimator, blobs):
    """Like scikit-learn's own test of its estimators (`check_param_validation`)."""
    for name, constraints in Estimator._parameter_constraints.items():
        out_of_range = [
            generate_invalid_param_val(constraint)
            for constraint in constraints
            if isinstance(constraint, Interval)
        ]
        for value in [object(), *out_of_range]:
            estimator = make_estimator(**{name: value})
            with pytest.raises(ValueError, match=f"'{name}' parameter of") as error:
                estimator.fit(*blobs)
            assert Estimator.__name__ in str(error.value)


@pytest.mark.parametrize(
    "name", ["encoder", "decoder", "likelihood", "optimizer", "device"]
)
def test_unknown_names_are_refused(make_estimator, blobs, name):
    with pytest.raises(ValueError, match=f"{name}.*nonsense"):
        make_estimator(**{name: "nonsense"}).fit(*blobs)


def test_no_estimator_fails_with_its_defaults(Estimator, blobs):
    """The one test with nothing set at all, so that no default is left untried."""
    X, y = blobs
    assert Estimator().fit(X, y).score(X, y) > 0.95
