import threading

import pytest
import torch
from torch import nn

from skfmvae._utils.threads import SMALL_STEP, one_thread_if_small


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
    with one_thread_if_small(module, batch_size):
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_threads_come_back_after_an_error():
    with pytest.raises(KeyError), one_thread_if_small(nn.Linear(1, 1), 2):
        raise KeyError
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_blocks_in_several_threads_give_all_threads_back():
    """The second block begins within the first and ends after it."""
    first_is_inside, second_is_inside = threading.Event(), threading.Event()
    found = {}

    def first():
        with one_thread_if_small(nn.Linear(1, 1), 2):
            first_is_inside.set()
            second_is_inside.wait(60)
        found["first"] = torch.get_num_threads()

    def second():
        first_is_inside.wait(60)
        with one_thread_if_small(nn.Linear(1, 1), 2):
            second_is_inside.set()
            threads[0].join()
        found["second"] = torch.get_num_threads()

    def third():
        found["third"] = torch.get_num_threads()

    threads = [threading.Thread(target=function) for function in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    afterwards = threading.Thread(target=third)
    afterwards.start()
    afterwards.join()
    assert found == dict.fromkeys(("first", "second", "third"), 2)
