"""Rows with missing entries: at fit, at predict, and filled."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skfmvae.estimators import imputation
from skfmvae.images import ImageAugmentation
from skfmvae.nn import MLP
from skfmvae.training import EarlyStopping

METHODS = ("predict_proba", "transform", "score_samples", "reconstruct", "impute")


@pytest.fixture(scope="module")
def gaps(blobs):
    """Return which entries are missing: one in four, and of two rows all."""
    X, _ = blobs
    is_gap = np.random.default_rng(0).random(X.shape) < 0.25
    is_gap[[9, 90]] = True
    return is_gap


@pytest.fixture(scope="module")
def rows(partial_blobs, gaps):
    """Return rows with gaps and partial labels."""
    X, y = partial_blobs
    return np.where(gaps, np.float32(np.nan), X), y


@pytest.fixture(scope="module")
def learner(make_learner, rows):
    return make_learner(likelihood="gaussian").fit(*rows)


@pytest.fixture(scope="module")
def complete(make_learner, partial_blobs):
    """Return an estimator that saw no gap."""
    return make_learner(likelihood="gaussian").fit(*partial_blobs)


# Learning from what is there ----------------------------------------------------------


def test_rows_with_gaps_are_predicted_from_what_is_observed(learner, blobs, rows, gaps):
    X, y = blobs
    assert learner.score(X, y) > 0.95
    assert learner.score(rows[0][~gaps.all(axis=1)], y[~gaps.all(axis=1)]) > 0.9
    assert learner.score(rows[0], y) > 0.9


def test_gaps_that_come_after_fit_are_filled_too(complete, blobs, rows, gaps):
    X, y = blobs
    some = gaps & ~gaps.all(axis=1)[:, None]
    of_means = (X.mean(axis=0) - X)[some].std()
    assert (complete.impute(rows[0]) - X)[some].std() < 0.7 * of_means
    assert complete.score(rows[0], y) > 0.7


def test_imputed_values_are_near_the_true_ones(learner, blobs, rows, gaps):
    """A quarter of the error of the columns' means at most leaves the noise."""
    X, _ = blobs
    some = gaps & ~gaps.all(axis=1)[:, None]
    of_means = np.sqrt(np.mean((X.mean(axis=0) - X)[some] ** 2))
    found = np.sqrt(np.mean((learner.impute(rows[0]) - X)[some] ** 2))
    assert found < 0.65 * of_means


@pytest.mark.parametrize(
    "mark",
    [
        lambda X: X.astype(np.float64),
        lambda X: pd.DataFrame(X).astype(object).where(~np.isnan(X), None).to_numpy(),
        lambda X: pd.DataFrame(X).astype("Float32").to_numpy(dtype=object),
        lambda X: np.ma.masked_invalid(X),
        lambda X: np.ma.array(np.nan_to_num(X, nan=7.0), mask=np.isnan(X)),
        lambda X: X.tolist(),
    ],
    ids=["nan", "none", "pd.NA", "masked_nan", "masked", "list"],
)
def test_every_mark_of_a_gap_is_the_same(make_estimator, rows, mark):
    X, y = rows
    expected = make_estimator(likelihood="gaussian", max_epochs=1, neighbours=None)
    expected.fit(X.astype(np.float64), y)
    found = clone(expected).fit(mark(X), y)
    for method in METHODS:
        np.testing.assert_array_equal(
            getattr(found, method)(mark(X)[:20]),
            getattr(expected, method)(X[:20].astype(np.float64)),
            err_msg=method,
        )


def test_gaps_of_sparse_rows_are_stored(make_estimator, rows):
    X, y = rows
    X = np.where(np.abs(X) < 1, 0, X)
    sparse = scipy.sparse.csr_array(X)
    assert np.isnan(sparse.data).sum() == np.isnan(X).sum()
    dense = make_estimator(likelihood="gaussian", max_epochs=1, neighbours=None).fit(
        X, y
    )
    found = make_estimator(likelihood="gaussian", max_epochs=1, neighbours=None).fit(
        sparse, y
    )
    for method in METHODS:
        # Moments of sparse columns are summed in another order, and one unit of
        # distance is that of all.
        np.testing.assert_allclose(
            getattr(dense, method)(sparse[:20]),
            getattr(dense, method)(X[:20]),
            err_msg=method,
        )
        assert np.isfinite(getattr(found, method)(sparse[:20])).all()
    np.testing.assert_array_equal(found.impute(sparse)[~np.isnan(X)], X[~np.isnan(X)])


