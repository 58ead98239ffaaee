import pytest
import torch

from skfmvae.regularizers.base import (
    cross_entropy,
    property_weights,
    unlabelled_shares,
    weighted_mean,
)

LABELS = {0: 0, 1: 1, 2: 2}


@pytest.mark.parametrize("reliability", [0.0, 0.25, 1.0])
def test_a_property_weighs_its_reliability_times_its_unlabelled_share(
    make_batch, make_graph, with_reliability, reliability
):
    batch = make_batch(LABELS, {}, {5: 1, 6: 0})
    graph = with_reliability(make_graph(batch, (3, 4, 2)), reliability, None, 1.0)
    codes = batch.labels.codes
    assert unlabelled_shares(codes) == pytest.approx([0.9, 1, 28 / 30])
    expected = [0.9 * reliability, 0, 28 / 30]
    assert property_weights(graph, codes) == pytest.approx(expected)


def test_without_a_graph_every_property_with_labels_is_reliable(make_batch):
    codes = make_batch(LABELS, {}).labels.codes
    assert property_weights(None, codes) == pytest.approx([0.9, 0])


def test_the_mean_is_weighted_and_zero_for_no_row():
    weight, values = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([2.0, 6.0, 100.0])
    some = torch.tensor([True, True, False])
    assert weighted_mean(some, weight, values) == (1 * 2 + 3 * 6) / 4
    assert weighted_mean(torch.zeros(3, dtype=torch.bool), weight, values) == 0


def test_cross_entropy_is_that_of_torch():
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    target = logits.flip(0).softmax(1)
    expected = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    torch.testing.assert_close(cross_entropy(target, logits.log_softmax(1)), expected)
