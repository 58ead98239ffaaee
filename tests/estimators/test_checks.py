"""What `fit` accepts, and errors that say what to do about the rest."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

from skfmvae.images import ImageAugmentation

# name: (value in row 3 and column 2, what holds the rows, what the message says)
NO_FLOAT32 = {
    "infinity": (-np.inf, np.asarray, ["column 2", "infinity", "-inf", "as missing"]),
    "beyond_float32": (np.float64(1e300), np.asarray, ["column 2", "too large"]),
    "infinity_beside_nan": (
        np.inf,
        lambda X: np.where(np.arange(len(X))[:, None] == 0, np.nan, X),
        ["infinity", "column 2"],
    ),
    "infinity_in_a_frame": (
        np.inf,
        lambda X: pd.DataFrame(X, columns=["height", "width", "depth", "weight"]),
        ["infinity", "'depth'"],
    ),
    "too_large_in_a_frame": (
        np.float64(1e300),
        lambda X: pd.DataFrame(X, columns=["height", "width", "depth", "weight"]),
        ["too large for float32", "'depth'"],
    ),
    "infinity_in_csr": (np.inf, scipy.sparse.csr_array, ["infinity", "column 2"]),
}


@pytest.mark.parametrize("case", NO_FLOAT32)
def test_fit_refuses_rows_with(assert_fit_refuses, with_value, case):
    value, hold, pieces = NO_FLOAT32[case]
    assert_fit_refuses(
        {},
        lambda X, y: (hold(with_value(X, value)), y),
        ["X", "row 3", *pieces],
    )


def test_fit_refuses_a_class_of_settings(assert_fit_refuses):
    pieces = ["augmentation=ImageAugmentation is a class", "ImageAugmentation()"]
    assert_fit_refuses({"augmentation": ImageAugmentation}, None, pieces)


def test_fit_refuses_an_unknown_device(assert_fit_refuses):
    pieces = ["device='nonsense'", "cannot be used", "'cpu'", "'auto'"]
    assert_fit_refuses({"device": "nonsense"}, None, pieces)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:3", torch.device("cuda")])
def test_absent_gpu(says, make_estimator, blobs, device):
    with pytest.raises(
        ValueError, match=says("device", "cuda", "cannot be used", "'cpu'", "'auto'")
    ):
        make_estimator(device=device).fit(*blobs)


@pytest.mark.parametrize(
    ("weight", "pieces"),
    [
        (np.zeros(150), ["zero"]),
        (np.arange(150) - 3.0, ["egative"]),
        (np.full(150, np.nan), ["NaN"]),
        (np.ones(149), ["(149,)", "(150,)"]),
        (np.ones((150, 2)), ["1D array", "2D array"]),
    ],
    ids=["zero", "negative", "nan", "short", "two_dimensional"],
)
def test_fit_refuses_weights(says, make_estimator, partial_blobs, weight, pieces):
    estimator = make_estimator()
    # scikit-learn writes both "Sample weights" and "sample_weight".
    with pytest.raises(ValueError, match=says("ample", "weight", *pieces)):
        estimator.fit(*partial_blobs, sample_weight=weight)
    assert not hasattr(estimator, "net_")


def test_masks_of_weights_and_latents_are_not_dropped(make_estimator, partial_blobs):
    X, y = partial_blobs
    weight = np.ma.array(np.ones(len(X)), mask=np.arange(len(X)) == 3)
    with pytest.raises(ValueError, match="sample_weight.*NaN"):
        make_estimator().fit(X, y, sample_weight=weight)
    model = make_estimator(max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="sample_weight.*NaN"):
        model.score(X, y, sample_weight=weight)
    Z = np.ma.masked_greater(model.transform(X), 0)
    with pytest.raises(ValueError, match="Z contains NaN"):
        model.inverse_transform(Z)
