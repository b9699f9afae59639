"""Spheres S^d, d ≥ 2."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import PowerSpherical, SphereUniform
from topovae.latent.factor import SHORTEST, Factor, register
from topovae.signature import Isometry


@register("S")
class Sphere(Factor):
    """S^d by unit vectors of R^(d+1), with power spherical posteriors and a uniform prior.

    The scale is angular: the concentration is 1 / scale².
    """

    scale_dim = 1
    prior_name, posterior_name = "SphereUniform", "PowerSpherical"

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.coordinate_dim = self.embedding_dim = dim + 1

    def locate(self, embedded: Tensor) -> Tensor:
        # A vector too short to have a direction is read as the last axis.
        largest = embedded.detach().abs().amax(-1, keepdim=True)
        short = largest < SHORTEST
        pole = torch.zeros_like(embedded)
        pole[..., -1] = 1
        # Divided by the largest entry first, since the square of a large one overflows.
        direction = torch.where(short, pole, embedded / torch.where(short, 1.0, largest))
        return direction / torch.linalg.vector_norm(direction, dim=-1, keepdim=True)

    def spread(self, raw: Tensor) -> Tensor:
        return super().spread(raw) + 1e-3

    def posterior(self, loc: Tensor, scale: Tensor) -> Distribution:
        return PowerSpherical(loc, scale[..., 0] ** -2, validate_args=False)

    def prior(self, like: Tensor) -> Distribution:
        return SphereUniform(self.dim, dtype=like.dtype, device=like.device)

    def embed(self, coordinates: Tensor) -> Tensor:
        return coordinates

    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        return isometry.sign * coordinates

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        far, near = torch.linalg.vector_norm(a - b, dim=-1), torch.linalg.vector_norm(a + b, dim=-1)
        return 2 * torch.atan2(far, near)