def test_without_a_gap_nothing_changes_but_what_gaps_need(complete, partial_blobs):
    """A fit to complete rows has no inputs for gaps."""
    X, _ = partial_blobs
    likelihood = complete.net_.module_.likelihood
    assert likelihood.n_inputs == X.shape[1]
    assert not likelihood.has_gaps


# Nothing observed ---------------------------------------------------------------------

NOTHING = np.full((3, 4), np.nan)


@pytest.mark.parametrize("has_gaps", [False, True])
def test_a_row_of_nothing_gets_the_prior(has_gaps, learner, complete, blobs):
    estimator = learner if has_gaps else complete
    X, y = blobs
    proba = estimator.predict_proba(NOTHING)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (proba == proba[0]).all()
    # It is that of samples: five standard errors of 20,000 and of 10,000 draws.
    _, drawn = estimator.sample(20_000, random_state=1)
    shares = np.array([(drawn == value).mean() for value in estimator.classes_])
    np.testing.assert_allclose(proba[0], shares, atol=5 * np.sqrt(0.25 / 6667))
    np.testing.assert_allclose(proba[0], 1 / 3, atol=0.1)  # the classes are as many
    np.testing.assert_array_equal(
        estimator.predict_proba(np.vstack([X[:2], NOTHING]))[:2],
        estimator.predict_proba(X[:2]),
    )


def test_a_sparse_row_of_nothing_gets_the_prior(learner):
    X = np.vstack([NOTHING, [[0, 0, np.nan, np.nan]], np.zeros((1, 4))])
    np.testing.assert_allclose(
        learner.predict_proba(scipy.sparse.csr_array(X)), learner.predict_proba(X)
    )
    assert not np.allclose(learner.predict_proba(X)[3], learner.predict_proba(X)[0])


@pytest.mark.parametrize("has_gaps", [False, True])
def test_the_probability_of_nothing_is_one(has_gaps, learner, complete):
    estimator = learner if has_gaps else complete
    np.testing.assert_array_equal(estimator.score_samples(NOTHING), 0)
    # Importance sampling bounds it from below, beside rows of which something is known.
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(5000, estimator._model.n_latents, generator=generator)
    found = estimator._model.log_marginal(torch.from_numpy(NOTHING[:1]).float(), noise)
    assert -6 < found.item() < 1.5


def test_nothing_is_filled_by_what_the_model_expects(learner, blobs):
    X, _ = blobs
    filled = learner.impute(NOTHING)
    sampled, _ = learner.sample(4000, random_state=0)
    error = 8 * sampled.std(axis=0) / imputation.N_SAMPLES**0.5
    assert (np.abs(filled[0] - sampled.mean(axis=0)) < error).all()


# What is observed, and its probability ------------------------------------------------


def test_a_column_that_is_missing_leaves_the_density_of_the_others(learner, blobs):
    """The density of a row is an integral of that of the row with one entry more."""
    X, _ = blobs
    row = X[:1].copy()
    row[0, 2] = np.nan
    grid = np.linspace(-25, 25, 251)
    with_entry = np.repeat(row, len(grid), axis=0)
    with_entry[:, 2] = grid
    log_p = learner.score_samples(with_entry, n_draws=200)
    integral = np.logaddexp.reduce(log_p) + np.log(grid[1] - grid[0])
    found = learner.score_samples(row, n_draws=2000)
    np.testing.assert_allclose(found, integral, atol=0.3)


def test_scores_of_gaps_do_not_depend_on_other_rows(learner, rows):
    X = rows[0][:20]
    found = learner.score_samples(X)
    np.testing.assert_allclose(learner.score_samples(X[7:8]), found[7:8], rtol=1e-6)
    assert np.isfinite(found).all()
    assert learner.score(X) == pytest.approx(found.mean())


# Imputation ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_draws", [None, 3])
def test_what_is_observed_stays_to_the_bit(learner, rows, gaps, dtype, n_draws):
    X = rows[0].astype(dtype) + dtype(1e-9)
    before = X.copy()
    filled = learner.impute(X, n_draws=n_draws, random_state=0)
    np.testing.assert_array_equal(X, before)
    assert filled.shape == ((*X.shape,) if n_draws is None else (3, *X.shape))
    assert filled.dtype == dtype
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(
        filled[..., ~gaps], np.broadcast_to(X[~gaps], filled[..., ~gaps].shape)
    )


def test_rows_without_gaps_come_back(learner, blobs):
    X, _ = blobs
    for dtype in (np.float32, np.float64):
        filled = learner.impute(X.astype(dtype))
        np.testing.assert_array_equal(filled, X)
        assert filled is not X
    assert learner.impute(X, n_draws=np.int64(2)).shape == (2, *X.shape)


