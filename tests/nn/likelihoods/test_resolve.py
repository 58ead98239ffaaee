"""Names of likelihoods and their settings."""

import numpy as np
import pytest
import torch

from skfmvae.nn import (
    Bernoulli,
    Categorical,
    Gaussian,
    NegativeBinomial,
    Poisson,
    resolve_likelihood,
)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("bernoulli", Bernoulli),
        ("gaussian", Gaussian),
        ("categorical", Categorical),
        ("poisson", Poisson),
        ("negative_binomial", NegativeBinomial),
    ],
)
def test_names_stand_for_the_defaults(name, settings):
    found = resolve_likelihood(name, np.zeros((2, 2)))
    assert type(found) is settings
    assert found.get_params() == settings().get_params()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0, 1], [0.5, 0]], Bernoulli),
        ([[0, 1], [0, 1.001]], Gaussian),
        ([[0, -0.001], [0, 1]], Gaussian),
        ([[0, 1], [np.nan, 1]], Bernoulli),
    ],
)
def test_auto_depends_on_the_range(values, expected, container):
    X = container(np.array(values, dtype=np.float32))
    assert type(resolve_likelihood("auto", X)) is expected


def test_settings_resolve_to_themselves():
    settings = Gaussian(learn_scale=False)
    assert resolve_likelihood(settings, np.zeros((2, 2))) is settings


@pytest.mark.parametrize("spec", ["normal", None, Gaussian, torch.nn.Linear(2, 2)])
def test_unknown_likelihoods_are_refused(spec):
    with pytest.raises(ValueError, match=r"likelihood=.*'auto', 'bernoulli'"):
        resolve_likelihood(spec, np.zeros((2, 2)))
