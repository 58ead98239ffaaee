"""How the parameters of an estimator become a training."""

import copy
import re

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from skorch.callbacks import Callback

from skfmvae import FactorialMixtureVAE, SemiSupervisedVAE
from skfmvae.datasets import mask_labels
from skfmvae.estimators import training
from skfmvae.images import ImageAugmentation
from skfmvae.nn import MLP
from skfmvae.training import EarlyStopping

# Early stopping and history -----------------------------------------------------------


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
            callbacks=[
                EarlyStopping(validation_fraction=0.2, patience=3),
                ("watch", watch),
            ],
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
    make_estimator(callbacks=[stopping, watch]).fit(*blobs)
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
        callbacks=[EarlyStopping()],
        calibrate=False,
        random_state=0,
    ).fit(X, mask_labels(y, 60, random_state=0))
    assert estimator.score(X, y) > 0.9


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


# Epochs, steps and progress -----------------------------------------------------------


def test_one_epoch_is_enough_to_learn(Estimator, blobs):
    X, y = blobs
    X, y = np.tile(X, (20, 1)), np.tile(y, 20)
    partial = np.where(np.arange(len(y)) < 600, y, -1)
    settings = {"max_epochs": 1, "batch_size": 30, "calibrate": False}
    settings["random_state"] = 0
    assert Estimator(**settings).fit(X, partial).score(X, y) > 0.95


# One estimator stands for all, as the rule is the same code.
@pytest.mark.parametrize("Estimator", [SemiSupervisedVAE], indirect=True, ids=["one"])
@pytest.mark.parametrize(
    ("n_rows", "batch_size", "n_epochs"),
    [(20, 20, 100), (20, 5, 50), (80, 4, 25), (320, 16, 13)],
)
def test_epochs_fall_with_the_root_of_the_rows_by_default(
    make_estimator, monkeypatch, n_rows, batch_size, n_epochs
):
    """25 for so many rows, but enough for a hundred steps."""
    monkeypatch.setattr(training, "OF_ROWS", 80)
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    settings = {"max_epochs": None, "batch_size": batch_size, "random_state": 0}
    assert make_estimator(**settings).fit(X).n_iter_ == n_epochs


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
    first, *_, last, judged = re.split(r"[\r\n]+", capsys.readouterr().err.strip())
    assert first == "finding neighbours of 150 rows"
    assert re.match(r"100%.* 3/3 \[.*, bound=-\d+\.\d\d nats\]", last)
    assert judged.startswith("property_0: hidden labels right: graph 100%")
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


# Augmentation -------------------------------------------------------------------------


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
    unregularized = {"neighbours": None, "adversarial": None}
    settings = unregularized | {"max_epochs": 40, "random_state": 0}
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


def test_a_function_must_keep_the_shape(make_estimator, partial_blobs):
    with pytest.raises(
        ValueError, match=r"augmentation=.* returned rows of shape \(\d+, 1"
    ):
        make_estimator(augmentation=lambda x: x[:, :1]).fit(*partial_blobs)


def test_categories_are_not_augmented(make_estimator):
    X = np.random.default_rng(0).integers(0, 3, (40, 16))
    with pytest.raises(ValueError, match="augmentation='image' would change the categ"):
        make_estimator(likelihood="categorical", augmentation="image").fit(X)


# Losses that are not finite -----------------------------------------------------------


class Poison(Callback):
    """Make a parameter infinite when an epoch begins."""

    def __init__(self, part, epoch=2):
        self.part = part
        self.epoch = epoch

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            parameter = next(getattr(net.module_, self.part).parameters())
            parameter.data.fill_(np.inf)


def test_a_loss_that_is_not_finite_stops_the_fit(says, make_estimator, partial_blobs):
    """The decoder has a part in the log-likelihood alone."""
    estimator = make_estimator(callbacks=[Poison("decoder")])
    with pytest.raises(
        FloatingPointError,
        match=says(
            "not finite", "epoch 2", "log_likelihood", "lr", "0.01", "scaling", "clip"
        ),
    ) as error:
        estimator.fit(*partial_blobs)
    assert "kl" not in str(error.value)
    assert not hasattr(estimator, "net_")


class PoisonTheLastStep(Callback):
    """Make a parameter NaN when no loss will be computed any more."""

    def on_train_end(self, net, **kwargs):
        next(net.module_.decoder.parameters()).data[0] = np.nan


def test_a_last_step_that_breaks_the_model_is_no_fit(
    says, make_estimator, partial_blobs
):
    estimator = make_estimator(callbacks=[PoisonTheLastStep()])
    with pytest.raises(
        FloatingPointError, match=says("model", "not finite", "epoch 3", "decoder")
    ):
        estimator.fit(*partial_blobs)
    assert not hasattr(estimator, "net_")


def test_a_learning_rate_far_too_high_is_named(says, make_estimator, blobs):
    X, number = blobs
    estimator = make_estimator(optimizer="sgd", lr=1e30, max_epochs=20)
    with pytest.raises(
        FloatingPointError, match=says("not finite", "epoch", "Try a lower lr", "1e+30")
    ):
        estimator.fit(X, number)
    assert not hasattr(estimator, "net_")
