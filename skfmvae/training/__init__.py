"""The trainer: rows in batches, the objective, the callbacks and the skorch net."""

from .batch_size import BatchSize
from .callbacks import EarlyStopping, EpochBar
from .checkpoint import Checkpoint, CheckpointFolder, opened_folder
from .net import ModelNet
from .objective import BaseObjective, Loss, Objective
from .regularization import RegularizerTerms, build_regularizer_terms, graph_part
from .rows import BatchIterator, Rows

__all__ = [
    "BaseObjective",
    "BatchIterator",
    "BatchSize",
    "Checkpoint",
    "CheckpointFolder",
    "EarlyStopping",
    "EpochBar",
    "Loss",
    "ModelNet",
    "Objective",
    "RegularizerTerms",
    "Rows",
    "build_regularizer_terms",
    "graph_part",
    "opened_folder",
]
