"""Pictures of estimators, their history, models and probabilities, and of studies.

The displays follow scikit-learn's: ``from_estimator`` computes and draws, the result
holds the data of the picture, and ``plot`` draws it again. Rows of data are drawn as
images. The displays require matplotlib: ``pip install "skfmvae[plot]"``.
"""

from .graphical_model import GraphicalModelDisplay
from .history import HistoryDisplay
from .interventions import InterventionDisplay
from .label_efficiency import LabelEfficiencyDisplay
from .reconstructions import ReconstructionDisplay
from .reliability import ReliabilityDisplay
from .samples import SamplesDisplay
from .traversals import TraversalDisplay

__all__ = [
    "GraphicalModelDisplay",
    "HistoryDisplay",
    "InterventionDisplay",
    "LabelEfficiencyDisplay",
    "ReconstructionDisplay",
    "ReliabilityDisplay",
    "SamplesDisplay",
    "TraversalDisplay",
]
