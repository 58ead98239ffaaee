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
def make_graph():
    """Return a function that builds the neighbour graph of the rows of a batch."""

    def make(batch, sizes=(3,)):
        X, codes = batch.x.numpy(), batch.labels.codes.numpy()
        return build_neighbour_graph(X, codes, list(sizes))

    return make


@pytest.fixture(scope="session")
def with_kappas():
    """Return a function that gives a graph other kappas, one for each property."""

    def change(graph, *kappas):
        labels = [
            labels if labels is None else replace(labels, kappa=kappa)
            for labels, kappa in zip(graph.labels, kappas, strict=True)
        ]
        return replace(graph, labels=tuple(labels))

    return change
