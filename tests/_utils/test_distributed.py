import pytest
import torch

from skfmvae._utils.distributed import (
    Share,
    clear_errors,
    current_share,
    gathered,
    n_of_all,
    n_processes,
    own_rows,
    rank,
    shared,
    summed,
)

VALUES = torch.linspace(-1, 2, 21).reshape(7, 3)


def test_without_a_group_everything_is_its_own():
    assert (rank(), n_processes(), n_of_all(7)) == (0, 1, 7)
    assert own_rows(VALUES) is VALUES
    assert gathered(VALUES) is VALUES
    assert summed(VALUES)[0] is VALUES
    with shared(None):
        assert current_share() is None


def test_shares_part_a_batch_and_gathering_restores_it(on_two_processes):
    def part():
        with shared(Share.of_batch(len(VALUES))):
            own = own_rows(VALUES)
            return own, n_of_all(len(own)), gathered(own)

    (first, n, whole), (second, *_) = on_two_processes(part)
    assert (len(first), len(second), n) == (4, 3, 7)
    assert torch.equal(first[1], VALUES[2])
    assert torch.equal(second[1], VALUES[3])
    assert torch.equal(whole, VALUES)


def test_sums_have_the_values_and_gradients_of_one_process(on_two_processes):
    weight = torch.arange(1.0, 8.0)[:, None]

    def mean_of_squares(values, weight):
        total, of_weight = summed((weight * values**2).sum(0), weight.sum())
        return (total / of_weight).log().sum()

    def share():
        with shared(Share.of_batch(len(VALUES))):
            own = own_rows(VALUES).clone().requires_grad_()
            loss = mean_of_squares(own, own_rows(weight))
            loss.backward()
            return loss.detach(), gathered(own.grad)

    values = VALUES.clone().requires_grad_()
    loss = mean_of_squares(values, weight)
    loss.backward()
    for of_all, gradient in on_two_processes(share):
        torch.testing.assert_close(of_all, loss.detach())
        torch.testing.assert_close(gradient, values.grad)


def test_what_rows_are_multiplied_to_has_its_place_among_that_of_all(on_two_processes):
    """Two draws of each row, some kinds of these, then copies of the first ones."""
    torch.manual_seed(0)
    chosen = torch.rand(2 * 7, 4) < 0.5
    one = torch.stack(chosen.nonzero(as_tuple=True), 1)  # (draw, kind), in order
    n_first = 5

    def share():
        of_draws = Share.of_batch(7).repeated(2)
        index, kind = of_draws.of(chosen).nonzero(as_tuple=True)
        of_kinds = of_draws.chosen(index, kind, 4)
        own = torch.stack([of_draws.position[index], kind], 1)
        n_copies, extended = of_kinds.with_first(n_first)
        return own, of_kinds, torch.cat([own, own[:n_copies]]), extended

    with_copies = torch.cat([one, one[:n_first]])
    parts = on_two_processes(share)
    for own, of_kinds, extended, of_extended in parts:
        assert of_kinds.total == len(one)
        assert torch.equal(of_kinds.of(one), own)
        assert of_extended.total == len(with_copies)
        assert torch.equal(of_extended.of(with_copies), extended)
    assert sum(len(extended) for *_, extended, _ in parts) == len(with_copies)


def test_errors_say_that_another_process_is_lost():
    with pytest.raises(RuntimeError, match=r"lost the others.*\(reset by peer\)"):
        with clear_errors():
            raise RuntimeError("reset by peer")
