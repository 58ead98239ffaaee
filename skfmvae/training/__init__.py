"""Training: rows in batches, the objective, the skorch net and its callbacks."""

from .callbacks import EarlyStopping, EpochBar
from .net import ModelNet
from .objective import KL, Objective
from .rows import Batch, BatchIterator, Rows

__all__ = [
    "KL",
    "Batch",
    "BatchIterator",
    "EarlyStopping",
    "EpochBar",
    "ModelNet",
    "Objective",
    "Rows",
]
