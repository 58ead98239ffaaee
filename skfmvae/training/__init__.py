"""Training: rows in batches, the objective, the learning aids and the skorch net."""

from .adversarial import VirtualAdversarial
from .aids import Aid
from .callbacks import EarlyStopping, EpochBar, PhaseLog
from .graph import NeighbourGraph
from .neighbours import Neighbours
from .net import ModelNet
from .objective import KL, Objective
from .rows import Batch, BatchIterator, Rows

__all__ = [
    "KL",
    "Aid",
    "Batch",
    "BatchIterator",
    "EarlyStopping",
    "EpochBar",
    "ModelNet",
    "NeighbourGraph",
    "Neighbours",
    "Objective",
    "PhaseLog",
    "Rows",
    "VirtualAdversarial",
]
