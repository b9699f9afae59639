"""The power spherical distribution."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import register_kl
from torch.types import _size

from topovae.distributions.spherical import Spherical
from topovae.distributions.uniform import SphereUniform, log_sphere_area, uniform_tangent

# log Γ(x + ½)/Γ(x) = ½ log x + Σ c_k x^{−k} over odd k from 1, to 1e-12 for x above the shift.
_STIRLING = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432)
_SHIFT = 8


def _odd_series(coefficients: Iterable[float], r: Tensor) -> Tensor:
    """Σ c_j r^{2j + 1}, by Horner's rule."""
    square, total = r * r, torch.zeros_like(r)
    for c in reversed(list(coefficients)):
        total = total * square + c
    return total * r


def _half_step(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log Γ(a + ½)/Γ(a) for a ≥ ½ and its first two derivatives, without the cancellation of large a.

    References:
        NIST DLMF, equations 5.11.8 (the series) and 5.5.1 (the shift).
    """
    r = 1 / (a + _SHIFT)
    value = _odd_series(_STIRLING, r) - 0.5 * torch.log(r)
    slope = r * (0.5 - _odd_series((c * (2 * j + 1) for j, c in enumerate(_STIRLING)), r))
    curvature = r * r * (_odd_series((c * (2 * j + 1) * (2 * j + 2) for j, c in enumerate(_STIRLING)), r) - 0.5)
    steps = torch.arange(_SHIFT, dtype=a.dtype, device=a.device)
    inverse = 1 / (a[..., None] + torch.cat([steps, steps + 0.5]))
    signs = torch.ones_like(steps)
    signs = torch.cat([signs, -signs])
    value = value - torch.log1p(0.5 * inverse[..., :_SHIFT]) @ signs[:_SHIFT]
    return value, slope + inverse @ signs, curvature - inverse.square() @ signs


class _LogGammaRatio(torch.autograd.Function):
    """log Γ(a + b)/Γ(a) for a ≥ ½ and b a multiple of ½, and its first two derivatives in a.

    Each is the derivative of the one before, so derivatives of the second are exact.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, b: float) -> tuple[Tensor, Tensor, Tensor]:
        whole = int(b)
        value, slope, curvature = _half_step(a) if b > whole else (torch.zeros_like(a) for _ in range(3))
        for i in range(whole):
            r = 1 / (a + (b - i - 1))
            value, slope, curvature = value - torch.log(r), slope + r, curvature - r * r
        return value, slope, curvature

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(output[2])
        ctx.save_for_backward(*output[1:])

    @staticmethod
    def backward(ctx: Any, value: Tensor, slope: Tensor, _: Tensor) -> tuple[Tensor, None]:
        slopes = ctx.saved_tensors
        return value * slopes[0] + slope * slopes[1], None


def _exponential(like: Tensor) -> Tensor:
    return -torch.log1p(-torch.rand_like(like))


def _sample_height(concentration: Tensor, dim: int) -> Tensor:
    r"""(1 − cos of the angle to loc) / 2 of a power spherical vector, Beta(d/2, d/2 + κ), by smooth functions of κ.

    One minus it is a product of U^{1/(a + i)}, and for odd d of one minus a Beta(½, a) variate, that is T²/(T² + 2a)
    for a Student t variate T of 2a degrees of freedom, which the polar method draws.

    References:
        Devroye, Non-uniform random variate generation (1986), section IX.4. Bailey, Polar generation of random variates
        with the t-distribution (1994).
    """
    rate, log_rest = concentration + dim / 2, torch.zeros_like(concentration)
    if dim % 2:
        cosine = torch.cos(2 * math.pi * torch.rand_like(rate))
        log_rest = -torch.log1p(cosine.square() * torch.expm1(_exponential(rate) / rate))
        rate = rate + 0.5
    for i in range(dim // 2):
        log_rest = log_rest - _exponential(rate) / (rate + i)
    return -torch.expm1(log_rest)


class PowerSpherical(Spherical):
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

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        loc, limits = self.loc.expand(shape), torch.finfo(self.loc.dtype)
        # The height is small when κ is large, where the cosine would cancel.
        height = _sample_height(self.concentration.expand(shape[:-1]), self.dim)
        height = height.clamp(limits.tiny, 1 - limits.eps)[..., None]
        return (1 - 2 * height) * loc + 2 * torch.sqrt(height * (1 - height)) * uniform_tangent(loc)

    def _log_normaliser(self) -> tuple[Tensor, Tensor]:
        """log of the factor of the density, and minus the mean of log((1 + μᵀz) / 2)."""
        b = self.dim / 2
        ratio, slope, _ = _LogGammaRatio.apply(b + self.concentration, b)
        return ratio - b * math.log(4 * math.pi), slope

    def log_prob(self, value: Tensor) -> Tensor:
        quarter_chord = (value - self.loc).square().sum(-1) / 4
        quarter_chord = quarter_chord.clamp(max=1 - torch.finfo(value.dtype).eps)
        return self._log_normaliser()[0] + self.concentration * torch.log1p(-quarter_chord)

    def entropy(self) -> Tensor:
        """Differential entropy in nats."""
        log_normaliser, fall = self._log_normaliser()
        return self.concentration * fall - log_normaliser


@register_kl(PowerSpherical, SphereUniform)
def _kl_power_spherical_uniform(q: PowerSpherical, p: SphereUniform) -> Tensor:
    return log_sphere_area(q.dim) - q.entropy()
