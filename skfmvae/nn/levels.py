"""Latents at depths of a decoder: prior, posterior, and merging into its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

__all__ = ["Level", "build_levels"]

POSTERIOR_WIDTH = 128  # hidden units from states to posteriors

GRID = 2  # cells of an image in height and width, each with latents of its own


class Level(nn.Module):
    """Latents that join the state of a decoder after one of its stages.

    The state becomes ``g([z, D(h)]) + h``, as in Ngo et al. (2022), section 4, where
    the weights c_d and c_r are 1.

    Parameters
    ----------
    shape : tuple of int
        Of the decoder's state: (width,) or (channels, height, width).
    encoder_shape : tuple of int
        Of the state of the encoder that the posterior depends on, too; equal but for
        its width or channels.
    n_dims : int
        Latents of a dense level, or of each of 2 x 2 cells of an image.

    Attributes
    ----------
    n_latents : int
        Size of the latent vector.
    """

    def __init__(
        self,
        shape: Sequence[int],
        encoder_shape: Sequence[int],
        n_dims: int,
    ):
        super().__init__()
        width, *size = shape
        self.n_latents = n_dims * (GRID**2 if size else 1)
        n_read = width + encoder_shape[0]
        if size:
            self.spread: nn.Module = nn.Sequential(
                nn.Unflatten(1, (n_dims, GRID, GRID)),
                nn.Upsample(size=tuple(size), mode="bilinear"),
            )
            self.prior: nn.Module = _read_image(width, 2 * n_dims)
            self._posterior = nn.Sequential(
                nn.Conv2d(n_read, POSTERIOR_WIDTH, 3, padding=1),
                nn.ELU(),
                _read_image(POSTERIOR_WIDTH, 2 * n_dims),
            )
            self.path = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ELU())
            self.merge = nn.Sequential(
                nn.Conv2d(n_dims + width, width, 3, padding=1), nn.ELU()
            )
        else:
            self.spread = nn.Identity()
            self.prior = nn.Linear(width, 2 * n_dims)
            self._posterior = nn.Sequential(
                nn.Linear(n_read, POSTERIOR_WIDTH),
                nn.ELU(),
                nn.Linear(POSTERIOR_WIDTH, 2 * n_dims),
            )
            self.path = nn.Sequential(nn.Linear(width, width), nn.ELU())
            self.merge = nn.Sequential(nn.Linear(n_dims + width, width), nn.ELU())

    def posterior(self, h: Tensor, e: Tensor) -> Tensor:
        """Return the parameters of ``q(z | h, e)``, (n, 2 n_latents)."""
        return self._posterior(torch.cat([h, e], dim=1))

    def join(self, z: Tensor, h: Tensor) -> Tensor:
        """Return the state with the latents merged into it."""
        merged = self.merge(torch.cat([self.spread(z), self.path(h)], dim=1))
        return merged + h


def build_levels(
    encoder: Sequence[nn.Module],
    decoder: Sequence[nn.Module],
    n_inputs: int,
    n_latents: int,
    n_dims: Mapping[int, int],
) -> dict[int, Level]:
    """Build levels after some stages of a decoder.

    Parameters
    ----------
    encoder, decoder : sequence of Module
        Stages one after the other. The first of the encoder faces the last but one of
        the decoder, and so on.
    n_inputs, n_latents : int
        Number of columns that go into the encoder and into the decoder.
    n_dims : dict of int to int
        Dimensions of each level, by the stage that it follows, counted from 1.

    Returns
    -------
    levels : dict of int to Level

    Raises
    ------
    ValueError
        If there is no such stage, or no state of the encoder of the same kind.

    Examples
    --------
    >>> from skfmvae.nn import MLP, build_levels, build_stages
    >>> encoder = build_stages(MLP(hidden=(8, 16)), "encoder", 64, 10)
    >>> decoder = build_stages(MLP(hidden=(8, 16)), "decoder", 5, 64)
    >>> levels = build_levels(encoder, decoder, 64, 5, {2: 3})
    >>> levels[2].n_latents
    3
    """
    if not n_dims:
        return {}
    of_encoder = _shapes(encoder, n_inputs)[-2::-1]
    of_decoder = _shapes(decoder, n_latents)[:-1]
    levels = {}
    for stage, size in sorted(n_dims.items()):
        if not 1 <= stage <= len(of_decoder):
            raise ValueError(
                f"levels: there is no stage {stage} in the decoder; it has "
                f"{len(of_decoder)} hidden stages, counted from 1."
            )
        shape = of_decoder[stage - 1]
        facing = of_encoder[stage - 1] if stage <= len(of_encoder) else ()
        if shape[1:] != facing[1:] or not facing:
            raise ValueError(
                f"levels: stage {stage} of the decoder has states of shape {shape}, "
                f"and those of the encoder that face it {facing or 'do not exist'}; "
                "give encoder and decoder the same settings."
            )
        levels[stage] = Level(shape, facing, size)
    return levels


def _shapes(stages: Sequence[nn.Module], n_inputs: int) -> list[tuple[int, ...]]:
    """Return the shape of the output of each stage for a row."""
    # In evaluation mode no statistics change, and batch norm takes a single row.
    states, h = [], torch.zeros(1, n_inputs)
    with torch.no_grad():
        for stage in stages:
            was_training = stage.training
            h = stage.eval()(h)
            stage.train(was_training)
            states.append(tuple(h.shape[1:]))
    return states


def _read_image(n_channels: int, n_outputs: int) -> nn.Sequential:
    """Return a network from an image to values of its cells, flat."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(GRID),
        nn.Conv2d(n_channels, n_outputs, 1),
        nn.Flatten(),
    )
