import numpy as np

from skfmvae.neighbour_graph.subsample import labelled_first


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
