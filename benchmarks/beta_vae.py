"""A baseline of composition: a VAE with a standard normal prior, read by regressions.

A property is changed by the difference of the mean latents of its two values.
"""

import numpy as np
import torch
from composed_rows import NAMES, SIZES
from sklearn.linear_model import LogisticRegression
from torch import nn

BATCH_SIZE, LEARNING_RATE = 128, 3e-3  # as in composition_models.py


class BetaVAE:
    """A VAE with a standard normal prior, and logistic regressions on its latents.

    Parameters
    ----------
    network : Conv or MLP
        Settings of encoder and decoder.
    n_latents : int
        Size of the latent space.
    beta : float
        Weight of the divergence.
    max_epochs, seed : int
        Passes over the rows; of weights, batches and draws.
    """

    def __init__(self, network, n_latents, beta, max_epochs, seed):
        self.network = network
        self.n_latents = n_latents
        self.beta = beta
        self.max_epochs = max_epochs
        self.seed = seed

    def fit(self, X, y):
        """Fit the networks to all rows, and regressions to those with labels."""
        torch.manual_seed(self.seed)
        self.module_ = nn.ModuleDict(
            {
                "encoder": self.network.build_encoder(X.shape[1], 2 * self.n_latents),
                "decoder": self.network.build_decoder(self.n_latents, X.shape[1]),
            }
        )
        self._train(torch.from_numpy(X))
        Z = self.transform(X)
        self.regressions_ = [
            LogisticRegression(max_iter=1000).fit(Z[column >= 0], column[column >= 0])
            for column in y.T
        ]
        # Of all rows, as they are read where there is no label: rows with a label are
        # few, and differ in other properties by chance.
        found = np.where(y >= 0, y, self._read(Z))
        self.means_ = {
            name: np.stack([Z[column == value].mean(axis=0) for value in range(size)])
            for name, size, column in zip(NAMES, SIZES, found.T, strict=True)
        }
        return self

    def predict(self, X):
        """Return the most probable values, (n, 4)."""
        return self._read(self.transform(X))

    def sample(self, n_samples, properties, random_state):
        """Return rows at draws from the prior, moved to values of properties."""
        rng = np.random.default_rng(random_state)
        Z = rng.standard_normal((n_samples, self.n_latents), dtype=np.float32)
        return self._decode(self._moved(Z, properties)), None

    def intervene(self, X, properties):
        """Return rows moved to other values of properties."""
        return self._decode(self._moved(self.transform(X), properties))

    def transform(self, X):
        """Return the means of the latents."""
        return self._map("encoder", X)[:, : self.n_latents]

    def _train(self, X):
        n_batches = len(X) // BATCH_SIZE
        optimizer = torch.optim.AdamW(
            self.module_.parameters(), betas=(0.9, 0.99), weight_decay=1e-4, fused=True
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, total_steps=self.max_epochs * n_batches
        )
        self.module_.train()
        for _ in range(self.max_epochs):
            for index in torch.randperm(len(X)).tensor_split(n_batches):
                loss = self._loss(X[index])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        self.module_.eval()

    def _loss(self, x):
        mean, log_variance = self.module_["encoder"](x).chunk(2, dim=1)
        log_variance = log_variance.clamp(-8, 3)  # as in our models
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        misfit = nn.functional.binary_cross_entropy_with_logits(
            self.module_["decoder"](z), x
        )
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return misfit + self.beta * kl / x.shape[1]

    def _read(self, Z):
        return np.stack([model.predict(Z) for model in self.regressions_], axis=1)

    def _moved(self, Z, properties):
        current = dict(zip(NAMES, self._read(Z).T, strict=True))
        for name, values in properties.items():
            means = self.means_[name]
            Z = Z + means[values] - means[current[name]]
        return Z

    def _decode(self, Z):
        return 1 / (1 + np.exp(-self._map("decoder", Z)))

    @torch.no_grad()
    def _map(self, network, rows):
        chunks = torch.from_numpy(rows).split(1024)
        return torch.cat([self.module_[network](chunk) for chunk in chunks]).numpy()
