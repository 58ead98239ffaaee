import pickle

import numpy as np
import pytest

from skfmvae import FactorialMixtureVAE
from skfmvae.images import ImageAugmentation

NOTHING = {"shift": 0.0, "rotate": 0.0, "scale": 0.0, "shear": 0.0}


def test_augmented_rows_teach_what_their_changes_leave_alone():
    """A digit that is only ever seen in one place is found in others."""
    rng = np.random.default_rng(0)
    shapes = rng.random((2, 4, 4)) > 0.5
    y = np.arange(120) % 2

    def images(place):
        X = np.zeros((120, 10, 10), dtype=np.float32)
        X[:, place : place + 4, place : place + 4] = shapes[y]
        return X.reshape(120, 100)

    # Adversarial steps alone may teach it, too.
    no_aids = {"neighbours": None, "adversarial": None}
    settings = no_aids | {"max_epochs": 40, "random_state": 0}
    partial = np.where(np.arange(120) < 20, y, -1)
    shifted = images(5)
    accuracy = {}
    for augmentation in (None, ImageAugmentation(**NOTHING | {"shift": 3.0})):
        model = FactorialMixtureVAE(augmentation=augmentation, **settings)
        model.fit(images(3), partial)
        accuracy[augmentation is not None] = model.score(shifted, y)
    assert accuracy[True] == 1.0
    assert accuracy[False] < 0.9


def test_a_function_is_an_augmentation(make_estimator, partial_blobs):
    X, y = partial_blobs
    seen = []

    def note(x):
        seen.append(x.shape)
        return x

    make_estimator(augmentation=note, max_epochs=1).fit(X, y)
    assert {shape[1] for shape in seen} == {X.shape[1]}


def test_a_fitted_estimator_with_augmentation_can_be_pickled(make_estimator):
    X = np.random.default_rng(0).random((40, 16), dtype=np.float32)
    model = make_estimator(augmentation="image", max_epochs=1).fit(X, np.arange(40) % 2)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_a_function_must_keep_the_shape(make_estimator, partial_blobs):
    with pytest.raises(
        ValueError, match=r"augmentation=.* made rows of shape \(\d+, 1"
    ):
        make_estimator(augmentation=lambda x: x[:, :1]).fit(*partial_blobs)


def test_categories_are_not_augmented(make_estimator):
    X = np.random.default_rng(0).integers(0, 3, (40, 16))
    with pytest.raises(ValueError, match="augmentation='image' would change the categ"):
        make_estimator(likelihood="categorical", augmentation="image").fit(X)
