import numpy as np
import pytest
from sklearn.datasets import make_blobs
from skorch.callbacks import Callback, GradientNormClipping

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.estimators import cross_fitting
from skfmvae.models import Continuous, Discrete, GraphicalModel, Latent
from skfmvae.training import EarlyStopping

SHORT = {"max_epochs": 4, "random_state": 0}


@pytest.fixture
def rows():
    X, y = make_blobs(120, centers=3, n_features=5, cluster_std=3.0, random_state=0)
    return X, np.where(np.arange(120) < 24, y, -1)


@pytest.fixture
def trainings(monkeypatch):
    """List the preparations and the lengths of all refits."""
    found = []

    def spied(estimator, model, preparation, name):
        found.append((preparation, estimator.max_epochs, estimator.callbacks))
        return original(estimator, model, preparation, name)

    original = cross_fitting.train
    monkeypatch.setattr(cross_fitting, "train", spied)
    return found


def test_no_refit_sees_the_labels_that_it_predicts(rows, trainings):
    X, y = rows
    estimator = FactorialMixtureVAE(**SHORT).fit(X, y)
    assert [length for _, length, _ in trainings] == [2, 2]
    seen = np.stack([p.rows.codes[:, 0].numpy() for p, *_ in trainings])
    on_graph = np.stack([p.regularization.graph.codes[:, 0] for p, *_ in trainings])
    # Each label is hidden from one of the two, on the graph too, and nothing else is.
    np.testing.assert_array_equal((seen >= 0).sum(axis=0), np.where(y >= 0, 1, 0))
    np.testing.assert_array_equal(seen, on_graph)
    is_judged = ~np.isnan(estimator.hidden_proba_[0]).any(axis=1)
    np.testing.assert_array_equal(is_judged, y >= 0)
    np.testing.assert_allclose(estimator.hidden_proba_[0][is_judged].sum(axis=1), 1)


def test_the_model_is_the_one_without_calibration(rows):
    X, y = rows
    plain, calibrated = (
        FactorialMixtureVAE(calibrate=c, **SHORT).fit(X, y) for c in (False, True)
    )
    np.testing.assert_array_equal(plain.transform(X), calibrated.transform(X))
    np.testing.assert_array_equal(plain.predict(X), calibrated.predict(X))
    log_odds = [np.log(e.predict_proba(X)) @ [1, -1, 0] for e in (plain, calibrated)]
    temperature = calibrated.judgement_.temperature["property_0"]
    assert plain.judgement_.temperature == {"property_0": 1.0}
    np.testing.assert_allclose(log_odds[0], log_odds[1] * temperature, rtol=1e-6)


def test_nothing_is_trained_again_without_a_label_that_can_be_hidden(rows, trainings):
    X, y = rows
    FactorialMixtureVAE(**SHORT).fit(X)
    one_each = np.full(120, -1)
    one_each[[np.flatnonzero(y == c)[0] for c in range(3)]] = [0, 1, 2]
    FactorialMixtureVAE(**SHORT).fit(X, one_each)
    FactorialMixtureVAE(calibrate=False, **SHORT).fit(X, y)
    assert not trainings


def test_of_many_labels_a_sample_is_hidden(rows, trainings, monkeypatch):
    monkeypatch.setattr(cross_fitting, "MOST_HIDDEN", 6)
    X, y = rows
    FactorialMixtureVAE(**SHORT).fit(X, y)
    seen = np.stack([p.rows.codes[:, 0].numpy() for p, *_ in trainings])
    assert (seen < 0).any(axis=0)[y >= 0].sum() == 6


def test_refits_keep_the_callbacks_that_change_steps(rows, trainings):
    class Watching(Callback):
        def on_train_begin(self, net, **kwargs):
            begun.append(net)

    begun, clipping = [], GradientNormClipping(1.0)
    callbacks = [Watching(), clipping, ("lr_schedule", None)]
    estimator = FactorialMixtureVAE(callbacks=callbacks, **SHORT).fit(*rows)
    assert len(begun) == 1
    assert estimator.callbacks is callbacks
    for _, _, kept in trainings:
        assert kept == callbacks[1:]


def test_quantities_are_hidden_too(rows, trainings):
    X, y = rows
    graph = GraphicalModel({"kind": Discrete(), "size": Continuous(), "z": Latent(2)})
    target = np.column_stack([y.astype(float), X[:, 0]])
    target[target[:, 0] < 0, 0] = np.nan
    target[60:, 1] = np.nan
    estimator = SemiSupervisedVAE(graphical_model=graph, **SHORT).fit(X, target)
    (residuals,) = estimator.judgement_.residuals
    assert residuals.shape == (60,)
    assert np.isfinite(residuals).all()
    known = [p.rows.known()[:, 1].numpy() for p, *_ in trainings]
    np.testing.assert_array_equal(known[0] ^ known[1], np.arange(120) < 60)


def test_the_columns_of_a_quantity_are_hidden_together(rows, trainings):
    X, _ = rows
    graph = GraphicalModel({"place": Continuous(2), "z": Latent(2)})
    place = np.where(np.arange(120)[:, None] < 40, X[:, :2], np.nan)
    SemiSupervisedVAE(graph, **SHORT).fit(X, place)
    for preparation, *_ in trainings:
        known = preparation.rows.known().numpy()
        np.testing.assert_array_equal(known[:, 0], known[:, 1])
        assert known.sum() == 40


def test_an_interrupt_of_a_refit_leaves_the_model_without_calibration(rows):
    class Breaking(GradientNormClipping):
        n_trainings = 0

        def on_train_begin(self, net, **kwargs):
            self.n_trainings += 1

        def on_batch_end(self, net, **kwargs):
            if self.n_trainings == 3:
                raise KeyboardInterrupt

    X, y = rows
    estimator = FactorialMixtureVAE(callbacks=[Breaking()], **SHORT)
    with pytest.raises(KeyboardInterrupt, match="epoch 4"):
        estimator.fit(X, y)
    assert estimator.judgement_.temperature == {"property_0": 1.0}
    plain = FactorialMixtureVAE(
        callbacks=[GradientNormClipping()], calibrate=False, **SHORT
    )
    expected = plain.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)


def test_rows_that_early_stopping_holds_out_take_no_part(rows, trainings):
    X, y = rows
    estimator = FactorialMixtureVAE(callbacks=[EarlyStopping()], **SHORT).fit(X, y)
    for preparation, *_ in trainings:
        assert preparation.held_out is None
        assert len(preparation.rows) < 120
        chosen = preparation.labelled.chosen.numpy()
        np.testing.assert_array_equal(
            preparation.labelled.values(), X[chosen].astype(np.float32)
        )
    is_judged = ~np.isnan(estimator.hidden_proba_[0]).any(axis=1)
    np.testing.assert_array_equal(is_judged, y >= 0)
