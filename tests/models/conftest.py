"""Small models of a few rows, in float64, without normalisation."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal

from skfmvae.estimators import Inference, LabelAutoencoder, SemafoObjective
from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Labels,
    Latent,
    Semafo,
    SemiSupervised,
)
from skfmvae.nn import (
    MLP,
    Gaussian,
    build_branches,
    build_levels,
    build_network,
    build_stages,
)

N_INPUTS, N_LATENTS = 5, 3
SCALE = 0.75  # of the noise of rows; exact in float32 too


@pytest.fixture(scope="session")
def make_rows():
    """Return a function that draws rows, the same each time."""

    def make(n=4):
        generator = torch.Generator().manual_seed(1)
        return torch.randn(n, N_INPUTS, generator=generator, dtype=torch.float64)

    return make


@pytest.fixture(scope="session")
def labels_of():
    """Return a function from codes, and quantities if any, to labels."""

    def labels(codes, quantities=None):
        codes = torch.as_tensor(codes)
        if quantities is None:
            quantities = torch.empty(len(codes), 0)
        return Labels(codes, torch.as_tensor(quantities, dtype=torch.float64))

    return labels


def gaussian_rows():
    likelihood = Gaussian(learn_scale=False, scale=SCALE).build(np.eye(N_INPUTS))
    likelihood.mean[:], likelihood.std[:] = 0.0, 1.0
    return likelihood


@pytest.fixture
def mean_draws(monkeypatch):
    """Let every Gaussian draw be the mean."""
    monkeypatch.setattr(Normal, "rsample", lambda self, shape=(): self.mean)


@pytest.fixture(scope="session")
def make_semafo():
    """Return a function that makes SemafoVAE's model."""

    def make(
        levels=(),
        n_components=None,
        hidden=(6, 4),
        label_hidden=(8,),
        prior_hidden=(7,),
        separate=False,
        **objective,
    ):
        torch.manual_seed(0)
        network = MLP(hidden=hidden, norm=None, activation="tanh")
        encoder = build_stages(network, "encoder", N_INPUTS, 2 * N_LATENTS)
        decoder = build_stages(network, "decoder", N_LATENTS, N_INPUTS)
        stages = dict.fromkeys(levels, 2)
        model = Semafo(
            encoder,
            decoder,
            build_levels(encoder, decoder, N_INPUTS, N_LATENTS, stages),
            gaussian_rows(),
            n_inputs=N_INPUTS,
            n_components=n_components or {"shape": 3, "colour": 2},
            latent_dim=N_LATENTS,
            label_autoencoder=LabelAutoencoder(
                label_hidden, prior_hidden, separate=separate
            ),
            # The paper's, but for what a test is about.
            objective=SemafoObjective(
                **({"labelled_phase": 0.0, "label_weight": 0.0} | objective)
            ),
        )
        return model.double()

    return make


@pytest.fixture(scope="session")
def m2():
    """Return the graphical model M2 of Kingma et al. (2014), with two properties."""
    return GraphicalModel(
        {"shape": Discrete(3), "colour": Discrete(2), "style": Latent(2)},
        recognition={"style": ["shape", "colour"]},
    )


@pytest.fixture(scope="session")
def tangled():
    """Return one recognised against the direction of generation, and in a chain."""
    return GraphicalModel(
        {
            "size": Discrete(3),
            "kind": Discrete(2),
            "light": Continuous(2),
            "z": Latent(2),
        },
        generative={"z": ["kind"], "kind": ["size"], "x": ["z", "light"]},
        recognition={"size": ["z"], "kind": ["z", "light"]},
    )


@pytest.fixture(scope="session")
def make_semi_supervised(m2):
    """Return a function that makes the model of a graphical one, M2 by default."""

    def make(graph=m2, hidden=(6,), label_weight=0.5, **inference):
        torch.manual_seed(0)
        network = MLP(hidden=hidden, norm=None, activation="tanh")
        inference = {"marginalization": "enumerate"} | inference
        model = SemiSupervised(
            graph,
            partial(build_branches, network, N_INPUTS),
            partial(build_network, network, "decoder", n_outputs=N_INPUTS),
            gaussian_rows(),
            n_inputs=N_INPUTS,
            label_weight=label_weight,
            inference=Inference(**inference),
        )
        for prior in model.prior.networks:  # which start level
            for parameter in prior.parameters():
                nn.init.normal_(parameter, std=0.5)
        return model.double()

    return make


@pytest.fixture(scope="session")
def total():
    """Return a function to the objective of every row, classification included."""

    def objective(model, x, labels):
        terms = model.terms(x, labels).terms.values()
        return sum(
            term.weight
            * (term.value if term.rows is None else term.value.where(term.rows, 0.0))
            for term in terms
        )

    return objective
