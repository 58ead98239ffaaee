"""
Pictures of the data sets
=========================

What do the rows look like that the functions of :mod:`skfmvae.datasets` make?
:doc:`/datasets` describes them.
"""

# %%
# Lit objects
# -----------
# Each of the twenty objects is shown under four lights. Two neighbours share a shape
# and differ in their albedo.
import numpy as np

from skfmvae.datasets import (
    make_composed_digits,
    make_lit_objects,
    make_multi_digits,
    make_sprites,
)
from skfmvae.plotting import SamplesDisplay

lights = {
    "front": [0, 0, 1],
    "left": [-1, 0, 0.6],
    "upper right": [1, 1, 0.8],
    "below": [0, -1, 0.6],
}
identities = np.arange(20)
images = [
    make_lit_objects(identity=identities, light=light)[0] for light in lights.values()
]
display = SamplesDisplay(
    np.reshape(images, (len(lights), 20, 32, 32)),
    property_name="light from",
    values=np.array(list(lights)),
).plot(cmap="gray")
display.ax_.set_xticks(33 * identities + 15.5, identities)  # one pixel between images
display.ax_.set_xlabel("identity")

# %%
# Digits on a canvas
# ------------------
# Ten canvases with each number of digits.
X, y = make_multi_digits(200, random_state=0)
images = [X[y[:, 0] == count][:10] for count in range(4)]
SamplesDisplay(
    np.reshape(images, (4, 10, 32, 32)),
    property_name="count",
    values=np.arange(4),
).plot(cmap="gray")

# %%
# Sprites
# -------
# In each row one factor of the smallest sprites takes its six values, for each shape.
usual = {"scale": 0, "orientation": 1, "x": 2, "y": 3, "colour": 1}
images = [
    make_sprites(
        None,
        n_orientations=6,
        n_positions=6,
        n_colours=6,
        only=[{name: value for name, value in usual.items() if name != factor}],
    )[0]
    for factor in usual
]
display = SamplesDisplay(
    np.moveaxis(np.reshape(images, (len(usual), 18, 3, 32, 32)), 2, -1),
    property_name="factor",
    values=np.array(list(usual)),
).plot()
display.ax_.set_xticks(33 * np.arange(18) + 15.5, [*range(6)] * 3)
display.ax_.set_xlabel("value")

# %%
# Composed digits
# ---------------
# Every digit at each angle; the pairs of colours take turns.
combinations = [
    {
        "digit": k % 10,
        "stroke": k % 4,
        "background": k // 4 % 4,
        "rotation": k // 10,
    }
    for k in range(40)
]
X, y = make_composed_digits(None, only=combinations, random_state=1)
by_rotation = np.lexsort([y[:, 0], y[:, 3]])
display = SamplesDisplay(
    np.moveaxis(X[by_rotation].reshape(4, 10, 3, 28, 28), 2, -1),
    property_name="rotation",
    values=np.array(["-67.5°", "-22.5°", "22.5°", "67.5°"]),
).plot()
display.ax_.set_xticks(29 * np.arange(10) + 13.5, np.arange(10))
display.ax_.set_xlabel("digit")

# sphinx_gallery_thumbnail_number = 4
