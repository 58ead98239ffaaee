import pytest
import torch

from skfmvae.models import Term
from skfmvae.training import Loss, Objective
from skfmvae.training.objective import bound

VALUES = torch.tensor([1.0, 2.0, 3.0, 4.0])
WEIGHTS = torch.tensor([0.5, 1.5, 1.0, 1.0])


def test_the_loss_is_the_weighted_sum_of_weighted_means():
    terms = {
        "log_likelihood": Term(VALUES),
        "kl": Term(VALUES**2, weight=-2.0, is_kl=True),
    }
    loss, means = Loss()(terms, WEIGHTS, n_inputs=5)
    likelihood = (0.5 * 1 + 1.5 * 2 + 3 + 4) / 4
    kl = (0.5 * 1 + 1.5 * 4 + 9 + 16) / 4
    assert means["log_likelihood"].item() == pytest.approx(likelihood)
    assert means["kl"].item() == pytest.approx(kl)
    assert loss.item() == pytest.approx(-(likelihood - 2 * kl) / 5)


def test_a_term_of_some_rows_is_averaged_over_them_alone():
    rows = torch.tensor([True, True, False, False])
    _, means = Loss()({"label": Term(VALUES, rows=rows)}, WEIGHTS, n_inputs=1)
    assert means["label"].item() == pytest.approx((0.5 * 1 + 1.5 * 2) / 2)


def test_a_term_of_no_row_adds_nothing():
    value = VALUES.clone().requires_grad_()
    term = Term(value, rows=torch.zeros(4, dtype=torch.bool))
    loss, _ = Loss()({"label": term}, WEIGHTS, n_inputs=1)
    loss.backward()
    assert loss == 0
    assert (value.grad == 0).all()


@pytest.mark.parametrize(
    ("progress", "weight"), [(0.0, 0.0), (0.1, 0.25), (0.4, 1.0), (0.9, 1.0)]
)
def test_divergences_warm_up(progress, weight):
    terms = {
        "log_likelihood": Term(torch.zeros(4)),
        "kl": Term(VALUES, weight=-1.0, is_kl=True),
    }
    loss_of = Loss(Objective(kl_warmup=0.4))
    loss, means = loss_of(terms, torch.ones(4), 1, progress)
    assert loss.item() == pytest.approx(weight * 2.5)
    assert means["kl"].item() == pytest.approx(2.5)


def test_without_warm_up_divergences_count_from_the_start():
    assert Objective(kl_warmup=0.0).kl_weight(0.0) == 1.0


def test_free_bits_stop_the_gradient_of_a_small_divergence():
    value = VALUES.clone().requires_grad_()
    term = Term(value, weight=-1.0, is_kl=True)
    loss, _ = Loss(Objective(free_bits=3.0))({"kl": term}, torch.ones(4), 1)
    loss.backward()
    assert loss.item() == pytest.approx(3.0)
    assert (value.grad == 0).all()


@pytest.mark.parametrize(
    ("progress", "weight"), [(0.0, 6.0), (0.1, 4.75), (0.4, 1.0), (0.9, 1.0)]
)
def test_divergences_may_start_heavier(progress, weight):
    objective = Objective(kl_start=6.0, kl_warmup=0.4)
    assert objective.kl_weight(progress) == pytest.approx(weight)


@pytest.mark.parametrize(("start", "weight"), [(0.0, 1.0), (6.0, 6.0)])
def test_what_is_not_annealed_weighs_no_less_than_what_is(start, weight):
    term = Term(VALUES, weight=-1.0, is_kl=True, is_annealed=False)
    loss, _ = Loss(Objective(kl_start=start))(
        {"kl": term}, torch.ones(4), 1, progress=0.0
    )
    assert loss.item() == pytest.approx(weight * 2.5)


def test_without_free_bits_an_estimate_may_be_less_than_nothing():
    """As one of a divergence by draws is now and then, and must be to be unbiased."""
    value = -VALUES.clone().requires_grad_()
    loss, _ = Loss()({"kl": Term(value, weight=-1.0, is_kl=True)}, torch.ones(4), 1)
    assert loss.item() == pytest.approx(-2.5)


def test_the_bound_adds_up_what_is_part_of_it_at_full_weight():
    rows = torch.tensor([True, True, False, False])
    terms = {
        "log_likelihood": Term(VALUES, weight=10.0, in_bound=True),
        "kl": Term(VALUES**2, weight=-0.5, is_kl=True),
        "log_labels": Term(VALUES, rows=rows, in_bound=True),
        "label": Term(VALUES, rows=rows),
    }
    by_row = [1 - 1 + 1, 2 - 4 + 2, 3 - 9, 4 - 16]
    expected = (0.5 * by_row[0] + 1.5 * by_row[1] + by_row[2] + by_row[3]) / 4
    assert bound(terms, WEIGHTS).item() == pytest.approx(expected)
