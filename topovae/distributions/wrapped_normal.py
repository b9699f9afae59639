"""The normal distribution wrapped around the circle."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal, constraints, register_kl
from torch.types import _size

from topovae.distributions.uniform import CircleUniform

# Where the images of the normal serve as the density, and where its Fourier series does (radians); both are exact to
# double precision well beyond the meeting point.
_DENSITY_MEETING = 1.5
# Below this scale the entropy is that of the normal to 1e-9, above it the series below have converged.
_ENTROPY_MEETING = 0.5
# From this scale on the law is uniform to the last bit of double precision.
_UNIFORM_FROM = 40.0


def wrap(angle: Tensor) -> Tensor:
    """The same angle in [−π, π], in radians; its derivative is 1 everywhere."""
    return angle - (2 * math.pi) * torch.round(angle.detach() / (2 * math.pi))


def _log_euler_function(t: Tensor) -> tuple[Tensor, Tensor]:
    """log ∏ (1 − e^{−nt}) and its derivative in t, through the modular transformation of Dedekind's η where t < 2π.

    References:
        Apostol, Modular Functions and Dirichlet Series in Number Theory, theorem 3.1.
    """
    n = torch.arange(1, 8, dtype=t.dtype, device=t.device)
    dual = t < 2 * math.pi
    u = torch.where(dual, 4 * math.pi**2 / t, t)
    nu = n * u[..., None]
    value = torch.log1p(-torch.exp(-nu)).sum(-1)
    slope = (n / torch.expm1(nu)).sum(-1)
    dual_value = value + 0.5 * torch.log(2 * math.pi / t) + t / 24 - math.pi**2 / (6 * t)
    dual_slope = -slope * u / t - 0.5 / t + 1 / 24 + math.pi**2 / (6 * t * t)
    return torch.where(dual, dual_value, value), torch.where(dual, dual_slope, slope)


class _UniformDivergence(torch.autograd.Function):
    """KL(WN(loc, scale) ‖ uniform) in nats, exact: log 2π − H; and its derivative, which shares the terms of its series.

    References:
        Mardia and Jupp, Directional Statistics, section 3.5.7 (density and Euler function).
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(scale: Tensor) -> tuple[Tensor, Tensor]:
        sigma = scale.clamp(_ENTROPY_MEETING, _UNIFORM_FROM)
        t = sigma.square()
        n = torch.arange(1, 19, dtype=t.dtype, device=t.device)
        nt = n * t[..., None]
        m = 0.5 * (n * n + n)
        terms = torch.where(n % 2 == 0, 2.0, -2.0) / n * torch.exp(-m * t[..., None]) / -torch.expm1(-nt)
        value, slope = _log_euler_function(t)
        value = value - terms.sum(-1)
        slope = 2 * sigma * (slope + (terms * (m + n / torch.expm1(nt))).sum(-1))
        narrow = scale < _ENTROPY_MEETING
        narrow_value = math.log(2 * math.pi) - 0.5 * math.log(2 * math.pi * math.e) - torch.log(scale)
        return torch.where(narrow, narrow_value, value), torch.where(narrow, -1 / scale, slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> Tensor:
        return gradient * ctx.saved_tensors[0]


def _kl_to_uniform(scale: Tensor) -> Tensor:
    return _UniformDivergence.apply(scale)[0]


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
        offset = wrap(value - self.loc)
        narrow, wide = self.scale.clamp(max=_DENSITY_MEETING), self.scale.clamp(_DENSITY_MEETING, _UNIFORM_FROM)
        turns = 2 * math.pi * torch.arange(-2, 3, dtype=offset.dtype, device=offset.device)
        images = Normal(0.0, narrow[..., None], validate_args=False).log_prob(offset[..., None] + turns)
        n = torch.arange(1, 8, dtype=offset.dtype, device=offset.device)
        waves = torch.exp(-0.5 * (n * wide[..., None]).square()) * torch.cos(n * offset[..., None])
        fourier = torch.log1p(2 * waves.sum(-1)) - math.log(2 * math.pi)
        return torch.where(self.scale <= _DENSITY_MEETING, torch.logsumexp(images, -1), fourier)

    def entropy(self) -> Tensor:
        """Differential entropy in nats."""
        return math.log(2 * math.pi) - _kl_to_uniform(self.scale)


@register_kl(WrappedNormal, CircleUniform)
def _kl_wrapped_normal_uniform(q: WrappedNormal, p: CircleUniform) -> Tensor:
    return _kl_to_uniform(q.scale)
