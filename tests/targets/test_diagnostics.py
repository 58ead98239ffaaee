"""Warnings of labels that are rarely meant as classes."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skfmvae.targets import PartialLabelEncoder

NAN, NA = float("nan"), pd.NA


def objects(*values):
    return pd.Series(values, dtype=object).to_numpy()


# Classes that are rarely meant --------------------------------------------------------

LEFT = "class only, 1. -1 marks unlabelled entries; if it is a class, recode"
DOUBTFUL = {
    "-1 and 1": ([-1, 1, 1, -1], f"'property_0' of y has labels of one {LEFT}"),
    "array": (np.array([-1, 1]), LEFT),
    "float": (np.array([-1.0, 1.0]), "class only, 1.0. -1 marks unlabelled"),
    "objects": (objects(-1, 1, None), LEFT),
    "nullable": (pd.Series([-1, 1, NA], dtype="Int64", name="side"), f"'side'.*{LEFT}"),
    "polars": (pl.Series("side", [-1, 1]), f"'side'.*{LEFT}"),
    "a frame": (
        pd.DataFrame({"kind": [0, 1, 2], "side": [-1, 1, 1]}),
        f"property 'side'.*{LEFT}",
    ),
    "-2 and -1": ([-2, -1], "class only, -2. -1 marks unlabelled"),
    "other negative numbers": ([-2, -1, 1, 2], "has the class -2 beside -1. -1 marks"),
    "negative floats": ([-3.0, -1.0, 0.0], "has the class -3.0 beside -1. -1 marks"),
    "negative nullable": (
        pd.Series([-2, -1, 1], dtype="Int64"),
        "has the class -2 beside -1.",
    ),
    "one number": ([3, 3, 3], "class only, 3. Label rows of other classes too"),
    "one word": (["a", None, "a"], "class only, 'a'. Label rows"),
    "one truth": ([True, True, None], "class only, True. Label rows"),
    "a column of one class": ([[1, 0], [1, 1]], "'property_0'.* class only, 1"),
    "quantities": (np.arange(21), "has 21 classes on 21 labelled rows. .* Continuous"),
    "ages": ([*range(60)] * 9, "has 60 classes on 540 labelled rows"),
    "half": ([*range(16), *[0] * 14], "has 16 classes on 30 labelled rows"),
    "quantities with gaps": (
        [*range(0, 300, 10), *[-1] * 500],
        "has 30 classes on 30 labelled rows.*strings",
    ),
    "float quantities": (np.arange(100.0), "has 100 classes on 100 labelled"),
    "big quantities": ([2**70 + i for i in range(30)], "has 30 classes on 30"),
}


@pytest.mark.parametrize(("y", "message"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_classes_that_are_rarely_meant(y, message):
    encoder = PartialLabelEncoder().fit(y)
    with pytest.warns(UserWarning, match=message.replace(". -1", r"\. -1")) as caught:
        encoder.warn(y)
    assert len(caught) == 1


@pytest.mark.parametrize(
    "y",
    [
        None,
        [-1, -1],
        [None, None],
        [-1, 0, 1],
        [-3, -2, 5],
        [True, -1, False],
        ["-1", "-2", "a"],
        ["a", "b", -1],
        range(20),
        [*range(15), *[0] * 15],
        [*range(60)] * 10,
        [*range(50)] * 9,
        [str(i) for i in range(100)],
        np.array([[0, 1], [1, 0], [-1, -1]]),
    ],
    ids=str,
)
def test_classes_that_are_often_meant(y):
    y = list(y) if isinstance(y, range) else y
    PartialLabelEncoder().fit(y).warn(y)  # a warning would be an error here


@pytest.mark.parametrize(
    ("y", "is_doubtful"),
    [
        ([1, -1, 1], True),
        (np.array([1.0, -1.0]), True),
        ([1, None, 1], False),
        ([0, -1, 1], False),
        ([1, 1], False),
        ([-1, -1], False),
    ],
)
def test_marks_beside_a_single_scored_class(y, is_doubtful):
    encoder = PartialLabelEncoder().fit([0, 1])
    if is_doubtful:
        with pytest.warns(UserWarning, match="has 1.* and -1. -1 marks"):
            encoder.warn_of_marks(y)
    else:
        encoder.warn_of_marks(y)  # a warning would be an error here


def test_every_doubtful_column_is_named():
    y = pd.DataFrame({"a": [-1, 1, 1], "b": [0, 1, 0], "c": [2, 2, 2]})
    encoder = PartialLabelEncoder().fit(y, n_discovered=1)
    with pytest.warns(UserWarning, match="one class only") as caught:
        encoder.warn(y)
    found = [re.search("property '(.)'", str(w.message))[1] for w in caught]
    assert found == ["a", "c"]
