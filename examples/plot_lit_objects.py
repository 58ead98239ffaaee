"""
Objects under another light
===========================

Images of objects under a light from anywhere. A tenth of them say which object it is,
and a tenth where the light is, on rows of their own. What is the object on the others,
where does their light come from, and what would they look like under another?

Run it as ``python examples/plot_lit_objects.py FOLDER`` to write the pictures to a
folder. It takes a minute or two.
"""

# %%
# The data: 32 by 32 grey pixels, an identity from 0 to 19, and the light as a vector of
# length one. Nine tenths of either stay hidden.
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skfmvae import SemiSupervisedVAE
from skfmvae.datasets import LIT_OBJECTS_COLUMNS, make_lit_objects, mask_labels
from skfmvae.models import Continuous, Discrete, GraphicalModel
from skfmvae.plotting import GraphicalModelDisplay

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
X, truth = make_lit_objects(5000, random_state=0)
groups = {"identity": [0], "light": [1, 2, 3]}
y = mask_labels(truth, fraction=0.1, stratify=None, per_property=groups, random_state=0)
y = pd.DataFrame(y, columns=LIT_OBJECTS_COLUMNS)
print(f"{len(X)} rows; known of them are\n{y.notna().sum().to_string()}\n")

# %%
# The graph: an object and a light, and rows generated from both. Rows that lie near
# each other have a like light, but often another object. So neighbours are sought by
# principal components that are evened out, as far as labels have it.
graph = GraphicalModel(
    {
        "identity": Discrete(),
        "light": Continuous(3, columns=LIT_OBJECTS_COLUMNS[1:]),
    }
)
model = SemiSupervisedVAE(graph, adversarial=None, random_state=0)
model.fit(X, y)

# %%
# Rows that the model has not seen, and the error on them.
X_test, truth_test = make_lit_objects(1000, random_state=1)
found = model.predict(X_test)
light = found[:, 1:] / np.linalg.norm(found[:, 1:], axis=1, keepdims=True)
cosine = np.clip((light * truth_test[:, 1:]).sum(axis=1), -1, 1)
print(f"wrong identity: {np.mean(found[:, 0] != truth_test[:, 0]):.1%} of new rows")
print(f"median angle between lights: {np.degrees(np.median(np.arccos(cosine))):.1f}°")

# %%
# Every row under five lights: as the model paints it, above the true rendering.
lights = {
    "left": (-2, 0, 1),
    "upper left": (-1, 1, 1),
    "front": (0, 0, 1),
    "upper right": (1, 1, 1),
    "right": (2, 0, 1),
}
lights = {name: light / np.linalg.norm(light) for name, light in lights.items()}
rows = [np.flatnonzero(truth_test[:, 0] == k)[0] for k in (1, 3, 6, 11, 13, 18)]
relit = [model.intervene(X_test[rows], {"light": light}) for light in lights.values()]
rendered = [
    make_lit_objects(identity=truth_test[rows, 0], light=light)[0]
    for light in lights.values()
]
everyone = [model.intervene(X_test, {"light": light}) for light in lights.values()]
true = [
    make_lit_objects(identity=truth_test[:, 0], light=light)[0]
    for light in lights.values()
]
closer = [
    ((new - goal) ** 2).mean(axis=1) < ((X_test - goal) ** 2).mean(axis=1)
    for new, goal in zip(everyone, true, strict=True)
]
print(f"closer to the true rendering than before: {np.mean(closer):.1%} of rows")

figure, axes = plt.subplots(
    2 * len(rows), 6, figsize=(6, 12), layout="constrained", squeeze=False
)
for i, row in enumerate(rows):
    axes[2 * i, 0].imshow(X_test[row].reshape(32, 32), cmap="gray", vmin=0, vmax=1)
    for j in range(5):
        for k, images in enumerate((relit, rendered)):
            image = images[j][i].reshape(32, 32)
            axes[2 * i + k, j + 1].imshow(image, cmap="gray", vmin=0, vmax=1)
    axes[2 * i, 1].set_ylabel("model", rotation=0, ha="right", va="center")
    axes[2 * i + 1, 1].set_ylabel("truth", rotation=0, ha="right", va="center")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
axes[0, 0].set_title("row")
for ax, name in zip(axes[0, 1:], lights, strict=True):
    ax.set_title(name, fontsize="medium")
figure.savefig(folder / "relit_objects.png", dpi=100)
print(f"\nrows under other lights: {folder / 'relit_objects.png'}")

# %%
# The graph, as rows are generated and as its variables are recognised.
GraphicalModelDisplay.from_estimator(model).figure_.savefig(
    folder / "graph.png", dpi=100
)
print(f"the graph: {folder / 'graph.png'}")
