"""Short tables of what a model was fitted to, and of how well it predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skfmvae.columns import Column

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["columns_in_words", "hidden_scores", "in_lines"]

MOST_LINES = 30  # more columns are counted by what they hold


def columns_in_words(
    columns: Sequence[Column], likelihood: Any, missing: np.ndarray
) -> str:
    """Return what the columns of a table hold, and their likelihoods.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    likelihood : Likelihood
        Of all of them.
    missing : ndarray of shape (n_features,)
        Share of missing entries.

    Returns
    -------
    words : str
        A line for each column, or of many columns one for all that are alike.
    """
    import pandas as pd

    by_column = getattr(likelihood, "by_column", {})
    table = pd.DataFrame(
        {
            "column": [column.name for column in columns],
            "kind": [_kind(column) for column in columns],
            "missing": missing,
            "likelihood": [
                type(by_column.get(column.name, likelihood)).__name__
                for column in columns
            ],
        }
    )
    if len(table) > MOST_LINES:
        alike = table.groupby(["kind", "likelihood"], sort=False)
        table = alike.agg(columns=("column", "size"), missing=("missing", "mean"))
        table = table.reset_index()[["columns", "kind", "missing", "likelihood"]]
    table["missing"] = table["missing"].map("{:.0%}".format)
    return in_lines(table)


def _kind(column):
    if column.holds in {"dates", "durations"}:
        return column.holds
    if column.kind in {"categorical", "ordinal"}:
        return f"{column.kind}, {len(column.categories)}"
    return column.kind


def hidden_scores(estimator: Any, labels: Mapping[str, Any]) -> DataFrame:
    """Return how well labels are predicted by fits that did not see them.

    Parameters
    ----------
    estimator : BaseVAE
        Fitted, and calibrated.
    labels : dict of str to ndarray of shape (n_samples,)
        The codes of the labels of each target, -1 on unlabelled rows.

    Returns
    -------
    scores : DataFrame of shape (n_targets, 4)
        Number of labels that were hidden, accuracy, log loss in nats, and the accuracy
        of always predicting the most frequent class. Targets of which no label could be
        hidden are left out.
    """
    import pandas as pd

    rows = {}
    for name, codes in labels.items():
        by_model = estimator.judgement_.scores.get(name, {}).get("model")
        if by_model is None:
            continue
        hidden = codes[estimator.judgement_.hidden_proba[name][0]]
        rows[name] = {
            "labels": len(hidden),
            "accuracy": by_model["accuracy"],
            "log loss": by_model["log_loss"],
            "most frequent class": np.bincount(hidden).max() / len(hidden),
        }
    return pd.DataFrame.from_dict(rows, "index").rename_axis("target").reset_index()


def in_lines(table: DataFrame) -> str:
    """Return a table as text, numbers to the right and words to the left.

    Parameters
    ----------
    table : DataFrame
        The table.

    Returns
    -------
    text : str
        A line for each row, below the names of the columns.
    """
    import pandas as pd

    lines = [""] * (len(table) + 1)
    for name in table:
        values = table[name]
        is_number = pd.api.types.is_numeric_dtype(values.dtype)
        form = "{:.3f}" if pd.api.types.is_float_dtype(values.dtype) else "{}"
        texts = [str(name), *map(form.format, values)]
        to_right = is_number or all(text[-1:] == "%" for text in texts[1:])
        width = max(map(len, texts))
        texts = [t.rjust(width) if to_right else t.ljust(width) for t in texts]
        lines = [f"{line}  {text}" for line, text in zip(lines, texts, strict=True)]
    return "\n".join(line.rstrip()[2:] for line in lines)
