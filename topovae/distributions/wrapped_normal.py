"""The normal distribution wrapped around the circle."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl
from torch.types import _size

from topovae.distributions.course import constant
from topovae.distributions.gradients import with_slopes
from topovae.distributions.uniform import CircleUniform

# Where the images of the normal serve as the density, and where its Fourier series does (radians); both are exact to
# double precision well beyond the meeting point.
_DENSITY_MEETING = 1.5
# Below this scale the entropy is that of the normal to 1e-9, above it the series below have converged.
_ENTROPY_MEETING = 0.5
# From this scale on the law is uniform to the last bit of double precision.
_UNIFORM_FROM = 40.0
# A polynomial of this degree gives the divergence there to 1e-13 of its value.
_DEGREE = 40
_LARGEST_Q = math.exp(-(_ENTROPY_MEETING**2))


def wrap(angle: Tensor) -> Tensor:
    """The same angle in [−π, π], in radians; its derivative is 1 everywhere."""
    return angle - (2 * math.pi) * torch.round(angle.detach() / (2 * math.pi))


def _divergence_series(t: np.ndarray) -> np.ndarray:
    """KL(WN ‖ uniform) at variances t ≥ 0.2, by the series of its entropy and, for the Euler function, its dual.

    References:
        Mardia and Jupp, Directional Statistics, section 3.5.7. Apostol, Modular Functions and Dirichlet Series in Number
        Theory, theorem 3.1 (the modular transformation of Dedekind's η, for t < 2π).
    """
    n = np.arange(1, 24)
    dual = t < 2 * np.pi
    u = np.where(dual, 4 * np.pi**2 / t, t)
    log_euler = np.log1p(-np.exp(-n * u[:, None])).sum(-1)
    log_euler += np.where(dual, 0.5 * np.log(2 * np.pi / t) + t / 24 - np.pi**2 / (6 * t), 0.0)
    m = 0.5 * (n * n + n)
    terms = np.where(n % 2 == 0, 2.0, -2.0) / n * np.exp(-m * t[:, None]) / -np.expm1(-n * t[:, None])
    return log_euler - terms.sum(-1)


@cache
def _divergence_table() -> np.ndarray:
    """Chebyshev coefficients (k, 2) of KL / q and of its derivative in q = exp(−scale²), for q from 0 to `_LARGEST_Q`.

    The divergence is a power series in q, which converges up to 1.
    """

    def share(x: Any) -> Any:
        q = np.maximum(_LARGEST_Q * (x + 1) / 2, 1e-6)
        return _divergence_series(-np.log(q)) / q

    value = np.polynomial.chebyshev.chebinterpolate(share, _DEGREE)
    slope = np.polynomial.chebyshev.chebder(value) * (2 / _LARGEST_Q)
    return np.stack([value, np.append(slope, 0.0)], -1)


def _kl_to_uniform(scale: Tensor) -> Tensor:
    """KL(WN(loc, scale) ‖ uniform) in nats, exact: log 2π − H; it and its derivative by one polynomial each."""
    with torch.no_grad():
        sigma = scale.clamp(_ENTROPY_MEETING, _UNIFORM_FROM)
        q = torch.exp(-sigma.square())
        degrees = torch.arange(_DEGREE + 1, dtype=scale.dtype, device=scale.device)
        chebyshev = torch.cos(degrees * torch.acos(((2 / _LARGEST_Q) * q - 1).clamp(-1, 1))[..., None])
        table = constant(_divergence_table(), scale)
        share, share_slope = (chebyshev @ table).unbind(-1)
        value, slope = q * share, -2 * sigma * q * (share + q * share_slope)
        narrow = scale < _ENTROPY_MEETING
        value = torch.where(narrow, 0.5 * math.log(2 * math.pi / math.e) - torch.log(scale), value)
        slope = torch.where(narrow, -1 / scale, slope)
    return with_slopes(value, (scale, slope))


def _by_images(offset: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log density at an angle from loc by the images of the normal, and its derivatives in the angle and the scale."""
    turns = 2 * math.pi * torch.arange(-2, 3, dtype=offset.dtype, device=offset.device)
    y = (offset[..., None] + turns) / scale[..., None]
    exponents = -0.5 * y.square()
    log_sum = torch.logsumexp(exponents, -1, keepdim=True)
    shares = torch.exp(exponents - log_sum)
    log_density = log_sum[..., 0] - torch.log(scale) - 0.5 * math.log(2 * math.pi)
    return log_density, -(shares * y).sum(-1) / scale, ((shares * y.square()).sum(-1) - 1) / scale


def _by_waves(offset: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same by the Fourier series of the density."""
    n = torch.arange(1, 8, dtype=offset.dtype, device=offset.device)
    sigma = scale.clamp(_DENSITY_MEETING, _UNIFORM_FROM)
    heights = 2 * torch.exp(-0.5 * (n * sigma[..., None]).square())
    angles = n * offset[..., None]
    waves = heights * torch.cos(angles)
    excess = waves.sum(-1)
    density = 1 + excess
    by_offset = -(heights * n * torch.sin(angles)).sum(-1) / density
    by_scale = -sigma * (waves * n.square()).sum(-1) / density * (scale < _UNIFORM_FROM)
    return torch.log1p(excess) - math.log(2 * math.pi), by_offset, by_scale


class WrappedNormal(Distribution):
    r"""The law of (loc + scale · ε) mod 2π for a standard normal ε.

    .. math:: p(θ) = \sum_k N(θ + 2πk; loc, scale²)

    Args:
        loc: mean direction in radians, any shape.
        scale: standard deviation of the unwrapped normal in radians, positive, broadcast against `loc`.

    Example:
        >>> q = WrappedNormal(torch.tensor(0.0), torch.tensor(1.52))
        >>> round(torch.distributions.kl_divergence(q, CircleUniform()).item(), 4)
        0.1038
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, validate_args: bool | None = None) -> None:
        self.loc, self.scale = torch.broadcast_tensors(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: object = None) -> WrappedNormal:
        return WrappedNormal(self.loc.expand(batch_shape), self.scale.expand(batch_shape), validate_args=False)

    @property
    def mean_direction(self) -> Tensor:
        """The mean direction in radians, in [−π, π]."""
        return wrap(self.loc)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        noise = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        return wrap(self.loc + self.scale.clamp(max=_UNIFORM_FROM) * noise)

    def log_prob(self, value: Tensor) -> Tensor:
        offset, scale = torch.broadcast_tensors(wrap(value - self.loc), self.scale)
        with torch.no_grad():
            narrow = scale <= _DENSITY_MEETING
            parts = zip(_by_images(offset, scale.clamp(max=_DENSITY_MEETING)), _by_waves(offset, scale), strict=True)
            log_density, by_offset, by_scale = (torch.where(narrow, images, waves) for images, waves in parts)
        return with_slopes(log_density, (offset, by_offset), (scale, by_scale))

    def entropy(self) -> Tensor:
        """Differential entropy in nats."""
        return math.log(2 * math.pi) - _kl_to_uniform(self.scale)


@register_kl(WrappedNormal, CircleUniform)
def _kl_wrapped_normal_uniform(q: WrappedNormal, p: CircleUniform) -> Tensor:
    return _kl_to_uniform(q.scale)
