"""Coordinates of drawings."""

from __future__ import annotations

import numpy as np

__all__ = ["turned"]


def turned(
    x: np.ndarray, y: np.ndarray, degrees: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Return components along axes that are turned anticlockwise.

    Parameters
    ----------
    x, y : ndarray
        Components along the axes before the turn.
    degrees : ndarray or float
        How far the axes are turned.

    Returns
    -------
    u, v : ndarray
        Components along the axes after it.
    """
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return cos * x + sin * y, cos * y - sin * x
