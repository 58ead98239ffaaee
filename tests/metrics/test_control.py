"""Control over generated rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.metrics import (
    controllability,
    dci,
    mutual_information_gap,
    separated_attribute_predictability,
    specificity,
)
from skfmvae.targets import PartialLabelEncoder, TargetEncoder

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
        self.targets_ = TargetEncoder(PartialLabelEncoder().fit(self.labels))
        self.asked_ = []
        return self

    def shift(self, X, name, step):
        k = self.targets_.labels.property_names.index(name)
        X[::step, k] = (X[::step, k] + 1) % len(self.targets_.labels.classes[k])

    def sample(self, n_samples, properties, random_state=None, draw="row"):
        self.asked_.append((properties, random_state))
        X = self.targets_.labels.codes_of(properties, n_samples).astype(float)
        for name, step in (self.wrong or {}).items():
            self.shift(X, name, step)
        return X, self.targets_.labels.inverse(X.astype(int))

    def intervene(self, X, properties):
        self.asked_.append((properties, None))
        codes = self.targets_.labels.codes_of(properties, len(X))
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
        read = self.painter.targets_.labels.inverse(np.asarray(X, dtype=int))
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
    painter.targets_.labels.fit(LABELS, {"shape": 9}, n_discovered=1)
    painter.sample = lambda n, properties, **others: (pd.DataFrame(properties), 0)
    reader = Reader(painter)
    reader.predict = lambda X: X
    shares = controllability(painter, reader, 100)
    assert shares.by_property == {"shape": 1, "size": 1, "lit": 1}


@pytest.mark.parametrize(
    ("chosen", "expected"), [({}, "mean"), ({"draw": "row"}, "row")]
)
def test_means_are_judged_unless_draws_are_asked_for(chosen, expected):
    painter, draws = Painter().fit(), []

    def sample(n_samples, properties, random_state, draw):
        draws.append(draw)
        return Painter.sample(painter, n_samples, properties)

    painter.sample = sample
    controllability(painter, Reader(painter), 5, **chosen)
    assert draws == [expected]


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
    X = np.indices((3, 2, 2, 20)).reshape(4, -1).T[:, :-1].astype(float)
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
