import numpy as np
import pytest

from skfmvae.neighbour_graph import subsample
from skfmvae.neighbour_graph.subsample import labelled_first, rows_of_graph


def test_a_sample_has_the_labelled_rows_and_others_at_random(monkeypatch):
    monkeypatch.setattr("skfmvae.neighbour_graph.subsample.N_ROWS", 100)
    codes = np.full((1000, 2), -1)
    codes[::25, 0] = codes[1::50, 1] = 0
    labelled = np.flatnonzero((codes >= 0).any(axis=1))
    rows = labelled_first(codes)
    assert len(np.unique(rows)) == 100
    assert {*rows[: len(labelled)]} == {*labelled}
    others = rows[len(labelled) :]
    # From everywhere: the mean of 40 positions of 1,000, within three deviations.
    assert abs(others.mean() - 500) < 3 * 290 / np.sqrt(len(others))
    np.testing.assert_array_equal(labelled_first(codes), rows)


def test_few_rows_are_all_taken():
    rows = labelled_first(np.full((30, 1), -1))
    np.testing.assert_array_equal(np.sort(rows), np.arange(30))


def make_codes(n, n_labelled):
    codes = np.full((n, 2), -1)
    codes[np.arange(n_labelled) * (n // n_labelled), 1] = 0
    return codes


def test_a_graph_has_the_labelled_rows_and_a_part_of_the_others():
    codes = make_codes(5000, 100)
    rows = rows_of_graph(codes, 10, max_rows=1000)
    assert len(np.unique(rows)) == 1000
    assert (np.diff(rows) > 0).all()
    assert (codes[rows] >= 0).sum() == 100
    # From everywhere: the mean of positions of 5,000, within three deviations.
    assert abs(rows.mean() - 2500) < 3 * 1450 / np.sqrt(1000)
    np.testing.assert_array_equal(rows_of_graph(codes, 10, max_rows=1000), rows)
    assert rows_of_graph(codes, 10, max_rows=5000) is None


def test_half_of_a_graph_is_unlabelled_where_so_many_are():
    codes = make_codes(5000, 2500)
    rows = rows_of_graph(codes, 10, max_rows=1000)
    assert (codes[rows] >= 0).any(axis=1).sum() == 500
    codes[:, 0] = 0
    codes[:200] = -1
    rows = rows_of_graph(codes, 10, max_rows=1000)
    assert (codes[rows] >= 0).any(axis=1).sum() == 800


@pytest.mark.parametrize(("n_columns", "n_rows"), [(19, None), (50, 400), (500, 100)])
def test_wide_rows_of_many_values_are_fewer(monkeypatch, n_columns, n_rows):
    monkeypatch.setattr(subsample, "MOST_COPIED", 20_000)
    monkeypatch.setattr(subsample, "MOST_VALUES", 20_000)
    monkeypatch.setattr(subsample, "LEAST_ROWS", 100)
    rows = rows_of_graph(make_codes(1000, 10), n_columns)
    assert n_rows == (None if rows is None else len(rows))
