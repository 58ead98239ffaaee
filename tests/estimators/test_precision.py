"""Rows of any precision, near zero or far from it."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from skfmvae import SemafoVAE
from skfmvae.estimators.precision import is_exact, to_float32
from skfmvae.nn import MLP

OFFSETS = np.array([1e9, 0.0, -3e11, 1e6])


@pytest.fixture(scope="module")
def here_and_far(make_learner, partial_blobs):
    """Return estimators of rows, and of the same rows far from zero, and both."""
    X, y = partial_blobs
    # Multiples of 1/256, for sums with the offsets to be exact.
    X = np.round(X.astype(np.float64) * 256) / 256
    return make_learner().fit(X, y), make_learner().fit(X + OFFSETS, y), X


def test_an_offset_changes_no_prediction(here_and_far):
    here, far, X = here_and_far
    assert here.origin_ is None
    np.testing.assert_array_equal(far.origin_ != 0, OFFSETS != 0)
    for method in ("predict_proba", "transform", "score_samples"):
        np.testing.assert_allclose(
            getattr(far, method)(X + OFFSETS),
            getattr(here, method)(X),
            rtol=0.02,
            atol=0.02,
        )


def test_rows_come_back_where_they_were(here_and_far):
    here, far, X = here_and_far
    Z = here.transform(X)
    for near, there in (
        (here.reconstruct(X), far.reconstruct(X + OFFSETS)),
        (here.inverse_transform(Z), far.inverse_transform(Z)),
        *(
            (e.sample(4, properties, 0)[0], f.sample(4, properties, 0)[0])
            for e, f, properties in [(here, far, {"property_0": 1})]
        ),
        (
            here.intervene(X, {"property_0": 1}),
            far.intervene(X + OFFSETS, {"property_0": 1}),
        ),
    ):
        assert near.dtype == np.float32
        assert there.dtype == np.float64
        np.testing.assert_allclose(there - OFFSETS, near, atol=0.2)


def test_traversals_come_back_where_they_were(partial_blobs):
    X, y = partial_blobs
    model = SemafoVAE(max_epochs=2, random_state=0).fit(X + OFFSETS, y)
    rows, _ = model.traverse(X[:3] + OFFSETS, dims=2, n_steps=5)
    assert rows.shape == (3, 2, 5, 4)
    assert np.abs(rows - OFFSETS).max() < 100


def test_whole_numbers_keep_every_digit(make_learner, blobs):
    X, y = blobs
    X = np.round(10 * X).astype(np.int64)
    far = X + 10**12
    frame = pd.DataFrame(far, columns=list("abcd"))
    for rows in (far, frame):
        model = make_learner().fit(rows, y)
        assert model.score(rows, y) > 0.95
        np.testing.assert_allclose(model.origin_, far.mean(axis=0))


def test_values_that_float32_merges_are_warned_of(make_estimator, blobs):
    """No origin helps where some rows lie so far from the others."""
    X, y = blobs
    X = X.astype(np.float64)
    X[:40, 2] += 1e14
    with pytest.warns(UserWarning, match=r"columns of X .*: 2 \(\d+ of \d+\)\. Take"):
        make_estimator(max_epochs=1).fit(X, y)
    frame = pd.DataFrame(X, columns=list("abcd"))
    with pytest.warns(UserWarning, match=r": 'c' \("):
        make_estimator(max_epochs=1).fit(frame, y)


def test_sparse_values_that_float32_merges_are_warned_of(make_estimator, blobs):
    X, y = blobs
    rows = scipy.sparse.csr_array(X.astype(np.float64) + 1e9 * (np.arange(4) == 1))
    with pytest.warns(UserWarning, match=r"columns of X .*: 1 \(1 of 1\d\d\)\. Take"):
        make_estimator(max_epochs=1).fit(rows, y)


def test_rows_that_were_rounded_before_are_warned_of(here_and_far):
    _, far, X = here_and_far
    with pytest.warns(UserWarning, match="float32, which X is in now, .* in float64"):
        far.predict((X + OFFSETS).astype(np.float32))


def test_values_between_zero_and_one_keep_their_likelihood(make_estimator, blobs):
    """Rounding on the way, as of a scaler, puts none of them outside."""
    X, y = blobs
    X = (X - X.min(axis=0)).astype(np.float64)
    X = (2 * X / X.max(axis=0)).clip(0, 1) * (1 + 1e-12)
    assert X.max() > 1
    model = make_estimator(max_epochs=1).fit(X, y)
    assert type(model.likelihood_).__name__ == "CensoredGaussian"


def test_what_float32_holds_is_not_widened_on_the_way():
    for dtype in (np.float32, np.uint8, np.int16, bool):
        assert is_exact(np.zeros((2, 2), dtype=dtype))
        assert is_exact(scipy.sparse.csr_array(np.zeros((2, 2), dtype=dtype)))
    for rows in (np.zeros((2, 2)), np.zeros((2, 2), int), [[1.0]], pd.DataFrame([[1]])):
        assert not is_exact(rows)
    X = np.zeros((2, 2), dtype=np.float32)
    assert to_float32(X) is X


def test_rounded_products_learn_as_well(make_learner, two_properties):
    X, numbers, y = two_properties
    networks = MLP(hidden=(64,), precision="bfloat16")
    model = make_learner(encoder=networks, decoder=networks).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), numbers)
    # Predictions are in float32: a row does not depend on those beside it.
    np.testing.assert_array_equal(
        model.predict_proba(X[:3])[0], model.predict_proba(X)[0][:3]
    )
