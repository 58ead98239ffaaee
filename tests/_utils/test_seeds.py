"""Open seeds are found in nested estimators."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skfmvae._utils.seeds import seeded_clone, unseeded


def test_open_seeds_of_a_pipeline():
    pipeline = make_pipeline(PCA(), LogisticRegression(random_state=0))
    assert unseeded(pipeline) == ["pca__random_state"]
    pipeline.set_params(logisticregression__random_state=None)
    names = ["logisticregression__random_state", "pca__random_state"]
    assert unseeded(pipeline) == names


def test_a_seed_of_zero_is_a_seed():
    assert unseeded(PCA(random_state=0)) == []


def test_copies_have_seeds_where_there_were_none():
    pipeline = make_pipeline(PCA(), LogisticRegression(random_state=7))
    copies = [
        seeded_clone(pipeline, np.random.RandomState(seed)).get_params()
        for seed in (0, 0, 1)
    ]
    seeds = [copy["pca__random_state"] for copy in copies]
    assert seeds[0] == seeds[1] != seeds[2]
    assert {copy["logisticregression__random_state"] for copy in copies} == {7}
    assert pipeline[0].random_state is None
