from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfmvae import SemiSupervisedVAE
from skfmvae.model_selection.targets import read_targets, takes_quantities
from skfmvae.models import Continuous, Discrete, GraphicalModel
from skfmvae.targets import is_quantity

NAN = float("nan")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1.0, 2.5], True),
        ([NAN, -0.5, -1.0], True),
        ([1.0, NAN, -1.0], False),
        ([1.0, float("inf")], False),
        ([NAN, NAN], False),
        ([1, 2], False),
        ([True, False], False),
        (["0.5", "1"], False),
        (np.array([None, 0.5, 1], dtype=object), True),
        (np.array([pd.NA, 1.0, 2], dtype=object), False),
        (np.array([Fraction(1, 2), None], dtype=object), True),
        (np.array([10**400, None], dtype=object), False),
        (np.array(["a", 0.5], dtype=object), False),
        (np.array([True, 0.5], dtype=object), False),
        (np.array([None, None], dtype=object), False),
    ],
)
def test_numbers_of_which_any_is_fractional_are_quantities(column, expected):
    assert is_quantity(np.asarray(column)) is expected


def test_columns_are_known_where_labels_or_quantities_are():
    y = pd.DataFrame(
        {
            "kind": ["b", None, "a", "b"],
            "size": [0.5, -1.0, NAN, 2.0],
            "open": pd.array([True, pd.NA, False, True], dtype="boolean"),
        }
    )
    expected = [[1, 0, 1], [-1, 0, -1], [0, -1, 0], [1, 0, 1]]
    for form in (y, pl.from_pandas(y), y.astype(object).to_numpy()):
        targets = read_targets(form)
        assert_array_equal(targets.codes, expected)
        assert targets.labels == targets.scored == [0, 2]
        assert list(targets.quantities.values()) == [[1]]
    assert read_targets(y).properties == {"kind": [0], "size": [1], "open": [2]}
    assert read_targets(y["size"]).scored == [0]
    assert_array_equal(read_targets(np.full((3, 2), NAN)).codes, -1)


GRAPH = GraphicalModel(
    {"kind": Discrete(2), "place": Continuous(2), "style": Discrete(3)}
)
MODEL = SemiSupervisedVAE(GRAPH)


@pytest.mark.parametrize(
    "estimator",
    [
        MODEL,
        make_pipeline(StandardScaler(), MODEL),
        GridSearchCV(make_pipeline(StandardScaler(), MODEL), {}),
    ],
)
def test_graphs_name_columns_and_say_which_are_quantities(estimator):
    names = ["kind", "place_0", "place_1", "style"]
    y = np.array([[0, -1, 4, 2], [-1, 3, 4, 0]])
    expected = {"kind": [0], "place": [1, 2], "style": [3]}
    targets = read_targets(y, LogisticRegression(), estimator)
    assert targets.names == names
    assert targets.properties == expected
    assert_array_equal(targets.codes[:, 1:3], 0)
    frame = pd.DataFrame(y, columns=names)[["place_1", "style", "place_0"]]
    targets = read_targets(frame, estimator)
    assert targets.properties == {"place": [2, 0], "style": [1]}
    assert takes_quantities(estimator)
    assert not takes_quantities(LogisticRegression())
    assert read_targets(y).labels == [0, 1, 2, 3]
