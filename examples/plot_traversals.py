"""
What labels leave open
======================

A hundred digits are labelled. The model, which has a level of latents beside z0,
generates a two, a four and a nine and moves one latent at a time through its prior: the
digit stays and its style changes.
"""

# %%
# The model
# ---------
# It has few latents, so that each has something to say, and a level of as many after
# the first hidden layer of the decoder.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from skfmvae import SemafoVAE
from skfmvae.datasets import mask_labels
from skfmvae.estimators import Levels
from skfmvae.plotting import TraversalDisplay

X, digit = load_digits(return_X_y=True)
X = X / 16
partial = mask_labels(digit, n_labelled=100, random_state=0)
y = pd.Series(np.ravel(partial), name="digit")
model = SemafoVAE(
    latent_dim=6,
    levels=Levels((1,), n_dims=6),
    adversarial=None,
    max_epochs=60,
    random_state=0,
).fit(X, y)
hidden = (y == -1).to_numpy()
right = model.score(X[hidden], digit[hidden])
print(f"accuracy on unlabelled digits: {right:.1%}")

# %%
# Traversals
# ----------
# Each latent goes from two and a half standard deviations below the mean of its prior
# to as many above it. While one latent of z0 moves, those of z1 follow, as their priors
# depend on the state of the decoder at their depth. Of z1 the first latent slants
# digits, and the second makes them bold.
asked = {"digit": [2, 4, 9]}
figure, axes = plt.subplots(1, 2, figsize=(9, 8), layout="constrained")
for level, ax in enumerate(axes):
    TraversalDisplay.from_estimator(
        model, properties=asked, level=level, dims=5, n_steps=9, width=2.5, ax=ax
    )

# %%
# Is it still the digit that was asked for? The model predicts the digits of the rows
# that it generated.
for level in range(2):
    rows, _ = model.traverse(
        properties=asked, level=level, dims=5, n_steps=9, width=2.5
    )
    predicted = model.predict(rows.reshape(-1, X.shape[1])).reshape(3, -1)
    kept = np.mean(predicted == np.array(asked["digit"])[:, None])
    print(f"level {level}: {kept:.1%} of the rows are predicted as asked for")
