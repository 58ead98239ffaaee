"""What comes out means what it should: read by a classifier, measured, compared."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from skorch.callbacks import Callback

from skfmvae.datasets import mask_labels
from skfmvae.estimators import training
from skfmvae.nn import MLP
from skfmvae.training import EarlyStopping

# Digits with 100 labels, in half of the epochs ----------------------------------------


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y


@pytest.fixture(scope="module")
def fitted(Estimator, digits):
    X, y = digits
    rng = np.random.default_rng(0)
    kept = [rng.choice(np.flatnonzero(y == d), 10, replace=False) for d in range(10)]
    partial = np.full_like(y, -1)
    partial[kept] = y[kept]
    return Estimator(max_epochs=50, random_state=0).fit(X, partial)


@pytest.fixture(scope="module")
def read(digits):
    """Return a reader of digits that learned from the real rows and all labels."""
    return SVC(C=10).fit(*digits).predict


def test_sampled_digits_are_those_asked_for(fitted, digits, read):
    asked = np.repeat(np.arange(10), 100)
    X, y = fitted.sample(1000, {"property_0": asked}, random_state=0)
    np.testing.assert_array_equal(y, asked)
    assert np.mean(read(X) == asked) >= 0.95
    # And not ten pictures over and over: those of a digit differ as real ones do.
    real = digits[0][digits[1] == 3].var(axis=0).sum()
    assert 0.2 * real < X[asked == 3].var(axis=0).sum() < real


def test_one_digit_for_all_sampled_rows(fitted, read):
    X, y = fitted.sample(100, {"property_0": 4}, random_state=0)
    assert (y == 4).all()
    assert np.mean(read(X) == 4) >= 0.9


def test_digits_nobody_asked_for_are_drawn(fitted, read):
    X, y = fitted.sample(1000, random_state=0)
    assert np.bincount(y, minlength=10).min() > 50
    assert np.mean(read(X) == y) >= 0.9


def test_intervened_digits_are_those_asked_for(fitted, digits, read):
    X, _ = digits
    asked = np.arange(1000) % 10
    changed = fitted.intervene(X[:1000], {"property_0": asked})
    assert np.mean(read(changed) == asked) >= 0.9


def test_an_intervention_keeps_the_row(fitted, digits):
    """Digits that lay to the left still do: so much of a row is no matter of which."""
    X, _ = digits

    def position(rows):
        """Return the horizontal centre of mass."""
        images = rows.reshape(-1, 8, 8)
        return (images * np.arange(8)).sum(axis=(1, 2)) / images.sum(axis=(1, 2))

    before = position(fitted.reconstruct(X[:500]))
    kept = [
        np.corrcoef(before, position(fitted.intervene(X[:500], {"property_0": d})))
        for d in range(10)
    ]
    assert np.mean(kept, axis=0)[0, 1] > 0.3


def test_imposing_what_a_row_has_changes_nothing(fitted, digits):
    X, _ = digits
    same = fitted.intervene(X, {"property_0": fitted.predict(X)})
    np.testing.assert_allclose(same, fitted.reconstruct(X), atol=1e-5)
    nothing = fitted.intervene(X, {})
    np.testing.assert_allclose(nothing, fitted.reconstruct(X), atol=1e-5)


def test_reconstructions_are_close(fitted, digits, read):
    X, y = digits
    new = fitted.reconstruct(X)
    assert ((X - new) ** 2).mean() < 0.5 * X.var(axis=0).mean()
    assert np.mean(read(new) == y) > 0.9
    np.testing.assert_array_equal(new, fitted.inverse_transform(fitted.transform(X)))


def test_real_rows_are_more_probable_than_shuffled_ones(fitted, digits):
    X, _ = digits
    X = X[:200]
    shuffled = np.random.default_rng(0).permuted(X, axis=1)
    higher = fitted.score_samples(X, 10) > fitted.score_samples(shuffled, 10)
    assert np.mean(higher) > 0.99


def test_the_bound_rises_with_the_draws(fitted, digits):
    """One bound of many draws is above the mean of many bounds of few of them."""
    X, _ = digits
    model = fitted.net_.module_
    x = torch.as_tensor(X[:50], device=fitted.device_)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(30, model.n_latents, generator=generator).to(x.device)
    weights = model.log_weights(x, noise)
    bounds = [
        (weights.unflatten(1, (-1, n)).logsumexp(dim=2) - np.log(n)).mean(dim=1)
        for n in (1, 5, 30)
    ]
    torch.testing.assert_close(bounds[2], model.log_marginal(x, noise))
    assert (bounds[0] + 1e-3 < bounds[1]).all()
    assert (bounds[1] + 1e-4 < bounds[2]).all()


def test_score_without_labels_is_the_mean_bound(fitted, digits):
    X, _ = digits
    assert fitted.score(X[:50]) == fitted.score_samples(X[:50]).mean()


def test_nothing_collapsed(fitted, digits):
    """Rows are clear about their digit, and every digit has its share of them."""
    X, y = digits
    proba = fitted.predict_proba(X)
    share = proba.mean(axis=0)
    assert share.min() > 0.05
    of_the_mean = -(share * np.log(share)).sum()
    mean = -(proba * np.log(np.maximum(proba, 1e-300))).sum(axis=1).mean()
    assert of_the_mean > 0.95 * np.log(10)
    assert mean < 0.2 * np.log(10)
    assert np.mean(fitted.predict(X) == y) > 0.85


# Two properties -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_read():
    """Return a reader of the rows in `two_properties`, by the nearest centre."""
    return lambda X: np.stack([X[:, :2].argmax(axis=1), X[:, 3:].argmax(axis=1)], 1)


@pytest.mark.parametrize("changed", [0, 1])
def test_changing_one_property_leaves_the_other(
    make_learner, two_properties, two_read, changed
):
    X, numbers, y = two_properties
    np.testing.assert_array_equal(two_read(X), numbers)
    estimator = make_learner().fit(X, y)
    asked = numbers.copy()
    asked[:, changed] = np.random.default_rng(0).permutation(numbers[:, changed])
    X_new = estimator.intervene(X, {f"property_{changed}": asked[:, changed]})
    assert np.mean(two_read(X_new) == asked, axis=0).min() >= 0.95
    assert np.mean(estimator.predict(X_new) == asked, axis=0).min() >= 0.95


def test_both_properties_can_be_asked_for(Estimator, two_properties, two_read):
    X, numbers, y = two_properties
    estimator = Estimator(random_state=0).fit(X, y)
    asked = {"property_0": numbers[:, 0], "property_1": numbers[:, 1]}
    X_new, y_new = estimator.sample(len(X), asked, random_state=0)
    np.testing.assert_array_equal(y_new, numbers)
    assert np.mean(two_read(X_new) == numbers, axis=0).min() >= 0.95
    # One that nobody asked for comes out as it was drawn.
    X_new, y_new = estimator.sample(200, {"property_0": 1}, random_state=0)
    assert (y_new[:, 0] == 1).all()
    assert len(np.unique(y_new[:, 1])) == 3
    assert np.mean(two_read(X_new) == y_new, axis=0).min() >= 0.95


# Training -----------------------------------------------------------------------------


class Watch(Callback):
    """Note the rows of the training and the model at the end of every epoch."""

    def initialize(self):
        self.states = []
        return self

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.train, self.valid = dataset_train, dataset_valid

    def on_epoch_end(self, net, **kwargs):
        state = net.module_.state_dict()
        self.states.append({name: value.clone() for name, value in state.items()})


@pytest.fixture(scope="module")
def stopped(make_estimator, without_draws):
    """Return a fit to noise, which soon fits held-out rows no better, and its watch."""
    X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    y = np.where(np.arange(100) < 50, np.arange(100) % 2, -1)
    watch = Watch()
    with without_draws():
        estimator = make_estimator(
            early_stopping=EarlyStopping(validation_fraction=0.2, patience=3),
            callbacks=[("watch", watch)],
            lr=0.03,
            batch_size=10,
            max_epochs=200,
        ).fit(X, y)
    return estimator, watch, X


def test_early_stopping_holds_rows_out(stopped):
    _, watch, X = stopped
    assert len(watch.train) == 80
    assert len(watch.valid) == 20
    parts = [rows[torch.arange(len(rows))].x for rows in (watch.train, watch.valid)]
    seen = torch.cat(parts).cpu().numpy()
    np.testing.assert_array_equal(np.sort(seen[:, 0]), np.sort(X[:, 0]))


def test_rows_that_are_held_out_keep_no_label_from_training(stopped):
    """They are rows without one, as far as there are any, and hide what they have."""
    _, watch, X = stopped
    assert (watch.train.codes >= 0).sum() == 50
    assert (watch.valid.codes == -1).all()


def test_all_rows_labelled_lose_what_is_held_out(make_estimator, blobs):
    watch = Watch()
    stopping = EarlyStopping(validation_fraction=0.2)
    make_estimator(early_stopping=stopping, callbacks=[watch]).fit(*blobs)
    assert len(watch.train) == 120
    assert (watch.train.codes >= 0).all()
    assert (watch.valid.codes == -1).all()


def test_early_stopping_learns_from_few_labels(Estimator):
    """It waits for all that begins late, and no held-out label outweighs the rest."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:600] / 16, y[:600]
    estimator = Estimator(
        encoder=MLP(hidden=(32,)),
        decoder=MLP(hidden=(32,)),
        early_stopping=EarlyStopping(),
        random_state=0,
    ).fit(X, mask_labels(y, 60, random_state=0))
    assert estimator.score(X, y) > 0.9


