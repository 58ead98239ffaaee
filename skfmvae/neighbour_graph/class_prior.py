"""How the rows are shared by the classes."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import dijkstra

__all__ = ["estimate_class_prior"]


def estimate_class_prior(distances, codes, n_classes: int):
    """Estimate how the rows are shared by the classes of one property.

    Every row goes to the class whose labelled row is nearest along the graph, which
    does not depend on how many rows of a class were labelled. The counts are shrunk
    towards equal shares of the labelled classes as far as chance explains their spread
    (the positive-part estimator of James and Stein 1961); the relative variance of a
    share with ``m`` labels per class is taken as ``1 / (10 m)``, twice what was seen on
    digits.

    Parameters
    ----------
    distances : CSR matrix of shape (n, n)
        Of neighbours.
    codes : int64 ndarray of shape (n,)
        -1 for unknown; some are known.
    n_classes : int

    Returns
    -------
    shares : ndarray of shape (n_classes,)
        Sum to one; zero for a class without labels.
    """
    labelled = np.flatnonzero(codes >= 0)
    _, _, source = dijkstra(
        distances,
        directed=False,
        indices=labelled,
        min_only=True,
        return_predecessors=True,
    )
    reached = source[source >= 0]
    counts = np.bincount(codes[reached], minlength=n_classes)
    seen = np.bincount(codes[labelled], minlength=n_classes) > 0
    equal = seen / seen.sum()
    shares = counts / counts.sum()
    spread = (((shares - equal)[seen] * seen.sum()) ** 2).sum()
    noise = (seen.sum() - 1) * seen.sum() / (10 * len(labelled))
    keep = max(0.0, 1 - noise / spread) if spread > 0 else 0.0
    return keep * shares + (1 - keep) * equal
