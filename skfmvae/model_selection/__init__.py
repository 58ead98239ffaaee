"""Model selection that understands unlabelled rows."""

from .analysis import compare_estimators, labels_needed
from .curves import label_efficiency_curve
from .scorers import PartialScorer, partial_scorer
from .splits import PartialLabelKFold, PartialLabelShuffleSplit

__all__ = [
    "PartialLabelKFold",
    "PartialLabelShuffleSplit",
    "PartialScorer",
    "compare_estimators",
    "label_efficiency_curve",
    "labels_needed",
    "partial_scorer",
]
