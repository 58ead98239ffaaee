"""Whether styles are kept when a property is changed."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skfmvae import FactorialMixtureVAE
from skfmvae.metrics import style_correlation
from skfmvae.targets import PartialLabelEncoder, TargetEncoder

SHAPES = np.array(["box", "cone", "disc"])


class Painter(BaseEstimator):
    """Rows are a shape's code and two styles, of which it may lose a share.

    Parameters
    ----------
    lost : float
        Share of the variance of the first style that a change replaces.
    """

    def __init__(self, lost=0.0):
        self.lost = lost

    def fit(self):
        self.targets_ = TargetEncoder(PartialLabelEncoder().fit(SHAPES))
        return self

    def intervene(self, X, properties):
        codes = self.targets_.labels.codes_of(properties, len(X))[:, 0]
        # The first style is larger for later shapes; what exceeds this is kept.
        own = X[:, 1] - 10 * X[:, 0]
        noise = np.random.default_rng(1).normal(size=len(X))
        own = np.sqrt(1 - self.lost) * own + np.sqrt(self.lost) * noise
        return np.column_stack([codes, 10 * codes + own, X[:, 2]])


def painted(n=4000):
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=n)
    own, other = rng.normal(size=(2, n))
    return np.column_stack([codes, 10 * codes + own, other]), SHAPES[codes]


@pytest.mark.parametrize("lost", [0.0, 0.3, 1.0])
def test_it_is_the_share_that_is_kept(lost):
    X, y = painted()
    kept = style_correlation(
        Painter(lost).fit(), X, y, lambda X: X[:, 1:], random_state=0
    )
    np.testing.assert_allclose(kept, [np.sqrt(1 - lost), 1], atol=0.04)


def test_a_style_that_the_property_decides_does_not_count():
    """Of what all boxes have in common nothing can be kept by a cone."""
    X, y = painted()
    kept = style_correlation(Painter().fit(), X, y, lambda X: X[:, 0], random_state=0)
    assert np.isnan(kept).all()


def test_a_model_keeps_what_it_should():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 150)
    style = rng.normal(size=300)
    X = np.column_stack([6.0 * y, style, -style, style])
    X += rng.normal(0, 0.3, X.shape)
    model = FactorialMixtureVAE(max_epochs=40, calibrate=False, random_state=0)
    model.fit(X[::2], y[::2])
    kept = style_correlation(
        model, X[1::2], y[1::2], lambda X: X[:, 1] - X[:, 2], random_state=0
    )
    assert kept[0] > 0.9


@pytest.mark.parametrize(
    ("y", "arguments", "message"),
    [
        (["box", "box"], {}, "'box' alone.*two or more"),
        (["box", "ball"], {}, "ball"),
        (["box", "disc"], {"name": "size"}, r"name='size'.*\['property_0'\]"),
    ],
)
def test_what_cannot_be_changed_is_refused(y, arguments, message):
    X = np.zeros((2, 3))
    with pytest.raises(ValueError, match=message):
        style_correlation(Painter().fit(), X, y, lambda X: X[:, 1], **arguments)


@pytest.mark.parametrize("read", [np.mean, lambda X: X[:1, 1], lambda X: X[None]])
def test_styles_are_those_of_every_row(read):
    X, y = painted(20)
    with pytest.raises(ValueError, match=r"read returns.*shape.*20 rows.*each row"):
        style_correlation(Painter().fit(), X, y, read)


def test_of_several_properties_one_is_named():
    rng = np.random.default_rng(0)
    Y = rng.integers(2, size=(60, 2))
    X = 4.0 * Y + rng.normal(size=(60, 2))
    model = FactorialMixtureVAE(max_epochs=2, calibrate=False, random_state=0)
    model.fit(X, Y)
    with pytest.raises(ValueError, match=r"property_0.*property_1.*by name"):
        style_correlation(model, X, Y[:, 0], lambda X: X[:, 0])
    kept = style_correlation(model, X, Y[:, 0], lambda X: X, name="property_0")
    assert kept.shape == (2,)
