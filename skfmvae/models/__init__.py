"""The probabilistic models, plain torch: one paper, one file."""

from skfmvae._utils.distributed import n_of_all, own_rows, summed

from .base import Batch, Evaluation, Labels, Model, Term
from .draws import draw_normal
from .factorial_mixture import FactorialMixture
from .graphical_model import Continuous, Discrete, GraphicalModel, Latent
from .kmeans import kmeans_plusplus
from .latents import diagonal_normal
from .semafo import Semafo
from .semi_supervised import SemiSupervised

__all__ = [
    "Batch",
    "Continuous",
    "Discrete",
    "Evaluation",
    "FactorialMixture",
    "GraphicalModel",
    "Labels",
    "Latent",
    "Model",
    "Semafo",
    "SemiSupervised",
    "Term",
    "diagonal_normal",
    "draw_normal",
    "kmeans_plusplus",
    "n_of_all",
    "own_rows",
    "summed",
]