def test_expected_values_do_not_depend_on_the_rows_beside(learner, rows, monkeypatch):
    X, _ = rows
    filled = learner.impute(X)
    for some in (slice(5, 6), slice(20, 60), slice(None, None, -1)):
        np.testing.assert_array_equal(learner.impute(X[some]), filled[some])
    monkeypatch.setattr(imputation, "N_ROWS", 40)
    np.testing.assert_array_equal(learner.impute(X), filled)
    np.testing.assert_array_equal(learner.impute(X, random_state=3), filled)


def test_draws_follow_the_seed_and_leave_others_alone(learner, rows):
    X, _ = rows
    before = torch.get_rng_state()
    first, again, other = (
        learner.impute(X, n_draws=2, random_state=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_spread_around_the_expected_values(learner, rows, gaps):
    """By the noise and by what the latents leave open."""
    X, _ = rows
    n_draws = 400
    drawn = learner.impute(X, n_draws=n_draws, random_state=0)[:, gaps]
    expected = learner.impute(X)[gaps]
    scale = learner.net_.module_.likelihood.columns.scale.detach().cpu().numpy()
    noise = np.broadcast_to(scale, X.shape)[gaps]
    assert (drawn.std(axis=0) > 0.8 * noise).all()
    away = (drawn.mean(axis=0) - expected) / (drawn.std(axis=0) / n_draws**0.5)
    assert np.abs(away).max() < 5.5


def test_draws_cover_what_was_hidden(learner, blobs, gaps, rows):
    """Intervals of 90 % hold most of the true values, by the model's own spread."""
    X, _ = blobs
    some = gaps & ~gaps.all(axis=1)[:, None]
    drawn = learner.impute(rows[0], n_draws=200, random_state=0)
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    inside = ((low <= X) & (X <= high))[some].mean()
    assert inside > 0.75


@pytest.mark.parametrize("n_draws", [0, -1, 1.5, "3"])
def test_numbers_of_draws_are_checked(learner, rows, n_draws):
    with pytest.raises((ValueError, TypeError), match="n_draws"):
        learner.impute(rows[0], n_draws=n_draws)


def test_rows_to_fill_are_checked(says, make_estimator, learner, rows, with_value):
    with pytest.raises(NotFittedError):
        make_estimator().impute(rows[0])
    with pytest.raises(ValueError, match=says("infinity", "row 3", "column 2")):
        learner.impute(with_value(rows[0], np.inf))
    with pytest.raises(ValueError, match=says("X has 3 features", "expecting 4")):
        learner.impute(rows[0][:, :3])


def test_values_that_have_no_density_are_named(says, make_estimator, rows, with_value):
    """Nothing could be weighed beside them."""
    X = np.exp(rows[0] / 5)
    spec = {"c": "log_normal", "a": "gaussian", "b": "gaussian", "d": "gaussian"}
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = make_estimator(likelihood=spec, max_epochs=1).fit(frame, rows[1])
    wrong = pd.DataFrame(with_value(X, -2.0), columns=list("abcd"))
    pieces = says("-2.0", "row 3", "column 2 ('c')", "positive numbers")
    for method in (model.impute, model.score_samples):
        with pytest.raises(ValueError, match=pieces):
            method(wrong)
    assert np.isfinite(model.predict_proba(wrong)).all()


def test_columns_far_from_zero_are_filled_in_their_units(make_learner, blobs, gaps):
    """Where float32 has steps of 64."""
    X, y = blobs
    far = X.astype(np.float64) + [1e9, 0, -1e9, 0]
    model = make_learner(likelihood="gaussian").fit(np.where(gaps, np.nan, far), y)
    assert model.origin_ is not None
    for filled in (
        model.impute(np.where(gaps, np.nan, far)),
        *model.impute(np.where(gaps, np.nan, far), n_draws=2, random_state=0),
    ):
        np.testing.assert_array_equal(filled[~gaps], far[~gaps])
        assert np.abs(filled - far)[gaps].max() < 40
        assert len(np.unique(filled[:, 0][gaps[:, 0]])) > 10


@pytest.mark.parametrize(
    "likelihood",
    ["log_normal", "nonparanormal", "poisson", "negative_binomial"]
    + ["categorical", "ordinal"],
)
def test_every_likelihood_fills_with_values_that_can_occur(make_estimator, likelihood):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, size=(80, 4)).astype(np.float64)
    if likelihood == "log_normal":
        X = np.exp(X)
    is_gap = rng.random(X.shape) < 0.2
    rows = np.where(is_gap, np.nan, X)
    y = np.where(np.arange(80) < 20, np.arange(80) % 2, -1)
    model = make_estimator(likelihood=likelihood, max_epochs=2).fit(rows, y)
    drawn = model.impute(rows, n_draws=3, random_state=0)
    model._model.likelihood.check_support(drawn.reshape(-1, 4).astype(np.float32))
    filled = model.impute(rows)
    if likelihood in {"categorical", "ordinal", "log_normal"}:
        model._model.likelihood.check_support(filled.astype(np.float32))
    assert (filled >= 0).all()


# With the rest of a fit ---------------------------------------------------------------


def test_gaps_pass_early_stopping_calibration_and_weights(make_estimator, rows):
    X, y = rows
    weight = np.linspace(0.5, 1.5, len(X))
    model = make_estimator(callbacks=[EarlyStopping()], calibrate=True, max_epochs=4)
    model.fit(X, y, sample_weight=weight)
    assert np.isfinite(model.predict_proba(X)).all()
    assert np.isfinite(model.score_samples(X)).all()


def test_a_column_may_be_missing_altogether(make_estimator, rows):
    X, y = rows[0].copy(), rows[1]
    X[:, 1] = np.nan
    model = make_estimator(max_epochs=2, likelihood="gaussian").fit(X, y)
    assert np.isfinite(model.impute(X)).all()
    assert np.isfinite(model.predict_proba(X)).all()


def test_fits_to_gaps_can_be_repeated_and_pickled(make_estimator, rows):
    X, y = rows
    first, again = (make_estimator(max_epochs=2).fit(X, y) for _ in range(2))
    loaded = pickle.loads(pickle.dumps(first))
    for other in (again, loaded):
        np.testing.assert_array_equal(other.impute(X), first.impute(X))
        np.testing.assert_array_equal(other.predict_proba(X), first.predict_proba(X))


def test_what_changes_rows_in_training_sees_gaps(make_estimator, rows):
    """And may leave others: what it makes missing does not count."""
    X, y = rows
    seen = []

    def augment(x):
        seen.append(x.isnan().float().mean().item())
        return x.masked_fill(x > 9, float("nan"))

    model = make_estimator(augmentation=augment, max_epochs=2).fit(X, y)
    assert min(seen) > 0.1
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_images_with_gaps(make_estimator, network):
    rng = np.random.default_rng(0)
    X = rng.random((60, 64)).astype(np.float32)
    X[:, 20:30] += np.arange(60)[:, None] % 2
    X[rng.random(X.shape) < 0.1] = np.nan
    y = np.where(np.arange(60) < 20, np.arange(60) % 2, -1)
    model = make_estimator(
        likelihood="gaussian",
        encoder=network if network == "conv" else MLP(hidden=(16,)),
        decoder=network if network == "conv" else MLP(hidden=(16,)),
        augmentation=ImageAugmentation(shift=1.0, erase=0.2),
        max_epochs=2,
    ).fit(X, y)
    filled = model.impute(X)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])


