"""Combinations of factors are drawn from those that are allowed."""

import re

import numpy as np
import pytest

from skfmvae.datasets._combinations import draw_combinations

FACTORS = {"kind": ("a", "b"), "size": range(3)}


def draw(n_samples=None, only=None, exclude=None, hint=""):
    random_state = np.random.RandomState(0)
    return draw_combinations(
        n_samples,
        FACTORS,
        only=only,
        exclude=exclude,
        random_state=random_state,
        hint=hint,
    )


def test_without_a_number_each_combination_is_there_once():
    assert draw().tolist() == [[k, s] for k in range(2) for s in range(3)]


@pytest.mark.parametrize("n_samples", [None, 200])
def test_only_and_exclude(n_samples):
    rows = draw(n_samples, only=[{"kind": "b"}, {"size": 0}], exclude=[{"size": 2}])
    assert {tuple(row) for row in rows.tolist()} == {(0, 0), (1, 0), (1, 1)}


def test_draws_are_uniform():
    rows = draw(6000)
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(counts) == 6
    assert (np.abs(counts - 1000) < 150).all()  # five standard deviations


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"only": [{"colour": 0}], "hint": ", or none"}, "name some of kind, size, or"),
        ({"only": {"kind": 0}}, "should be a list of dicts, such as [{'kind': 'a',"),
        ({"exclude": [{"kind": "c"}]}, "exclude has kind='c'"),
        ({"exclude": [{"size": 3}]}, "a whole number from 0 to 2"),
        ({"exclude": [{}]}, "leave no combination"),
    ],
)
def test_combinations_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw(**settings)
