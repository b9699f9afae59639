"""Euclidean factors R^k."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from topovae.distributions import Independent, MultivariateNormal
from topovae.latent.factor import Factor, Family, register
from topovae.signature import Isometry


def _diagonal(loc: Tensor, scale: Tensor) -> Distribution:
    return Independent(Normal(loc, scale, validate_args=False), 1)


def _full(loc: Tensor, scale: Tensor) -> Distribution:
    k = loc.shape[-1]
    below = torch.tril_indices(k, k, -1, device=scale.device)
    factor = torch.diag_embed(scale[..., :k])
    factor[..., below[0], below[1]] = scale[..., k:]
    return MultivariateNormal(loc, scale_tril=factor, validate_args=False)


_FAMILIES = {
    "normal": Family("Normal", _diagonal),
    "full-normal": Family("MultivariateNormal", _full, scale_dim=lambda k: k * (k + 1) // 2),
}


@register("R")
class Euclidean(Factor):
    """R^k with normal posteriors, diagonal or of full covariance, and a standard normal prior."""

    prior_name, volume = "Normal(0, 1)", math.inf
    families = _FAMILIES

    def __init__(self, dim: int, family: str | None = None) -> None:
        self.coordinate_dim = self.embedding_dim = self.scale_dim = dim
        super().__init__(dim, family)

    def locate(self, embedded: Tensor) -> Tensor:
        return embedded

    def spread(self, raw: Tensor) -> Tensor:
        # What follows the standard deviations is the Cholesky factor below its diagonal, of any sign.
        return torch.cat([super().spread(raw[..., : self.dim]), raw[..., self.dim :]], -1)

    def prior(self, like: Tensor) -> Distribution:
        zero = torch.zeros(self.dim, dtype=like.dtype, device=like.device)
        return Independent(Normal(zero, zero + 1, validate_args=False), 1)

    def embed(self, coordinates: Tensor) -> Tensor:
        return coordinates

    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        return isometry.sign * coordinates

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.linalg.vector_norm(a - b, dim=-1)
