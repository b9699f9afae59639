"""Brownian motion on spheres and other closed submanifolds, stopped at a given time."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl
from torch.types import _size

from topovae.distributions.course import constant, first_accepted
from topovae.distributions.uniform import ClosedUniform, SphereUniform, log_sphere_area, uniform_tangent
from topovae.distributions.wrapped_normal import WrappedNormal, _kl_to_uniform

# Below this time the heat kernels of S² and S³ are those of their images along geodesics, above it their spectral series.
# Either is exact to 2e-11 there.
_MEETING = 0.8
# From this time on the law is uniform to the last bit of double precision.
_UNIFORM_FROM = 80.0
# Farther below its start than this many nats, an integrand is not integrated.
_DEPTH = 41.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


@runtime_checkable
class Submanifold(Protocol):
    """A closed submanifold of R^m, of dimension `dim` and total `volume`, with the metric of R^m."""

    dim: int
    ambient_dim: int
    volume: float

    def project(self, x: Tensor) -> Tensor:
        """The nearest points to x of shape (..., m), with finite gradients everywhere."""

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """The scalar curvature at points of the manifold, of the batch shape."""

    def uniform(self, like: Tensor) -> Tensor:
        """Points drawn from the normalised volume, one for each of `like` (..., m) and in its dtype."""


def _direction(x: Tensor, default: Tensor) -> Tensor:
    """x / |x|, and a constant where x is too short to have a direction."""
    # Long vectors are shortened first: their squares overflow.
    x = x / x.detach().abs().amax(-1, keepdim=True).clamp(min=1.0)
    square = x.square().sum(-1, keepdim=True)
    short = square < torch.finfo(x.dtype).tiny ** 0.5
    return torch.where(short, default, x / torch.sqrt(torch.where(short, 1.0, square)))


class RoundSphere:
    """The unit sphere S^dim of R^(dim+1)."""

    def __init__(self, dim: int) -> None:
        self.dim, self.ambient_dim = dim, dim + 1
        self.volume = math.exp(log_sphere_area(dim))

    def project(self, x: Tensor) -> Tensor:
        return _direction(x, torch.eye(self.ambient_dim, dtype=x.dtype, device=x.device)[0])

    def scalar_curvature(self, x: Tensor) -> Tensor:
        return torch.full_like(x[..., 0], self.dim * (self.dim - 1))

    def uniform(self, like: Tensor) -> Tensor:
        return SphereUniform(self.dim, torch.Size(like.shape[:-1]), like.dtype, like.device).sample()


class TorusOfRevolution:
    """The torus of R^3 swept by a circle of radius `minor` whose centre runs around one of radius `major` > `minor`."""

    dim, ambient_dim = 2, 3

    def __init__(self, major: float = 1.0, minor: float = 0.5) -> None:
        if not major > minor > 0:
            raise ValueError(f"a torus of revolution needs major > minor > 0, got major {major} and minor {minor}")
        self.major, self.minor = major, minor
        self.volume = 4 * math.pi**2 * major * minor

    def project(self, x: Tensor) -> Tensor:
        east = constant([1.0, 0.0], x)
        outward = _direction(x[..., :2], east)
        centre = torch.cat([self.major * outward, torch.zeros_like(x[..., :1])], -1)
        default = torch.cat([outward, torch.zeros_like(x[..., :1])], -1)
        return centre + self.minor * _direction(x - centre, default)

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """2 cos v / (minor ρ) at the angle v of the tube, for the distance ρ of the point from the axis."""
        rho = torch.linalg.vector_norm(x[..., :2], dim=-1)
        return 2 * (rho - self.major) / (self.minor**2 * rho)

    def at(self, angles: Tensor) -> Tensor:
        """The points (..., 3) at angles (..., 2) about the axis and about the tube, radians."""
        u, v = angles[..., 0], angles[..., 1]
        rho = self.major + self.minor * torch.cos(v)
        return torch.stack([rho * torch.cos(u), rho * torch.sin(u), self.minor * torch.sin(v)], -1)

    def angles(self, points: Tensor) -> Tensor:
        """The inverse of `at`."""
        outward = torch.linalg.vector_norm(points[..., :2], dim=-1) - self.major
        return torch.stack([torch.atan2(points[..., 1], points[..., 0]), torch.atan2(points[..., 2], outward)], -1)

    def uniform(self, like: Tensor) -> Tensor:
        # The density of the tube's angle is proportional to ρ: mirrored where that is due, no draw is rejected.
        u, v = (2 * math.pi * torch.rand_like(like[..., 0]) for _ in range(2))
        mirror = torch.rand_like(u) * 2 > 1 + self.minor / self.major * torch.cos(v)
        return self.at(torch.stack([u, torch.where(mirror, math.pi - v, v)], -1))


class ManifoldUniform(ClosedUniform):
    """The uniform law on a closed submanifold.

    Args:
        manifold: where the law lives.
        batch_shape: shape of independent copies.
        dtype, device: of the samples.
    """

    support = constraints.real_vector

    def __init__(
        self,
        manifold: Submanifold,
        batch_shape: torch.Size = torch.Size(),  # noqa: B008
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.manifold = manifold
        super().__init__(math.log(manifold.volume), batch_shape, torch.Size((manifold.ambient_dim,)), dtype, device)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        return self.manifold.uniform(self._like.new_empty(self._extended_shape(sample_shape)))


def _sinc(x: Tensor) -> Tensor:
    """sin x / x."""
    return torch.sinc(x / math.pi)


def _unit_decay(x: Tensor) -> Tensor:
    """(1 − e^{−x}) / x for x ≥ 0, with its derivative."""
    series = 1 - x / 2 + x.square() / 6
    away = torch.where(x < 1e-4, 1.0, x)
    return torch.where(x < 1e-4, series, -torch.expm1(-away) / away)


def _log_image_correction_2(angle: Tensor, time: Tensor) -> Tensor:
    r"""log of the heat kernel of S² over the flat e^{t/8} (2πt)^{-1} e^{−r²/2t}, for times below `_MEETING`.

    The spectral series becomes, by the Mehler–Dirichlet integral of the Legendre polynomials and Poisson summation,

    .. math:: p = \frac{\sqrt 2 e^{t/8}}{(2πt)^{3/2}} \int_r^{2π-r} \frac{φ\, e^{-φ^2/2t}}{\sqrt{\cos r - \cos φ}} dφ

    up to images smaller by e^{−2π²/t}. With φ² = r² + 4π(π − r) sin²(θ/2) the integrand is smooth in θ, its ends included.

    References:
        Chavel, Eigenvalues in Riemannian geometry (1984), section X.2; NIST Digital Library, equation 14.12.1.
    """
    gap = math.pi - angle
    weight = 2 * math.pi * gap / time
    sine = torch.sqrt((_DEPTH / weight.clamp(min=1e-30)).clamp(max=1.0))
    reach = 2 * torch.asin(sine.clamp(max=1.0)).detach()
    column = (-1,) + (1,) * angle.ndim
    nodes, weights = (constant(part, angle).reshape(column) for part in (0.5 + _NODES / 2, _WEIGHTS / 2))
    half = reach * nodes / 2
    rise = torch.sin(half).square()
    phi = torch.sqrt(angle.square() + 4 * math.pi * gap * rise)
    # φ − r and 2π − φ − r without cancellation: cos r − cos φ = 2 sin(above / 2) sin(below / 2).
    above = 4 * math.pi * gap * rise / (phi + angle)
    below = 4 * math.pi * gap * torch.cos(half).square() / (2 * math.pi - angle + phi)
    stretch = _sinc(above / 2) * _sinc(below / 2) / ((phi + angle) * (2 * math.pi - angle + phi))
    integrand = weights * torch.exp(-weight * rise) / torch.sqrt(stretch)
    return torch.log(reach * integrand.sum(0)) - 0.5 * torch.log(time) - 0.5 * math.log(2 * math.pi)


def _log_image_correction_3(angle: Tensor, time: Tensor) -> Tensor:
    r"""log of the heat kernel of S³ over the flat e^{t/2} (2πt)^{-3/2} e^{−r²/2t}, for times below `_MEETING`.

    .. math:: p = \frac{e^{t/2}}{(2πt)^{3/2}} \sum_k \frac{r + 2πk}{\sin r} e^{-(r + 2πk)^2/2t}

    The images of opposite signs that meet at r = 0 and at r = π are added in closed form.
    """
    gap = math.pi - angle
    near = angle < math.pi / 2
    r, a = torch.where(near, angle, 1.0), torch.where(near, 1.0, gap)
    back, on = torch.exp(-2 * math.pi * (math.pi - r) / time), torch.exp(-2 * math.pi * (math.pi + r) / time)
    pair = 8 * math.pi**2 / time * back * _unit_decay(4 * math.pi * r / time)
    at_start = (1 + back + on - pair) / _sinc(r)
    mirrored = torch.exp(-2 * math.pi * a / time)
    at_end = (2 * math.pi**2 / time * _unit_decay(2 * math.pi * a / time) - 1 - mirrored) / _sinc(a)
    return torch.log(torch.where(near, at_start, at_end))


def _log_spectral(dim: int, angle: Tensor, time: Tensor) -> Tensor:
    """log of the heat kernel over the uniform density, for times above `_MEETING`, by its spectral series."""
    cosine = torch.cos(angle)
    previous, current = torch.ones_like(cosine), cosine if dim == 2 else 2 * cosine
    total = torch.zeros_like(cosine)
    for n in range(1, 11):
        # Legendre polynomials on S², Chebyshev's of the second kind on S³.
        multiplicity = 2 * n + 1 if dim == 2 else n + 1
        total = total + multiplicity * torch.exp(-0.5 * n * (n + dim - 1) * time) * current
        if dim == 2:
            previous, current = current, ((2 * n + 1) * cosine * current - n * previous) / (n + 1)
        else:
            previous, current = current, 2 * cosine * current - previous
    return torch.log1p(total)


_CORRECTIONS: dict[int, tuple[float, Callable[[Tensor, Tensor], Tensor]]] = {
    2: (1 / 8, _log_image_correction_2),
    3: (1 / 2, _log_image_correction_3),
}


def _log_heat_kernel(dim: int, angle: Tensor, time: Tensor) -> Tensor:
    """log of the heat kernel of S², S³ at a distance, per unit of area, for the generator ½Δ."""
    angle, time = torch.broadcast_tensors(angle, time)
    rate, correction = _CORRECTIONS[dim]
    early, late = time.clamp(max=_MEETING), time.clamp(_MEETING, _UNIFORM_FROM)
    flat = rate * early - 0.5 * dim * torch.log(2 * math.pi * early) - 0.5 * (angle / early) * angle
    images = flat + correction(angle, early)
    spectral = _log_spectral(dim, angle, late) - log_sphere_area(dim)
    return torch.where(time < _MEETING, images, spectral)


_PROPOSALS = {2: (2.0, 0.7), 3: (1.1, 0.55)}
"""By dimension: the time from which on a uniform point is accepted more often than one by the flat law, and less than how
often either is, then."""


@torch.no_grad()
def _sample_angle(dim: int, time: Tensor) -> Tensor:
    """Exact draws of the distance travelled on S², S³ in each time, by rejection."""
    return first_accepted(lambda t, n: _propose(dim, t, n), time, _PROPOSALS[dim][1])


def _propose(dim: int, time: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Distances for times (..., 1), and whether they are accepted, (..., n).

    For short times from the flat law, for long ones from the uniform law: over either, the density is largest at distance 0.
    """
    noise = torch.randn(*time.shape[:-1], n, dim + 1, dtype=time.dtype, device=time.device)
    early = time < _PROPOSALS[dim][0]
    radius = torch.linalg.vector_norm(noise[..., 1:], dim=-1)
    angle = torch.where(early, torch.sqrt(time) * radius, torch.atan2(radius, noise[..., 0]))
    inside, start = angle.clamp(0.0, math.pi), torch.zeros_like(time)
    short, long = time.clamp(max=_MEETING), time.clamp(_MEETING, _UNIFORM_FROM)
    correction = _CORRECTIONS[dim][1]
    to_uniform = _log_spectral(dim, inside, long) - _log_spectral(dim, start, long)
    to_flat = torch.where(
        time < _MEETING,
        correction(inside, short) - correction(start, short),
        to_uniform + 0.5 * (inside / long) * inside,
    ) + (dim - 1) * torch.log(_sinc(inside).clamp(min=1e-30))
    log_ratio = torch.where(early, to_flat, to_uniform)
    return angle, ~(torch.log(torch.rand_like(angle)) > log_ratio) & ~(angle > math.pi)


