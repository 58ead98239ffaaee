"""Real and generated rows as numbers."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from skfmvae.columns import ColumnVectorizer
from skfmvae.metrics._generated import as_numbers, comparable, judge, labels_of

FRAME = pd.DataFrame(
    {"town": ["Lyon", "Nice", "Lyon", "Brest"], "age": [1.0, 3.0, 5.0, np.nan]}
)


def test_numbers_of_rows_are_by_what_is_learned_of_the_first():
    other = FRAME.iloc[[1]].assign(town="Metz")
    first, second = as_numbers(ColumnVectorizer(standardize=False), FRAME, other)
    np.testing.assert_array_equal(first[:, 0], FRAME["age"])
    np.testing.assert_array_equal(first[0, 1:], [0, 1, 0])
    np.testing.assert_array_equal(second, [[3, 0, 0, 0]])


def test_sparse_rows_become_arrays():
    X = np.array([[0.0, 2.0], [3.0, 0.0]])
    (rows,) = as_numbers(ColumnVectorizer(standardize=False), csr_matrix(X))
    np.testing.assert_array_equal(rows, X)


def test_distances_of_comparable_rows_are_those_of_gower():
    """But for the scale: standard deviations in place of ranges."""
    frame = FRAME.fillna(3.0)
    (rows,) = comparable(frame)
    spread = frame["age"].std(ddof=0)
    for i in range(4):
        for j in range(4):
            apart = abs(frame["age"][i] - frame["age"][j]) / spread
            apart += frame["town"][i] != frame["town"][j]
            assert np.abs(rows[i] - rows[j]).sum() == pytest.approx(apart)


def test_arrays_of_numbers_are_standardised():
    X = np.array([[0.0, 5.0], [2.0, 5.0]])
    rows, other = comparable(X, X + 1)
    np.testing.assert_allclose(rows, [[-1, 0], [1, 0]])
    np.testing.assert_allclose(other, [[0, 1], [2, 1]])


def test_the_judge_is_boosting_or_a_copy_of_what_is_given():
    assert judge(None, 3).random_state == 3
    assert isinstance(judge(None, 3), HistGradientBoostingClassifier)
    given = LogisticRegression(C=2.0)
    copy = judge(given, 3)
    assert copy is not given
    assert copy.get_params() == given.get_params()


def test_labels_are_one_for_each_row():
    assert labels_of(FRAME, pd.Series(list("abab"))).tolist() == list("abab")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        labels_of(FRAME, [1, 2])
