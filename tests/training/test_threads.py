import pytest
import torch
from torch import nn

from skfmvae.training.threads import SMALL_STEP, threads_worth_their_wait


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("is_small", "inside"), [(True, 1), (False, 2)])
def test_small_steps_take_one_thread_and_give_the_others_back(is_small, inside):
    module = nn.Linear(99, 10)  # 1,000 parameters
    batch_size = int(SMALL_STEP / 1000) + (-1 if is_small else 1)
    with threads_worth_their_wait(module, batch_size):
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_threads_come_back_after_an_error():
    with pytest.raises(KeyError), threads_worth_their_wait(nn.Linear(1, 1), 2):
        raise KeyError
    assert torch.get_num_threads() == 2
