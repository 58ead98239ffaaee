"""The ensemble against its members, fitted by hand."""

import inspect
import pickle
import warnings

import numpy as np
import pandas as pd
import polars
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skfmvae import SemiSupervisedVAE
from skfmvae._utils.folds import hidden_label_folds
from skfmvae.ensemble import PartialLabelStacking, fit_weights, floored_log, pool
from skfmvae.ensemble.per_property import PerProperty
from skfmvae.model_selection import (
    PartialLabelKFold,
    label_efficiency_curve,
    partial_scorer,
)
from skfmvae.nn import MLP

SMALL_VAE = SemiSupervisedVAE(
    encoder=MLP(hidden=(16,)),
    decoder=MLP(hidden=(16,)),
    max_epochs=3,
    neighbours=None,
    adversarial=None,
)


def cheap(**params):
    """Return an ensemble of a linear classifier and a few trees."""
    members = [
        ("logistic", LogisticRegression()),
        ("forest", RandomForestClassifier(10)),
    ]
    return PartialLabelStacking(**({"estimators": members, "random_state": 0} | params))


def with_ours(**params):
    """Return an ensemble of one of ours, a graph and a linear classifier."""
    members = [
        ("vae", make_pipeline(StandardScaler(), SMALL_VAE)),
        ("graph", LabelSpreading("knn")),
        ("logistic", LogisticRegression()),
    ]
    return PartialLabelStacking(**({"estimators": members, "random_state": 0} | params))


# scikit-learn's checks ----------------------------------------------------------------

EXPECTED_FAILURES = {
    "check_classifiers_classes": (
        "its last step uses -1 as a class, which marks unlabelled rows here; "
        "scikit-learn exempts its semi-supervised classifiers by name"
    ),
    "check_sample_weight_equivalence_on_dense_data": (
        "repeating rows changes which labels are hidden together, and a copy of a "
        "hidden row may be visible"
    ),
    "check_sample_weight_equivalence_on_sparse_data": "as for dense data",
}