def _rsample_angle(dim: int, time: Tensor) -> Tensor:
    """Distances travelled on S¹, S², S³ (signed on S¹), with their pathwise derivatives in time.

    Mass that obeys the heat equation flows with the velocity −½ ∂ log p / ∂r, so that is dr/dt at a constant level of the
    distribution function of r.

    References:
        Song et al., Score-based generative modeling through stochastic differential equations (2021), section 4.3.
    """
    angle = _sample_angle(dim, time.detach())
    if not time.requires_grad:
        return angle
    with torch.enable_grad():
        at = angle.detach().requires_grad_()
        (score,) = torch.autograd.grad(_log_heat_kernel(dim, at, time.detach()).sum(), at)
    return angle - 0.5 * score * (time - time.detach())


@cache
def _divergence_table(dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev coefficients of KL(heat kernel ‖ uniform) on S², S³, by quadrature in double precision.

    For times t up to 1: of KL + ½ d log(2πe t) − log vol, in t. For longer ones: of KL e^{d t}, in e^{−t/2}.
    """
    nodes, weights = (torch.as_tensor(v) for v in np.polynomial.legendre.leggauss(120))
    log_area = log_sphere_area(dim)

    def integrate(time: Tensor, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        reach = torch.clamp(torch.sqrt(2 * _DEPTH * time) * 1.1, max=math.pi)
        angle = reach * (0.5 + nodes[:, None] / 2)
        log_density = _log_heat_kernel(dim, angle, time)
        log_ring = (dim - 1) * torch.log(torch.sin(angle)) + log_sphere_area(dim - 1)
        return (weights[:, None] / 2 * reach * torch.exp(log_ring) * function(log_density, angle)).sum(0)

    def early(t: np.ndarray) -> np.ndarray:
        time = torch.as_tensor(t).clamp(min=1e-9)
        flat = -0.5 * dim * torch.log(2 * math.pi * time)

        def excess(log_density: Tensor, angle: Tensor) -> Tensor:
            return torch.exp(log_density) * (log_density - flat + 0.5 * dim)

        return integrate(time, excess).numpy()

    def late(y: np.ndarray) -> np.ndarray:
        time = -2 * torch.log(torch.as_tensor(y).clamp(min=1e-4))

        def excess(log_density: Tensor, angle: Tensor) -> Tensor:
            # p log p + 1 − p over the uniform density, which does not cancel near uniformity.
            x = torch.expm1(_log_spectral(dim, angle, time.clamp(min=_MEETING)))
            series = x * x * (0.5 - x / 6 + x * x / 12 - x**3 / 20)
            away = torch.where(x.abs() < 1e-3, 1.0, x)
            return torch.where(x.abs() < 1e-3, series, (1 + away) * torch.log1p(away) - away) * torch.exp(dim * time - log_area)

        return integrate(time, excess).numpy()

    def fit(function: Callable[[np.ndarray], np.ndarray], high: float, degree: int) -> np.ndarray:
        return np.polynomial.chebyshev.chebinterpolate(lambda x: function((x + 1) * high / 2), degree)

    return fit(early, 1.0, 40), fit(late, math.exp(-0.5), 24)


def _chebyshev(coefficients: np.ndarray, x: Tensor) -> Tensor:
    """The Chebyshev series at x, by Clenshaw's recurrence."""
    first, second = torch.zeros_like(x), torch.zeros_like(x)
    for c in coefficients[:0:-1]:
        first, second = 2 * x * first - second + float(c), first
    return x * first - second + float(coefficients[0])


def _sphere_divergence(dim: int, time: Tensor) -> Tensor:
    """KL(heat kernel ‖ uniform) on S¹, S², S³ in nats."""
    if dim == 1:
        return _kl_to_uniform(torch.sqrt(time))
    early, late = _divergence_table(dim)
    short, long = time.clamp(max=1.0), time.clamp(1.0, _UNIFORM_FROM)
    narrow = _chebyshev(early, 2 * short - 1) - 0.5 * dim * torch.log(2 * math.pi * math.e * short)
    wide = torch.exp(-dim * long) * _chebyshev(late, 2 * torch.exp(0.5 - 0.5 * long) - 1)
    return torch.where(time < 1, narrow + log_sphere_area(dim), wide)


def _short_time_divergence(manifold: Submanifold, loc: Tensor, time: Tensor) -> Tensor:
    r"""The short-time expansion of KL(heat kernel ‖ uniform), in nats, an approximation.

    .. math:: \log vol - \tfrac d2 \log(2πe t) + \tfrac14 Sc(loc)\, t + o(t)

    Past the time at which that leaves d/2 nats of its flat part, or at which the curvature term reaches d/8, it falls
    exponentially instead, joined with its derivative: the true divergence is positive and falls to 0.

    References:
        Perez Rey, Menkovski and Portegies, Diffusion variational autoencoders (2019), section 3 (their coefficient
        (d + 4)/24 of Sc t is right for d = 2 only: −E r²/2t gives 1/12, the volume density 1/12, the parametrix 1/12).
    """
    d, log_volume = manifold.dim, math.log(manifold.volume)
    curvature = manifold.scalar_curvature(loc)
    flat_turn = math.exp(2 * log_volume / d - 2) / (2 * math.pi)
    turn = (0.5 * d / curvature.abs().clamp(min=1e-12)).clamp(max=flat_turn)
    short, later = torch.minimum(time, turn), (time - turn).clamp(min=0.0)
    value = log_volume - 0.5 * d * torch.log(2 * math.pi * math.e * short) + 0.25 * curvature * short
    rate = (0.5 * d / turn - 0.25 * curvature) / value
    return value * torch.exp(-rate * later)


class BrownianMotion(Distribution):
    r"""The law of Brownian motion (generator ½Δ) on a closed submanifold of R^m, from a point, after a time.

    On S^d with d ≤ 3 all is exact: samples, density (the heat kernel) and divergence from the uniform law. On other
    manifolds, S^d with d > 3 among them, a sample is the end of a random walk of `steps` steps,
    x ← P(x + √(t / steps) ε), the divergence is its short-time asymptotic expansion, and there is no density.

    Args:
        manifold: where the motion runs; S^d is `RoundSphere(d)`.
        loc: its start, points of the manifold of shape (..., m).
        time: the elapsed time of shape (...), positive; the variance of each tangent coordinate while it is small.
        steps: number of steps of the random walk.

    References:
        Perez Rey, Menkovski and Portegies, Diffusion variational autoencoders (2019).
        Nagase, Expressions of the heat kernels on spheres by elementary functions and their recurrence relations (2010).

    Example:
        >>> q = BrownianMotion(RoundSphere(2), torch.tensor([0.0, 0.0, 1.0]), torch.tensor(0.3))
        >>> round(torch.distributions.kl_divergence(q, SphereUniform(2)).item(), 5)
        1.04857
    """

    arg_constraints: ClassVar = {"loc": constraints.real_vector, "time": constraints.positive}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        manifold: Submanifold,
        loc: Tensor,
        time: Tensor,
        steps: int = 10,
        validate_args: bool | None = None,
    ) -> None:
        batch = torch.broadcast_shapes(loc.shape[:-1], time.shape)
        self.manifold, self.steps = manifold, steps
        self.loc, self.time = loc.expand(*batch, loc.shape[-1]), time.expand(batch)
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)

    @property
    def exact(self) -> bool:
        """Whether samples, density and divergence are exact."""
        return isinstance(self.manifold, RoundSphere) and self.manifold.dim <= 3

    @property
    def mean_direction(self) -> Tensor:
        """The start, about which the law on a sphere is symmetric, of shape (..., m)."""
        return self.loc

    def expand(self, batch_shape: _size, _instance: object = None) -> BrownianMotion:
        loc, time = self.loc.expand(*batch_shape, self.loc.shape[-1]), self.time.expand(batch_shape)
        return BrownianMotion(self.manifold, loc, time, self.steps, validate_args=False)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        loc, time = self.loc.expand(shape), self.time.expand(shape[:-1])
        if self.exact:
            return self._turn(loc, time)
        scale = torch.sqrt(time.clamp(max=_UNIFORM_FROM) / self.steps)[..., None]
        for _ in range(self.steps):
            loc = self.manifold.project(loc + scale * torch.randn_like(loc))
        return loc

    def _turn(self, loc: Tensor, time: Tensor) -> Tensor:
        """loc moved along a geodesic, in a random direction and by a random distance."""
        if self.manifold.dim == 1:
            angle = torch.sqrt(time.clamp(max=_UNIFORM_FROM**2)) * torch.randn_like(time)
            tangent = torch.stack([-loc[..., 1], loc[..., 0]], -1)
        else:
            angle, tangent = _rsample_angle(self.manifold.dim, time), uniform_tangent(loc)
        return torch.cos(angle)[..., None] * loc + torch.sin(angle)[..., None] * tangent

    def log_prob(self, value: Tensor) -> Tensor:
        if not self.exact:
            raise NotImplementedError("Brownian motion has a density on spheres of dimension at most 3 only")
        # Between unit vectors tan(angle / 2) = |z − loc| / |z + loc|; the floor keeps the gradient at the poles finite.
        floor = torch.finfo(value.dtype).eps ** 4
        chord = (value - self.loc).square().sum(-1).clamp(min=floor)
        other = (value + self.loc).square().sum(-1).clamp(min=floor)
        angle = (2 * torch.atan2(torch.sqrt(chord), torch.sqrt(other))).clamp(max=math.pi)
        if self.manifold.dim == 1:
            return WrappedNormal(torch.zeros_like(self.time), torch.sqrt(self.time), validate_args=False).log_prob(angle)
        return _log_heat_kernel(self.manifold.dim, angle, self.time)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, asymptotic for short times where the law is not exact."""
        return math.log(self.manifold.volume) - self.uniform_divergence()

    def uniform_divergence(self) -> Tensor:
        """KL from the uniform law in nats, asymptotic for short times where the law is not exact."""
        if self.exact:
            return _sphere_divergence(self.manifold.dim, self.time)
        return _short_time_divergence(self.manifold, self.loc, self.time)


@register_kl(BrownianMotion, SphereUniform)
@register_kl(BrownianMotion, ManifoldUniform)
def _kl_brownian_uniform(q: BrownianMotion, p: Distribution) -> Tensor:
    return q.uniform_divergence()
