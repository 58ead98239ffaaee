"""Model selection that understands unlabelled rows."""

from .splits import PartialLabelKFold, PartialLabelShuffleSplit

__all__ = ["PartialLabelKFold", "PartialLabelShuffleSplit"]
