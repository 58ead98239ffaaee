"""A likelihood for each column, against the likelihoods one by one."""

import copy
import pickle

import numpy as np
import pytest
import torch

from skfmvae.nn import (
    Bernoulli,
    Categorical,
    Columns,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Ordinal,
)

BY_COLUMN = {
    "colour": Categorical(4),
    "height": Gaussian(),
    "size": Ordinal(3),
    "town": Categorical(2),
    "width": Gaussian(),
    "visits": NegativeBinomial(),
    "fine": Gaussian(learn_scale=False, scale=0.1),
    "price": LogNormal(),
    "open": Bernoulli(),
}
rng = np.random.default_rng(0)
X = np.column_stack(
    [
        rng.integers(0, 4, 60),
        rng.normal(5, 2, 60),
        rng.integers(0, 3, 60),
        rng.integers(0, 2, 60),
        rng.normal(-1, 0.1, 60),
        rng.poisson(4, 60),
        rng.normal(0, 1, 60),
        np.exp(rng.normal(0, 1, 60)),
        rng.integers(0, 2, 60),
    ]
).astype(np.float32)
N_OUTPUTS = [4, 1, 1, 2, 1, 1, 1, 1, 1]


@pytest.fixture(scope="module")
def module():
    return Columns(BY_COLUMN).build(X).double()


@pytest.fixture(scope="module")
def alone():
    """The likelihood of each column, built without the others."""
    return [of.build(X[:, [j]]).double() for j, of in enumerate(BY_COLUMN.values())]


@pytest.fixture(scope="module")
def outputs():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(60, sum(N_OUTPUTS), generator=generator).double()


def rows():
    return torch.from_numpy(X).double()


def each(alone, values, sizes=(1,) * 9):
    """Yield the likelihood of every column with what stands for it."""
    return zip(alone, values.split(list(sizes), dim=1), strict=True)


def test_outputs_stand_in_the_order_of_the_columns(module, alone, outputs):
    """The log-probability is the sum over a loop."""
    found = module(outputs)
    assert (found.batch_shape, found.event_shape) == ((60,), (9,))
    parts = each(alone, outputs, N_OUTPUTS)
    expected = torch.stack(
        [
            one(h).log_prob(x)
            for (one, h), (_, x) in zip(parts, each(alone, rows()), strict=True)
        ],
        dim=1,
    )
    torch.testing.assert_close(found.column_log_prob(rows()), expected)
    torch.testing.assert_close(found.log_prob(rows()), expected.sum(1))


def test_features_stand_in_the_order_of_the_columns(module, alone):
    expected = [one.features(x) for one, x in each(alone, rows())]
    assert module.n_inputs == sum(N_OUTPUTS)
    torch.testing.assert_close(module.features(rows()), torch.cat(expected, dim=1))
    columns = np.repeat(np.arange(9), N_OUTPUTS)
    assert module.feature_columns.tolist() == columns.tolist()


def test_expectations(module, alone, outputs):
    weight = torch.rand(12, 5, generator=torch.Generator().manual_seed(1)).double()
    weight /= weight.sum(1, keepdim=True)
    expected, weighted = [], []
    for one, h in each(alone, outputs, N_OUTPUTS):
        expected.append(one.expectation(one(h)))
        weighted.append(one.weighted_expectation(one(h), weight))
    found = module.expectation(module(outputs))
    torch.testing.assert_close(found, torch.cat(expected, dim=1))
    found = module.weighted_expectation(module(outputs), weight)
    torch.testing.assert_close(found, torch.cat(weighted, dim=1))


def test_draws_have_the_distribution_of_their_column(module, alone, outputs):
    torch.manual_seed(0)
    found = module(outputs[:1].expand(20_000, -1)).sample().double()
    assert module(outputs).sample((3,)).shape == (3, 60, 9)
    for j, (one, h) in enumerate(each(alone, outputs[:1], N_OUTPUTS)):
        expected = one(h.expand(20_000, -1)).sample()[:, 0].double()
        error = (found[:, j].var() + expected.var()).div(20_000).sqrt()
        assert (found[:, j].mean() - expected.mean()).abs() < 5 * error


