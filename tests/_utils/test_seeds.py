"""Open seeds are found in nested estimators."""

from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skfmvae._utils.seeds import unseeded


def test_open_seeds_of_a_pipeline():
    pipeline = make_pipeline(PCA(), LogisticRegression(random_state=0))
    assert unseeded(pipeline) == ["pca__random_state"]
    pipeline.set_params(logisticregression__random_state=None)
    names = ["logisticregression__random_state", "pca__random_state"]
    assert unseeded(pipeline) == names


def test_a_seed_of_zero_is_a_seed():
    assert unseeded(PCA(random_state=0)) == []
