"""The circle S^1."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import CircleUniform, Independent, VonMises, WrappedMultivariateNormal, WrappedNormal
from topovae.distributions.wrapped_normal import wrap
from topovae.latent.factor import SHORTEST, WIDEST, Factor, Family, register, saturated
from topovae.signature import Isometry


def _full(loc: Tensor, scale: Tensor) -> Distribution:
    k = loc.shape[-1]
    widths, slopes = saturated(scale[..., :k]), scale[..., k:]
    rows, columns = torch.tril_indices(k, k, -1, device=scale.device)
    # Bounded slopes keep the covariance far from singular, so that its lattice of periods can be reduced in double precision.
    factor = torch.diag_embed(widths)
    factor[..., rows, columns] = widths[..., rows] * slopes / (1 + slopes.abs() / WIDEST)
    return WrappedMultivariateNormal(loc, factor, validate_args=False)


_FAMILIES = {
    "wrapped-normal": Family(
        "WrappedNormal", lambda loc, scale: Independent(WrappedNormal(loc, scale, validate_args=False), 1)
    ),
    "von-mises": Family("VonMises", lambda loc, scale: Independent(VonMises(loc, scale**-2, validate_args=False), 1)),
    "full-wrapped-normal": Family(
        "WrappedMultivariateNormal", _full, scale_dim=lambda k: k * (k + 1) // 2, kl="unbiased", span=3
    ),
}


@register("S1")
class Circle(Factor):
    """S^1 by angle in radians, embedded as (cos θ, sin θ), with wrapped normal posteriors and a uniform prior.

    The concentration of a von Mises posterior is 1 / scale². Full wrapped normal posteriors are joint ones of up to three
    neighbouring circles: the Cholesky factor of their covariance has the scales on its diagonal and, below it, in each row
    the slopes times the scale.
    """

    coordinate_dim, embedding_dim, scale_dim = 1, 2, 1
    prior_name, volume = "CircleUniform", 2 * math.pi
    families = _FAMILIES

    def locate(self, embedded: Tensor) -> Tensor:
        x, y = embedded[..., :1], embedded[..., 1:]
        # atan2 has no gradient at the origin: a vector too short to have one is read as angle 0, with a zero gradient.
        short = torch.maximum(x.abs(), y.abs()) < SHORTEST
        return torch.atan2(torch.where(short, 0.0, y), torch.where(short, 1.0, x))

    def prior(self, like: Tensor) -> Distribution:
        return Independent(CircleUniform(torch.Size((1,)), like.dtype, like.device), 1)

    def embed(self, coordinates: Tensor) -> Tensor:
        return torch.cat([torch.cos(coordinates), torch.sin(coordinates)], -1)

    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        return wrap(isometry.sign * coordinates + 2 * math.pi * float(isometry.turn))

    def isometry_matrix(self, isometry: Isometry) -> Tensor:
        angle = 2 * math.pi * float(isometry.turn)
        c, s = math.cos(angle), math.sin(angle)
        reflection = torch.diag(torch.tensor([1.0, isometry.sign], dtype=torch.float64))
        return torch.tensor([[c, -s], [s, c]], dtype=torch.float64) @ reflection

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return wrap(a - b).abs()[..., 0]

    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        return wrap(a + t * wrap(b - a))
