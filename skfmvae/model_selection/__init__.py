"""Model selection that understands unlabelled rows."""

from .scorers import PartialScorer, partial_scorer
from .splits import PartialLabelKFold, PartialLabelShuffleSplit

__all__ = [
    "PartialLabelKFold",
    "PartialLabelShuffleSplit",
    "PartialScorer",
    "partial_scorer",
]
