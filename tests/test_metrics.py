"""Measures take the values that follow from how a code or a generator was made."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.metrics import (
    controllability,
    dci,
    expected_calibration_error,
    mutual_information_gap,
    separated_attribute_predictability,
    specificity,
)
from skfmvae.targets import PartialLabelEncoder

MEASURES = [mutual_information_gap, separated_attribute_predictability, dci]
by_measure = pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.__name__)


def grid(*sizes, repeats=20):
    """Return all combinations of values, as often: columns say nothing of others."""
    return np.indices((*sizes, repeats)).reshape(len(sizes) + 1, -1).T[:, :-1]


def values_of(measure, Z, Y, **settings):
    """Return all that a measure says, as an array."""
    if measure is dci:
        settings = {"random_state": 0, **settings}
        return np.array(dci(Z, Y, **settings)[:3])
    return np.array(measure(Z, Y, **settings))


# Known codes --------------------------------------------------------------------------

Y = grid(4, 3, 2)
RANDOM = np.random.default_rng(0).normal(size=(3000, 5))
RANDOM_Y = np.random.default_rng(1).integers([2, 3, 4], size=(3000, 3))


@pytest.mark.parametrize(
    "Z",
    [Y, Y[:, [2, 0, 1]], Y * [-1e9, 1e-9, 3.0] + 5],
    ids=["same", "moved", "scaled"],
)
def test_perfect_code(Z):
    assert mutual_information_gap(Z, Y) == pytest.approx(1)
    expected = np.mean([1 - 1 / 4, 1 - 1 / 3, 1 - 1 / 2])  # 1 less guessing
    assert separated_attribute_predictability(Z, Y) == pytest.approx(expected)
    assert_allclose(dci(Z, Y, random_state=0)[:3], 1, atol=1e-6)


def test_importances_say_which_latent_holds_which_factor():
    scores = dci(Y[:, [2, 0, 1]], Y, random_state=0)
    assert_allclose(scores.importances, np.eye(3)[[2, 0, 1]], atol=1e-6)


def test_random_code():
    assert 0 <= mutual_information_gap(RANDOM, RANDOM_Y) < 0.01
    assert 0 <= separated_attribute_predictability(RANDOM, RANDOM_Y) < 0.03
    scores = dci(RANDOM, RANDOM_Y, random_state=0)
    assert 0 <= scores.disentanglement < 0.02
    assert 0 <= scores.completeness < 0.02
    assert scores.informativeness == pytest.approx(
        np.mean([1 / 2, 1 / 3, 1 / 4]), abs=0.04
    )


def test_latent_that_mixes_two_factors():
    factors = grid(2, 2, 2)
    Y, other = factors[:, :2], factors[:, 2]
    Z = np.column_stack([2 * Y[:, 0] + Y[:, 1], other])
    # The gap sees factors one at a time: both are known from one latent alone.
    assert mutual_information_gap(Z, Y) == pytest.approx(1)
    # One threshold gets all of the first factor, three quarters of the second.
    expected = np.mean([1 - 0.5, 0.75 - 0.5])
    assert separated_attribute_predictability(Z, Y) == pytest.approx(expected)
    scores = dci(Z, Y, random_state=0)
    assert scores.disentanglement == pytest.approx(0, abs=0.01)
    assert scores.completeness == pytest.approx(1, abs=0.01)
    assert scores.informativeness == 1


def test_factor_spread_over_two_latents():
    bits = grid(2, 2, 3, repeats=100)
    Y = np.column_stack([2 * bits[:, 0] + bits[:, 1], bits[:, 2]])
    # Either bit is half of what there is to know; the other factor is known from one.
    assert mutual_information_gap(bits, Y) == pytest.approx(np.mean([0, 1]))
    expected = np.mean([0, 1 - 1 / 3])
    assert separated_attribute_predictability(bits, Y) == pytest.approx(expected)
    scores = dci(bits, Y, random_state=0)
    expected = np.mean([1 - np.log(2) / np.log(3), 1])
    assert scores.completeness == pytest.approx(expected, abs=0.02)
    assert scores.disentanglement == pytest.approx(1, abs=0.01)


def test_gap_counts_what_the_second_latent_knows():
    Y = grid(4)[:, 0]
    Z = np.column_stack([Y, Y // 2, Y // 3])
    assert mutual_information_gap(Z, Y) == pytest.approx(0.5)  # ln 4 less ln 2
    assert separated_attribute_predictability(Z, Y) == pytest.approx(1 - 0.5)


def brute_force_gap(Z, Y, n_bins):
    gaps = []
    for y in Y.T:
        information = []
        for z in Z.T:
            width = (z.max() - z.min()) / n_bins
            bins = np.minimum((z - z.min()) // width, n_bins - 1)
            total = 0.0
            for a in range(n_bins):
                for b in np.unique(y):
                    joint = np.mean((bins == a) & (y == b))
                    if joint:
                        alone = np.mean(bins == a) * np.mean(y == b)
                        total += joint * np.log(joint / alone)
            information.append(total)
        share = np.array([np.mean(y == b) for b in np.unique(y)])
        largest = sorted(information)
        gaps.append((largest[-1] - largest[-2]) / -np.sum(share * np.log(share)))
    return np.mean(gaps)


@pytest.mark.parametrize("n_bins", [2, 7, 20])
def test_mutual_information_gap_is_that_of_the_counts(n_bins):
    rng = np.random.default_rng(0)
    Y = np.column_stack([rng.binomial(4, 0.3, 500), rng.integers(2, size=500)])
    Z = Y @ rng.normal(size=(2, 4)) + rng.normal(size=(500, 4))
    expected = brute_force_gap(Z, Y, n_bins)
    assert expected > 0.001
    assert mutual_information_gap(Z, Y, n_bins=n_bins) == pytest.approx(expected)
    if n_bins == 20:
        assert mutual_information_gap(Z, Y) == pytest.approx(expected)


def test_predictability_weighs_values_alike():
    rare = np.repeat([0, 1], [900, 100])
    noise = np.tile([0, 1], 500)
    Z = np.column_stack([np.tile(np.arange(10) < 2, 100), noise])
    Z[900:, 0] = np.tile(np.arange(10) < 8, 10)
    # Thresholds get 80 % of either value, though "never" is right on 90 % of the rows.
    assert separated_attribute_predictability(Z, rare) == pytest.approx(0.3)


def test_there_is_one_threshold_between_two_values():
    Z = grid(3, 2)
    between = (Z[:, 0] == 1).astype(int)
    # Two would get all of it; one gets all of the one value and half of the other.
    assert separated_attribute_predictability(Z, between) == pytest.approx(0.75 - 0.5)


@by_measure
def test_order_and_scale_of_latents_do_not_matter(measure):
    Z = RANDOM + 2 * RANDOM_Y @ np.random.default_rng(2).normal(size=(3, 5))
    expected = values_of(measure, Z, RANDOM_Y)
    scaled = Z * [1e-12, 1, 10, -1e3, 1e6]  # by more than trees can tell
    # Forests draw the order in which they try the latents.
    tolerance = 0.02 if measure is dci else 1e-6
    for code in (Z[:, ::-1], scaled):
        assert_allclose(values_of(measure, code, RANDOM_Y), expected, atol=tolerance)


@by_measure
def test_constant_latent_changes_nothing(measure):
    Z = RANDOM[:, :3] + 2 * RANDOM_Y
    dead = np.insert(Z, [0, 2], 0.1, axis=1)
    expected = values_of(measure, Z, RANDOM_Y)
    assert_array_equal(values_of(measure, dead, RANDOM_Y), expected)
    if measure is dci:
        importances = dci(dead, RANDOM_Y, random_state=0).importances
        assert importances.shape == (5, 3)
        assert_array_equal(importances[[0, 3]], 0)
        assert importances[[1, 2, 4]].all()


@by_measure
def test_what_values_are_called_does_not_matter(measure):
    Z = RANDOM[:, :3] + 2 * RANDOM_Y
    expected = values_of(measure, Z, RANDOM_Y)
    names = np.array(["a", "b", "c", "d"])
    for named in (names[RANDOM_Y], RANDOM_Y * 3.0, pd.DataFrame(RANDOM_Y)):
        assert_array_equal(values_of(measure, Z, named), expected)


@by_measure
def test_one_factor_may_have_one_dimension(measure):
    expected = values_of(measure, RANDOM, RANDOM_Y[:, [1]])
    assert_array_equal(values_of(measure, RANDOM, RANDOM_Y[:, 1]), expected)


# The formulas of DCI ------------------------------------------------------------------


class Stub(ClassifierMixin, BaseEstimator):
    """Has given importances for a factor with so many values."""

    def __init__(self, importances):
        self.importances = importances

    def fit(self, X, y):
        self.feature_importances_ = np.array(self.importances[len(np.unique(y))])
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


def entropy(*weights):
    p = np.array([w for w in weights if w]) / sum(weights)
    return -np.sum(p * np.log(p))


def test_formulas_on_given_importances():
    Y = grid(2, 3)
    Z = np.random.default_rng(0).normal(size=(len(Y), 4))
    stub = Stub({2: [0.5, 0.5, 0, 0], 3: [0.2, 0, 0.8, 0]})
    scores = dci(Z, Y, stub, random_state=0)
    assert_array_equal(scores.importances.T, [[0.5, 0.5, 0, 0], [0.2, 0, 0.8, 0]])
    disentanglement = (0.7 * (1 - entropy(0.5, 0.2) / np.log(2)) + 0.5 + 0.8) / 2
    completeness = [1 - entropy(1, 1) / np.log(4), 1 - entropy(0.2, 0.8) / np.log(4)]
    assert scores.disentanglement == pytest.approx(disentanglement)
    assert scores.completeness == pytest.approx(np.mean(completeness))


def test_importances_below_zero_are_those_of_rounding():
    stub = Stub({2: [1, -1e-17], 3: [0, 1]})
    scores = dci(RANDOM[:, :2], RANDOM_Y[:, :2], stub, random_state=0)
    assert scores[:2] == (1, 1)


def test_without_importance_there_is_no_structure():
    Y = grid(2, 3)
    Z = np.random.default_rng(0).normal(size=(len(Y), 3))
    scores = dci(Z, Y, Stub({2: [0] * 3, 3: [0] * 3}))
    assert scores[:2] == pytest.approx((0, 0))
    scores = dci(Z, Y, Stub({2: [0] * 3, 3: [0, 2, 0]}))
    assert scores[:2] == pytest.approx((1, 0.5))


def test_a_lone_factor_or_latent_is_not_mixed():
    assert dci(RANDOM, RANDOM_Y[:, 0], random_state=0).disentanglement == 1
    assert dci(RANDOM[:, [0]], RANDOM_Y, random_state=0).completeness == 1


def test_informativeness_is_of_held_out_rows():
    # A forest of full depth knows all rows it saw; there is nothing to know of others.
    forest = ExtraTreesClassifier(20, random_state=0)
    scores = dci(RANDOM, RANDOM_Y[:, 0], forest, random_state=0)
    assert scores.informativeness < 0.6


@pytest.mark.parametrize(("settings", "n_rows"), [({}, 750), ({"test_size": 10}, 10)])
def test_number_of_held_out_rows(settings, n_rows):
    Y = np.arange(3000) % 2
    always_zero = Stub({2: [1] * 5})
    share = dci(RANDOM, Y, always_zero, random_state=0, **settings).informativeness
    assert share == pytest.approx(0.5, abs=2 / np.sqrt(n_rows))
    assert share * n_rows == pytest.approx(round(share * n_rows))


def test_other_classifiers_and_seeds():
    boosted = GradientBoostingClassifier(n_estimators=5, random_state=0)
    assert_allclose(dci(Y, Y, boosted, random_state=0)[:3], 1, atol=1e-6)
    Z = RANDOM + RANDOM_Y[:, [0, 1, 2, 0, 1]]
    first, again, other = (
        values_of(dci, Z, RANDOM_Y, random_state=s) for s in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert (first != other).any()


# Input that cannot be used ------------------------------------------------------------


@by_measure
@pytest.mark.parametrize(
    ("Z", "Y", "message"),
    [
        (RANDOM[:9], RANDOM_Y[:8], "Z has 9 rows and Y 8"),
        (np.where(RANDOM > 3, np.nan, RANDOM), RANDOM_Y, "Z contains NaN"),
        (RANDOM, np.where(RANDOM > 3, -1, 0), "column 0 of Y holds -1 in row"),
        (RANDOM, np.where(RANDOM > 3, np.nan, 0), "column 0 of Y holds nan in row"),
        (RANDOM, np.full(3000, np.nan), "column 0 of Y holds no known values"),
        (RANDOM, np.full(3000, -1), "column 0 of Y holds -1 in row 0"),
        (RANDOM, RANDOM[:, 0], "column 0 of Y .*continuous"),
        (RANDOM, pd.DataFrame({"a": RANDOM_Y[:, 0], "b": 7}), "'b' of Y .* but 7"),
        (RANDOM, np.zeros((3000, 2, 2)), "Y has no columns .*3 dimensions"),
    ],
    ids=range(9),
)
def test_refused(measure, Z, Y, message):
    with pytest.raises(ValueError, match=message):
        measure(Z, Y)


def test_refused_by_some():
    for measure in (mutual_information_gap, separated_attribute_predictability):
        with pytest.raises(ValueError, match="Z has 1 column"):
            measure(RANDOM[:, :1], RANDOM_Y)
    for n_bins in (1, 2.5):
        with pytest.raises(ValueError, match=f"n_bins={n_bins}"):
            mutual_information_gap(RANDOM, RANDOM_Y, n_bins=n_bins)
    with pytest.raises(ValueError, match="all columns of Z are constant"):
        dci(np.ones((3000, 2)), RANDOM_Y)
    with pytest.raises(ValueError, match="no feature_importances_"):
        dci(RANDOM, RANDOM_Y, LogisticRegression())


# Control ------------------------------------------------------------------------------

SHAPES = np.array(["box", "cone", "disc"])
LABELS = pd.DataFrame(
    {"shape": SHAPES, "size": [10, 20, 10], "lit": [True, False, False]}, dtype=object
)


class Painter(BaseEstimator):
    """Rows are the codes of the properties; some are painted wrongly.

    Parameters
    ----------
    labels : DataFrame
        With one column for each property.
    wrong : dict of str to int
        Every so many rows a property is not what was asked for.
    leaks : dict of (str, str) to int
        Every so many rows the first property's change changes the second, too.
    """

    def __init__(self, labels=LABELS, wrong=None, leaks=None):
        self.labels = labels
        self.wrong = wrong
        self.leaks = leaks

    def fit(self):
        self.labels_ = PartialLabelEncoder().fit(self.labels)
        self.asked_ = []
        return self

    def shift(self, X, name, step):
        k = self.labels_.property_names.index(name)
        X[::step, k] = (X[::step, k] + 1) % len(self.labels_.classes[k])

    def sample(self, n_samples, properties, random_state=None):
        self.asked_.append((properties, random_state))
        X = self.labels_.codes_of(properties, n_samples).astype(float)
        for name, step in (self.wrong or {}).items():
            self.shift(X, name, step)
        return X, self.labels_.inverse(X.astype(int))

    def intervene(self, X, properties):
        self.asked_.append((properties, None))
        codes = self.labels_.codes_of(properties, len(X))
        X = np.where(codes < 0, X, codes)
        for (cause, name), step in (self.leaks or {}).items():
            if cause in properties:
                self.shift(X, name, step)
        return X


class Reader:
    """Reads what a painter paints, of the properties it is given."""

    def __init__(self, painter, names=slice(None)):
        self.painter = painter
        self.names = names

    def predict(self, X):
        read = self.painter.labels_.inverse(np.asarray(X, dtype=int))
        return read if read.ndim == 1 else read[:, self.names]


def test_controllability_is_the_share_painted_right():
    painter = Painter(wrong={"shape": 4, "lit": 2}).fit()
    shares = controllability(painter, Reader(painter), 1000, random_state=0)
    assert shares.by_property == {"shape": 0.75, "size": 1.0, "lit": 0.5}
    assert shares.mean == pytest.approx(0.75)
    assert all(type(share) is float for share in shares.by_property.values())


def test_values_are_asked_for_evenly_and_independently():
    painter = Painter().fit()
    controllability(painter, Reader(painter), 6000, random_state=0)
    asked, _ = painter.asked_[0]
    combinations = pd.DataFrame(asked).value_counts(normalize=True)
    assert len(combinations) == 12
    assert_allclose(combinations, 1 / 12, atol=0.02)


def test_classes_without_labels_are_not_asked_for():
    painter = Painter().fit()
    painter.labels_.fit(LABELS, {"shape": 9}, n_discovered=1)
    painter.sample = lambda n, properties, random_state: (pd.DataFrame(properties), 0)
    reader = Reader(painter)
    reader.predict = lambda X: X
    shares = controllability(painter, reader, 100)
    assert shares.by_property == {"shape": 1, "size": 1, "lit": 1}


@pytest.mark.parametrize("kind", [np.array, pd.DataFrame])
def test_wanted_combinations_are_asked_for(kind):
    painter = Painter(wrong={"size": 3}).fit()
    columns = {"columns": list(LABELS)} if kind is pd.DataFrame else {"dtype": object}
    Y = kind([["cone", 10, True], ["disc", 20, True]] * 3, **columns)
    shares = controllability(painter, Reader(painter), 7, Y=Y)
    asked, _ = painter.asked_[0]
    assert list(map(list, asked.values())) == [
        ["cone", "disc"] * 3,
        [10, 20] * 3,
        [True] * 6,
    ]
    assert shares.by_property == {"shape": 1, "size": pytest.approx(2 / 3), "lit": 1}


def test_one_property_is_read_in_one_dimension():
    painter = Painter(LABELS["shape"], wrong={"shape": 2}).fit()
    reader = Reader(painter)
    assert controllability(painter, reader, 10) == (0.5, {"shape": 0.5})
    shares = controllability(painter, reader, Y=pd.Series(["box"] * 3, name="any"))
    assert shares.mean == pytest.approx(1 / 3)


def test_specificity_is_the_share_of_other_properties_kept():
    leaks = {("shape", "size"): 4, ("lit", "shape"): 2, ("lit", "size"): 1}
    painter = Painter(leaks=leaks).fit()
    X = grid(3, 2, 2).astype(float)
    shares = specificity(painter, Reader(painter), X, random_state=0)
    assert shares.by_property == pytest.approx(
        {"shape": (0.75 + 1) / 2, "size": 1, "lit": (0.5 + 0) / 2}
    )
    assert shares.mean == pytest.approx((0.875 + 1 + 0.25) / 3)


def test_interventions_ask_for_other_values_evenly():
    painter = Painter().fit()
    X = np.zeros((4000, 3))
    shares = specificity(painter, Reader(painter), X, random_state=0)
    assert shares.mean == 1
    asked = {name: values for p, _ in painter.asked_ for name, values in p.items()}
    assert [len(properties) for properties, _ in painter.asked_] == [1, 1, 1]
    assert list(asked) == ["shape", "size", "lit"]
    shares = pd.Series(asked["shape"]).value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({"cone": 0.5, "disc": 0.5}, abs=0.03)
    assert set(asked["size"]) == {20}
    assert set(asked["lit"]) == {True}


def test_control_repeats_with_its_seed():
    for measure, third in [(controllability, 50), (specificity, np.zeros((50, 3)))]:
        asked = []
        for seed in (0, 0, 1):
            painter = Painter().fit()
            measure(painter, Reader(painter), third, random_state=seed)
            asked.append(painter.asked_[0][0]["shape"].tolist())
        assert asked[0] == asked[1] != asked[2]


def test_control_refuses():
    painter = Painter().fit()
    reader = Reader(painter)
    X = np.zeros((4, 3))
    for measure, third in [(controllability, 4), (specificity, X)]:
        with pytest.raises(NotFittedError):
            measure(SemiSupervisedVAE(), reader, third)
        with pytest.raises(ValueError, match="classifier predicts 2 columns"):
            measure(painter, Reader(painter, [0, 1]), third)
        with pytest.raises(ValueError, match="classifier predicts .*0 for .*'shape'"):
            measure(painter, Reader(painter, [1, 0, 2]), third)
        unlabelled = Painter(None).fit()
        with pytest.raises(ValueError, match="estimator got no labels"):
            measure(unlabelled, reader, third)
    for n_samples in (0, 2.5):
        with pytest.raises(ValueError, match=f"n_samples={n_samples}"):
            controllability(painter, reader, n_samples)
    for Y, message in [
        ([["box", 10]], "Y has 2 columns; expected .*'shape', 'size', 'lit'"),
        (LABELS[["size", "shape", "lit"]], "Y has 3 columns .*in their order"),
        ([["box", -1, True]], "Y asks for -1 of property 'size'"),
        ([["box", np.nan, True]], "Y asks for nan of property 'size'"),
        ([["box", 10, None]], "Y asks for None of property 'lit'"),
        ([], "Y has no columns"),
    ]:
        with pytest.raises(ValueError, match=message):
            controllability(painter, reader, Y=Y)
    with pytest.raises(ValueError, match=r"properties \['shape'\].*two"):
        specificity(Painter(LABELS["shape"]).fit(), reader, X)
    one_value = Painter(LABELS.assign(lit=True)).fit()
    with pytest.raises(
        ValueError, match="'lit' of the estimator has no value but True"
    ):
        specificity(one_value, Reader(one_value), X)


@pytest.mark.parametrize("kind", [FactorialMixtureVAE, SemiSupervisedVAE])
def test_with_estimators(kind):
    rng = np.random.default_rng(0)
    codes = rng.integers([2, 3], size=(120, 2))
    X = 3.0 * codes @ rng.normal(size=(2, 5)) + rng.normal(size=(120, 5))
    sides = np.array(["left", "right"])  # for classifiers take one kind of values
    Y = pd.DataFrame({"side": sides[codes[:, 0]], "shape": SHAPES[codes[:, 1]]})
    Y_partial = Y.where(np.arange(120)[:, None] < [60, 90], None)
    estimator = kind(n_discovered=1, max_epochs=2, random_state=0).fit(X, Y_partial)
    classifier = KNeighborsClassifier().fit(X, Y.to_numpy())
    for shares in (
        controllability(estimator, classifier, 30, random_state=0),
        controllability(estimator, classifier, Y=Y[:9], random_state=0),
        specificity(estimator, classifier, X, random_state=0),
    ):
        assert list(shares.by_property) == ["side", "shape"]
        assert all(0 <= share <= 1 for share in shares.by_property.values())
        assert shares.mean == pytest.approx(np.mean(list(shares.by_property.values())))
    Z = estimator.transform(X)
    assert 0 <= mutual_information_gap(Z, Y) <= 1
    assert 0 <= separated_attribute_predictability(Z, Y) <= 1
    scores = dci(Z, Y, random_state=0)
    assert scores.importances.shape == (Z.shape[1], 2)


# Calibration --------------------------------------------------------------------------


def test_calibration_error_bin_by_bin():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(4), size=500)
    y = rng.integers(4, size=500)
    confidence = proba.max(1)
    expected = 0.0
    for i in range(10):
        rows = (confidence > i / 10) & (confidence <= (i + 1) / 10)
        if rows.any():
            accuracy = np.mean(proba[rows].argmax(1) == y[rows])
            expected += rows.mean() * abs(accuracy - confidence[rows].mean())
    found = expected_calibration_error(y, proba, n_bins=10)
    assert found == pytest.approx(expected)
    names = np.array(list("abcd"))
    assert expected_calibration_error(
        names[y], proba, labels=names, n_bins=10
    ) == pytest.approx(expected)


def test_calibration_error_of_known_values():
    sure = np.eye(2)[[0, 1, 0, 1]]
    assert expected_calibration_error([0, 1, 0, 1], sure) == 0
    assert expected_calibration_error([1, 0, 1, 0], sure) == 1
    # As often right as it is sure, for each confidence.
    y = np.r_[np.arange(10) < 7, np.arange(10) < 9].astype(int)
    proba = np.repeat([[0.3, 0.7], [0.1, 0.9]], 10, axis=0)
    assert expected_calibration_error(y, proba) == pytest.approx(0, abs=1e-12)


def test_calibration_error_of_equal_labels():
    """A label is right where Python has it equal to the class."""
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    expected = expected_calibration_error([0, 1, 0], proba, labels=[0, 1])
    for y in ([False, True, False], [0.0, 1.0, 0.0], np.uint8([0, 1, 0])):
        for labels in ([0, 1], [False, True], [0.0, 1.0]):
            found = expected_calibration_error(y, proba, labels=labels)
            assert found == pytest.approx(expected)
    merged = [2**53, 2**53 + 1, 1.0]  # as NumPy would have it: two classes
    assert expected_calibration_error(merged, np.eye(3)[[1, 2, 0]]) == 0


@pytest.mark.parametrize(
    ("y", "labels"), [(["0", "1"], [0, 1]), ([0, 1], ["0", "1"])], ids=str
)
def test_calibration_error_of_labels_that_cannot_be_compared(y, labels):
    with pytest.raises(ValueError, match="labels has no value .* No number equals"):
        expected_calibration_error(y, np.eye(2), labels=labels)


def test_calibration_error_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*2 rows.*and 3 columns"):
        expected_calibration_error([0, 1], np.eye(2), labels=[0, 1, 2])
