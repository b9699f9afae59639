"""The Kumaraswamy distribution on the unit interval, computed from the logarithms of its parameters."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Uniform, constraints, register_kl
from torch.types import _size

_EULER = 0.5772156649015329


def log1mexp(y: Tensor) -> Tensor:
    """log(1 − e^{−y}) for y > 0, to full relative precision, with finite gradients.

    References:
        Mächler, Accurately computing log(1 − exp(−|a|)) (2012).
    """
    small = y < math.log(2)
    near = torch.log(-torch.expm1(-torch.where(small, y, 1.0)))
    far = torch.log1p(-torch.exp(-torch.where(small, 1.0, y)))
    return torch.where(small, near, far)


def open_unit(value: Tensor) -> Tensor:
    """The nearest number of the dtype strictly between 0 and 1."""
    limits = torch.finfo(value.dtype)
    return value.clamp(limits.tiny, 1 - limits.eps / 2)


class Kumaraswamy(Distribution):
    r"""The law on (0, 1) whose distribution function is 1 − (1 − x^a)^b.

    .. math:: p(x) = a b\, x^{a-1} (1 - x^a)^{b-1}

    Samples invert the distribution function in logarithms, log x = log1mexp(e / b) / a for a standard exponential e, and
    are rounded into the open interval; where they are, their gradient is 0.

    Args:
        a, b: positive parameters, broadcast against each other.

    References:
        Kumaraswamy, A generalized probability density function for double-bounded random processes (1980).
        Wasserman and Mateos, Stabilizing the Kumaraswamy distribution (2024), section 3.

    Example:
        >>> q = Kumaraswamy(torch.tensor(2.0), torch.tensor(5.0))
        >>> round(torch.distributions.kl_divergence(q, Uniform(0.0, 1.0)).item(), 5)
        0.36092
    """

    arg_constraints: ClassVar = {"a": constraints.positive, "b": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, a: Tensor, b: Tensor, validate_args: bool | None = None) -> None:
        self.a, self.b = torch.broadcast_tensors(a, b)
        self.log_a, self.log_b = torch.log(self.a), torch.log(self.b)
        super().__init__(self.a.shape, validate_args=validate_args)

    @classmethod
    def from_logs(cls, log_a: Tensor, log_b: Tensor) -> Kumaraswamy:
        """The law of parameters exp(log_a) and exp(log_b), which a network can output unconstrained."""
        q = cls(torch.exp(log_a), torch.exp(log_b), validate_args=False)
        q.log_a, q.log_b = torch.broadcast_tensors(log_a, log_b)
        return q

    def expand(self, batch_shape: _size, _instance: object = None) -> Kumaraswamy:
        return Kumaraswamy.from_logs(self.log_a.expand(batch_shape), self.log_b.expand(batch_shape))

    @property
    def mean(self) -> Tensor:
        """b B(1 + 1/a, b)."""
        power, b = 1 + torch.exp(-self.log_a.double()), torch.exp(self.log_b.double())
        log_mean = torch.lgamma(power) + torch.lgamma(1 + b) - torch.lgamma(power + b)
        return torch.exp(log_mean).to(self.a.dtype)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        noise = torch.empty(shape, dtype=self.a.dtype, device=self.a.device).exponential_()
        noise = noise.clamp(min=torch.finfo(noise.dtype).eps ** 2)
        return open_unit(torch.exp(torch.exp(-self.log_a) * log1mexp(noise * torch.exp(-self.log_b))))

    def log_prob(self, value: Tensor) -> Tensor:
        inside = (value >= 0) & (value <= 1)
        log_value = torch.log(open_unit(value))
        log_density = self.log_a + self.log_b + (self.a - 1) * log_value
        return torch.where(inside, log_density + (self.b - 1) * log1mexp(-self.a * log_value), -math.inf)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, 1 − 1/b + (1 − 1/a)(ψ(b + 1) + γ) − log ab."""
        harmonic = torch.digamma(self.b + 1) + _EULER
        inverse_a, inverse_b = torch.exp(-self.log_a), torch.exp(-self.log_b)
        return (1 - inverse_b) + (1 - inverse_a) * harmonic - self.log_a - self.log_b


@register_kl(Kumaraswamy, Uniform)
def _kl_kumaraswamy_uniform(q: Kumaraswamy, p: Uniform) -> Tensor:
    return torch.where((p.low <= 0) & (p.high >= 1), torch.log(p.high - p.low) - q.entropy(), math.inf)