def test_one_epoch_is_enough_to_learn(Estimator, blobs):
    X, y = blobs
    X, y = np.tile(X, (20, 1)), np.tile(y, 20)
    partial = np.where(np.arange(len(y)) < 600, y, -1)
    settings = {"max_epochs": 1, "batch_size": 30, "random_state": 0}
    assert Estimator(**settings).fit(X, partial).score(X, y) > 0.95


@pytest.mark.parametrize("name", ["style", "u", "z0"])
def test_a_property_may_be_called_like_a_latent_block(Estimator, partial_blobs, name):
    X, y = partial_blobs
    frame = pd.DataFrame({name: y, "other": y})
    estimator = Estimator(max_epochs=2, random_state=0).fit(X, frame)
    Z, names = estimator.transform(X), estimator.get_feature_names_out()
    assert Z.shape[1] == len(set(names))
    twin = Estimator(max_epochs=2, random_state=0)
    twin.fit(X, frame.rename(columns={name: "first"}))
    np.testing.assert_array_equal(Z, twin.transform(X))
    rows, found = estimator.sample(5, {name: 1}, random_state=0)
    assert (found[:, 0] == 1).all()
    np.testing.assert_array_equal(rows, twin.sample(5, {"first": 1}, random_state=0)[0])


def test_no_quantities_have_no_distribution(make_estimator, partial_blobs):
    X, y = partial_blobs
    assert make_estimator().fit(X, y).property_distribution(X) == {}


