"""Short tables of what a model was fitted to, and of how well it predicts."""

import numpy as np
import pandas as pd

from skfmvae import FactorialMixtureVAE
from skfmvae.cli.describe import columns_in_words, hidden_scores, in_lines
from skfmvae.columns import Column
from skfmvae.nn import Bernoulli, Columns, Gaussian


def test_columns_and_their_likelihoods():
    columns = [
        Column("mass", "real"),
        Column("island", "categorical", np.array(["a", "b", "c"]), "categories"),
        Column("since", "real", None, "dates", unit="D", origin="2024-01-01"),
    ]
    chosen = {"mass": Gaussian(), "island": Bernoulli(), "since": Gaussian()}
    words = columns_in_words(columns, Columns(chosen), np.array([0, 0.126, 1]))
    assert words.splitlines() == [
        "column  kind            missing  likelihood",
        "mass    real                 0%  Gaussian",
        "island  categorical, 3      13%  Bernoulli",
        "since   dates              100%  Gaussian",
    ]


def test_many_columns_are_counted():
    columns = [Column(f"x_{i}", ["real", "count"][i % 2]) for i in range(40)]
    words = columns_in_words(columns, Gaussian(), np.linspace(0, 0.39, 40))
    assert words.splitlines() == [
        "columns  kind   missing  likelihood",
        "     20  real       19%  Gaussian",
        "     20  count      20%  Gaussian",
    ]


def test_scores_are_those_of_the_hidden_labels(blobs):
    y = blobs["kind"].fillna(-1).astype(int).to_numpy()
    model = FactorialMixtureVAE(max_epochs=5, random_state=0)
    model.fit(blobs[[*"abcd"]], pd.Series(y, name="kind"))
    (row,) = hidden_scores(model, {"kind": y}).to_dict("records")
    [proba] = model.hidden_proba_
    known = ~np.isnan(proba[:, 0])
    true = y[known]
    right = proba[known].argmax(axis=1) == true
    assert row["labels"] == known.sum() == (y >= 0).sum()
    assert row["accuracy"] == right.mean()
    losses = -np.log(proba[known, true])
    np.testing.assert_allclose(row["log loss"], losses.mean(), rtol=1e-6)
    assert row["most frequent class"] == np.bincount(true).max() / len(true)


def test_targets_without_hidden_labels_are_left_out(blobs):
    model = FactorialMixtureVAE(max_epochs=1, calibrate=False, random_state=0)
    y = pd.Series(["a", "b"] * 60, name="kind")
    model.fit(blobs[[*"abcd"]], y)
    assert not len(hidden_scores(model, {"kind": np.arange(120) % 2}))


def test_numbers_are_to_the_right():
    table = pd.DataFrame({"name": ["a", "longer"], "n": [1, 200], "x": [0.5, 12]})
    assert in_lines(table).splitlines() == [
        "name      n       x",
        "a         1   0.500",
        "longer  200  12.000",
    ]
