"""Pictures of the training history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._pyplot import pyplot

__all__ = ["HistoryDisplay"]


class HistoryDisplay:
    """The training history: an axes for the loss and one for each of its terms.

    Parameters
    ----------
    epochs : ndarray of shape (n_epochs,)
        Numbers of the epochs.
    train : dict of str to ndarray of shape (n_epochs,)
        Mean of each term over training rows.
    valid : dict of str to ndarray of shape (n_epochs,)
        Mean of each term over held-out rows; empty without early stopping.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_terms,)
        Where `plot` drew, in the order of `train`.
    figure_ : matplotlib Figure
        Their figure.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfmvae import FactorialMixtureVAE
    >>> from skfmvae.plotting import HistoryDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FactorialMixtureVAE(max_epochs=2, random_state=0).fit(X / 16, y)
    >>> display = HistoryDisplay.from_estimator(model)
    >>> list(display.train)[:2]
    ['loss', 'log_likelihood']
    """

    def __init__(
        self,
        epochs: np.ndarray,
        *,
        train: dict[str, np.ndarray],
        valid: dict[str, np.ndarray],
    ):
        self.epochs = epochs
        self.train = train
        self.valid = valid

    @classmethod
    def from_estimator(
        cls, estimator: Any, terms: Sequence[str] | None = None, *, ax: Any = None
    ) -> HistoryDisplay:
        """Draw the history of an estimator's fit.

        Parameters
        ----------
        estimator : object
            A fitted estimator.
        terms : sequence of str or None, default=None
            Names without "train" or "valid", such as "loss" or "log_likelihood"; None
            shows the loss and every term.
        ax : array-like of matplotlib Axes, default=None
            One axes per term; None makes a new figure.

        Returns
        -------
        display : HistoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a term is unknown, or `ax` has not one axes per term.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        history = estimator.net_.history
        # Other entries of the history are counts, and whether a loss was the best.
        last = history[-1].items()
        recorded = [key for key, value in last if isinstance(value, float)]
        known = _without_prefix(recorded, "train_")
        known.sort(key=lambda name: name != "loss")
        terms = known if terms is None else list(terms)
        for term in terms:
            if term not in known:
                raise ValueError(f"term {term!r} is none of the history's: {known}.")
        held_out = _without_prefix(recorded, "valid_")
        return cls(
            np.array(history[:, "epoch"]),
            train={term: np.array(history[:, f"train_{term}"]) for term in terms},
            valid={
                term: np.array(history[:, f"valid_{term}"])
                for term in terms
                if term in held_out
            },
        ).plot(ax)

    def plot(self, ax: Any = None) -> HistoryDisplay:
        """Draw every term against the epoch.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            One axes per term; None makes a new figure.

        Returns
        -------
        display : HistoryDisplay
            Itself.

        Raises
        ------
        ValueError
            If `ax` has not one axes per term.
        """
        plt = pyplot("HistoryDisplay.plot")
        n_terms = len(self.train)
        if ax is None:
            n_columns = min(n_terms, 3)
            n_rows = math.ceil(n_terms / n_columns)
            size = 3.2 * n_columns, 2.3 * n_rows
            figure = plt.figure(figsize=size, layout="constrained")
            ax = [figure.add_subplot(n_rows, n_columns, i + 1) for i in range(n_terms)]
        axes = np.ravel(ax)
        if len(axes) != n_terms:
            raise ValueError(
                f"ax holds {len(axes)} axes for {n_terms} terms; give one per term, "
                "or choose fewer terms."
            )
        self.axes_, self.figure_ = axes, axes[0].figure
        for ax, (term, values) in zip(axes, self.train.items(), strict=True):
            ax.plot(self.epochs, values, label="training rows")
            if term in self.valid:
                ax.plot(self.epochs, self.valid[term], label="held-out rows")
            unit = "nats per value" if term == "loss" else "nats per row"
            ax.set(title=term, xlabel="epoch", ylabel=unit)
            ax.xaxis.get_major_locator().set_params(integer=True)
        if self.valid:
            axes[0].legend()
        return self


def _without_prefix(keys, prefix):
    return [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
