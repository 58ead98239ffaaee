"""What composition is judged by: what is read, generated and swapped.

- "unseen / seen" is the accuracy on rows of unseen combinations by that on others.
- "generated" rows are of unseen combinations; right is what was asked for.
- "swapped" rows are test rows with one property, that of the column, set to a value
  other than the one that is read; "others kept" are those of which the other three are
  read as before.
"""

import numpy as np
from composed_rows import NAMES, SIZES
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import confusion_matrix


def rates(right):
    """Return the rate of each property, their mean, and that of whole rows."""
    return [*right.mean(axis=0), right.mean(), right.all(axis=1).mean()]


def accuracies(predict, seen, unseen):
    """Return the lines about rows of seen and of unseen combinations."""
    lines = {
        name: rates(predict(X) == y)
        for name, (X, y) in {"seen": seen, "unseen": unseen}.items()
    }
    return lines | {"unseen / seen": np.divide(lines["unseen"], lines["seen"])}


def generated(model, reader, Y, seed):
    """Return the line about rows that are generated for combinations."""
    wanted = dict(zip(NAMES, Y.T, strict=True))
    X, _ = model.sample(len(Y), wanted, random_state=seed, draw="mean")
    return {"generated": rates(reader.predict(X) == Y)}


def swapped(model, reader, X, seed):
    """Return the lines about rows of which one property is changed."""
    rng = np.random.default_rng(seed)
    before = reader.predict(X)
    read, kept = [], []
    for k, (name, size) in enumerate(zip(NAMES, SIZES, strict=True)):
        new = (before[:, k] + rng.integers(1, size, size=len(X))) % size
        after = reader.predict(model.intervene(X, {name: new}))
        read.append(np.mean(after[:, k] == new))
        same = np.delete(after == before, k, axis=1)
        kept.append(same.all(axis=1).mean())
    return {
        "swapped: new value read": [*read, np.mean(read), np.nan],
        "swapped: others kept": [*kept, np.mean(kept), np.nan],
    }


def matched(model, name, seen):
    """Return `model.predict` with components of a property matched to its values."""
    X, y = seen
    k = NAMES.index(name)
    counts = confusion_matrix(model.predict(X)[:, k], y[:, k], labels=range(SIZES[k]))
    _, values = linear_sum_assignment(-counts)

    def predict(X):
        codes = model.predict(X)
        codes[:, k] = values[codes[:, k]]
        return codes

    return predict
