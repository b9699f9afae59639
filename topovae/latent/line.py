"""Euclidean factors R^k."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from topovae.latent.factor import Factor, register
from topovae.signature import Isometry


@register("R")
class Euclidean(Factor):
    """R^k with diagonal normal posteriors and a standard normal prior."""

    prior_name, posterior_name = "Normal(0, 1)", "Normal"

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.coordinate_dim = self.embedding_dim = self.scale_dim = dim

    def locate(self, embedded: Tensor) -> Tensor:
        return embedded

    def posterior(self, loc: Tensor, scale: Tensor) -> Distribution:
        return Independent(Normal(loc, scale, validate_args=False), 1)

    def prior(self, like: Tensor) -> Distribution:
        zero = torch.zeros(self.dim, dtype=like.dtype, device=like.device)
        return Independent(Normal(zero, zero + 1, validate_args=False), 1)

    def embed(self, coordinates: Tensor) -> Tensor:
        return coordinates

    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        return isometry.sign * coordinates

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.linalg.vector_norm(a - b, dim=-1)
