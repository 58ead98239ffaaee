"""Generated rows are draws from p(x | z): their noise, their kinds, their density."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, kstest

from skfmvae import SemafoVAE
from skfmvae.nn import Categorical, Gaussian

SURE = 1e-4  # a test of chance that is right fails so seldom


# A draw and the mean ------------------------------------------------------------------


@pytest.fixture(scope="module")
def scaled(make_estimator, blobs):
    """Return an estimator with noise of a deviation of 2 in every column."""
    X, y = blobs
    likelihood = Gaussian(learn_scale=False, scale=2.0)
    return make_estimator(likelihood=likelihood, max_epochs=1).fit(
        1e6 + X.astype(float), y
    )


def test_rows_are_means_with_the_noise_of_the_likelihood(scaled):
    rows, y = scaled.sample(3000, random_state=0)  # in several chunks
    means, same_y = scaled.sample(3000, random_state=0, draw="mean")
    np.testing.assert_array_equal(y, same_y)
    noise = (rows - means) / 2
    assert abs(means - 1e6).max() < 100  # in the units of the data
    assert kstest(noise.ravel(), "norm").pvalue > SURE
    # Of every column and row its own.
    correlation = np.corrcoef(noise.T) - np.eye(4)
    assert abs(correlation).max() < 5 / np.sqrt(3000)
    assert len(np.unique(noise)) > 0.99 * noise.size


def test_rows_follow_the_seed(scaled):
    first = scaled.sample(40, random_state=3)[0]
    np.testing.assert_array_equal(first, scaled.sample(40, random_state=3)[0])
    assert (first != scaled.sample(40, random_state=4)[0]).all()
    random_state = np.random.RandomState(3)
    np.testing.assert_array_equal(first, scaled.sample(40, None, random_state)[0])
    assert (first != scaled.sample(40, None, random_state)[0]).all()


def test_grey_values_are_drawn_as_zeros_and_ones(make_estimator, blobs):
    X, y = blobs
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    model = make_estimator(likelihood="bernoulli").fit(X, y)
    rows, _ = model.sample(4000, random_state=0)
    assert set(np.unique(rows)) == {0, 1}
    means, _ = model.sample(4000, random_state=0, draw="mean")
    error = np.sqrt((means * (1 - means)).sum(axis=0)) / 4000
    assert (abs((rows - means).mean(axis=0)) < 5 * error).all()
    model = make_estimator(likelihood="continuous_bernoulli").fit(X, y)
    rows, _ = model.sample(1000, random_state=0)
    assert rows.min() >= 0
    assert rows.max() <= 1
    assert len(np.unique(rows)) > 1000


@pytest.mark.parametrize("draw", ["rows", None, "median"])
def test_another_draw_is_refused(scaled, says, draw):
    with pytest.raises(ValueError, match=says(f"draw={draw!r}", '"row"', '"mean"')):
        scaled.sample(3, draw=draw)


# Kinds of columns ---------------------------------------------------------------------

N = 1000
TOWNS = np.array(["Lyon", "Nice", "Brest"])
SHARES = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])  # of towns, by kind
RATES = np.array([2.0, 9.0])
PLACES = np.array([-3.0, 2.0])
LOGS = np.array([0.0, 2.0])


def known_rows(kind, rng):
    """Return rows of which the density of every column is known, by their kinds."""
    n = len(kind)
    town = (rng.random((n, 1)) > SHARES[kind].cumsum(axis=1)).sum(axis=1)
    return pd.DataFrame(
        {
            "place": rng.normal(PLACES[kind], 1.0),
            "visits": rng.poisson(RATES[kind]),
            "dose": np.exp(rng.normal(LOGS[kind], 0.5)),
            "town": pd.Categorical.from_codes(town, TOWNS),
            "is_new": rng.random(n) < 0.3,
            "days": 1 + rng.poisson(np.exp(rng.normal(LOGS[kind], 0.5))),
        }
    )


@pytest.fixture(scope="module")
def drawn(make_learner):
    """Return training rows, and rows that are generated for two kinds in turn."""
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=N)
    frame = known_rows(kind, rng)
    settings = {"likelihood": {"visits": "poisson"}, "max_epochs": 40}
    model = make_learner(**settings).fit(frame, kind)
    asked = np.arange(4000) % 2
    rows, y = model.sample(4000, {"property_0": asked}, random_state=0)
    np.testing.assert_array_equal(y, asked)
    return frame, rows, asked


def test_drawn_columns_hold_what_they_can_hold(drawn):
    frame, rows, _ = drawn
    pd.testing.assert_series_equal(rows.dtypes, frame.dtypes)
    assert set(rows["town"]) == set(TOWNS)
    assert set(rows["is_new"]) == {False, True}
    assert (rows["visits"] >= 0).all()
    assert (rows["dose"] > 0).all()
    assert (rows["days"] >= 1).all()
    assert rows["place"].nunique() > 3900


def test_draws_have_the_density_of_the_data(drawn):
    """Within what a short fit leaves: some tenths of deviations and rates."""
    _, rows, asked = drawn
    for kind in (0, 1):
        some = rows[asked == kind]
        assert abs(some["place"].mean() - PLACES[kind]) < 0.3
        assert some["place"].std() == pytest.approx(1, abs=0.2)
        assert np.log(some["dose"]).mean() == pytest.approx(LOGS[kind], abs=0.15)
        assert np.log(some["dose"]).std() == pytest.approx(0.5, abs=0.15)
        assert some["visits"].mean() == pytest.approx(RATES[kind], rel=0.15)
        # Means alone would vary with the latents alone.
        assert some["visits"].var() == pytest.approx(RATES[kind], rel=0.5)
        shares = some["town"].value_counts(normalize=True).reindex(TOWNS)
        assert abs(shares.to_numpy() - SHARES[kind]).max() < 0.1
        assert some["is_new"].mean() == pytest.approx(0.3, abs=0.1)


# The density that is scored -----------------------------------------------------------


@pytest.fixture(scope="module")
def table(make_learner):
    """Return all rows of two categories, their probabilities, and draws.

    A short fit is as good as a long one: what is scored and what is drawn are to be
    the same, whatever it is.
    """
    rng = np.random.default_rng(0)
    kind = rng.integers(3, size=300)
    X = np.column_stack([(kind + rng.integers(2, size=300)) % 4, kind])
    model = make_learner(
        likelihood=Categorical(n_categories=[4, 3]), neighbours=None, adversarial=None
    ).fit(X, kind)
    cells = np.indices((4, 3)).reshape(2, -1).T
    rows, _ = model.sample(2000, random_state=0)
    return cells, model.score_samples(cells, 1000), rows


@pytest.fixture
def drawn_as_scored(Estimator, request):
    """Expect a test to fail where draws are not those that are scored."""
    if Estimator is SemafoVAE:
        # As in the paper; docs/decisions/040-generated-rows.md.
        reason = "latents of labels are drawn from their encoder, not from their prior"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.mark.usefixtures("drawn_as_scored")
def test_draws_are_as_frequent_as_they_are_scored(table):
    cells, log_p, rows = table
    proba = np.exp(log_p)
    assert proba.sum() == pytest.approx(1, abs=0.05)
    proba /= proba.sum()
    counts = np.array([(rows == cell).all(axis=1).sum() for cell in cells])
    assert counts.sum() == len(rows)
    expected = len(rows) * proba
    often = expected > 5  # as the approximation by chi-squared asks for
    statistic = ((counts - expected) ** 2 / expected)[often].sum()
    assert chi2.sf(statistic, often.sum()) > SURE


@pytest.mark.usefixtures("drawn_as_scored")
def test_the_mean_score_of_draws_is_the_entropy(table):
    cells, log_p, rows = table
    number = (rows @ [3, 1]).astype(int)
    np.testing.assert_array_equal(cells[number], rows)
    scores = log_p[number]
    entropy = -np.exp(log_p) @ log_p
    error = scores.std() / np.sqrt(len(rows))
    assert abs(scores.mean() + entropy) < 4 * error + 0.05  # that of the bound
