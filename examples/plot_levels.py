"""
Properties at levels of the decoder
===================================

Images of sprites, of which a tenth say what shape they are, a tenth how large, and so
on, each on rows of their own. A model with latents at two depths of its decoder changes
a property at either depth or at both. Which of them carries what?

Run it as ``python examples/plot_levels.py FOLDER`` to write the picture to a folder.
It takes three or four minutes.
"""

# %%
# The data: squares, ellipses and hearts of 32 by 32 pixels, in three scales, four
# orientations and four positions along x and y. Jitter makes rows of the same values
# differ. Nine tenths of the labels of each property stay hidden.
import sys
from pathlib import Path

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

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
grid = {"n_scales": 3, "n_orientations": 4, "n_positions": 4, "jitter": 0.5}
X, truth = make_sprites(8000, **grid, random_state=0)
X_test, truth_test = make_sprites(1000, **grid, random_state=1)
names = list(SPRITES_COLUMNS[: truth.shape[1]])
y = mask_labels(truth, fraction=0.1, random_state=0)

# %%
# The model: z0 holds the whole row, and a level of 2 x 2 x 4 latents joins where the
# decoder has its smallest image. A network of labels for each property keeps what they
# say of rows apart. Hundreds of labels of each property say more than a graph of
# neighbours would.
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
# What it reads from rows that it has not seen, beside a classifier of the labelled rows
# alone.
found = model.predict(X_test)
print("right on new rows     the model   an SVC")
for k, name in enumerate(names):
    known = y[:, k] >= 0
    svc = SVC(C=10).fit(X[known], y[known, k])
    right = np.mean(found[:, k] == truth_test[:, k])
    print(f"  {name:20s} {right:8.1%} {svc.score(X_test, truth_test[:, k]):8.1%}")

# %%
# Every property set to its next value, at one level or at both. A classifier that has
# seen all labels of other rows reads the new value, or does not. z0 alone changes six
# rows in ten, and one in four where scale is meant; z1 alone hardly any, as it only
# touches up what z0 says; both together nearly all.
judge = MultiOutputClassifier(SVC(C=10))
judge.fit(*make_sprites(3000, **grid, random_state=2))
levels = {"z0": 0, "z1": 1, "both": None}
rows = X_test[:300]
print("\nnew value is read  " + "".join(f"{level:>10s}" for level in levels))
for k, name in enumerate(names):
    new = (found[:300, k] + 1) % len(model.classes_[k])
    read = [
        judge.predict(model.intervene(rows, {name: new}, level=level))[:, k]
        for level in levels.values()
    ]
    shares = [np.mean(values == new) for values in read]
    print(f"  {name:17s}" + "".join(f"{share:10.0%}" for share in shares))

# %%
# The same to look at, on rows of which all is recognised: a square, an ellipse and a
# heart, twice each.
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
figure.savefig(folder / "levels.png", dpi=100)
print(f"\nproperties changed at each level: {folder / 'levels.png'}")
