"""Losses on unlabelled rows, which regularize predictions there."""

from .base import Regularizer
from .neighbours import Neighbours
from .virtual_adversarial import VirtualAdversarial

__all__ = ["Regularizer", "Neighbours", "VirtualAdversarial"]