@parametrize_with_checks(
    [
        PartialLabelStacking(
            [("logistic", LogisticRegression()), ("forest", RandomForestClassifier(5))]
        )
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("ignore:.*labels of one class only:UserWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


CLASSES = {
    "str": ["one", "two", "three"],
    "object": np.array(["one", "two", "three"], dtype=object),
    "int": [7, 0, 100],
    "uint8": np.array([7, 0, 255], dtype=np.uint8),
    "negative": [-3, -2, 5],
    "float": [2.0, 0.0, 1.0],
    "bool": [False, True],
}


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
@pytest.mark.parametrize("make", [cheap, with_ours])
def test_classes_make_the_round_trip(blobs, classes, make):
    """What check_classifiers_classes guards."""
    classes = np.asarray(classes)
    X, number = blobs
    X, number = X[number < len(classes)], number[number < len(classes)]
    y = classes[number]
    ensemble = make(n_folds=2).fit(X, y)
    assert_array_equal(ensemble.classes_, np.unique(y))
    predicted = ensemble.predict(X)
    assert ensemble.classes_.dtype == predicted.dtype == y.dtype
    assert np.mean(predicted == y) > 0.7
    most_probable = ensemble.predict_proba(X).argmax(axis=1)
    assert_array_equal(ensemble.classes_[most_probable], predicted)


# The pool of members ------------------------------------------------------------------


def hidden_proba(members, X, y, seed):
    """Return what members predict of labels in the folds that the seed draws."""
    folds = hidden_label_folds(y[:, None], 5, np.random.RandomState(seed))[:, 0]
    proba = np.full((len(members), len(y), len(np.unique(y[y >= 0]))), np.nan)
    for f in range(5):
        visible = (y >= 0) & (folds != f)
        for m, (_, member) in enumerate(members):
            fitted = clone(member).fit(X[visible], y[visible])
            proba[m, folds == f] = fitted.predict_proba(X[folds == f])
    return proba


def test_weights_are_those_of_members_fitted_by_hand(partial_blobs):
    """With members that draw nothing."""
    X, y = partial_blobs
    labelled = y >= 0
    members = [("logistic", LogisticRegression()), ("bayes", GaussianNB())]
    ensemble = PartialLabelStacking(members, shrinkage=2.0, random_state=3).fit(X, y)
    log_proba = floored_log(hidden_proba(members, X, y, 3)[:, labelled], 45)
    expected = fit_weights(log_proba, y[labelled], [0.5, 0.5], shrinkage=2.0)
    assert_allclose(list(ensemble.weights_.values()), expected, atol=1e-6)
    finals = [
        clone(member).fit(X[labelled], y[labelled]).predict_proba(X)
        for _, member in members
    ]
    assert_allclose(
        ensemble.predict_proba(X), pool(floored_log(np.stack(finals), 45), expected)
    )


def test_alone_and_unable_to_move_a_member_is_the_ensemble(blobs):
    X, y = blobs
    y = np.where(np.arange(150) < 120, y, -1)
    member = LogisticRegression(C=1e-3)
    one = PartialLabelStacking([("logistic", member)], shrinkage=1e9)
    alone = member.fit(X[:120], y[:120]).predict_proba(X)
    assert alone.min() > 1 / 123  # the floor
    assert_allclose(one.fit(X, y).predict_proba(X), alone, atol=1e-5)


class Knows(ClassifierMixin, BaseEstimator):
    """Finds the class in the first column, with some confidence."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        right = self.classes_ == X[:, :1]
        return np.where(right, 0.9, 0.1 / (len(self.classes_) - 1))


def test_a_member_that_is_right_gets_the_weight():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 200)
    X = np.column_stack([y, rng.normal(size=(600, 3))])
    guess = make_pipeline(Columns(slice(1, 4)), RandomForestClassifier(20))
    members = [("guesses", guess), ("knows", Knows())]
    ensemble = PartialLabelStacking(members, random_state=0).fit(X, y)
    assert ensemble.weights_["knows"] > 10 * ensemble.weights_["guesses"]
    assert ensemble.score(X, y) == 1.0


class Columns(BaseEstimator):
    """Selects columns."""

    def __init__(self, columns):
        self.columns = columns

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, self.columns]

    def __sklearn_is_fitted__(self):
        return True


def test_where_no_label_can_be_hidden_weights_are_equal(blobs):
    X, number = blobs
    first = [np.flatnonzero(number == c)[0] for c in range(3)]
    y = np.full(150, -1)
    y[first] = number[first]
    ensemble = cheap().fit(X, y)
    assert ensemble.weights_ == {"logistic": 0.5, "forest": 0.5}
    assert ensemble.score(X, number) > 0.4


def test_hidden_labels_reach_no_member_that_predicts_them(partial_blobs):
    X, y = partial_blobs
    log = []
    PartialLabelStacking([("spy", Spy(log))], random_state=0).fit(X, y)
    (all_rows, all_labels, _), *folds = log
    assert_array_equal(all_rows, X[y >= 0])
    assert_array_equal(all_labels, y[y >= 0])
    assert len(folds) == 5
    predicted = []
    for rows, labels, (asked,) in folds:
        seen, hidden = set(rows[:, 0]), set(asked[:, 0])
        assert not seen & hidden
        assert seen | hidden == set(X[y >= 0, 0])
        assert len(labels) == len(rows)
        predicted.extend(hidden)
    assert sorted(predicted) == sorted(X[y >= 0, 0])


class Spy(ClassifierMixin, BaseEstimator):
    """Records what it is fitted to, and what it is asked."""

    def __init__(self, log):
        self.log = log

    def __sklearn_clone__(self):
        return Spy(self.log)

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.asked = []
        self.log.append((X, y, self.asked))
        return self

    def predict_proba(self, X):
        self.asked.append(X)
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_a_member_that_hides_labels_itself_is_fitted_once(partial_blobs):
    X, y = partial_blobs
    CrossFits.n_fits = 0
    members = [("crosses", CrossFits()), ("bayes", GaussianNB())]
    ensemble = PartialLabelStacking(members, random_state=0).fit(X, y)
    assert CrossFits.n_fits == 1
    # Only the labels that it has predicted count, as the others cannot be compared.
    bayes = hidden_proba(members[1:], X, y, 0)[0]
    proba = np.stack([np.full((20, 3), [0.2, 0.3, 0.5]), bayes[:20]])
    expected = fit_weights(floored_log(proba, 45), y[:20], [0.5, 0.5], 10.0)
    assert_allclose(list(ensemble.weights_.values()), expected, atol=1e-6)


class CrossFits(ClassifierMixin, BaseEstimator):
    """Takes partial labels, and says what it predicted of 20 that it hid."""

    n_fits = 0

    def fit(self, X, y):
        type(self).n_fits += 1
        self.classes_ = np.unique(y[y >= 0])
        self.hidden_proba_ = [np.full((len(y), 3), np.nan)]
        self.hidden_proba_[0][:20] = [0.2, 0.3, 0.5]
        return self

    def predict_proba(self, X):
        return np.full((len(X), 3), 1 / 3)

    def property_proba(self, X):
        raise NotImplementedError


def test_a_member_that_says_nothing_of_a_row_leaves_it_to_others(partial_blobs):
    X, y = partial_blobs
    members = [("bayes", GaussianNB()), ("silent", Silent())]
    ensemble = PartialLabelStacking(members, random_state=0).fit(X, y)
    weight = ensemble.weights_["bayes"]
    assert weight > 0
    bayes = GaussianNB().fit(X[y >= 0], y[y >= 0]).predict_proba(X)
    expected = pool(floored_log(bayes[None], 45), [weight])
    assert_allclose(ensemble.predict_proba(X), expected)


class Silent(Spy):
    def __init__(self):
        super().__init__([])

    __sklearn_clone__ = BaseEstimator.__sklearn_clone__

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


def test_one_class_is_predicted_for_all(blobs):
    X, number = blobs
    with pytest.warns(UserWarning, match="labels of one class only"):
        ensemble = cheap().fit(X, np.where(number == 1, 1, -1))
    assert set(ensemble.predict(X)) == {1}
    assert_array_equal(ensemble.predict_proba(X), np.ones((150, 1)))


# Several properties -------------------------------------------------------------------


@pytest.mark.parametrize("frame", [False, True])
def test_several_properties(two_properties, frame):
    X, y, y_partial = two_properties
    if frame:
        y, y_partial = (
            pd.DataFrame(t, columns=["ill", "stage"]) for t in (y, y_partial)
        )
    ensemble = with_ours(n_folds=2).fit(X, y_partial)
    names = ["ill", "stage"] if frame else ["property_0", "property_1"]
    assert ensemble.property_names_ == list(ensemble.weights_) == names
    assert [c.tolist() for c in ensemble.classes_] == [["no", "yes"], [0, 1, 2]]
    proba = ensemble.predict_proba(X)
    assert [p.shape for p in proba] == [(200, 2), (200, 3)]
    for p, by_name in zip(proba, ensemble.property_proba(X).values(), strict=True):
        assert_allclose(p.sum(axis=1), 1)
        assert_array_equal(p, by_name)
    predicted = ensemble.predict(X)
    assert predicted.shape == (200, 2)
    truth = y.to_numpy() if frame else y
    assert (np.mean(predicted == truth, axis=0) > 0.8).all()
    assert ensemble.score(X, y) == np.mean(predicted == truth)


def test_each_property_has_the_pool_that_it_has_alone(two_properties):
    """Where its labels are hidden alike, by members that see one property each."""
    X, _, y = two_properties
    members = [("logistic", LogisticRegression()), ("bayes", GaussianNB())]
    ensemble = PartialLabelStacking(members, random_state=0)
    both = ensemble.fit(X, y).predict_proba(X)[0]
    weights = ensemble.weights_["property_0"]
    alone = ensemble.fit(X, y[:, 0])
    assert_allclose(list(weights.values()), list(alone.weights_.values()))
    assert_allclose(both, alone.predict_proba(X))


def test_one_clone_of_ours_takes_all_properties(two_properties):
    X, _, y = two_properties
    ensemble = with_ours(n_folds=2).fit(X, y)
    assert list(ensemble.named_estimators_) == ["vae", "graph", "logistic"]
    vae = ensemble.named_estimators_["vae"][-1]
    assert vae.property_names_ == ["property_0", "property_1"]
    logistic = ensemble.named_estimators_["logistic"]
    assert isinstance(logistic, PerProperty)
    assert [c.coef_.shape for c in logistic.estimators_] == [(1, 6), (3, 6)]


# Data ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark", [lambda y: y, lambda y: np.where(y < 0, np.nan, y), "None", pd.Series]
)
def test_all_marks_of_missing_labels_are_alike(partial_blobs, mark):
    X, y = partial_blobs
    if mark == "None":
        marked = [None if label < 0 else int(label) for label in y]
    else:
        marked = mark(y)
    expected = cheap().fit(X, y).predict_proba(X)
    assert_array_equal(cheap().fit(X, marked).predict_proba(X), expected)


def test_nothing_is_written_into_data(partial_blobs):
    X, y = (values.copy() for values in partial_blobs)
    X.flags.writeable = y.flags.writeable = False
    with_ours(n_folds=2).fit(X, y).predict_proba(X)
    frame, series = pd.DataFrame(X, columns=list("abcd")), pd.Series(y, name="kind")
    before = frame.copy(), series.copy()
    with_ours(n_folds=2).fit(frame, series)
    pd.testing.assert_frame_equal(frame, before[0])
    pd.testing.assert_series_equal(series, before[1])


def test_names_of_columns(partial_blobs):
    X, y = partial_blobs
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(150) + 7)
    ensemble = with_ours(n_folds=2).fit(frame, pd.Series(y, name="kind"))
    assert ensemble.feature_names_in_.tolist() == list("abcd")
    assert ensemble.n_features_in_ == 4
    assert ensemble.property_names_ == ["kind"]
    with pytest.raises(ValueError, match="feature names should match"):
        ensemble.predict(frame[list("dcba")])


def test_sparse_rows_are_dense_rows(partial_blobs):
    X, y = partial_blobs
    ensemble = cheap()
    dense = ensemble.fit(X, y).predict_proba(X)
    for sparse in (csr_array(X), csr_array(X).tocoo()):
        assert_allclose(ensemble.fit(sparse, y).predict_proba(sparse), dense)


def test_weights_of_rows_reach_members_and_the_pool(blobs):
    """Rows whose label is wrong count nothing, for the members and for the pool."""
    X, number = blobs
    wrong = np.arange(150) % 3 == 0
    y = np.where(wrong, (number + 1) % 3, number)
    members = [("logistic", LogisticRegression()), ("bayes", GaussianNB())]
    ignoring = [(name, Ignores(member, X[wrong])) for name, member in members]
    expected = fit_weights(
        floored_log(hidden_proba(ignoring, X, y, 0)[:, ~wrong], 150),
        y[~wrong],
        [0.5, 0.5],
        10.0,
        np.full(100, 1.5),  # of a mean of one
    )
    ensemble = PartialLabelStacking(members, random_state=0)
    weights = ensemble.fit(X, y, sample_weight=~wrong).weights_
    assert_allclose(list(weights.values()), expected, rtol=1e-3)
    assert ensemble.fit(X, y).weights_ != pytest.approx(weights, rel=0.1)
    with pytest.raises(ValueError, match="zero"):
        ensemble.fit(X, y, sample_weight=np.zeros(150))


class Ignores:
    """Fits a classifier without some rows."""

    def __init__(self, classifier, rows):
        self.classifier = classifier
        self.rows = rows

    def __sklearn_clone__(self):
        return self

    def fit(self, X, y):
        kept = ~np.isin(X[:, 0], self.rows[:, 0])
        return clone(self.classifier).fit(X[kept], y[kept])


def test_score_counts_labelled_entries(partial_blobs):
    X, y = partial_blobs
    ensemble = cheap().fit(X, y)
    right = ensemble.predict(X) == y
    assert ensemble.score(X, y) == right[:45].mean()
    weight = np.arange(150.0)
    expected = np.average(right[:45], weights=weight[:45])
    assert ensemble.score(X, y, sample_weight=weight) == pytest.approx(expected)
    assert ensemble.score(X[:10], np.full(10, 99)) == 0  # never seen, so mistaken
    with pytest.raises(ValueError, match="no labelled entry"):
        ensemble.score(X, np.full(150, -1))


# Seeds, copies, other tools -----------------------------------------------------------


def test_jobs_change_nothing(partial_blobs):
    X, y = partial_blobs
    one, two = (with_ours(n_folds=2, n_jobs=n).fit(X, y) for n in (1, 2))
    assert_allclose(list(one.weights_.values()), list(two.weights_.values()), rtol=1e-9)
    assert_allclose(one.predict_proba(X), two.predict_proba(X), rtol=1e-9)


def test_a_seed_repeats_and_reaches_members_without_one(partial_blobs):
    X, y = partial_blobs
    members = [
        ("free", RandomForestClassifier(5)),
        ("fixed", RandomForestClassifier(5, random_state=7)),
    ]
    first, again, other = (
        PartialLabelStacking(members, random_state=seed).fit(X, y) for seed in (0, 0, 1)
    )
    assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    seeds = [[m.random_state for m in e.estimators_] for e in (first, other)]
    assert seeds[0][0] != seeds[1][0]
    assert seeds[0][1] == seeds[1][1] == 7
    assert members[0][1].random_state is None


def test_pickles_and_clones(partial_blobs):
    X, y = partial_blobs
    ensemble = with_ours(n_folds=2).fit(X, y)
    expected = ensemble.predict_proba(X)
    copy = pickle.loads(pickle.dumps(ensemble))
    assert_array_equal(copy.predict_proba(X), expected)
    assert_array_equal(clone(ensemble).fit(X, y).predict_proba(X), expected)


def test_a_failed_fit_leaves_the_last_one(partial_blobs):
    X, y = partial_blobs
    ensemble = cheap().fit(X, y)
    before = dict(vars(ensemble))
    with pytest.raises(ValueError, match="NaN"):
        ensemble.fit(np.where(X == X[0, 0], np.nan, X), y)
    assert vars(ensemble) == before


def test_search_over_a_member_in_a_pipeline(partial_blobs):
    X, y = partial_blobs
    pipeline = make_pipeline(StandardScaler(), cheap())
    grid = {"partiallabelstacking__logistic__C": [1e-6, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_params_ == {"partiallabelstacking__logistic__C": 1.0}
    member = search.best_estimator_[-1].named_estimators_["logistic"]
    assert member.C == 1.0
    scoring = partial_scorer("neg_log_loss")
    scores = cross_validate(cheap(), X, y, cv=3, scoring=scoring, error_score="raise")
    assert (scores["test_score"] < 0).all()


def test_a_search_and_a_stacking_may_be_members(partial_blobs):
    X, y = partial_blobs
    members = [
        ("search", GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)),
        ("nested", with_ours(n_folds=2)),
    ]
    ensemble = PartialLabelStacking(members, n_folds=2, random_state=0).fit(X, y)
    assert ensemble.named_estimators_["search"].best_params_["C"] in (0.1, 1.0)
    assert set(ensemble.named_estimators_["nested"].weights_) == {
        "vae",
        "graph",
        "logistic",
    }


def test_members_are_set_and_dropped_by_name(partial_blobs):
    X, y = partial_blobs
    ensemble = cheap().set_params(logistic=KNeighborsClassifier(3), forest="drop")
    ensemble.set_params(logistic__n_neighbors=5).fit(X, y)
    assert list(ensemble.weights_) == ["logistic"]
    assert ensemble.named_estimators_["forest"] == "drop"
    assert ensemble.estimators_[0].n_neighbors == 5
    with pytest.raises(ValueError, match="Invalid parameter 'nonsense'"):
        cheap().set_params(nonsense=1)


def test_studies(two_properties):
    X, y, _ = two_properties
    y = pd.DataFrame(y, columns=["ill", "stage"])
    results = label_efficiency_curve(
        {"pool": cheap(), "logistic": LogisticRegression()},
        X,
        y,
        budgets=[12],
        cv=2,
        scoring=["accuracy", "neg_log_loss"],
        random_state=0,
    )
    for name in ("ill", "stage"):
        assert (results[f"test_accuracy_{name}"] > 0.6).all()
        assert (results[f"test_neg_log_loss_{name}"] < 0).all()


# Parameters ---------------------------------------------------------------------------


def test_parameters_are_checked(partial_blobs):
    names = inspect.signature(PartialLabelStacking).parameters
    assert set(PartialLabelStacking._parameter_constraints) == set(names)
    for name, values in {
        "estimators": [{"a": LogisticRegression()}],
        "n_folds": [1, 2.5],
        "shrinkage": [0, -1, "much"],
        "n_jobs": ["all"],
        "random_state": ["seed"],
        "verbose": ["loud"],
    }.items():
        for value in values:
            with pytest.raises(ValueError, match=f"'{name}' parameter of"):
                cheap(**{name: value}).fit(*partial_blobs)


def test_the_default_has_one_of_ours_a_linear_classifier_and_trees(partial_blobs):
    X, y = partial_blobs
    ensemble = PartialLabelStacking(n_folds=2, random_state=0)
    ensemble.set_params(vae__semisupervisedvae=SMALL_VAE)
    ensemble.set_params(forest__randomforestclassifier__n_estimators=10)
    ensemble.fit(X, y)
    assert list(ensemble.weights_) == ["vae", "logistic", "forest"]
    assert len(ensemble.named_estimators_["forest"][-1].estimators_) == 10
    assert PartialLabelStacking().estimators is None


def small_default(**params):
    """Return the ensemble of the default members, made small."""
    small = {
        "vae__semisupervisedvae": SMALL_VAE,
        "forest__randomforestclassifier__n_estimators": 10,
    }
    return PartialLabelStacking(random_state=0, n_folds=2).set_params(**small, **params)


def test_of_arrays_the_default_is_what_it_is_of_standardised_columns(partial_blobs):
    X, y = partial_blobs
    members = [
        ("vae", make_pipeline(StandardScaler(), SMALL_VAE)),
        (
            "logistic",
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        ),
        ("forest", RandomForestClassifier(10)),
    ]
    by_hand = PartialLabelStacking(members, n_folds=2, random_state=0).fit(X, y)
    found = small_default().fit(X, y)
    assert found.weights_ == by_hand.weights_
    assert_array_equal(found.predict_proba(X), by_hand.predict_proba(X))


@pytest.fixture(scope="module")
def patients():
    """Return a frame of every kind with gaps, and two properties, partly known."""
    rng = np.random.default_rng(0)
    ill, stage = rng.random(200) < 0.5, rng.integers(3, size=200)
    X = pd.DataFrame(
        {
            "ward": np.where(rng.random(200) < 0.9, np.where(ill, "east", "west"), "x"),
            "age": rng.normal(50 + 25 * stage, 5),
            "doctor": rng.choice([f"Dr {i}" for i in range(40)], 200),
            "dose": pd.Categorical(
                np.array(["low", "mid", "high"])[stage], ["low", "mid", "high"], True
            ),
            "seen": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(300, size=200), "D"),
        }
    )
    X = X.mask(rng.random(X.shape) < 0.1)
    X["dose"] = X["dose"].astype(pd.CategoricalDtype(["low", "mid", "high"], True))
    y = pd.DataFrame({"ill": np.where(ill, "yes", "no"), "stage": stage})
    return X, y, y.where(rng.random(y.shape) < 0.5)


@pytest.mark.parametrize("library", ["pandas", "polars", "objects"])
def test_the_default_takes_frames_with_text_and_gaps(patients, library):
    X, y, y_partial = patients
    if library == "polars":
        X = polars.from_pandas(X)
    elif library == "objects":
        X = X.drop(columns="seen").to_numpy()
    ensemble = small_default().fit(X, y_partial)
    vae, logistic, _ = ensemble.estimators_
    assert vae[-1].columns_.columns[0].kind == "categorical"
    assert vae[-1].n_features_in_ == X.shape[1]
    n_doctors = len(set(patients[0]["doctor"].dropna()))
    for one in logistic.estimators_:
        assert 3 + n_doctors - 15 < one[-1].n_features_in_ - 3 <= 3 + n_doctors
    accuracy = np.mean(ensemble.predict(X) == y.to_numpy(), axis=0)
    assert (accuracy > [0.75, 0.85]).all()


@pytest.mark.filterwarnings("ignore:.*categories that fit did not see:UserWarning")
def test_frames_go_through_pipelines_and_searches(patients):
    X, y, _ = patients
    known = y["ill"].where(np.arange(200) < 60)
    grid = {
        "pool__logistic__logisticregression__C": [1e-6, 1.0],
        "pool__vae__semisupervisedvae__max_epochs": [1],
    }
    pipeline = Pipeline([("as_it_is", "passthrough"), ("pool", small_default())])
    settings = {"cv": PartialLabelKFold(2), "error_score": "raise"}
    search = GridSearchCV(pipeline, grid, **settings).fit(X, known)
    assert search.score(X, y["ill"]) > 0.75
    assert cross_val_score(small_default(), X, known, **settings).min() > 0.6


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_the_default_takes_arrays_with_gaps(blobs, rate):
    X, y = blobs
    gaps = np.random.default_rng(0).random(X.shape) < rate
    y_partial = np.where(np.arange(150) < 90, y, -1)
    ensemble = small_default().fit(np.where(gaps, np.nan, X), y_partial)
    assert_array_equal(
        ensemble.predict_proba(np.where(gaps, np.nan, X)),
        ensemble.predict_proba(np.ma.masked_array(X, gaps)),
    )
    assert ensemble.score(X, y) > 0.6


def test_it_takes_what_all_its_members_take():
    takes = get_tags(PartialLabelStacking()).input_tags
    assert takes.sparse
    assert takes.allow_nan
    assert takes.string
    assert takes.categorical
    forest = ("forest", RandomForestClassifier())
    takes = get_tags(PartialLabelStacking([forest, ("no", "drop")])).input_tags
    assert takes.allow_nan
    assert not takes.string
    bayes = ("bayes", GaussianNB())
    assert not get_tags(PartialLabelStacking([forest, bayes])).input_tags.allow_nan


def test_the_default_takes_sparse_rows(partial_blobs):
    X, y = partial_blobs
    first = [np.flatnonzero(y == c)[0] for c in range(3)]
    few = np.full(40, -1)
    few[: len(first)] = y[first]  # of which none can be hidden: each member fits once
    X = csr_array(np.vstack([X[first], X[50:87]]))
    ensemble = PartialLabelStacking(random_state=0).fit(X, few)
    assert ensemble.predict_proba(X).shape == (40, 3)


def test_ours_are_fitted_once_and_do_not_name_the_ensemble_as_remedy(monkeypatch):
    """Hardly trained, the member is far behind a line, which it does not say here."""
    fits = []
    fit = SemiSupervisedVAE.fit

    def counted(self, X, y=None, sample_weight=None):
        fits.append(len(X))
        return fit(self, X, y, sample_weight)

    monkeypatch.setattr(SemiSupervisedVAE, "fit", counted)
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=150)
    X = rng.normal(size=(150, 20))
    X[:, 0] += 6 * y
    partial = np.where(np.arange(150) < 100, y, -1)
    vae = clone(SMALL_VAE).set_params(max_epochs=1, lr=1e-6)
    members = [("vae", vae), ("logistic", LogisticRegression())]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stacking = PartialLabelStacking(members, random_state=0).fit(X, partial)
    assert fits == [150]
    assert stacking.weights_["logistic"] > stacking.weights_["vae"]
