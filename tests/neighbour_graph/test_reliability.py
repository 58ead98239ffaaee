import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading

from skfmvae._utils.folds import hidden_label_folds
from skfmvae.neighbour_graph import reliability
from skfmvae.neighbour_graph.class_prior import match_class_prior
from skfmvae.neighbour_graph.edges import nearest_neighbour_weights
from skfmvae.neighbour_graph.propagation import default_alpha, threshold_dynamics
from skfmvae.neighbour_graph.reliability import (
    HiddenLabels,
    hidden_label_kappa,
    judge_by_hidden_labels,
    linear_proba,
    predict_hidden_labels,
    probability_better,
)


def right(*numbers, n=30):
    return np.isin(np.arange(n), numbers)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (4, 1), (5, 2), (2, 9)])
def test_the_better_classifier_is_found_from_labels_that_one_alone_predicts(
    gained, lost
):
    """The share of the posterior of Jeffreys' prior above a half, by integration."""
    first = right(*range(gained), *range(20, 30))
    second = right(*range(10, 10 + lost), *range(20, 30))
    share = (np.arange(200_000) + 0.5) / 200_000
    density = share ** (gained - 0.5) * (1 - share) ** (lost - 0.5)
    expected = density[100_000:].sum() / density.sum()
    assert probability_better(first, second) == pytest.approx(expected, abs=2e-3)
    assert probability_better(second, first) == pytest.approx(1 - expected, abs=2e-3)


def one_hot(codes):
    return np.eye(2)[codes]


@pytest.mark.parametrize(("gained", "lost"), [(4, 1), (1, 4), (2, 2)])
def test_the_graph_is_reliable_as_far_as_it_beats_the_linear_classifier(gained, lost):
    codes = np.zeros(20, dtype=int)
    by_graph, by_linear = codes.copy(), codes.copy()
    by_linear[:gained] = 1
    by_graph[gained : gained + lost] = 1
    hidden = HiddenLabels(codes, one_hot(by_graph), one_hot(by_linear))
    better = probability_better(by_graph == 0, by_linear == 0)
    assert hidden.reliability == pytest.approx(max(2 * better - 1, 0))
    assert hidden.scores["graph"]["accuracy"] == 1 - lost / 20
    assert hidden.scores["linear"]["accuracy"] == 1 - gained / 20


@pytest.mark.parametrize(("n", "n_wrong"), [(6, 0), (40, 0), (40, 1), (400, 8), (9, 3)])
def test_a_graph_that_hardly_errs_is_reliable_where_a_line_does_as_well(n, n_wrong):
    """The share of the posterior below 5 % of errors, by integration."""
    codes = np.zeros(n, dtype=int)
    found = one_hot((np.arange(n) < n_wrong).astype(int))
    share = (np.arange(200_000) + 0.5) / 200_000
    density = share ** (n_wrong - 0.5) * (1 - share) ** (n - n_wrong - 0.5)
    below = density[:10_000].sum() / density.sum()
    expected = max(2 * below - 1, 0)
    assert HiddenLabels(codes, found, found).reliability == pytest.approx(
        expected, abs=5e-3
    )


@pytest.fixture
def label_some():
    def label(y, n=60):
        labelled = np.random.default_rng(0).permutation(len(y)) < n
        return np.where(labelled, y, -1)

    return label


def judged(X, codes, is_label=None):
    is_label = codes >= 0 if is_label is None else is_label
    class_prior = np.full(codes.max() + 1, 1 / (codes.max() + 1))
    weights = nearest_neighbour_weights(X, 5)
    return judge_by_hidden_labels(weights, X, codes, is_label, 0.9, class_prior)


def test_the_graph_is_the_teacher_where_classes_are_curved(label_some):
    X, y = make_moons(400, noise=0.05, random_state=0)
    X = np.column_stack([X[:, 0] ** 2 + X[:, 1], np.sin(3 * X[:, 0]) * X[:, 1]])
    assert judged(X, label_some(y)).reliability > 0.95


def test_the_linear_classifier_is_the_teacher_where_a_plane_parts_one_cloud(label_some):
    X = np.random.default_rng(0).normal(size=(400, 10))
    y = (X.sum(axis=1) > 0).astype(int)
    hidden = judged(X, label_some(y))
    assert hidden.reliability == 0
    assert hidden.scores["linear"]["accuracy"] > hidden.scores["graph"]["accuracy"]


def test_the_linear_classifier_is_that_of_scikit_learn_on_the_labels_it_sees(
    label_some,
):
    X, y = make_blobs(90, centers=3, cluster_std=5.0, random_state=0)
    codes = label_some(y, 40)
    # The permutation that would leave out labels beyond 2,000 comes first.
    rng = np.random.RandomState(0)
    rng.permutation(40)
    folds = hidden_label_folds(codes[:, None], 5, rng)[:, 0]
    expected = np.empty((90, 3))
    for fold in range(5):
        seen = (codes >= 0) & (folds != fold)
        classifier = LogisticRegression(max_iter=1000).fit(X[seen], codes[seen])
        expected[folds == fold] = classifier.predict_proba(X[folds == fold])
    hidden = judged(X, codes)
    np.testing.assert_allclose(hidden.by_linear, expected[codes >= 0])
    np.testing.assert_array_equal(hidden.codes, codes[codes >= 0])


