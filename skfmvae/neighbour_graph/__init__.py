"""The neighbour graph of the rows, and what labels say of all rows on it."""

from .graph import NeighbourGraph, PropagatedLabels, build_neighbour_graph
from .step_space import StepSpace, measure_step_space

__all__ = [
    "NeighbourGraph",
    "PropagatedLabels",
    "StepSpace",
    "build_neighbour_graph",
    "measure_step_space",
]