def test_comparable_rows_and_steps_among_them(module, alone, container):
    expected = [one.comparable(X[:, [j]]) for j, one in enumerate(alone)]
    found = module.comparable(container(X))
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), rtol=1e-6)
    step = torch.linspace(-1, 1, 60 * sum(N_OUTPUTS)).double().view(60, -1)
    steps = each(alone, step, N_OUTPUTS)
    moved = [
        one.moved(x, own)
        for (one, own), (_, x) in zip(steps, each(alone, rows()), strict=True)
    ]
    found = module.moved(rows(), step)
    torch.testing.assert_close(found, torch.cat(moved, dim=1))
    is_code = [isinstance(of, Categorical | Ordinal) for of in BY_COLUMN.values()]
    moves = (found != rows()).any(0)
    assert moves.tolist() == (~np.array(is_code)).tolist()


@pytest.mark.parametrize(
    ("column", "value", "name"),
    [
        (3, 2, "column 3 \\('town'\\)"),
        (5, 1.5, "column 5 \\('visits'\\)"),
        (7, -1, "column 7 \\('price'\\)"),
        (8, 3, "column 8 \\('open'\\)"),
    ],
)
def test_a_value_that_cannot_occur_is_named_by_its_column_of_X(
    module, column, value, name, container
):
    spoilt = X.copy()
    spoilt[7, column] = value
    message = f"value {float(value)} in row 7, {name} is not in"
    for check in (Columns(BY_COLUMN).build, copy.deepcopy(module).check_support):
        with pytest.raises(ValueError, match=message) as raised:
            check(container(spoilt))
        # Errors of other processes come back by pickle.
        assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
    module.check_support(container(X))


def test_columns_without_names_are_named_by_their_numbers():
    settings = Columns({0: Gaussian(), 1: LogNormal()})
    with pytest.raises(ValueError, match="row 1, column 1 is not in the positive"):
        settings.build(np.array([[1.0, 1.0], [0.0, 0.0]]))


def test_in_support_is_that_of_each_column(module):
    values = np.full((1, 9), 2.0)
    inside = [True, True, True, False, True, True, True, True, False]
    assert module.in_support(values)[0].tolist() == inside


def test_columns_that_are_alike_are_one_module():
    sizes = Columns({0: Categorical(3), 1: Categorical(5)}).build(np.zeros((2, 2)))
    assert sizes.sizes.tolist() == [3, 5]
    found = Columns({0: Gaussian(), 1: Gaussian()}).build(X[:, [1, 4]])
    expected = Gaussian().build(X[:, [1, 4]])
    x = torch.from_numpy(X[:, [1, 4]])
    torch.testing.assert_close(found.features(x), expected.features(x))
    assert type(found) is type(expected)


def test_each_column_has_its_number_of_categories_by_default():
    values = np.array([[0.0, 6.0, 1.0], [2.0, 0.0, 0.0]])
    module = Columns({0: Categorical(), 1: Categorical(), 2: Ordinal()}).build(values)
    assert module.n_outputs == 3 + 7 + 1


def test_steps_and_shifts_are_allowed_where_a_column_allows_them():
    of_codes = Columns({0: Categorical(), 1: Ordinal()})
    assert not of_codes.allows_steps
    assert Columns(BY_COLUMN).allows_steps
    shifts = [j for j, shifts in enumerate(Columns(BY_COLUMN).allows_shifts) if shifts]
    assert shifts == [1, 4, 6]


def test_a_module_survives_copies_and_other_precision(module, outputs):
    expected = module(outputs).log_prob(rows())
    single = copy.deepcopy(module).float()
    found = single(outputs.float()).log_prob(rows().float())
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-3)
    loaded = pickle.loads(pickle.dumps(module))
    torch.testing.assert_close(loaded(outputs).log_prob(rows()), expected)
