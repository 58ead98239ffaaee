"""The trainer: rows in batches, the objective, the callbacks and the skorch net."""

from .callbacks import EarlyStopping, EpochBar, PhaseLog
from .net import ModelNet
from .objective import KL, Objective
from .rows import BatchIterator, Rows

__all__ = [
    "KL",
    "BatchIterator",
    "EarlyStopping",
    "EpochBar",
    "ModelNet",
    "Objective",
    "PhaseLog",
    "Rows",
]