# Gaps of generated rows ---------------------------------------------------------------


def test_generated_rows_have_gaps_as_often_as_training_rows(learner, gaps):
    np.testing.assert_allclose(learner.missing_rate_, gaps.mean(axis=0))
    X, y = learner.sample(2000, random_state=0)
    with_gaps, same_y = learner.sample(2000, random_state=0, missing=True)
    np.testing.assert_array_equal(same_y, y)
    missing = np.isnan(with_gaps)
    np.testing.assert_array_equal(with_gaps[~missing], X[~missing])
    # Four standard errors of a share of 2,000 rows.
    np.testing.assert_allclose(missing.mean(axis=0), gaps.mean(axis=0), atol=0.04)
    assert not np.isnan(X).any()


def test_where_no_entry_was_missing_none_is(complete):
    assert not complete.missing_rate_.any()
    assert not np.isnan(complete.sample(50, random_state=0, missing=True)[0]).any()


def test_gaps_of_frames_are_those_of_their_dtypes(make_learner, rows):
    X, y = rows
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["kind"] = pd.Series(np.array(["x", "y"])[(X[:, 0] > 0).astype(int)])
    frame.loc[::3, "kind"] = None
    generated, _ = (
        make_learner().fit(frame, y).sample(900, random_state=0, missing=True)
    )
    assert generated["kind"].isna().mean() == pytest.approx(1 / 3, abs=0.07)
    assert set(generated["kind"].dropna()) <= {"x", "y"}
