"""The von Mises distribution on the circle."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl
from torch.types import _size

from topovae.distributions.uniform import CircleUniform
from topovae.distributions.von_mises_fisher import PolarAngle, divergence_between, divergence_from_uniform, log_mass_and_gap
from topovae.distributions.wrapped_normal import wrap


class VonMises(Distribution):
    r"""The law on the circle with density proportional to the exponential of the cosine of the angle to `loc`.

    .. math:: p(θ) = \frac{e^{κ \cos(θ − μ)}}{2π I_0(κ)}

    Unlike torch's own it has samples with gradients, an entropy and divergences, at any concentration.

    Args:
        loc: mean direction μ in radians, any shape.
        concentration: κ ≥ 0, broadcast against `loc`.

    References:
        Mardia and Jupp, Directional Statistics, section 3.5.4. Figurnov, Mohamed and Mnih, Implicit reparameterization
        gradients (2018), for the gradient of samples.

    Example:
        >>> q = VonMises(torch.tensor(0.0), torch.tensor(2.0))
        >>> round(torch.distributions.kl_divergence(q, CircleUniform()).item(), 6)
        0.571556
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "concentration": constraints.nonnegative}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = torch.broadcast_tensors(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: object = None) -> VonMises:
        return VonMises(self.loc.expand(batch_shape), self.concentration.expand(batch_shape), validate_args=False)

    @property
    def mean_direction(self) -> Tensor:
        """The mean direction in radians, in [−π, π]."""
        return wrap(self.loc)

    @property
    def mean_resultant_length(self) -> Tensor:
        """A(κ) = I₁(κ) / I₀(κ), the mean of cos(θ − μ), in [0, 1)."""
        return 1 - self.variance

    @property
    def variance(self) -> Tensor:
        """The circular variance 1 − A(κ), in (0, 1]."""
        return log_mass_and_gap(self.concentration, 1)[1].to(self.loc.dtype)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        angle = PolarAngle.apply(self.concentration.expand(shape), 1)
        side = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device) < 0.5
        return wrap(self.loc + torch.where(side, -angle, angle))

    def log_prob(self, value: Tensor) -> Tensor:
        fall = 2 * torch.sin((value - self.loc) / 2).square()
        return -self.concentration * fall - log_mass_and_gap(self.concentration, 1)[0].to(self.loc.dtype)

    def entropy(self) -> Tensor:
        """Differential entropy in nats."""
        return (math.log(2 * math.pi) - divergence_from_uniform(self.concentration, 1)).to(self.loc.dtype)


@register_kl(VonMises, CircleUniform)
def _kl_von_mises_uniform(q: VonMises, p: CircleUniform) -> Tensor:
    return divergence_from_uniform(q.concentration, 1).to(q.loc.dtype)


@register_kl(VonMises, VonMises)
def _kl_von_mises_von_mises(q: VonMises, p: VonMises) -> Tensor:
    fall = 2 * torch.sin((q.loc - p.loc) / 2).square()
    return divergence_between(q.concentration, p.concentration, fall, 1).to(q.loc.dtype)
