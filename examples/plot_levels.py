"""
Properties at levels of the decoder
===================================

Images of sprites have five properties, each labelled on a fifth of the rows. A model
with latents at two depths of its decoder changes a property at either depth or at both.
Which depth carries which property?
"""

# %%
# The data
# --------
# Squares, ellipses and hearts of 32 by 32 pixels, in three scales, two orientations
# and three positions along x and y. Jitter makes rows of the same values differ.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import SVC

from skfmvae import SemafoVAE
from skfmvae.datasets import SPRITES_COLUMNS, make_sprites, mask_labels
from skfmvae.estimators import LabelAutoencoder, Levels
from skfmvae.nn import Conv
from skfmvae.plotting import InterventionDisplay

grid = {"n_scales": 3, "n_orientations": 2, "n_positions": 3, "jitter": 0.5}
X, truth = make_sprites(2000, **grid, random_state=0)
X_test, truth_test = make_sprites(1000, **grid, random_state=1)
names = list(SPRITES_COLUMNS[: truth.shape[1]])
y = mask_labels(truth, fraction=0.2, random_state=0)

# %%
# The model
# ---------
# ``z0`` holds the whole row, and a level ``z1`` of 2 x 2 x 4 latents joins where the
# decoder has its smallest image. With ``separate=True`` each property has networks of
# its own between its labels and the priors. Hundreds of labels of each property say
# more than nearest neighbours would, so ``neighbours=None``.
network = Conv(channels=(16, 32, 64))
model = SemafoVAE(
    latent_dim=64,
    levels=Levels((2,), n_dims=4),
    label_autoencoder=LabelAutoencoder(prior_hidden=(256, 256), separate=True),
    encoder=network,
    decoder=network,
    neighbours=None,
    adversarial=None,
    max_epochs=24,
    random_state=0,
)
model.fit(X, pd.DataFrame(y, columns=names))

# %%
# Accuracy on new rows, beside a classifier of the labelled rows alone.
found = model.predict(X_test)
print("accuracy on new rows   the model   an SVC")
for k, name in enumerate(names):
    known = y[:, k] >= 0
    svc = SVC(C=10).fit(X[known], y[known, k])
    right = np.mean(found[:, k] == truth_test[:, k])
    print(f"  {name:20s} {right:8.1%} {svc.score(X_test, truth_test[:, k]):8.1%}")

# %%
# Interventions at one level or at both
# -------------------------------------
# Every property is set to its next value. How often does a classifier that has seen all
# labels of other rows predict the new value?
judge = MultiOutputClassifier(SVC(C=10))
judge.fit(*make_sprites(2000, **grid, random_state=2))
levels = {"z0": 0, "z1": 1, "both": None}
rows = X_test[:300]
print("new value predicted" + "".join(f"{level:>10s}" for level in levels))
for k, name in enumerate(names):
    new = (found[:300, k] + 1) % len(model.classes_[k])
    predicted = [
        judge.predict(model.intervene(rows, {name: new}, level=level))[:, k]
        for level in levels.values()
    ]
    rates = [np.mean(values == new) for values in predicted]
    print(f"  {name:17s}" + "".join(f"{rate:10.0%}" for rate in rates))

# %%
# The same in pictures, on rows of which the model predicts all properties right: a
# square, an ellipse and a heart, twice each.
is_clear = (found == truth_test).all(axis=1)
shown = np.concatenate(
    [np.flatnonzero(is_clear & (truth_test[:, 0] == shape))[:2] for shape in range(3)]
)
figure, axes = plt.subplots(1, len(names), figsize=(12, 4), layout="constrained")
for k, (name, ax) in enumerate(zip(names, axes, strict=True)):
    new = (found[shown, k] + 1) % len(model.classes_[k])
    changed = [
        model.intervene(X_test[shown], {name: new}, level=level)
        for level in levels.values()
    ]
    images = np.stack([X_test[shown], *changed], axis=1).reshape(-1, 4, 32, 32)
    display = InterventionDisplay(
        images, property_name=name, values=np.array([*levels])
    )
    display.plot(ax, cmap="gray")
