"""The parts of the negative ELBO of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Loss = Callable[[Tensor], Tensor]
"""From what the decoder reads, (..., B, feature_dim), to −log p(x | z) of the samples in nats, (..., B)."""


@dataclass(frozen=True)
class Terms:
    """The parts of the negative ELBO of a batch, in nats.

    Args:
        nll: −log p(x | z), (B,).
        kl: divergence by column of the space's `kl_names`, (B, n).
        location: the encoder's unconstrained location outputs, (B, space.location_dim).
        coordinates: posterior locations on the cover, (B, space.coordinate_dim).
        penalty: what parameters of the latent space itself cost beside the ELBO, a scalar.
    """

    nll: Tensor
    kl: Tensor
    location: Tensor
    coordinates: Tensor
    penalty: Tensor | float = 0.0
