from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from skfmvae.training import WeightAveraging


def test_the_average_is_the_recursion_by_hand():
    module = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    net = SimpleNamespace(module_=module)
    callback = WeightAveraging(decay=0.75).callback()
    weight, mean = module[0].weight, module[1].running_mean
    weight.data.fill_(1.0)
    callback.on_train_begin(net)
    expected = np.array([1.0, 0.0])
    for step, (w, m) in enumerate([(2.0, 1.0), (4.0, -1.0), (0.0, 3.0)]):
        weight.data.fill_(w)
        mean.fill_(m)
        callback.on_batch_end(net, training=True)
        callback.on_batch_end(net, training=False)  # a held-out batch
        if step < 2:
            decay = (2 + step) / (11 + step)  # below 0.75 in the first steps
            expected = decay * expected + (1 - decay) * np.array([w, m])
            callback.on_epoch_end(net)
    # The third step belongs to an epoch that was interrupted.
    callback.on_train_end(net)
    np.testing.assert_allclose([weight.item(), mean.item()], expected)


def test_before_the_first_epoch_is_complete_nothing_changes():
    module = nn.Linear(2, 2)
    net = SimpleNamespace(module_=module)
    callback = WeightAveraging().callback()
    callback.on_train_begin(net)
    module.weight.data.fill_(7.0)
    callback.on_batch_end(net, training=True)
    callback.on_train_end(net)
    assert (module.weight == 7).all()
    assert torch.isfinite(module.bias).all()
