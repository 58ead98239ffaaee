"""The graph of nearest neighbours over the rows, and what labels spread on it."""

from .graph import NeighbourGraph

__all__ = ["NeighbourGraph"]
