"""Budgets are checked, completed and sorted."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from skfmvae.model_selection.budgets import budget_size, check_budgets

CODES = {"kind": np.array([0, 1, -1, 1, 0, 1]), "size": np.array([0, 0, 0, -1, -1, 0])}


@pytest.fixture
def study():
    """Return a study of six rows, all of them training rows but one in each split."""
    rows = np.arange(6)
    splits = [(np.delete(rows, i), rows[[i]]) for i in range(3)]
    targets = SimpleNamespace(
        properties=dict.fromkeys(CODES), codes=np.stack([*CODES.values()], axis=1)
    )
    return SimpleNamespace(codes=CODES, splits=splits, targets=targets)


def test_a_number_is_that_of_every_property(study):
    assert check_budgets([3, 1], study) == [
        {"kind": 1, "size": 1},
        {"kind": 3, "size": 3},
    ]


def test_a_property_that_is_not_named_keeps_all_its_labels(study):
    [budget] = check_budgets([{"kind": 2}], study)
    assert budget == {"kind": 2, "size": 6}
    assert budget_size(budget, study) == 2


def test_the_size_is_the_largest_number_asked_for(study):
    assert budget_size({"kind": 2, "size": 3}, study) == 3
    assert budget_size({"kind": 6, "size": 6}, study) == 6


@pytest.mark.parametrize(
    ("budgets", "message"),
    [
        ([], "should be one or more"),
        ([2, {"kind": 2}], "all different"),
        ([0], "budgets=0 should be a whole number of at least 1"),
        ([1.5], "budgets=1.5 should be a whole number"),
        ([4], "4 labels of 'size', but a training part has only 3"),
        ([{"kind": 5}], "5 labels of 'kind', but a training part has only 4"),
        ([{"colour": 3}], "names of properties, which are ['kind', 'size']"),
        ([{}], "give numbers of labels"),
    ],
)
def test_budgets_that_cannot_be(study, budgets, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_budgets(budgets, study)
