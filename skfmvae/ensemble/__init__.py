"""Several classifiers as one, fitted to partly labelled rows."""

from .pooling import fit_weights, floored_log, pool
from .stacking import PartialLabelStacking

__all__ = ["PartialLabelStacking", "fit_weights", "floored_log", "pool"]
