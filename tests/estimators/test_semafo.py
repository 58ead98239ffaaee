"""What SemafoVAE alone can do: levels, and control at each of them."""

import numpy as np
import pytest
import torch

from skfmvae import SemafoVAE
from skfmvae.estimators import LabelAutoencoder, Levels
from skfmvae.nn import MLP, Conv

SMALL = {
    "encoder": MLP(hidden=(16, 12)),
    "decoder": MLP(hidden=(16, 12)),
    "latent_dim": 6,
    "label_autoencoder": LabelAutoencoder(hidden=(16,), prior_hidden=(16,)),
    "max_epochs": 2,
    "calibrate": False,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    y = np.stack([np.arange(120) % 3, np.arange(120) // 3 % 2], axis=1)
    X = rng.normal(scale=0.3, size=(120, 64)).astype(np.float32)
    X[:, :3] += 3 * np.eye(3)[y[:, 0]]
    X[:, 5:7] += 3 * np.eye(2)[y[:, 1]]
    return X, np.where(rng.random(y.shape) < 0.5, y, -1)


@pytest.fixture(scope="module")
def fitted(rows):
    return SemafoVAE(levels=(1, 2), **SMALL).fit(*rows)


# Labels -------------------------------------------------------------------------------


@pytest.mark.parametrize("separate", [False, True])
def test_separate_networks_give_dimensions_of_one_property(rows, separate):
    labels = LabelAutoencoder(hidden=(16,), prior_hidden=(16,), separate=separate)
    model = SemafoVAE(**(SMALL | {"label_autoencoder": labels})).fit(*rows)
    codes = torch.tensor([[0, 1], [2, 1]])
    u = model.net_.module_.expect(codes)[:, :5]
    assert not torch.isclose(u[0, :3], u[1, :3]).any()
    assert torch.allclose(u[0, 3:], u[1, 3:]) == separate


# Levels -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "network", "sizes"),
    [
        ((), MLP(hidden=(16,)), {"u": 5, "z0": 6}),
        ((2,), MLP(hidden=(16, 12)), {"u": 5, "z0": 6, "z1": 16}),
        (
            Levels((2, 1), n_dims=3),
            MLP(hidden=(16, 12)),
            {"u": 5, "z0": 6, "z1": 3, "z2": 3},
        ),
        (
            Levels((1, 3), n_dims=2),
            Conv(channels=(3, 4), hidden=8),
            {"u": 5, "z0": 6, "z1": 2, "z2": 8},
        ),
    ],
)
def test_blocks(rows, levels, network, sizes):
    X, y = rows
    networks = {"encoder": network, "decoder": network}
    model = SemafoVAE(levels=levels, **(SMALL | networks)).fit(X, y)
    names = [f"{block}_{i}" for block, size in sizes.items() for i in range(size)]
    assert list(model.get_feature_names_out()) == names
    assert model.transform(X).shape == (120, len(names))
    np.testing.assert_allclose(
        model.reconstruct(X), model.inverse_transform(model.transform(X))
    )
    assert np.isfinite(model.score_samples(X[:5], n_draws=3)).all()
    for name in list(sizes)[1:]:
        assert f"train_kl_{name}_unlabelled" in model.net_.history[-1]


def test_levels_that_cannot_be(rows):
    with pytest.raises(ValueError, match=r"levels: there is no stage 3.* 2 hidden"):
        SemafoVAE(levels=(3,), **SMALL).fit(*rows)
    networks = {"encoder": Conv(channels=(3,), hidden=8)}
    with pytest.raises(ValueError, match="levels: stage 2.*same settings"):
        SemafoVAE(levels=(2,), **(SMALL | networks)).fit(*rows)


# Control ------------------------------------------------------------------------------


def test_interventions_at_chosen_levels(fitted, rows):
    X = rows[0][:20]
    wanted = {"property_0": (fitted.predict(X)[:, 0].astype(int) + 1) % 3}
    everywhere = fitted.intervene(X, wanted)
    np.testing.assert_array_equal(
        fitted.intervene(X, wanted, level=[0, 1, 2]), everywhere
    )
    alone = [fitted.intervene(X, wanted, level=level) for level in range(3)]
    kept = fitted.reconstruct(X)
    changes = [abs(new - kept).max() for new in alone]
    assert min(changes) > 1e-6
    for new in alone:
        assert abs(new - everywhere).max() > 1e-6
    # What has the value already stays, at whatever level.
    same = {"property_0": fitted.predict(X)[:, 0]}
    np.testing.assert_allclose(fitted.intervene(X, same, level=1), kept, atol=1e-6)


def test_traversals_go_through_the_prior(fitted, rows):
    """A step is a position in the prior, in its standard deviations."""
    X = rows[0][:4]
    moved, dims = fitted.traverse(X, level=1, dims=[3, 0], n_steps=5, width=1.5)
    assert moved.shape == (4, 2, 5, 64)
    assert dims.tolist() == [3, 0]
    model, names = fitted.net_.module_, list(fitted.get_feature_names_out())
    z = model.locate(model.draws.new_tensor(X))[0].detach()
    residuals = model.residuals(z)
    residuals[:, names.index("z1_3")] = 0.75
    expected = fitted.inverse_transform(
        model.from_residuals(residuals).detach().numpy()
    )
    np.testing.assert_allclose(moved[:, 0, 3], expected, atol=1e-5)


def test_the_widest_priors_go_first(fitted, rows):
    X = rows[0][:4]
    _, dims = fitted.traverse(X, dims=6)
    assert sorted(dims) == list(range(6))
    model = fitted.net_.module_
    z = model.locate(model.draws.new_tensor(X))[0]
    widths = model.prior_stddev(z).mean(0)[model.latent_blocks["z0"]].detach().numpy()
    assert (np.diff(widths[dims]) <= 0).all()
    np.testing.assert_array_equal(fitted.traverse(X, dims=2)[1], dims[:2])


def test_traversals_from_properties(fitted):
    both = {"property_0": [2, 0, 1], "property_1": 1}
    moved, _ = fitted.traverse(properties=both, dims=1, n_steps=3)
    assert moved.shape == (3, 1, 3, 64)
    one, _ = fitted.traverse(
        properties={"property_0": 0, "property_1": 1}, dims=1, n_steps=3
    )
    np.testing.assert_allclose(one[0], moved[1], atol=1e-5)
    # What is not named is drawn.
    draws = [
        fitted.traverse(properties={"property_0": [0] * 20}, dims=1, random_state=s)[0]
        for s in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert abs(draws[0] - draws[2]).max() > 1e-6


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, "either X or properties"),
        ({"X": np.zeros((2, 64)), "properties": {"property_0": 0}}, "either X or"),
        (
            {"X": np.zeros((2, 64)), "level": 3},
            "level=3.*levels 0 to 2.*parameter levels",
        ),
        ({"X": np.zeros((2, 64)), "level": 0, "dims": [6]}, r"dims=\[6\].*0 to 5"),
        ({"properties": {"property_0": 7}}, "property_0.*7"),
        ({"X": np.zeros((2, 64)), "n_steps": 0}, "n_steps=0"),
        ({"X": np.zeros((2, 64)), "n_steps": 1}, "n_steps=1 .*at least 2"),
        ({"X": np.zeros((2, 64)), "dims": 0}, "dims=0"),
        ({"X": np.zeros((2, 64)), "dims": -1}, "dims=-1"),
        ({"X": np.zeros((2, 64)), "dims": []}, r"dims=\[\]"),
        ({"X": np.zeros((2, 64)), "dims": [1.5]}, r"dims=\[1.5\]"),
        ({"X": np.zeros((2, 64)), "level": (0, 1)}, r"level=\(0, 1\).*one level"),
        ({"X": np.zeros((2, 64)), "level": "z0"}, "level='z0'.*levels 0 to 2"),
        ({"X": np.zeros((2, 64)), "level": None}, "level=None"),
    ],
)
def test_traversals_that_cannot_be(fitted, kwargs, message):
    with pytest.raises(ValueError, match=message):
        fitted.traverse(**kwargs)
    with pytest.raises(ValueError, match="level=-1"):
        fitted.intervene(np.zeros((2, 64)), {"property_0": 0}, level=-1)
