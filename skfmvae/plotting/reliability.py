"""Pictures of how far probabilities can be believed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skfmvae._utils.compat import safe_indexing
from skfmvae.metrics import ConfidenceBins, confidence_bins
from skfmvae.model_selection import partial_scorer
from skfmvae.model_selection.single_column import one_column, refuse_unlabelled_class
from skfmvae.model_selection.targets import read_targets
from skfmvae.targets import narrowed

from ._pyplot import pyplot

__all__ = ["ReliabilityDisplay"]

DIAGONAL = "as certain as right"


class ReliabilityDisplay:
    """A reliability diagram: accuracy against confidence.

    The confidence of a row is the highest of its probabilities. Probabilities that can
    be believed lie on the diagonal; below it they are too certain. Bars show the share
    of the rows in each bin of confidence, and the legend the expected calibration error
    (ECE), the mean distance from the diagonal over all rows.

    Parameters
    ----------
    bins : ConfidenceBins
        Mean confidence, accuracy and share of the rows of each bin.
    name : str or None, default=None
        Name of the classifier, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where `plot` drew.
    figure_ : matplotlib Figure
        Its figure.
    line_ : matplotlib Line2D
        Accuracy against confidence, a point for each bin that has rows.
    bars_ : matplotlib BarContainer
        Shares of the rows, a bar for each bin.

    See Also
    --------
    skfmvae.metrics.expected_calibration_error : The number without the picture.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skfmvae.plotting import ReliabilityDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> model = GaussianNB().fit(X[::2], y[::2])
    >>> display = ReliabilityDisplay.from_estimator(model, X[1::2], y[1::2])
    >>> display.bins.confidence.shape
    (15,)
    """

    def __init__(self, bins: ConfidenceBins, *, name: str | None = None):
        self.bins = bins
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        property: str | int | None = None,
        n_bins: int = 15,
        name: str | None = None,
        ax: Any = None,
    ) -> ReliabilityDisplay:
        """Draw what a classifier predicts of labelled rows.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict_proba``; of any package.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows that `fit` did not see.
        y : array-like of shape (n_samples,) or (n_samples, n_properties)
            Their labels; unlabelled entries do not count.
        property : str, int or None, default=None
            The property to draw, by its name or its position among the columns of `y`.
            None takes the only one.
        n_bins : int, default=15
            Number of bins, of equal width in (0, 1].
        name : str or None, default=None
            Name for the legend; None stands for that of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `y` has several properties and none is named, if there is no such
            property or it is a quantity, if it has no label, or if -1 is among the
            classes.
        AttributeError
            If the estimator has no ``predict_proba``.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        refuse_unlabelled_class(estimator)
        targets = read_targets(y, estimator)
        position, rows = _labelled_rows(targets, property)
        one = one_column(estimator, targets, position)
        bins = confidence_bins(
            narrowed(targets.columns[position][rows]),
            one.predict_proba(safe_indexing(X, rows)),
            labels=one.classes_,
            n_bins=n_bins,
        )
        name = type(estimator).__name__ if name is None else name
        return cls(bins, name=name).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        labels: ArrayLike | None = None,
        n_bins: int = 15,
        name: str | None = None,
        ax: Any = None,
    ) -> ReliabilityDisplay:
        """Draw probabilities that were predicted before.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels; unlabelled entries do not count.
        y_proba : array-like of shape (n_samples, n_classes)
            Probabilities; those of unlabelled rows may be NaN.
        labels : array-like of shape (n_classes,), default=None
            The class of each column, such as ``estimator.classes_``. None stands for
            the sorted values of `y_true`.
        n_bins : int, default=15
            Number of bins, of equal width in (0, 1].
        name : str or None, default=None
            Name for the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `y_true` has no label, more than one column or a quantity, if `y_proba`
            has not a row for each entry of `y_true` and a column for each class, or
            holds NaN for a labelled row.
        """
        pyplot(f"{cls.__name__}.from_predictions")
        targets, proba = read_targets(y_true), np.asarray(y_proba)
        position, rows = _labelled_rows(targets, None)
        if len(proba) != len(targets.codes):
            raise ValueError(
                f"y_proba has {len(proba)} rows, but y_true has {len(targets.codes)}."
            )
        bins = confidence_bins(
            narrowed(targets.columns[position][rows]),
            proba[rows],
            labels=labels,
            n_bins=n_bins,
        )
        return cls(bins, name=name).plot(ax)

    def plot(self, ax: Any = None) -> ReliabilityDisplay:
        """Draw accuracy against confidence, and the shares of the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, beside what other displays drew there; None makes a new
            figure.

        Returns
        -------
        display : ReliabilityDisplay
            Itself.
        """
        plt = pyplot("ReliabilityDisplay.plot")
        if ax is None:
            _, ax = plt.subplots(figsize=(4.5, 5), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        confidence, accuracy, weight = self.bins
        if DIAGONAL not in ax.get_legend_handles_labels()[1]:
            ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", label=DIAGONAL)
        has_rows = weight > 0
        error = f"ECE {self.bins.error:.1%}"
        (self.line_,) = ax.plot(
            confidence[has_rows],
            accuracy[has_rows],
            marker="o",
            markersize=4,
            label=error if self.name is None else f"{self.name}, {error}",
        )
        width = 1 / len(weight)
        self.bars_ = ax.bar(
            width * np.arange(len(weight)),
            weight,
            width,
            align="edge",
            color=self.line_.get_color(),
            alpha=0.25,
        )
        ax.set(
            xlabel="confidence",
            ylabel="accuracy; bars: share of the rows",
            xlim=(0, 1.02),
            ylim=(0, 1.02),
            aspect="equal",
        )
        # Below the axes, in which points and bars may be anywhere.
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), frameon=False)
        return self


def _labelled_rows(targets, property):
    """Return the position of the property among the columns, and its labelled rows."""
    positions = partial_scorer(property=property).positions(targets)
    properties = targets.names or list(range(len(targets.columns)))
    if len(positions) > 1:
        raise ValueError(
            f"y has the properties {properties}; draw one at a time, by property=."
        )
    (position,) = positions
    if position not in targets.labels:
        raise ValueError(
            f"property {properties[position]!r} is a quantity; the display shows "
            "probabilities of labels."
        )
    rows = np.flatnonzero(targets.codes[:, position] >= 0)
    if not len(rows):
        raise ValueError(
            f"property {properties[position]!r} has no label to compare probabilities "
            "with."
        )
    return position, rows
