import numpy as np

from skfmvae.nn import MLP


def test_rounded_products_learn_as_well(make_learner, two_properties):
    X, numbers, y = two_properties
    networks = MLP(hidden=(64,), precision="bfloat16")
    model = make_learner(encoder=networks, decoder=networks).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), numbers)
    # Predictions are in float32: a row does not depend on those beside it.
    np.testing.assert_array_equal(
        model.predict_proba(X[:3])[0], model.predict_proba(X)[0][:3]
    )
