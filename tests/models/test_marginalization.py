import torch

from skfmvae._utils.distributed import Share
from skfmvae._utils.random import seeded_draws
from skfmvae.models.marginalization import (
    ROUND_NUMBER,
    every_value,
    one_hot,
    sum_and_sample,
)


def test_every_value_where_none_is_observed():
    log_proba = torch.log_softmax(torch.randn(3, 4), dim=1)
    index, code, log_share, _ = every_value(log_proba, torch.tensor([-1, 2, -1]))
    assert index.tolist() == [0] * 4 + [1] + [2] * 4
    assert code.tolist() == [0, 1, 2, 3, 2, 0, 1, 2, 3]
    expected = torch.cat([log_proba[0], torch.zeros(1), log_proba[2]])
    torch.testing.assert_close(log_share, expected)


def test_chosen_values_have_their_probabilities_on_average():
    """Shares add up to one each time, and those of a row to its probabilities."""
    torch.manual_seed(0)
    n, n_copies = 7, 20_000
    proba = torch.softmax(3 * torch.randn(n, 10), dim=1)
    log_proba = proba.log().repeat(n_copies, 1)
    index, code, log_share, _ = sum_and_sample(
        log_proba, torch.full((len(log_proba),), -1)
    )
    share = torch.zeros_like(log_proba).index_put(
        (index, code), log_share.exp(), accumulate=True
    )
    torch.testing.assert_close(share.sum(1), torch.ones(len(share)))
    assert (share > 0).sum() < 0.6 * share.numel()
    copies = share.view(n_copies, n, 10)
    largest_error = (proba / n_copies) ** 0.5  # if all of it were drawn at once
    assert ((copies.mean(0) - proba).abs() < 4 * largest_error).all()


def test_assignments_are_filled_up_to_a_round_number():
    """An observed value is the only one, also where it is unlikely, if taken twice."""
    torch.manual_seed(0)
    log_proba = torch.log_softmax(3 * torch.randn(40, 10), dim=1)
    observed = torch.where(torch.arange(40) < 7, 4, -1)
    index, code, log_share, _ = sum_and_sample(log_proba, observed)
    assert len(index) % ROUND_NUMBER == 0
    assert code[index < 7].unique().tolist() == [4]
    shares = torch.zeros(40).index_add(0, index, log_share.exp())
    torch.testing.assert_close(shares, torch.ones(40))


def test_an_observed_value_is_taken_alone_by_either():
    torch.manual_seed(0)
    log_proba = torch.log_softmax(3 * torch.randn(32, 6), dim=1)
    code = torch.arange(32) % 6
    for choose in (every_value, sum_and_sample):
        index, chosen, log_share, _ = choose(log_proba, code)
        assert torch.equal(index, torch.arange(32))
        assert torch.equal(chosen, code)
        torch.testing.assert_close(log_share, torch.zeros(32))


def test_no_value_is_named_by_minus_one():
    expected = [[False, False, True], [False] * 3, [True, False, False]]
    assert one_hot(torch.tensor([2, -1, 0]), 3).tolist() == expected


def test_two_processes_choose_what_one_chooses(on_two_processes):
    torch.manual_seed(0)
    log_proba = torch.log_softmax(3 * torch.randn(41, 10), dim=1)
    observed = torch.where(torch.arange(41) < 7, 4, -1)

    def choose():
        share = Share.of_batch(41)
        with seeded_draws(0):
            index, *chosen, those = sum_and_sample(
                share.of(log_proba), share.of(observed), share
            )
        return share.position[index], *chosen, those

    with seeded_draws(0):
        *one, _ = sum_and_sample(log_proba, observed)
    parts = on_two_processes(choose)
    for *found, those in parts:
        for values, of_all in zip(found, one, strict=True):
            assert torch.equal(values, those.of(of_all))
    positions = torch.cat([those.position for *_, those in parts])
    assert torch.equal(positions.sort().values, torch.arange(len(one[0])))
