"""Spheres S^d, d ≥ 2."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import BrownianMotion, PowerSpherical, SphereUniform, VonMisesFisher
from topovae.distributions.brownian import RoundSphere
from topovae.distributions.uniform import log_sphere_area
from topovae.latent.factor import SHORTEST, Factor, Family, register, saturated
from topovae.signature import Isometry

_EXACT_UP_TO = 3
"""Dimension up to which the heat kernel is known in closed form."""


def _families(dim: int) -> dict[str, Family]:
    manifold, known = RoundSphere(dim), dim <= _EXACT_UP_TO

    def brownian(loc: Tensor, scale: Tensor) -> Distribution:
        return BrownianMotion(manifold, loc, saturated(scale[..., 0]) ** 2, validate_args=False)

    def power_spherical(loc: Tensor, scale: Tensor) -> Distribution:
        return PowerSpherical(loc, scale[..., 0] ** -2, validate_args=False)

    # Of twice the variance of Brownian motion: wide proposals cost draws, narrow ones all.
    kind, near = ("exact", None) if known else ("short-time", power_spherical)
    return {
        "power-spherical": Family("PowerSpherical", power_spherical),
        "von-mises-fisher": Family(
            "VonMisesFisher", lambda loc, scale: VonMisesFisher(loc, scale[..., 0] ** -2, validate_args=False)
        ),
        "brownian": Family("BrownianMotion", brownian, kl=kind, density=known, proposal=near),
    }


@register("S")
class Sphere(Factor):
    """S^d by unit vectors of R^(d+1), with power spherical posteriors and a uniform prior.

    The scale is angular: the concentration is 1 / scale², the time of Brownian motion scale². The divergence of Brownian
    motion is exact for d ≤ 3 and an expansion for short times above.
    """

    scale_dim = 1
    prior_name = "SphereUniform"

    def __init__(self, dim: int, family: str | None = None) -> None:
        self.coordinate_dim = self.embedding_dim = dim + 1
        self.volume = math.exp(log_sphere_area(dim))
        self.families = _families(dim)
        super().__init__(dim, family)

    def locate(self, embedded: Tensor) -> Tensor:
        # A vector too short to have a direction is read as the last axis.
        largest = embedded.detach().abs().amax(-1, keepdim=True)
        short = largest < SHORTEST
        pole = torch.zeros_like(embedded)
        pole[..., -1] = 1
        # Divided by the largest entry first, since the square of a large one overflows.
        direction = torch.where(short, pole, embedded / torch.where(short, 1.0, largest))
        return direction / torch.linalg.vector_norm(direction, dim=-1, keepdim=True)

    def prior(self, like: Tensor) -> Distribution:
        return SphereUniform(self.dim, dtype=like.dtype, device=like.device)

    def embed(self, coordinates: Tensor) -> Tensor:
        return coordinates

    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        return isometry.sign * coordinates

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        far, near = torch.linalg.vector_norm(a - b, dim=-1), torch.linalg.vector_norm(a + b, dim=-1)
        return 2 * torch.atan2(far, near)

    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        angle = self.distance(a, b)[..., None]
        small = angle < 1e-4
        safe = torch.where(small, 1.0, angle)
        near, far = torch.sin((1 - t) * safe), torch.sin(t * safe)
        return self.locate(torch.where(small, (1 - t) * a + t * b, near * a + far * b))
