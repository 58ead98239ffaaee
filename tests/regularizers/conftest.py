"""Rows with a few labels, as one batch, and their neighbour graph."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skfmvae.models import Batch, Labels
from skfmvae.neighbour_graph import build_neighbour_graph

N, D = 30, 4


@pytest.fixture(scope="session")
def make_batch():
    """Return a function that makes 30 rows of 4 columns.

    It takes a dict of row to class for each property.
    """

    def make(*known):
        X = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
        codes = torch.full((N, len(known)), -1)
        for k, classes in enumerate(known):
            for row, code in classes.items():
                codes[row, k] = code
        labels = Labels(codes, torch.empty(N, 0))
        return Batch(torch.from_numpy(X), labels, torch.ones(N), torch.arange(N))

    return make


@pytest.fixture(scope="session")
def with_reliability():
    """Return a function that changes the reliability of a graph for each property."""

    def change(graph, *reliability):
        labels = [
            labels if labels is None else replace(labels, reliability=changed)
            for labels, changed in zip(graph.labels, reliability, strict=True)
        ]
        return replace(graph, labels=tuple(labels))

    return change


@pytest.fixture(scope="session")
def make_graph(with_reliability):
    """Return a function that builds a fully reliable graph of the rows of a batch."""

    def make(batch, sizes=(3,)):
        X, codes = batch.x.numpy(), batch.labels.codes.numpy()
        graph = build_neighbour_graph(X, codes, list(sizes))
        return with_reliability(graph, *[1.0] * len(sizes))

    return make
