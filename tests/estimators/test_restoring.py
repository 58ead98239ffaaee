"""What a loaded model is compared by, and the state that it is given."""

import copy

import numpy as np
import pytest
import torch

from skfmvae.estimators.restoring import example_of, state_of


@pytest.fixture
def twin(fitted):
    return copy.deepcopy(fitted)


def test_the_state_is_a_copy_of_that_of_the_model(twin):
    state = state_of(twin.net_.module_)
    for name, value in twin.net_.module_.state_dict().items():
        copied = state.pop(f"model.{name}")
        assert torch.equal(copied, value)
        assert not value.numel() or copied.data_ptr() != value.data_ptr()
    assert not state


def test_the_example_holds_what_the_estimator_makes_of_its_row(fitted):
    example = example_of(fitted)
    row = example["example.row"].numpy()[None]
    outputs = example["example.outputs"].numpy()
    np.testing.assert_array_equal(outputs[:3], fitted.predict_proba(row)[0])
    mean = fitted.transform(row)[0]
    np.testing.assert_allclose(outputs[3 : 3 + len(mean)], mean)
    np.testing.assert_array_equal(example["example.read"], row[0])


def test_weights_that_change_show_in_the_example(twin):
    """All but those that complete the labels of rows to be generated."""
    before = example_of(twin)["example.outputs"]
    rng = np.random.default_rng(0)
    for name, parameter in twin.net_.module_.named_parameters():
        if name.startswith("label_decoder"):
            continue
        original = parameter.detach().clone()
        with torch.no_grad():
            parameter += torch.from_numpy(rng.normal(size=parameter.shape)).float()
        assert not torch.equal(example_of(twin)["example.outputs"], before), name
        with torch.no_grad():
            parameter[:] = original
