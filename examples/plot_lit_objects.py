"""
Objects under another light
===========================

Images show objects under a light from anywhere. A tenth of the rows say which object it
is, and another tenth where the light is. What is the object on the other rows, where
does their light come from, and how would they look under another light?
"""

# %%
# The data
# --------
# Rows are images of 32 by 32 grey pixels. The identity goes from 0 to 19, and the light
# is a vector of length one. Nine tenths of either stay hidden.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skfmvae import SemiSupervisedVAE
from skfmvae.datasets import LIT_OBJECTS_COLUMNS, make_lit_objects, mask_labels
from skfmvae.models import Continuous, Discrete, GraphicalModel
from skfmvae.plotting import GraphicalModelDisplay

X, truth = make_lit_objects(5000, random_state=0)
groups = {"identity": [0], "light": [1, 2, 3]}
y = mask_labels(truth, fraction=0.1, stratify=None, per_property=groups, random_state=0)
y = pd.DataFrame(y, columns=LIT_OBJECTS_COLUMNS)
print(f"{len(X)} rows, of which these have a value:\n{y.notna().sum().to_string()}")

# %%
# The graphical model
# -------------------
# Rows are generated from an object and a light. Rows that lie near each other have a
# similar light, but often another object. So neighbours are found among principal
# components that are partly whitened, as far as hidden labels confirm that this helps.
graphical_model = GraphicalModel(
    {
        "identity": Discrete(),
        "light": Continuous(3, columns=LIT_OBJECTS_COLUMNS[1:]),
    }
)
model = SemiSupervisedVAE(graphical_model, adversarial=None, random_state=0)
model.fit(X, y)
GraphicalModelDisplay.from_estimator(model)

# %%
# The error on new rows
# ---------------------
X_test, truth_test = make_lit_objects(1000, random_state=1)
found = model.predict(X_test)
light = found[:, 1:] / np.linalg.norm(found[:, 1:], axis=1, keepdims=True)
cosine = np.clip((light * truth_test[:, 1:]).sum(axis=1), -1, 1)
print(f"wrong identity: {np.mean(found[:, 0] != truth_test[:, 0]):.1%} of new rows")
print(f"median angle between lights: {np.degrees(np.median(np.arccos(cosine))):.1f}°")

# %%
# Five other lights
# -----------------
# The data set can render the same objects under these lights. Is the model's picture
# closer to the true one than the row was?
lights = {
    "left": (-2, 0, 1),
    "upper left": (-1, 1, 1),
    "front": (0, 0, 1),
    "upper right": (1, 1, 1),
    "right": (2, 0, 1),
}
lights = {name: light / np.linalg.norm(light) for name, light in lights.items()}
relit = [model.intervene(X_test, {"light": light}) for light in lights.values()]
rendered = [
    make_lit_objects(identity=truth_test[:, 0], light=light)[0]
    for light in lights.values()
]
closer = [
    ((new - goal) ** 2).mean(axis=1) < ((X_test - goal) ** 2).mean(axis=1)
    for new, goal in zip(relit, rendered, strict=True)
]
print(f"closer to the true picture than before: {np.mean(closer):.1%} of rows")

# %%
# Six rows under the five lights: the model's pictures above the true ones.
rows = [np.flatnonzero(truth_test[:, 0] == k)[0] for k in (1, 3, 6, 11, 13, 18)]
figure, axes = plt.subplots(
    2 * len(rows), 6, figsize=(6, 12), layout="constrained", squeeze=False
)
for i, row in enumerate(rows):
    axes[2 * i, 0].imshow(X_test[row].reshape(32, 32), cmap="gray", vmin=0, vmax=1)
    for j in range(5):
        for k, images in enumerate((relit, rendered)):
            image = images[j][row].reshape(32, 32)
            axes[2 * i + k, j + 1].imshow(image, cmap="gray", vmin=0, vmax=1)
    axes[2 * i, 1].set_ylabel("model", rotation=0, ha="right", va="center")
    axes[2 * i + 1, 1].set_ylabel("truth", rotation=0, ha="right", va="center")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
axes[0, 0].set_title("row")
for ax, name in zip(axes[0, 1:], lights, strict=True):
    ax.set_title(name, fontsize="medium")

# sphinx_gallery_thumbnail_number = 2
