"""A supervised network of several properties: a baseline, and a reader of rows."""

import numpy as np
import torch
from torch import nn


class SupervisedNet:
    """A network like an encoder, fitted to whatever labels there are.

    Parameters
    ----------
    network : Conv or MLP
        Its settings.
    sizes : sequence of int
        Number of values of each property.
    n_epochs : int
        Passes over the rows that have a label.
    seed : int
        Of weights and batches.
    """

    def __init__(self, network, sizes, n_epochs, seed):
        self.network = network
        self.sizes = list(sizes)
        self.n_epochs = n_epochs
        self.seed = seed

    def fit(self, X, y):
        """Minimise the sum over the properties of the mean loss of labelled rows."""
        torch.manual_seed(self.seed)
        y = y.reshape(len(y), -1)
        keep = (y >= 0).any(1)
        X, y = torch.from_numpy(X[keep]), torch.from_numpy(y[keep])
        self.net_ = self.network.build_encoder(X.shape[1], sum(self.sizes))
        n_batches = max(1, len(X) // 128)
        optimizer = torch.optim.AdamW(self.net_.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 3e-3, total_steps=self.n_epochs * n_batches
        )
        for _ in range(self.n_epochs):
            for index in torch.randperm(len(X)).tensor_split(n_batches):
                logits = self.net_(X[index]).split(self.sizes, dim=1)
                loss = sum(
                    nn.functional.cross_entropy(part, code, ignore_index=-1)
                    for part, code in zip(logits, y[index].T, strict=True)
                    if (code >= 0).any()
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        self.net_.eval()
        return self

    @torch.no_grad()
    def predict(self, X):
        """Return the most probable values, (n, number of properties)."""
        chunks = torch.from_numpy(np.asarray(X, dtype=np.float32)).split(1024)
        logits = torch.cat([self.net_(chunk) for chunk in chunks])
        parts = logits.split(self.sizes, dim=1)
        return torch.stack([part.argmax(1) for part in parts], dim=1).numpy()
