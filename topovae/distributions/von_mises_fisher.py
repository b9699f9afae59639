"""The von Mises–Fisher distribution, and the law of the angle to its mean direction, which the von Mises law shares."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import register_kl
from torch.types import _size

from topovae.distributions.course import constant, first_accepted
from topovae.distributions.spherical import Spherical
from topovae.distributions.uniform import SphereUniform, log_sphere_area, uniform_tangent

# Where a density is farther than this many nats below its peak, it is not integrated.
_DEPTH = 41.0
# Up to this dimension the rules with fewer nodes are exact to 1e-10.
_FEW = 10
# A proposal is accepted with a probability above this, which it comes near for d = 1 and κ → ∞: 0.6577 (Best and Fisher).
_ACCEPTANCE = 0.65
# Below this concentration three terms of its power series give the divergence to 1e-10 of its value.
_SERIES_BELOW = 0.03


@cache
def _rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 + nodes / 2, weights / 2


def _legendre(start: Tensor, stop: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights of Gauss–Legendre rules between tensors of any shape, along a new last axis."""
    nodes, weights = (constant(part, start) for part in _rule(n))
    span = (stop - start)[..., None]
    return start[..., None] + span * nodes, span * weights


def _depth(dim: int) -> float:
    """κ times the fall of the cosine over which sin^{d−1} exp(κ cos) falls by `_DEPTH` nats, beyond its mode."""
    depth = _DEPTH
    if dim > 1:
        for _ in range(5):
            depth = _DEPTH + (dim - 1) / 2 * math.log1p(2 * depth / (dim - 1))
    return depth


def _reach(angle: Tensor, concentration: Tensor, dim: int) -> Tensor:
    """The angle from which the density is negligible beside that at `angle`, itself beyond the mode."""
    height = torch.sin(angle / 2).square() + _depth(dim) / (2 * concentration)
    end = 2 * torch.asin(torch.sqrt(height.clamp(max=1.0)))
    # log sin^{d−1} is concave with curvature at least d − 1.
    return end if dim == 1 else torch.minimum(end, angle + math.sqrt(2 * _DEPTH / (dim - 1)))


def _narrow(dim: int) -> float:
    """The fraction of an angle, itself up to the mode, below which the density is negligible beside that at the angle."""
    return 0.0 if dim == 1 else max(0.0, 1 - math.sqrt(_DEPTH / (dim - 1)))


