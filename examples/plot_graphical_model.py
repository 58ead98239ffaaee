"""
A graphical model of objects under lights
=========================================

What decides how a picture looks, and how is that inferred from the picture?
"""

# %%
# Each picture shows one of twenty objects under a light from some direction. The style
# holds what neither says. It is easier to infer once both are known, so the inference
# of the style depends on them.
from skfmvae.models import Continuous, Discrete, GraphicalModel, Latent
from skfmvae.plotting import GraphicalModelDisplay

graphical_model = GraphicalModel(
    {"identity": Discrete(20), "light": Continuous(3), "style": Latent(8)},
    recognition={"style": ["identity", "light"]},
)
GraphicalModelDisplay(graphical_model).plot()
