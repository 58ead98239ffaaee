"""Covariates and exposures of an estimator."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skfmvae import FactorialMixtureVAE, SemafoVAE
from skfmvae.nn import NegativeBinomial, Poisson

N = 600


@pytest.fixture(scope="module")
def batches():
    """Rows of three classes in two batches, which shift all columns."""
    rng = np.random.default_rng(0)
    kind, batch = rng.integers(0, 3, N), rng.integers(0, 2, N)
    shift = rng.normal(size=12)
    rows = 3 * rng.normal(size=(3, 12))[kind] + np.outer(batch, 2 * shift)
    X = pd.DataFrame(rows + rng.normal(size=rows.shape)).add_prefix("gene_")
    X.insert(0, "batch", pd.Categorical(np.array(["north", "south"])[batch]))
    return X, kind, np.where(rng.random(N) < 0.1, kind, -1), batch, 2 * shift


@pytest.fixture(scope="module", params=[FactorialMixtureVAE, SemafoVAE])
def fitted(request, batches):
    X, _, y, *_ = batches
    return request.param(covariates=["batch"], calibrate=False, random_state=0).fit(
        X, y
    )


def test_latents_do_not_predict_a_covariate(fitted, batches):
    X, kind, _, batch, _ = batches
    accuracy = cross_val_score(
        LogisticRegression(max_iter=2000), fitted.transform(X), batch
    ).mean()
    assert abs(accuracy - 0.5) < 0.1  # five standard errors of 600 rows
    assert fitted.score(X, kind) >= 0.95
    plain = FactorialMixtureVAE(calibrate=False, random_state=0)
    plain.fit(X.drop(columns="batch"), batches[2])
    Z = plain.transform(X.drop(columns="batch"))
    assert cross_val_score(LogisticRegression(max_iter=2000), Z, batch).mean() > 0.9


def test_samples_and_interventions_set_a_covariate(fitted, batches):
    X, *_, shift = batches
    means = []
    for site in ("north", "south"):
        rows, _ = fitted.sample(400, covariates={"batch": site}, random_state=0)
        assert (rows["batch"] == site).all()
        assert rows["batch"].dtype == X["batch"].dtype
        means.append(rows.drop(columns="batch").mean())
    assert np.corrcoef(means[1] - means[0], shift)[0, 1] > 0.95
    wanted = np.where(np.arange(N) % 2, "north", "south")
    changed = fitted.intervene(X, {}, covariates={"batch": wanted})
    assert (changed["batch"] == wanted).all()
    kept = fitted.intervene(X, {})
    assert (kept["batch"] == X["batch"]).all()
    assert (fitted.reconstruct(X)["batch"] == X["batch"]).all()
    difference = changed.drop(columns="batch") - kept.drop(columns="batch")
    to_south = (X["batch"] == "north") & (wanted == "south")
    assert np.corrcoef(difference[to_south].mean(), shift)[0, 1] > 0.95
    assert np.abs(difference[X["batch"] == wanted]).max(axis=None) < 1e-4


def test_errors_name_what_is_wrong(fitted, batches):
    X, _, y, *_ = batches
    with pytest.raises(ValueError, match="'gene_1' is no covariate.*'batch'"):
        fitted.sample(2, covariates={"gene_1": 3.0})
    with pytest.raises(ValueError, match="'east' is no category of 'batch'"):
        fitted.sample(2, covariates={"batch": "east"})
    with pytest.raises(ValueError, match="covariates=.*'site' is none of the columns"):
        FactorialMixtureVAE(covariates=["site"]).fit(X, y)


@pytest.mark.parametrize("likelihood", [Poisson, NegativeBinomial])
def test_an_exposure_explains_how_much_there_is_of_everything(likelihood):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, N)
    depth = rng.lognormal(3, 1, N)
    X = rng.poisson(depth[:, None] * rng.gamma(2, 0.2, size=(2, 15))[kind])
    y = np.where(rng.random(N) < 0.1, kind, -1)
    bounds = {}
    for exposure in (None, "auto"):
        model = FactorialMixtureVAE(
            likelihood=likelihood(exposure=exposure), calibrate=False, random_state=0
        ).fit(X, y)
        bounds[exposure] = model.score_samples(X[:200]).mean()
    assert bounds["auto"] > bounds[None] + 0.5
    total = model.reconstruct(X).sum(axis=1)
    assert np.corrcoef(total, X.sum(axis=1))[0, 1] > 0.99
    # Generated rows have the exposure of the median row.
    generated = model.sample(500, random_state=0)[0].sum(axis=1)
    assert np.median(generated) == pytest.approx(np.median(X.sum(axis=1)), rel=0.3)
