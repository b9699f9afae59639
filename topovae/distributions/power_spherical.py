"""The power spherical distribution."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Gamma, constraints, register_kl
from torch.types import _size

from topovae.distributions.uniform import SphereUniform, log_sphere_area, uniform_tangent

_ASYMPTOTIC_FROM = 20.0


def _log_gamma_ratio(a: Tensor, b: float) -> Tensor:
    """log Γ(a + b) − log Γ(a) for b a multiple of 1/2, without the cancellation of large a."""
    whole = int(b)
    steps = sum((torch.log(a + b - i - 1) for i in range(whole)), torch.zeros_like(a))
    if b == whole:
        return steps
    small, r = a.clamp(max=_ASYMPTOTIC_FROM), 1 / a.clamp(min=_ASYMPTOTIC_FROM)
    direct = torch.lgamma(small + 0.5) - torch.lgamma(small)
    series = -0.5 * torch.log(r) - r / 8 + r**3 / 192 - r**5 / 640
    return steps + torch.where(a < _ASYMPTOTIC_FROM, direct, series)


def _digamma_difference(a: Tensor, b: float) -> Tensor:
    """ψ(a + b) − ψ(a), the derivative of `_log_gamma_ratio` in a."""
    whole = int(b)
    steps = sum((1 / (a + b - i - 1) for i in range(whole)), torch.zeros_like(a))
    if b == whole:
        return steps
    small, r = a.clamp(max=_ASYMPTOTIC_FROM), 1 / a.clamp(min=_ASYMPTOTIC_FROM)
    direct = torch.digamma(small + 0.5) - torch.digamma(small)
    series = r / 2 + r**2 / 8 - r**4 / 64 + r**6 / 128
    return steps + torch.where(a < _ASYMPTOTIC_FROM, direct, series)


class PowerSpherical(Distribution):
    r"""The law on S^d with density proportional to a power of 1 + cos of the angle to `loc`.

    .. math:: p(z) = \frac{Γ(a + b)}{2^{a+b} π^b Γ(a)} (1 + μ^⊤ z)^κ, \quad a = d/2 + κ,\; b = d/2

    Args:
        loc: mean direction μ, unit vectors of shape (..., d + 1).
        concentration: κ ≥ 0 of shape (...).

    References:
        De Cao and Aziz, The Power Spherical distribution (2020), equations 6 to 11.

    Example:
        >>> q = PowerSpherical(torch.tensor([0.0, 0.0, 1.0]), torch.tensor(3.0))
        >>> round(torch.distributions.kl_divergence(q, SphereUniform(2)).item(), 6)
        0.636294
    """

    arg_constraints: ClassVar = {"loc": constraints.real_vector, "concentration": constraints.nonnegative}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args: bool | None = None) -> None:
        batch = torch.broadcast_shapes(loc.shape[:-1], concentration.shape)
        self.loc = loc.expand(*batch, loc.shape[-1])
        self.concentration = concentration.expand(batch)
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)

    @property
    def dim(self) -> int:
        """Dimension d of the sphere."""
        return self.loc.shape[-1] - 1

    @property
    def mean_direction(self) -> Tensor:
        """μ, unit vectors of shape (..., d + 1)."""
        return self.loc

    def expand(self, batch_shape: _size, _instance: object = None) -> PowerSpherical:
        loc = self.loc.expand(*batch_shape, self.dim + 1)
        return PowerSpherical(loc, self.concentration.expand(batch_shape), validate_args=False)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        loc, kappa = self.loc.expand(shape), self.concentration.expand(shape[:-1])
        # y = (1 − cos of the angle to loc) / 2 is small when κ is large, where 1 − t would cancel.
        y = self._sample_y(kappa).clamp(torch.finfo(loc.dtype).tiny, 1 - torch.finfo(loc.dtype).eps)[..., None]
        return (1 - 2 * y) * loc + 2 * torch.sqrt(y * (1 - y)) * uniform_tangent(loc)

    def _sample_y(self, kappa: Tensor) -> Tensor:
        b = self.dim / 2
        if self.dim == 2:
            exponential = torch.empty_like(kappa).exponential_()
            return -torch.expm1(-exponential / (1 + kappa))
        # Beta(b, b + κ) as a ratio of gammas: torch's own gradient of a Beta is wrong for large κ in single precision.
        near = Gamma(torch.full_like(kappa, b), 1.0, validate_args=False).sample()
        far = Gamma(b + kappa, 1.0, validate_args=False).rsample()
        return near / (near + far)

    def log_prob(self, value: Tensor) -> Tensor:
        b = self.dim / 2
        quarter_chord = (value - self.loc).square().sum(-1) / 4
        quarter_chord = quarter_chord.clamp(max=1 - torch.finfo(value.dtype).eps)
        log_normaliser = _log_gamma_ratio(b + self.concentration, b) - 2 * b * math.log(2) - b * math.log(math.pi)
        return log_normaliser + self.concentration * torch.log1p(-quarter_chord)

    def entropy(self) -> Tensor:
        """Differential entropy in nats."""
        b = self.dim / 2
        a = b + self.concentration
        log_normaliser = _log_gamma_ratio(a, b) - 2 * b * math.log(2) - b * math.log(math.pi)
        return self.concentration * _digamma_difference(a, b) - log_normaliser


@register_kl(PowerSpherical, SphereUniform)
def _kl_power_spherical_uniform(q: PowerSpherical, p: SphereUniform) -> Tensor:
    return log_sphere_area(q.dim) - q.entropy()
