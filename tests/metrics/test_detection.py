"""How well a classifier finds out which rows are generated."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, norm
from sklearn.linear_model import LogisticRegression

from skfmvae.metrics import detection_score

N = 400


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_rows_of_one_distribution_look_alike(rng):
    X, alike = rng.normal(size=(2, N, 3))
    # The area has a standard error of 1 / sqrt(6 n) there.
    error = 1 / np.sqrt(6 * N)
    assert abs(detection_score(X, alike, random_state=0) - 0.5) < 4 * error


def test_the_area_is_that_of_the_best_classifier(rng):
    """Of two normals a distance of d apart it is the normal CDF at d / sqrt(2)."""
    X, other = rng.normal(size=(2, N, 1))
    found = detection_score(
        X, other + 1, classifier=LogisticRegression(), random_state=0
    )
    assert abs(found - norm.cdf(1 / np.sqrt(2))) < 4 / np.sqrt(6 * N)
    # Any increasing score has the area of the rows themselves, but for the folds.
    rank_sum = mannwhitneyu(other[:, 0] + 1, X[:, 0]).statistic
    assert found == pytest.approx(rank_sum / N**2, abs=0.01)


def test_rows_far_apart_are_always_found(rng):
    X, other = rng.normal(size=(2, 100, 3))
    assert detection_score(X, other + 10, random_state=0) == 1


def test_a_joint_distribution_differs_from_its_margins(rng):
    x = rng.normal(size=N)
    X = np.column_stack([x, x + 0.1 * rng.normal(size=N)])
    shuffled = rng.permuted(X, axis=0)
    assert detection_score(X, shuffled, random_state=0) > 0.85


def test_frames_with_categories_and_gaps(rng):
    frame = pd.DataFrame(
        {"town": rng.choice(["Lyon", "Nice"], N), "age": rng.normal(size=N)}
    )
    frame.loc[: N // 4, "age"] = np.nan
    alike = frame.sample(frac=1, random_state=0, ignore_index=True)
    alike["town"] = rng.permutation(alike["town"])
    alike["age"] += 0.01 * rng.normal(size=N)
    score = detection_score(frame, alike, random_state=0)
    assert score == detection_score(frame, alike, random_state=0)
    assert score < 0.6
    # Complete rows among rows with gaps stand out.
    assert detection_score(frame, alike.fillna(0.0), random_state=0) > score + 0.05


def test_other_columns_are_refused(rng):
    X = rng.normal(size=(20, 3))
    with pytest.raises(ValueError, match="2 features.*3 features"):
        detection_score(X, X[:, :2])
