"""Rows that are kept of a stream: which they are, and what they stand for."""

import numpy as np
import pytest
from scipy.stats import chisquare

from skfmvae.estimators.reservoir import Reservoir, StreamedRows, kept_rows


def streamed(is_labelled, first=0, weight=None):
    """Return rows with numbers of their own, and labels where they are to have one."""
    n = len(is_labelled)
    return StreamedRows(
        np.arange(first, first + n, dtype=float)[:, None],
        np.where(is_labelled, 0, -1)[:, None],
        np.full((n, 0), np.nan),
        np.ones(n) if weight is None else weight,
        predicted=np.full((n, 1), np.nan),
        n_taught=np.zeros(n, dtype=int),
    )


EMPTY = Reservoir(
    rows=None, keys=np.empty(0), n_seen=(0, 0), n_begun=0, has_all=True, seed=None
)


def run(parts, capacity, seed=0):
    reservoir, rng = EMPTY, np.random.RandomState(seed)
    for part in parts:
        reservoir = reservoir.after(part, capacity, rng)
    return reservoir


@pytest.mark.parametrize(
    ("n_labelled", "n_others", "kept"),
    [
        (3, 4, (3, 4)),  # all fit
        (3, 40, (3, 7)),
        (40, 3, (7, 3)),
        (40, 40, (5, 5)),
        (0, 40, (0, 10)),
        (40, 0, (10, 0)),
    ],
)
def test_labelled_rows_come_first_up_to_half(n_labelled, n_others, kept):
    is_labelled = np.arange(n_labelled + n_others) < n_labelled
    chosen = kept_rows(
        is_labelled, np.random.default_rng(0).random(len(is_labelled)), 10
    )
    assert (is_labelled[chosen].sum(), (~is_labelled[chosen]).sum()) == kept
    assert (np.diff(chosen) > 0).all()


def test_what_is_kept_is_uniform_over_all_rows_seen():
    """However labels come: rows of both kinds are dropped, part by part."""
    is_labelled = np.array([False] * 10 + [True, False] * 5 + [True] * 10)
    parts = [
        streamed(is_labelled[rows], first=rows[0])
        for rows in np.split(np.arange(30), [10, 14, 20, 27])
    ]
    times_kept, n_runs = np.zeros(30), 2000
    for seed in range(n_runs):
        kept = run(parts, capacity=8, seed=seed).rows.X[:, 0].astype(int)
        assert is_labelled[kept].sum() == 4
        times_kept[kept] += 1
    for kind in (is_labelled, ~is_labelled):
        np.testing.assert_allclose(times_kept[kind].mean() / n_runs, 4 / kind.sum())
        assert chisquare(times_kept[kind]).pvalue > 1e-3


def test_few_rows_are_all_kept_in_their_order():
    reservoir = run([streamed([True, False]), streamed([False, True], 2)], capacity=4)
    assert reservoir.has_all
    assert reservoir.rows.X[:, 0].tolist() == [0, 1, 2, 3]
    assert reservoir.n_seen == (2, 2)
    assert not run([streamed([True] * 5)], capacity=4).has_all


def test_rows_are_copied():
    part = streamed([True, False])
    reservoir = run([part], capacity=4)
    part.X[:] = -1
    assert reservoir.rows.X[:, 0].tolist() == [0, 1]


def test_weights_of_drawn_rows_keep_averages_over_all_rows_seen():
    """On average over draws, and in each one for the sums of both kinds."""
    rng = np.random.RandomState(0)
    is_labelled = rng.random(400) < 0.1
    weight = rng.random(400)
    parts = [
        streamed(is_labelled[rows], rows[0], weight[rows])
        for rows in np.split(np.arange(400), 8)
    ]
    totals = []
    for seed in range(300):
        drawn = run(parts, capacity=100, seed=seed).draw(30, rng)
        assert len(drawn) == 30
        totals.append([drawn.weight.sum(), drawn.weight @ drawn.X[:, 0]])
        counts = np.where(drawn.is_labelled, is_labelled.sum(), (~is_labelled).sum())
        n_drawn = np.where(
            drawn.is_labelled, drawn.is_labelled.sum(), (~drawn.is_labelled).sum()
        )
        np.testing.assert_allclose(
            drawn.weight, weight[drawn.X[:, 0].astype(int)] * counts / n_drawn
        )
    expected = [weight.sum(), weight @ np.arange(400)]
    np.testing.assert_allclose(np.mean(totals, axis=0), expected, rtol=0.02)


def test_rows_with_a_quantity_count_as_labelled():
    rows = streamed([False, False])
    known = np.array([[np.nan], [1.0]])
    rows = StreamedRows(rows.X, rows.codes, known, rows.weight, rows.predicted, None)
    assert rows.is_labelled.tolist() == [False, True]