@pytest.mark.parametrize(("n_rows", "n_epochs"), [(50, 100), (200, 50)])
def test_larger_data_have_fewer_epochs_by_default(
    make_estimator, monkeypatch, n_rows, n_epochs
):
    monkeypatch.setattr(training, "SMALL_DATA", 50)
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    settings = {"max_epochs": None, "batch_size": n_rows, "random_state": 0}
    assert make_estimator(**settings).fit(X).n_iter_ == n_epochs


def test_early_stopping_keeps_the_best_epoch(stopped):
    estimator, watch, _ = stopped
    loss = np.array(estimator.net_.history[:, "valid_loss"])
    assert len(loss) < 200
    assert estimator.n_iter_ == len(loss)
    best = loss.argmin()
    assert best == len(loss) - 1 - 3  # patience
    state = estimator.net_.module_.state_dict()
    for name, value in watch.states[best].items():
        assert torch.equal(state[name], value), name


def test_history_holds_every_term(stopped, without_draws):
    """As the mean over the batches, under the model at the end of the epoch."""
    estimator, watch, _ = stopped
    model = copy.deepcopy(estimator.net_.module_)
    model.load_state_dict(watch.states[1])
    epoch = estimator.net_.history[1]
    batches = [watch.valid[index] for index in torch.arange(20).split(10)]
    with without_draws():
        both_terms = [model.terms(batch.x, batch.labels).terms for batch in batches]
    weights = {name: term.weight for name, term in both_terms[0].items()}
    assert all(np.isfinite(epoch[f"train_{name}"]) for name in weights)
    spoken_of = {
        name: weight
        for name, weight in weights.items()
        if all(
            terms[name].rows is None or terms[name].rows.any() for terms in both_terms
        )
    }
    assert 2 <= len(spoken_of) < len(weights)
    for name in weights.keys() - spoken_of.keys():  # of labels, which are hidden
        assert f"valid_{name}" not in epoch
    for name in spoken_of:
        means = [
            term.value[slice(None) if term.rows is None else term.rows].mean().item()
            for term in (terms[name] for terms in both_terms)
        ]
        expected = pytest.approx(np.mean(means), rel=1e-4, abs=1e-6)
        assert epoch[f"valid_{name}"] == expected
    # Together they are the loss, in which held-out divergences have full weight.
    total = sum(weight * epoch[f"valid_{name}"] for name, weight in spoken_of.items())
    expected = -total / estimator.n_features_in_
    assert epoch["valid_loss"] == pytest.approx(expected, rel=1e-4)


