"""Pictures of estimators, of their history and graphs, and of studies.

The displays follow scikit-learn's: ``from_estimator`` computes and draws, the result
holds what was drawn, and ``plot`` draws it again. Rows of data are drawn as images.
Matplotlib is needed: ``pip install "skfmvae[plot]"``.
"""

from .graphical_model import GraphicalModelDisplay
from .history import HistoryDisplay
from .images import (
    InterventionDisplay,
    ReconstructionDisplay,
    SamplesDisplay,
    TraversalDisplay,
)
from .label_efficiency import LabelEfficiencyDisplay

__all__ = [
    "GraphicalModelDisplay",
    "HistoryDisplay",
    "InterventionDisplay",
    "LabelEfficiencyDisplay",
    "ReconstructionDisplay",
    "SamplesDisplay",
    "TraversalDisplay",
]
