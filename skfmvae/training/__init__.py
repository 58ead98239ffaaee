"""The trainer: rows in batches, the objective, the callbacks and the skorch net."""

from .batch_size import BatchSize
from .callbacks import EarlyStopping, EpochBar
from .net import ModelNet
from .objective import BaseObjective, Loss, Objective
from .regularization import RegularizerTerms, build_regularizer_terms
from .rows import BatchIterator, Rows

__all__ = [
    "BaseObjective",
    "BatchIterator",
    "BatchSize",
    "EarlyStopping",
    "EpochBar",
    "Loss",
    "ModelNet",
    "Objective",
    "RegularizerTerms",
    "Rows",
    "build_regularizer_terms",
]
