"""
A graph of objects under lights
===============================

What decides how a picture looks, and how is that recognised?

Run it as ``python examples/plot_graphical_model.py FOLDER`` to write the picture to a
folder.
"""

# %%
# Each picture shows one of twenty objects under a light from some direction; the style
# is for what neither says. To recognise the style is easier once both are known.
import sys
from pathlib import Path

from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Latent,
)
from skfmvae.plotting import GraphicalModelDisplay

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
graph = GraphicalModel(
    {"identity": Discrete(20), "light": Continuous(3), "style": Latent(8)},
    recognition={"style": ["identity", "light"]},
)
display = GraphicalModelDisplay(graph).plot()
display.figure_.savefig(folder / "graph.png", dpi=110)
print(f"what depends on what: {folder / 'graph.png'}")
