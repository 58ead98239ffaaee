"""
Can I believe the probabilities?
================================

A prediction at 90 % should be right nine times in ten. Is it, with ten labels of each
class? And is it after ``fit`` has compared its predictions with labels that it hid?
"""

# %%
# Three data sets
# ---------------
# Of each class ten rows keep their label; a third of the rows is for testing. As these
# are few for a diagram, three draws of labels and test rows are pooled, in five bins.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skfmvae import FactorialMixtureVAE
from skfmvae.plotting import ReliabilityDisplay

DATA = {
    "breast cancer": (load_breast_cancer, StandardScaler()),
    "wine": (load_wine, StandardScaler()),
    "digits": (load_digits, MinMaxScaler()),
}


def predictions(load, scaler, calibrate):
    """Return the labels of test rows of three draws, and their probabilities."""
    X, y = load(return_X_y=True)
    found = []
    for seed in range(3):
        split = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=seed)
        X_train, X_test, y_train, y_test = split
        # The split is in random order, so the first ten of a class are random ones.
        keep = [np.flatnonzero(y_train == value)[:10] for value in np.unique(y)]
        y_partial = np.full(len(y_train), -1)
        y_partial[np.concatenate(keep)] = y_train[np.concatenate(keep)]
        model = FactorialMixtureVAE(calibrate=calibrate, random_state=seed)
        model.fit(scaler.fit_transform(X_train), y_partial)
        found.append((y_test, model.predict_proba(scaler.transform(X_test))))
    labels, proba = zip(*found, strict=True)
    return np.concatenate(labels), np.concatenate(proba)


# %%
# Reliability diagrams
# --------------------
# Calibration changes no prediction: all become less, or more, certain by one
# temperature. Below the dotted line they are too certain, above it too uncertain. The
# bars show where the rows are.
figure, axes = plt.subplots(1, 3, figsize=(12, 5), layout="constrained")
for ax, (name, settings) in zip(axes, DATA.items(), strict=True):
    for calibrate in (False, True):
        y_test, proba = predictions(*settings, calibrate)
        ReliabilityDisplay.from_predictions(
            y_test, proba, n_bins=5, name=f"calibrate={calibrate}", ax=ax
        )
        accuracy = accuracy_score(y_test, proba.argmax(axis=1))
        print(
            f"{name:13s} calibrate={calibrate!s:5s} accuracy {accuracy:.1%}, "
            f"log loss {log_loss(y_test, proba):.3f} nats"
        )
    ax.set_title(name)
