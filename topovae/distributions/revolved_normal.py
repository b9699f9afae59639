"""Normals wrapped on the two angles of a torus of revolution, as a law on the surface."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.types import _size

from topovae.distributions.brownian import TorusOfRevolution
from topovae.distributions.wrapped_normal import WrappedNormal


class RevolvedNormal(Distribution):
    r"""The law of the point of a torus of revolution whose angles are independent wrapped normals.

    With ρ = major + minor cos v the distance of the point from the axis, its density by area is

    .. math:: WN(u; u_0, s / ρ_0)\, WN(v; v_0, s / minor) / (minor\, ρ)

    so that for small s it is a normal of standard deviation s in the tangent plane, as Brownian motion is after the time s².

    Args:
        torus: the surface.
        angles: (..., 2) about the axis and about the tube, radians.
        scale: (...) s, in the units of the radii, positive.

    Example:
        >>> q = RevolvedNormal(TorusOfRevolution(), torch.zeros(2), torch.tensor(0.1))
        >>> tuple(q.sample().shape), round(q.log_prob(torch.tensor([1.5, 0.0, 0.0])).item(), 4)
        ((3,), 2.7673)
    """

    arg_constraints: ClassVar = {"angles": constraints.real_vector, "scale": constraints.positive}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, torus: TorusOfRevolution, angles: Tensor, scale: Tensor, validate_args: bool | None = None) -> None:
        self.torus, self.angles, self.scale = torus, angles, scale
        around = torch.stack([self._radius(angles[..., 1]), torch.full_like(scale, torus.minor)], -1)
        self.normal = WrappedNormal(angles, scale[..., None] / around, validate_args=False)
        super().__init__(scale.shape, torch.Size((3,)), validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: object = None) -> RevolvedNormal:
        angles, scale = self.angles.expand(*batch_shape, 2), self.scale.expand(batch_shape)
        return RevolvedNormal(self.torus, angles, scale, validate_args=False)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        return self.torus.at(self.normal.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        angles = self.torus.angles(value)
        area = self.torus.minor * self._radius(angles[..., 1])
        return self.normal.log_prob(angles).sum(-1) - torch.log(area)

    def _radius(self, v: Tensor) -> Tensor:
        return self.torus.major + self.torus.minor * torch.cos(v)