class _Mass(torch.autograd.Function):
    """log ∫ exp(κ (cos − 1)) over S^d, and mean, variance and third central moment of the fall 1 − cos.

    Each is minus the derivative of the one before, so derivatives up to the second of the mean are exact.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(kappa: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if dim == 1:
            mode = torch.zeros_like(kappa)
        else:
            root = torch.hypot(torch.full_like(kappa, dim - 1), 2 * kappa)
            # (1 − cos of the mode) / 2, where (d − 1) cos = κ sin².
            height = (dim - 1) / 2 * (1 + (dim - 1) / (root + 2 * kappa)) / (root + dim - 1)
            mode = 2 * torch.asin(torch.sqrt(height))
        angles, weights = _legendre(_narrow(dim) * mode, _reach(mode, kappa, dim), 32 if dim <= _FEW else 80)
        fall, peak = 2 * torch.sin(angles / 2).square(), 2 * torch.sin(mode / 2).square()
        density = weights * torch.exp(-kappa[..., None] * (fall - peak[..., None]))
        log_mass = -kappa * peak + log_sphere_area(dim - 1)
        if dim > 1:
            sine = torch.sin(mode)
            density = density * (torch.sin(angles) / sine[..., None]) ** (dim - 1)
            log_mass = log_mass + (dim - 1) * torch.log(sine)
        mass = density.sum(-1)
        mean = (density * fall).sum(-1) / mass
        deviation = fall - mean[..., None]
        spread = density * deviation.square()
        return log_mass + torch.log(mass), mean, spread.sum(-1) / mass, (spread * deviation).sum(-1) / mass

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(output[3])
        ctx.save_for_backward(*output[1:])

    @staticmethod
    def backward(ctx: Any, mass: Tensor, mean: Tensor, variance: Tensor, _: Tensor) -> tuple[Tensor, None]:
        slopes = ctx.saved_tensors
        return -(mass * slopes[0] + mean * slopes[1] + variance * slopes[2]), None


def log_mass_and_gap(concentration: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    r"""log ∫ exp(κ (μ^⊤z − 1)) dz over the sphere S^d, and 1 − E[μ^⊤z], both differentiable in κ, in double precision.

    .. math:: \int e^{κ(μ^⊤ z − 1)} dz = \frac{2π^{d/2}}{Γ(d/2)} \int_0^π \sin^{d−1} θ \, e^{−2κ \sin²(θ/2)} dθ
        = (2π)^{ν + 1} κ^{−ν} I_ν(κ) e^{−κ}, \quad E[μ^⊤ z] = I_{ν+1}(κ) / I_ν(κ), \quad ν = (d − 1) / 2

    The integrand is entire, so that Gauss–Legendre quadrature on the part of [0, π] that carries the mass converges
    geometrically, at every κ and d alike, and no term cancels another.

    Args:
        concentration: κ ≥ 0 of any shape.
        dim: dimension d ≥ 1 of the sphere.

    References:
        Mardia and Jupp, Directional Statistics, equations 9.3.4 and 9.3.7; NIST DLMF, equation 10.32.2.
    """
    log_mass, gap, _, _ = _Mass.apply(concentration.double(), dim)
    return log_mass, gap


def divergence_from_uniform(concentration: Tensor, dim: int) -> Tensor:
    r"""KL(vMF(μ, κ) ‖ uniform) on S^d in nats, κ (A(κ) − 1) − log E_U exp(κ (μ^⊤z − 1)); in double precision."""
    kappa = concentration.double()
    log_mass, gap = log_mass_and_gap(kappa, dim)
    value = log_sphere_area(dim) - log_mass - kappa * gap
    order, small = (dim + 1) / 2, (kappa.clamp(max=_SERIES_BELOW) / 2).square() / ((dim + 1) / 2)
    series = small - 1.5 * small**2 / (order + 1) + 10 / 3 * small**3 / ((order + 1) * (order + 2))
    return torch.where(kappa < _SERIES_BELOW, series, value)


def _draw(concentration: Tensor, dim: int) -> Tensor:
    """Angles to the mean direction, one for each of the concentrations, in double precision."""
    kappa = concentration.double()
    if dim == 2:
        rate = 2 * kappa.clamp(min=1e-300)
        height = -torch.log1p(torch.rand_like(rate) * torch.expm1(-rate)) / rate
        return 2 * torch.asin(torch.sqrt(height.clamp(0.0, 1.0)))
    return first_accepted(lambda k, n: _propose(k, n, dim), kappa, _ACCEPTANCE)


def _propose(kappa: Tensor, n: int, dim: int) -> tuple[Tensor, Tensor]:
    """Angles for concentrations (..., 1), and whether they are accepted, (..., n).

    The tangent of half the angle of a uniform point on S^d, times √b; written so that large κ loses no precision.

    References:
        Wood, Simulation of the von Mises Fisher distribution (1994); for d = 1 Best and Fisher (1979). Ulrich, Computer
        generation of distributions on the m-sphere (1984), for the height of a uniform point from two uniform numbers.
    """
    shape = (*kappa.shape[:-1], n)
    height = torch.cos(math.pi * torch.rand(shape, dtype=kappa.dtype, device=kappa.device))
    if dim > 1:
        height = height * torch.sqrt(1 - torch.rand_like(height) ** (2 / (dim - 1)))
    b = dim / (2 * kappa + torch.hypot(2 * kappa, torch.full_like(kappa, dim)))
    odds = b * (1 - height) / (1 + height).clamp(min=1e-300)
    share = odds / (1 + odds)
    log_ratio = -2 * kappa * (share - b / (1 + b)) + dim * torch.log((b + (1 - b) * share) * (1 + b) / (2 * b))
    # A concentration that is not a number is accepted, to come out as one; it would be proposed for ever.
    accepted = ~(torch.log(torch.rand_like(odds)) > log_ratio)
    return 2 * torch.atan(torch.sqrt(odds)), accepted


def _angle_slope(angle: Tensor, concentration: Tensor, dim: int) -> Tensor:
    r"""dθ/dκ along a level of the distribution function F of the angle, −(∂F/∂κ) / (∂F/∂θ); in double precision.

    .. math:: \frac{dθ}{dκ} = −\int_0^θ (\cos t − A) \frac{g(t)}{g(θ)} dt = \int_θ^π (\cos t − A) \frac{g(t)}{g(θ)} dt,
        \quad g(t) = \sin^{d−1} t \, e^{κ \cos t}, \quad A = E[\cos t]

    The first integrand is positive where cos θ > A, the second negative elsewhere: nothing cancels.

    References:
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients (2018), equation 5.
    """
    theta, kappa = angle.double().clamp(1e-150, math.pi), concentration.double()
    gap = log_mass_and_gap(kappa, dim)[1]
    height = 2 * torch.sin(theta / 2).square()
    near = height < gap
    start = torch.where(near, _narrow(dim) * theta, theta)
    stop = torch.where(near, theta, _reach(theta, kappa, dim))
    angles, weights = _legendre(start, stop, 20 if dim <= _FEW else 48)
    fall = 2 * torch.sin(angles / 2).square()
    ratio = torch.exp(-kappa[..., None] * (fall - height[..., None]))
    if dim > 1:
        ratio = ratio * (torch.sin(angles) / torch.sin(theta)[..., None]) ** (dim - 1)
    integral = (weights * (gap[..., None] - fall) * ratio).sum(-1)
    return torch.where(near, -integral, integral)


class PolarAngle(torch.autograd.Function):
    """Samples of the angle in [0, π] between a von Mises–Fisher vector and its mean direction, given the concentrations.

    The gradient is that of the inverse distribution function, whatever the sampler. Under `torch.vmap` every member of
    the batch gets its own samples.
    """

    @staticmethod
    def forward(concentration: Tensor, dim: int) -> Tensor:
        return _draw(concentration, dim).to(concentration.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], output)
        ctx.dim = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        concentration, angle = ctx.saved_tensors
        return gradient * _angle_slope(angle, concentration, ctx.dim).to(gradient.dtype), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, None], concentration: Tensor, dim: int) -> tuple[Tensor, int]:
        if in_dims[0] is None:
            batch = concentration.expand(info.batch_size, *concentration.shape)
        else:
            batch = concentration.movedim(in_dims[0], 0)
        return PolarAngle.apply(batch, dim), 0


class VonMisesFisher(Spherical):
    r"""The law on S^d with density proportional to the exponential of the cosine to `loc`.

    .. math:: p(z) = \frac{κ^ν}{(2π)^{ν+1} I_ν(κ)} e^{κ μ^⊤ z}, \quad ν = (d − 1) / 2

    Samples carry the exact gradient of the inverse distribution function in every dimension: that of the rejection
    sampler alone, which is in common use, is biased for d ≠ 2.

    Args:
        loc: mean direction μ, unit vectors of shape (..., d + 1), d ≥ 1.
        concentration: κ ≥ 0 of shape (...).

    References:
        Mardia and Jupp, Directional Statistics, section 9.3.2. Davidson et al., Hyperspherical variational auto-encoders
        (2018), equation 13 for the divergence.

    Example:
        >>> q = VonMisesFisher(torch.tensor([0.0, 0.0, 1.0]), torch.tensor(3.0))
        >>> round(torch.distributions.kl_divergence(q, SphereUniform(2)).item(), 6)
        0.809151
    """

    @property
    def mean_resultant_length(self) -> Tensor:
        """A(κ), the mean of the cosine to μ, in [0, 1)."""
        return (1 - log_mass_and_gap(self.concentration, self.dim)[1]).to(self.loc.dtype)

    @property
    def mean(self) -> Tensor:
        """A(κ) μ, the mean in the ambient space, inside the sphere."""
        return self.mean_resultant_length[..., None] * self.loc

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        loc = self.loc.expand(shape)
        angle = PolarAngle.apply(self.concentration.expand(shape[:-1]), self.dim)[..., None]
        return torch.cos(angle) * loc + torch.sin(angle) * uniform_tangent(loc)

    def log_prob(self, value: Tensor) -> Tensor:
        # 1 − cos from the chord, which keeps its precision near loc.
        fall = (value - self.loc).square().sum(-1) / 2
        log_mass, _ = log_mass_and_gap(self.concentration, self.dim)
        return -self.concentration * fall - log_mass.to(self.loc.dtype)

    def entropy(self) -> Tensor:
        """Differential entropy in nats."""
        return (log_sphere_area(self.dim) - divergence_from_uniform(self.concentration, self.dim)).to(self.loc.dtype)


@register_kl(VonMisesFisher, SphereUniform)
def _kl_von_mises_fisher_uniform(q: VonMisesFisher, p: SphereUniform) -> Tensor:
    return divergence_from_uniform(q.concentration, q.dim).to(q.loc.dtype)


@register_kl(VonMisesFisher, VonMisesFisher)
def _kl_von_mises_fisher_von_mises_fisher(q: VonMisesFisher, p: VonMisesFisher) -> Tensor:
    fall = (q.loc - p.loc).square().sum(-1) / 2
    return divergence_between(q.concentration, p.concentration, fall, q.dim).to(q.loc.dtype)


def divergence_between(of: Tensor, to: Tensor, fall: Tensor, dim: int) -> Tensor:
    """KL(vMF(μ, κ) ‖ vMF(μ', κ')) on S^d in nats, for κ `of`, κ' `to` and 1 − μ^⊤μ' `fall`; in double precision."""
    q, p = of.double(), to.double()
    (log_mass_q, gap), (log_mass_p, _) = log_mass_and_gap(q, dim), log_mass_and_gap(p, dim)
    return (p - q) * gap + p * (1 - gap) * fall.double() + log_mass_p - log_mass_q
