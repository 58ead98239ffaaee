"""
Digits with 100 labels
======================

How far do 100 labels go? What does the model know of a digit beside its label? And what
does it find without any label?
"""

# %%
# Partly labelled rows
# --------------------
# Three quarters of scikit-learn's digits are for training. Of these 1,347 rows, 100
# keep their label; -1 marks the others as unlabelled.
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

from skfmvae import FactorialMixtureVAE
from skfmvae.plotting import InterventionDisplay, SamplesDisplay

X, digit = load_digits(return_X_y=True)
X, X_test, digit, digit_test = train_test_split(
    X / 16, digit, stratify=digit, random_state=0
)
shuffled = np.random.default_rng(0).permutation(len(digit))
labelled = np.concatenate([shuffled[digit[shuffled] == d][:10] for d in range(10)])
y = pd.Series(-1, index=range(len(digit)), name="digit")
y.iloc[labelled] = digit[labelled]
print(f"{len(X)} rows, of which {(y >= 0).sum()} are labelled; {len(X_test)} test rows")

# %%
# The error on new rows
# ---------------------
# One fit, at the defaults, beside three classifiers of scikit-learn. Two of them see
# the labelled rows alone; label spreading sees all rows, as our model does.
start = time.perf_counter()
model = FactorialMixtureVAE(random_state=0).fit(X, y)
seconds = time.perf_counter() - start
baselines = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "SVC": SVC(C=10),
    "label spreading": LabelSpreading(gamma=5),
}
print("test error with 100 labels")
for name, classifier in baselines.items():
    if name == "label spreading":
        classifier.fit(X, y)
    else:
        classifier.fit(X[labelled], digit[labelled])
    error = 1 - accuracy_score(digit_test, classifier.predict(X_test))
    print(f"  {name:20s} {100 * error:4.1f} %")
error = 1 - model.score(X_test, digit_test)
print(f"  {'FactorialMixtureVAE':20s} {100 * error:4.1f} %   ({seconds:.0f} s)")
print(f"  mean bound on ln p(x) of the test rows: {model.score(X_test):.2f} nats")

# %%
# Samples and interventions
# -------------------------
# Left: samples, a row per digit and a column per style. Right: test rows, and the same
# rows with the digit changed; the model keeps what else it knows of a row.
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
SamplesDisplay.from_estimator(model, "digit", random_state=0, ax=left)
left.set_title("samples of each digit")
first_of_each = [np.flatnonzero(digit_test == d)[0] for d in range(10)]
InterventionDisplay.from_estimator(model, X_test[first_of_each], "digit", ax=right)
right.set_title("test rows, and the same rows as other digits")

# %%
# A discovered property
# ---------------------
# The second property has no label on any row.
model = FactorialMixtureVAE(
    property_components={"discovered_0": 4},
    n_discovered=1,
    random_state=0,
).fit(X, y)
found = model.property_proba(X_test)["discovered_0"].argmax(axis=1)
print("components of the discovered property against digits (test rows)")
print(
    pd.crosstab(pd.Series(found, name="component"), pd.Series(digit_test, name="digit"))
)
SamplesDisplay.from_estimator(model, "discovered_0", n_samples=20, random_state=0)
