"""Which columns variables take, and how networks see them."""

import math

import pytest
import torch

from skfmvae.models import Continuous, Discrete, GraphicalModel, Labels, Latent
from skfmvae.models.variables import Variables

NAN = math.nan
GRAPH = GraphicalModel(
    {
        "z": Latent(3),
        "light": Continuous(2),
        "shape": Discrete(4),
        "size": Continuous(),
        "colour": Discrete(2),
        "only": Discrete(1),
    }
)


@pytest.fixture
def variables():
    return Variables(GRAPH)


def values_of(variables, n=5):
    """Return random values of all variables, relaxed where they are discrete."""
    torch.manual_seed(0)
    sizes = {v: variables.n_columns([v]) for v in variables.blocks}
    return {
        v: torch.randn(n, size).softmax(1)
        if v in variables.n_components
        else torch.randn(n, size)
        for v, size in sizes.items()
    }


def test_discrete_variables_come_first_and_latents_last(variables):
    assert variables.n_components == {"shape": 4, "colour": 2, "only": 1}
    assert variables.quantities == {"light": slice(0, 2), "size": slice(2, 3)}
    assert variables.properties == ["shape", "colour", "only", "light", "size"]
    assert list(variables.blocks) == [*variables.properties, "z"]


def test_columns_and_parameters_are_counted(variables):
    assert variables.n_columns([]) == 0
    assert variables.n_columns(["shape", "z"]) == 7
    assert variables.n_columns(variables.blocks) == 13
    counts = {v: variables.n_parameters(v) for v in variables.blocks}
    assert counts == {
        "shape": 4,
        "colour": 2,
        "only": 1,
        "light": 4,
        "size": 2,
        "z": 6,
    }


def test_variables_lie_side_by_side_and_come_apart(variables):
    values = values_of(variables)
    z = variables.beside(values)
    assert z.shape == (5, 13)
    apart = variables.apart(z)
    assert apart.keys() == values.keys()
    for v, value in values.items():
        assert torch.equal(apart[v], value)


def test_gaussian_variables_are_seen_as_they_are(variables):
    values = values_of(variables)
    seen = variables.as_inputs(values, ["z", "size"])
    assert torch.equal(seen, torch.cat([values["z"], values["size"]], dim=1))


def test_a_discrete_variable_alone_has_unit_variance_in_every_column(variables):
    """Over its values, each of them equally likely; it is centred, too."""
    seen = variables.as_inputs({"shape": torch.eye(4)}, ["shape"])
    torch.testing.assert_close(seen.mean(0), torch.zeros(4))
    torch.testing.assert_close(seen.var(0, correction=0), torch.ones(4))


def test_discrete_variables_are_twice_as_long_as_gaussian_ones_beside_them(variables):
    """Gaussian ones have the squared length 3 + 2 on average under their prior."""
    values = values_of(variables, n=1)
    values["shape"], values["colour"] = torch.eye(4)[2:3], torch.eye(2)[:1]
    seen = variables.as_inputs(values, ["shape", "z", "colour", "light"])
    shape, z, colour, light = seen.split([4, 3, 2, 2], dim=1)
    assert torch.equal(
        torch.cat([z, light], 1), torch.cat([values["z"], values["light"]], 1)
    )
    length = math.sqrt(shape.square().sum() + colour.square().sum())
    assert length == pytest.approx(2 * math.sqrt(5))
    assert shape.norm() == pytest.approx(colour.norm())


def test_relaxed_values_are_seen_between_the_values_they_mix(variables):
    proba = torch.tensor([[0.5, 0.25, 0.25, 0.0]])
    of_values = variables.as_inputs({"shape": torch.eye(4)}, ["shape"])
    seen = variables.as_inputs({"shape": proba}, ["shape"])
    torch.testing.assert_close(seen, proba @ of_values)


def test_a_variable_of_one_value_says_nothing_wrong(variables):
    seen = variables.as_inputs({"only": torch.ones(3, 1)}, ["only"])
    assert torch.equal(seen, torch.ones(3, 1))


def test_labels_are_found_by_name(variables):
    labels = Labels(
        torch.tensor([[3, -1, 0], [-1, 1, 0]]),
        torch.tensor([[1.0, 2.0, NAN], [NAN, NAN, 5.0]]),
    )
    assert variables.code("shape", labels).tolist() == [3, -1]
    assert variables.code("colour", labels).tolist() == [-1, 1]
    assert variables.quantity("light", labels)[0].tolist() == [1.0, 2.0]
    assert variables.quantity("size", labels)[1].tolist() == [5.0]
    known = {v: variables.is_known(v, labels).tolist() for v in variables.properties}
    assert known == {
        "shape": [True, False],
        "colour": [False, True],
        "only": [True, True],
        "light": [True, False],
        "size": [False, True],
    }


def test_nothing_is_known_of_any_property(variables):
    labels = variables.nothing_known(4, torch.empty(0, dtype=torch.float64))
    assert labels.codes.shape == (4, 3)
    assert labels.quantities.shape == (4, 3)
    assert labels.quantities.dtype == torch.float64
    for v in variables.properties:
        assert not variables.is_known(v, labels).any()
