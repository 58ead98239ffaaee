"""The contestants of composition: their settings, and the labels that each is given.

All have networks of the same sizes and as many latents.
"""

import numpy as np
from beta_vae import BetaVAE
from composed_rows import NAMES, SIZES
from flat_mixture import FlatMixture
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from skfmvae import FactorialMixtureVAE
from skfmvae.datasets import mask_labels
from skfmvae.estimators import Mixture
from skfmvae.images import OrientedGradients
from skfmvae.nn import Conv
from skfmvae.regularizers import Neighbours
from skfmvae.training import Objective

PROPERTY_DIM, STYLE_DIM = 8, 16
N_LATENTS = len(NAMES) * PROPERTY_DIM + STYLE_DIM
NETWORK = Conv(channels=(32, 64), hidden=256, precision="auto")
EDGES = make_pipeline(OrientedGradients(), PCA(60, random_state=0))
UNREGULARIZED_SETTINGS = {"neighbours": None, "adversarial": None}
SETTINGS = {
    "property_dim": PROPERTY_DIM,
    "style_dim": STYLE_DIM,
    "encoder": NETWORK,
    "decoder": NETWORK,
    "likelihood": "bernoulli",
    "lr": 3e-3,
    "objective": Objective(kl_start=8.0),
    "mixture": Mixture(property_resampling=0.4, style_resampling=0.6),
    "neighbours": Neighbours(features=EDGES, n_rebuilds=0),
    "adversarial": None,
}
# No regularizers: a graph has nothing to spread where a combination has one label.
FLAT_SETTINGS = {
    **SETTINGS,
    **UNREGULARIZED_SETTINGS,
    "property_components": int(np.prod(SIZES)),
    "property_dim": len(NAMES) * PROPERTY_DIM,
}

FACTORIAL = "FactorialMixtureVAE"
UNREGULARIZED = "FactorialMixtureVAE, no regularizers"
NO_RESAMPLING = "FactorialMixtureVAE, no resampling"
FLAT = "flat mixture"
BETAS = {"beta-VAE, beta 1": 1.0, "beta-VAE, beta 4": 4.0}
UNLABELLED = {f"no labels of {name}": name for name in NAMES}
CONTESTANTS = [FACTORIAL, UNREGULARIZED, NO_RESAMPLING, *UNLABELLED, *BETAS, FLAT]


def few_labels(name, y, n_labels, seed):
    """Return the labels that a contestant is given."""
    if name == FLAT:
        combination = np.ravel_multi_index(y.T, SIZES)
        kept = mask_labels(combination, n_labels, random_state=seed) >= 0
        return np.where(kept[:, None], y, -1)
    few = mask_labels(y, n_labels, random_state=seed)
    if name in UNLABELLED:
        few[:, NAMES.index(UNLABELLED[name])] = -1
    return few


def build(name, max_epochs, seed):
    """Return an untrained contestant."""
    if name == FLAT:
        return FlatMixture(
            FactorialMixtureVAE(
                **FLAT_SETTINGS, max_epochs=max_epochs, random_state=seed
            )
        )
    if name in BETAS:
        return BetaVAE(NETWORK, N_LATENTS, BETAS[name], max_epochs, seed)
    estimator = FactorialMixtureVAE(
        **SETTINGS, max_epochs=max_epochs, random_state=seed
    )
    if name == UNREGULARIZED:
        estimator.set_params(**UNREGULARIZED_SETTINGS)
    if name == NO_RESAMPLING:
        estimator.set_params(mixture=None)
    if name in UNLABELLED:
        found = UNLABELLED[name]
        estimator.set_params(property_components={found: SIZES[NAMES.index(found)]})
    return estimator