def test_without_early_stopping_all_rows_are_trained_on(make_estimator, blobs):
    watch = Watch()
    estimator = make_estimator(callbacks=[watch]).fit(*blobs)
    assert len(watch.train) == 150
    assert estimator.n_iter_ == 3
    assert not any(name.startswith("valid") for name in estimator.net_.history[-1])


def test_training_raises_the_bound(make_estimator, blobs):
    X, number = blobs
    scores = [make_estimator(max_epochs=n).fit(X, number).score(X) for n in (1, 100)]
    assert scores[1] > scores[0] + 0.5


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_verbosity(make_estimator, blobs, capsys, verbose):
    make_estimator(verbose=verbose).fit(*blobs)
    output = capsys.readouterr()
    assert bool(output.err) == (verbose == 1)  # a bar
    assert bool(output.out) == (verbose == 2)  # a table
    assert ("3/3" in output.err) == (verbose == 1)


def test_progress_names_the_phase_the_epoch_and_the_bound(
    make_estimator, partial_blobs, capsys
):
    X, y = partial_blobs
    make_estimator(verbose=1).fit(X, y)
    first, *_, last = re.split(r"[\r\n]+", capsys.readouterr().err.strip())
    assert first == "finding neighbours of 150 rows"
    assert re.match(r"100%.* 3/3 \[.*, bound=-\d+\.\d\d nats\]", last)
    make_estimator(verbose=2).fit(X, y)
    assert capsys.readouterr().out.startswith("finding neighbours of 150 rows\n")
    for nothing_to_find in (
        make_estimator(neighbours=None, verbose=1).fit(X, y),
        make_estimator(verbose=1).fit(X, abs(y)),
    ):
        assert nothing_to_find.n_iter_ == 3
    assert "finding" not in capsys.readouterr().err


def test_own_schedule_replaces_ours(make_estimator, blobs):
    rates = []

    class Note(Callback):
        def on_batch_end(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    make_estimator(callbacks=[("lr_schedule", None), Note()], lr=0.01).fit(*blobs)
    assert set(rates) == {0.01}
    rates.clear()
    make_estimator(callbacks=[Note()], lr=0.01, batch_size=10).fit(*blobs)
    # One cycle: up to the rate asked for, and down again.
    peak = int(np.argmax(rates))
    assert max(rates) == pytest.approx(0.01, rel=0.01)
    assert 0 < peak < len(rates) - 1
    assert rates[-1] < 1e-4
