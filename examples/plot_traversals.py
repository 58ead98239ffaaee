"""
What labels leave open
======================

Digits of which a hundred are labelled. A model with a level of latents beside z0 is
asked for a two, a four and a nine, and moves one latent at a time through its prior:
the digit stays and its style changes.

Run it as ``python examples/plot_traversals.py FOLDER`` to write the picture to a
folder. It takes half a minute.
"""

# %%
# The data: scikit-learn's digits, 8 by 8 pixels, with a hundred labels.
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from skfmvae import SemafoVAE
from skfmvae.datasets import mask_labels
from skfmvae.estimators import Levels
from skfmvae.plotting import TraversalDisplay

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
X, digit = load_digits(return_X_y=True)
X = X / 16
partial = mask_labels(digit, n_labelled=100, random_state=0)
y = pd.Series(np.ravel(partial), name="digit")

# %%
# The model: few latents, so that each has something to say, and a level of as many
# after the first hidden layer of the decoder.
model = SemafoVAE(
    latent_dim=6,
    levels=Levels((1,), n_dims=6),
    adversarial=None,
    max_epochs=60,
    random_state=0,
).fit(X, y)
hidden = (y == -1).to_numpy()
right = model.score(X[hidden], digit[hidden])
print(f"unlabelled digits that are read right: {right:.1%}")

# %%
# Each latent goes from two and a half standard deviations below the mean of its prior
# to as many above it. While one of z0 moves, those of z1 follow, as their priors
# depend on what the decoder knows by then. Of z1 the first slants digits, and the
# second makes them bold.
asked = {"digit": [2, 4, 9]}
figure, axes = plt.subplots(1, 2, figsize=(9, 8), layout="constrained")
for level, ax in enumerate(axes):
    TraversalDisplay.from_estimator(
        model, properties=asked, level=level, dims=5, n_steps=9, width=2.5, ax=ax
    )
figure.savefig(folder / "traversals.png", dpi=80)
print(f"latents on their way through their priors: {folder / 'traversals.png'}")

# %%
# Is it still the digit that was asked for? The model reads its own rows.
for level in range(2):
    rows, _ = model.traverse(
        properties=asked, level=level, dims=5, n_steps=9, width=2.5
    )
    read = model.predict(rows.reshape(-1, X.shape[1])).reshape(3, -1)
    kept = np.mean(read == np.array(asked["digit"])[:, None])
    print(f"rows of level {level} that are read as asked: {kept:.1%}")
