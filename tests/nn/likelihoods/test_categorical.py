"""Categories without an order."""

import numpy as np
import pytest
import torch

from skfmvae.nn import (
    Categorical,
)


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
