"""Categories without an order."""

import numpy as np
import pytest
import torch

from skfmvae.nn import Categorical


def test_categorical_log_prob_by_hand(container):
    # 3 codes, 2 columns; the outputs hold both columns of code 0, then of code 1, ...
    module = Categorical().build(container(np.array([[0.0, 2.0], [1.0, 0.0]])))
    probs = torch.tensor([[0.5, 0.1], [0.3, 0.2], [0.2, 0.7]])
    distribution = module(probs.log().reshape(1, 6))
    for x, expected in [((0, 2), 0.5 * 0.7), ((1, 0), 0.3 * 0.1), ((2, 1), 0.2 * 0.2)]:
        found = distribution.log_prob(torch.tensor([x], dtype=torch.float32))
        assert found.exp().item() == pytest.approx(expected)
    assert module.expectation(distribution).tolist() == [[0.0, 2.0]]


def test_new_rows_cannot_bring_new_categories():
    module = Categorical().build(np.array([[0.0, 1.0]]))
    with pytest.raises(ValueError, match="value 2.0 in row 0, column 1 .*0, 1, ..., 1"):
        module.check_support(np.array([[1.0, 2.0]]))


def test_outputs_of_equal_columns_round_as_whole_channels_do():
    """To the bit: sums over categories depend on how these lie in memory."""
    module = Categorical(7).build(np.zeros((2, 5)))
    h = 9 * torch.randn(200, 35, generator=torch.Generator().manual_seed(0))
    x = torch.arange(1000).remainder(7).float().view(200, 5)
    logits = h.unflatten(1, (7, 5)).transpose(1, 2)
    expected = torch.distributions.Categorical(logits=logits).log_prob(x).sum(1)
    assert torch.equal(module(h).log_prob(x), expected)


# Columns with different numbers of categories ----------------------------------------

SIZES = [3, 2, 5]


@pytest.fixture(scope="module")
def ragged():
    return Categorical(SIZES).build(np.zeros((2, 3), dtype=np.float32))


def by_column(ragged, h):
    """Return the probabilities of each column, by its own outputs."""
    columns = ragged.feature_columns
    return [torch.softmax(h[:, columns == j], dim=1) for j in range(len(SIZES))]


def test_outputs_of_ragged_columns_are_those_of_their_categories(ragged):
    assert ragged.n_outputs == ragged.n_inputs == sum(SIZES)
    # All columns for each category in turn, less those that do not have it.
    assert ragged.feature_columns.tolist() == [0, 1, 2, 0, 1, 2, 0, 2, 2, 2]
    h = torch.randn(7, 10, generator=torch.Generator().manual_seed(0))
    proba = by_column(ragged, h)
    for c in range(max(SIZES)):
        rows = torch.full((7, 3), float(c))
        found = ragged(h).base_dist.log_prob(rows).exp()
        for j, size in enumerate(SIZES):
            expected = proba[j][:, c] if c < size else torch.zeros(7)
            torch.testing.assert_close(found[:, j], expected)


def test_features_of_ragged_columns_are_one_hot(ragged):
    x = torch.tensor([[2.0, 1.0, 4.0], [0.0, 0.0, 1.0]])
    features = ragged.features(x)
    for j in range(3):
        own = features[:, ragged.feature_columns == j]
        expected = torch.nn.functional.one_hot(x[:, j].long(), SIZES[j])
        torch.testing.assert_close(own, expected.float())
    np.testing.assert_array_equal(ragged.comparable(x.numpy()), features)


def test_expectations_of_ragged_columns_are_their_modes(ragged):
    h = torch.randn(40, 10, generator=torch.Generator().manual_seed(1))
    proba = by_column(ragged, h)
    expected = torch.stack([p.argmax(1) for p in proba], dim=1).float()
    torch.testing.assert_close(ragged.expectation(ragged(h)), expected)
    weight = torch.rand(8, 5, generator=torch.Generator().manual_seed(2))
    weight /= weight.sum(1, keepdim=True)
    for j, of_column in enumerate(proba):
        mixed = (weight[:, :, None] * of_column.view(8, 5, -1)).sum(1)
        found = ragged.weighted_expectation(ragged(h), weight)[:, j]
        torch.testing.assert_close(found, mixed.argmax(1).float())


@pytest.mark.parametrize("extreme", [-1e4, 0.0, 1e4])
def test_gradients_of_ragged_columns_are_finite(ragged, extreme):
    h = torch.full((3, 10), extreme, requires_grad=True)
    ragged(h).log_prob(torch.tensor([[2.0, 1.0, 4.0]]).expand(3, -1)).sum().backward()
    assert h.grad.isfinite().all()


def test_draws_of_ragged_columns_are_categories_that_they_have(ragged):
    torch.manual_seed(0)
    drawn = ragged(torch.zeros(500, 10)).sample()
    assert [len(column.unique()) for column in drawn.T] == SIZES
    assert drawn.amax(0).tolist() == [2, 1, 4]


def test_a_category_that_another_column_has_is_refused(ragged, container):
    rows = np.array([[2, 1, 4], [0, 2, 0]], dtype=np.float32)
    message = "value 2.0 in row 1, column 1 is not in 0, 1, ..., n_categories - 1"
    with pytest.raises(ValueError, match=message):
        ragged.check_support(container(rows))
    with pytest.raises(ValueError, match=message):
        Categorical(SIZES).build(container(rows))


def test_missing_entries_do_not_count_for_the_number_of_categories(container):
    rows = container(np.array([[np.nan, 2.0], [1.0, np.nan], [np.nan, np.nan]]))
    assert Categorical().build(rows).sizes.tolist() == [3, 3]
