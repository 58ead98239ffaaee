"""Frames of numbers and categories as they come, against one-hot columns of numbers."""

import numpy as np
import pandas as pd
from common import columns_and_classes
from hivae_tables import read
from ours import OURS
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tables import hide_labels, scores, split_rows

FRAMES = ("crx", "german", "adult")
METHODS = tuple(f"{name}, {rows}" for name in OURS for rows in ("frame", "one-hot"))
N_SAMPLES = 1000
EXACT = 1e-6
MOST_ROWS = 4000
SEX = 8  # the column of adult that has two values


def frame_and_classes(name):
    """Return a data frame of numbers and categories, and classes."""
    if name == "adult":
        table = read("adult")
        frame = pd.DataFrame(table.rows).add_prefix("column_")
        for column, kind in zip(frame, table.kinds, strict=True):
            if kind == "cat":
                frame[column] = frame[column].astype("Int64").astype("string")
        y = pd.factorize(frame.pop(f"column_{SEX}"), sort=True)[0]
    else:
        frame, y = columns_and_classes(name)
    words = frame.select_dtypes(exclude="number").columns
    return frame.astype(dict.fromkeys(words, "category")), y


def compare(name, n_labels, draw, method, held_out):
    """Return accuracy, log-likelihood and share of real samples of one fit.

    Numbers have unit variance in both, so that densities have one unit. The density of
    a one-hot column may exceed 1, which no probability does: what a Gaussian gains
    there is no knowledge.
    """
    frame, y = frame_and_classes(name)
    train, test = split_rows(y, draw, MOST_ROWS)
    partial = hide_labels(y[train], n_labels, draw)
    if held_out:
        test = train[partial < 0]
    estimator, _, rows = method.partition(", ")
    is_number = make_column_selector(dtype_include="number")
    numbers = list(is_number(frame))
    scaled = frame.astype(dict.fromkeys(numbers, float))
    scaler = StandardScaler().fit(scaled.iloc[train][numbers])
    scaled[numbers] = scaler.transform(scaled[numbers])
    if rows == "frame":
        X, X_test = scaled.iloc[train], scaled.iloc[test]
        model = OURS[estimator](random_state=draw)
    else:
        one_hot = make_column_transformer(
            (SimpleImputer(), is_number),
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_exclude="number"),
            ),
        ).fit(scaled.iloc[train])
        X, X_test = (one_hot.transform(scaled.iloc[rows]) for rows in (train, test))
        model = OURS[estimator](likelihood="gaussian", random_state=draw)
    model.fit(X, partial)
    samples, _ = model.sample(N_SAMPLES, random_state=draw, draw="mean")
    real = (
        real_categories(samples, X)
        if rows == "frame"
        else real_one_hot(samples[:, len(numbers) :], one_hot.named_transformers_)
    )
    found = scores(y[test], model.predict(X_test), model.predict_proba(X_test))
    found["log_likelihood"] = float(np.mean(model.score_samples(X_test)))
    return found | {"real": float(np.mean(real))}


def real_categories(samples, frame):
    """Return which rows of samples have only categories that the frame has."""
    words = frame.select_dtypes(exclude="number").columns
    return np.all(
        [samples[word].isin(frame[word].dropna().unique()) for word in words], axis=0
    )


def real_one_hot(codes, transformers):
    """Return which rows of codes have a single 1 and else 0 in each category."""
    sizes = [len(known) for known in transformers["onehotencoder"].categories_]
    parts = np.split(codes, np.cumsum(sizes)[:-1], axis=1)
    return np.all([is_one_hot(part) for part in parts], axis=0)


def is_one_hot(codes):
    """Return which rows are a single 1 and else 0."""
    nearest = np.eye(codes.shape[1])[codes.argmax(axis=1)]
    return np.abs(codes - nearest).max(axis=1) < EXACT
