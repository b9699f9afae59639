"""The unit interval I."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from topovae.distributions import IntervalUniform, TruncatedNormal
from topovae.latent.factor import Factor, register
from topovae.signature import Isometry


@register("I")
class Interval(Factor):
    """[0, 1] by height h, embedded as h − 1/2, with truncated normal posteriors and a uniform prior."""

    coordinate_dim = embedding_dim = scale_dim = 1
    prior_name, posterior_name = "Uniform(0, 1)", "TruncatedNormal"

    def locate(self, embedded: Tensor) -> Tensor:
        return 0.5 + 0.5 * torch.tanh(2 * embedded)

    def spread(self, raw: Tensor) -> Tensor:
        # At scale 10 the posterior is uniform to 1e-8 nats, so a larger one would only lose its gradient.
        scale = super().spread(raw)
        return scale / (1 + scale / 10)

    def posterior(self, loc: Tensor, scale: Tensor) -> Distribution:
        return Independent(TruncatedNormal(loc, scale, validate_args=False), 1)

    def prior(self, like: Tensor) -> Distribution:
        zero = torch.zeros(1, dtype=like.dtype, device=like.device)
        return Independent(IntervalUniform(zero, zero + 1, validate_args=False), 1)

    def embed(self, coordinates: Tensor) -> Tensor:
        return coordinates - 0.5

    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        return 0.5 + isometry.sign * (coordinates - 0.5)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).abs()[..., 0]