def test_the_linear_classifier_learns_from_a_sample_of_many_labels(monkeypatch):
    monkeypatch.setattr(reliability, "MOST_LABELS", 20)
    X, y = make_blobs(300, centers=3, cluster_std=5.0, random_state=0)
    fitted = []

    class Noting(LogisticRegression):
        def fit(self, X, y):
            fitted.append(len(X))
            return super().fit(X, y)

    monkeypatch.setattr(reliability, "LogisticRegression", Noting)
    proba = linear_proba(X, 4, y, np.arange(5))
    assert fitted == [20]
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(proba[:, 3], 0)


@pytest.mark.parametrize("codes", [[0, 1, 2], [0, 0, 0, 1], [1] * 12])
def test_nothing_is_judged_without_two_classes_of_two_labels(codes):
    X = np.random.default_rng(0).normal(size=(40, 3))
    assert judged(X, np.pad(codes, (0, 40 - len(codes)), constant_values=-1)) is None


def test_classes_that_are_assumed_are_seen_but_never_hidden(label_some):
    X, y = make_blobs(120, centers=3, random_state=0)
    codes = label_some(y, 60)
    is_label = (codes >= 0) & (codes < 2)
    hidden = judged(X, codes, is_label)
    np.testing.assert_array_equal(hidden.codes, codes[is_label])
    assert hidden.by_linear.shape == (is_label.sum(), 3)
    assert (hidden.by_linear > 0).all()  # as for any class that was seen


def test_kappa_is_that_of_labels_hidden_in_turn():
    """As by stratified folds in order and scikit-learn's label spreading."""
    X, y = make_blobs(60, centers=3, cluster_std=2.5, random_state=0)
    codes = np.where(np.arange(60) % 2 == 0, y, -1)
    weights = nearest_neighbour_weights(X, 5)
    labelled = np.flatnonzero(codes >= 0)
    found = np.empty(60, dtype=int)
    folds = hidden_label_folds(codes[:, None], 5, np.random.RandomState(0))[:, 0]
    for fold in range(5):
        hidden = np.flatnonzero(folds == fold)
        rest = codes.copy()
        rest[hidden] = -1
        spread = LabelSpreading(
            kernel=lambda a, b: weights.toarray(), alpha=0.9, max_iter=2000, tol=1e-10
        ).fit(X, rest)
        sharp = spread.label_distributions_**4
        proba = threshold_dynamics(
            weights, rest, match_class_prior(sharp, np.full(3, 1 / 3))
        )
        found[hidden] = proba[hidden].argmax(1)
    right = np.mean(found[labelled] == codes[labelled])
    by_chance = sum(
        np.mean(found[labelled] == c) * np.mean(codes[labelled] == c) for c in range(3)
    )
    kappa = hidden_label_kappa(weights, codes, 0.9, np.full(3, 1 / 3))
    assert kappa == pytest.approx((right - by_chance) / (1 - by_chance))
    assert 0.1 < kappa < 0.9


def test_kappa_tells_what_rows_show_from_what_they_do_not():
    X, y = load_digits(return_X_y=True)
    weights = nearest_neighbour_weights(X / 16, 5)
    rng = np.random.default_rng(0)
    labelled = rng.permutation(len(y)) < 60

    def kappa(classes, n_classes):
        codes = np.where(labelled, classes, -1)
        class_prior = np.full(n_classes, 1 / n_classes)
        return hidden_label_kappa(weights, codes, default_alpha(codes), class_prior)

    assert kappa(y, 10) > 0.8
    assert abs(kappa(rng.integers(2, size=len(y)), 2)) < 0.3


def test_labels_that_are_the_only_one_of_their_class_are_not_predicted():
    X = np.random.default_rng(0).normal(size=(40, 3))
    codes = np.full(40, -1)
    codes[:7] = [2, 0, 1, 0, 0, 2, 3]
    weights, class_prior = nearest_neighbour_weights(X, 4), np.full(4, 1 / 4)
    true, predicted = predict_hidden_labels(weights, codes, 0.9, class_prior)
    np.testing.assert_array_equal(true, [2, 0, 0, 0, 2])
    assert predicted.shape == true.shape


@pytest.mark.parametrize(
    "codes",
    [
        [0, 0, 0, 1, 1, 1, 0, 1, 1],  # nine labels
        [*range(12)],  # each the only one of its class
        [1] * 12,  # one class
        [1] * 12 + [0],  # one class that can be hidden in turn
    ],
)
def test_too_few_labels_say_nothing_of_the_graph(codes):
    column = np.full(40, -1)
    column[: len(codes)] = codes
    weights = nearest_neighbour_weights(
        np.random.default_rng(0).normal(size=(40, 3)), 4
    )
    assert hidden_label_kappa(weights, column, 0.9, np.full(12, 1 / 12)) == 1.0
