"""What a classifier learns from generated rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score
from sklearn.tree import DecisionTreeClassifier

from skfmvae.metrics import utility_score

N = 200


@pytest.fixture
def parts():
    """Return training, test and other rows of two overlapping classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=3 * N)
    X = 2.0 * y[:, None] + rng.normal(size=(3 * N, 2))
    return [part for s in np.split(np.arange(3 * N), 3) for part in (X[s], y[s])]


def test_training_rows_serve_as_well_as_themselves(parts):
    X, y, *test, _, _ = parts
    assert utility_score(X, y, *test, X, y, random_state=0) == 1


def test_the_ratio_is_that_of_two_classifiers(parts):
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    X, y, X_test, y_test, X_new, y_new = parts
    scores = [
        f1_score(y_test, tree.fit(*rows).predict(X_test), average="macro")
        for rows in ((X, y), (X_new, y_new))
    ]
    found = utility_score(*parts, classifier=tree)
    assert found == pytest.approx(scores[1] / scores[0], rel=1e-12)
    scores = [
        tree.fit(*rows).score(X_test, y_test) for rows in ((X, y), (X_new, y_new))
    ]
    found = utility_score(*parts, classifier=tree, scoring="accuracy")
    assert found == pytest.approx(scores[1] / scores[0], rel=1e-12)


def test_labels_at_random_serve_for_nothing(parts):
    X, y, X_test, y_test, X_new, y_new = parts
    shuffled = np.random.default_rng(0).permutation(y_new)
    found = utility_score(X, y, X_test, y_test, X_new, shuffled, random_state=0)
    assert abs(found - 0.5 / 0.92) < 0.12  # a guess over the accuracy of such classes


def test_frames_and_words(parts):
    words = np.array(["low", "high"])
    named = [
        pd.DataFrame(part, columns=["a", "b"]) if part.ndim == 2 else words[part]
        for part in parts
    ]
    assert utility_score(*named, random_state=0) == pytest.approx(
        utility_score(*parts, random_state=0)
    )


@pytest.mark.parametrize(
    ("position", "name"), [(1, "y_train"), (5, "y_generated")], ids=str
)
def test_one_value_is_refused(parts, position, name):
    parts[position] = np.ones(N, dtype=int)
    with pytest.raises(ValueError, match=f"{name} has one value, 1;"):
        utility_score(*parts)


def test_a_negative_score_is_refused(parts):
    with pytest.raises(ValueError, match="'neg_log_loss' real rows have the score -"):
        utility_score(*parts, scoring="neg_log_loss")
