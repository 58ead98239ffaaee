"""Generators of labelled rows of a table: our estimators and others."""

import numpy as np
import pandas as pd
from ours import OURS

from skfmvae.estimators.imputer import LONGER
from skfmvae.estimators.training import default_epochs

COLUMNS = "columns apart"
OTHERS = (COLUMNS, "SMOTE", "TVAE")
# Estimators, their likelihood of numbers, and how many times the default epochs.
OF_NUMBERS = {name: (name, "auto", 1) for name in OURS}
OF_NUMBERS |= {f"{name}, nonparanormal": (name, "nonparanormal", 1) for name in OURS}
LONG = "SemiSupervisedVAE, nonparanormal, longer"
OF_NUMBERS[LONG] = ("SemiSupervisedVAE", "nonparanormal", LONGER)
METHODS = (*OF_NUMBERS, *OTHERS)


def generate(method, frame, y, seed):
    """Return generated rows, as many as there are, and their classes.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    frame : DataFrame
        Complete training rows, of numbers and of categories.
    y : ndarray of shape (n,)
        Their classes.
    seed : int

    Returns
    -------
    frame : DataFrame
        With the dtypes of the training rows.
    y : ndarray of shape (n,)
    """
    if method in OF_NUMBERS:
        return ours(*OF_NUMBERS[method], frame, y, seed)
    made = {COLUMNS: columns_apart, "SMOTE": smote, "TVAE": tvae}[method]
    rows, classes = made(frame, y, seed)
    return in_dtypes(rows, frame), classes


def ours(estimator, likelihood, n_times, frame, y, seed):
    """Fit an estimator of ours for so many times the default epochs, and draw."""
    # Nothing is predicted, and calibration changes nothing else.
    model = OURS[estimator](likelihood=likelihood, calibrate=False, random_state=seed)
    n_epochs = n_times * default_epochs(len(y), model.batch_size)
    model.set_params(max_epochs=n_epochs).fit(frame, y)
    rows, classes = model.sample(len(y), {"property_0": y}, random_state=seed)
    return pd.DataFrame(rows, columns=frame.columns), classes


def in_dtypes(rows, frame):
    """Return rows with the dtypes of a frame; whole numbers are rounded."""
    columns = {}
    for name, column in frame.items():
        values = rows[name].to_numpy()
        if column.dtype.kind == "i":
            values = np.rint(values.astype(float))
        columns[name] = pd.Series(values).astype(column.dtype)
    return pd.DataFrame(columns)


def columns_apart(frame, y, seed):
    """Draw each column among the training rows of a class, apart from the others."""
    rng = np.random.default_rng(seed)
    rows = frame.reset_index(drop=True).copy()
    for value in np.unique(y):
        of_class = np.flatnonzero(y == value)
        for name in rows:
            drawn = rng.choice(of_class, len(of_class))
            rows.loc[of_class, name] = frame[name].to_numpy()[drawn]
    return rows, y


def smote(frame, y, seed):
    """Interpolate between neighbours of a class (Chawla et al. 2002)."""
    from imblearn.over_sampling import SMOTE, SMOTENC

    words = list(frame.select_dtypes("category"))
    twice = {value: 2 * n for value, n in enumerate(np.bincount(y))}
    if words:
        sampler = SMOTENC(words, sampling_strategy=twice, random_state=seed)
        rows = frame.astype(dict.fromkeys(words, object))
    else:
        sampler = SMOTE(sampling_strategy=twice, random_state=seed)
        rows = frame
    rows, classes = sampler.fit_resample(rows, y)
    return rows[len(y) :].reset_index(drop=True), classes[len(y) :]


def tvae(frame, y, seed):
    """Draw from a variational autoencoder of tables (Xu et al. 2019), at its defaults.

    Gaussian mixtures encode its numbers, and the class is one of its columns.
    """
    from ctgan import TVAE

    rows = frame.reset_index(drop=True).assign(y_=y.astype(str))
    words = [name for name in rows if rows[name].dtype.kind not in "if"]
    rows = rows.astype(dict.fromkeys(words, object))
    model = TVAE(enable_gpu=False)
    model.set_random_state(seed)
    model.fit(rows, words)
    drawn = model.sample(len(y))
    return drawn, drawn.pop("y_").to_numpy().astype(int)
