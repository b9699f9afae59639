"""The beta distribution, with pathwise gradients that hold at any concentration."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Uniform, constraints, register_kl
from torch.nn.functional import logsigmoid
from torch.types import _size

from topovae.distributions.course import constant
from topovae.distributions.kumaraswamy import open_unit

# Below its value at the sample by more nats than this, the density is not integrated.
_DEPTH = 41.0
_GAUSS_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(40)
# Squared, so that they crowd at the sample: there a small concentration turns from one exponential tail to the other.
_NODES = (0.5 + _GAUSS_NODES / 2) ** 2
_WEIGHTS = (0.5 + _GAUSS_NODES / 2) * _GAUSS_WEIGHTS


def _log_gamma_noise(concentration: Tensor) -> Tensor:
    """log of gamma variates, exact also where the variates themselves would underflow.

    References:
        Marsaglia and Tsang, A simple method for generating gamma variables (2000), section 6.
    """
    exponential = torch.empty_like(concentration).exponential_()
    return torch.log(torch._standard_gamma(concentration + 1)) - exponential / concentration


def _left_integrals(a: Tensor, b: Tensor, logit: Tensor) -> tuple[Tensor, Tensor]:
    r"""∫ g(v) (log x(v) − E log x) dv / g(logit) over v < logit, and the same of log(1 − x), g the density of the logit.

    For logits left of the mode of g, which is log-concave: the integrand then falls monotonically.
    """
    log_x, log_y = logsigmoid(logit), logsigmoid(-logit)
    total = torch.digamma(a + b)
    mean_x, mean_y = torch.digamma(a) - total, torch.digamma(b) - total

    # How far left g has fallen by _DEPTH: from a bound beyond it by Newton's method in log–log coordinates.
    reach = (_DEPTH - (a + b) * log_y) / a
    for _ in range(6):
        at = logit - reach
        drop = a * (log_x - logsigmoid(at)) + b * (log_y - logsigmoid(-at))
        slope = a * torch.sigmoid(-at) - b * torch.sigmoid(at)
        step = (drop / _DEPTH).clamp(min=1e-300).log() * drop / (slope * reach).clamp(min=1e-300)
        reach = reach * torch.exp(-step.clamp(-1.0, 40.0))

    column = (-1,) + (1,) * logit.ndim
    nodes, weights = (constant(part, logit).reshape(column) for part in (_NODES, _WEIGHTS))
    at = logit - nodes * reach
    node_x, node_y = logsigmoid(at), logsigmoid(-at)
    mass = weights * reach * torch.exp(a * (node_x - log_x) + b * (node_y - log_y))
    return (mass * (node_x - mean_x)).sum(0), (mass * (node_y - mean_y)).sum(0)


class _Reparametrised(torch.autograd.Function):
    """The logit of a beta variate, with its derivatives in both concentrations at a constant level of the CDF F.

    By implicit differentiation they are −∂F/∂a / g and −∂F/∂b / g with g the density of the logit, and
    ∂F/∂a = ∫ g (log x − E log x) up to the sample.

    References:
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients (2018), equation 5.
    """

    @staticmethod
    def forward(a: Tensor, b: Tensor, logit: Tensor) -> Tensor:
        return logit.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        a, b, logit = ctx.saved_tensors
        # The integrals over both sides of the sample cancel; that on the side away from the mode has no cancellation.
        right = b * torch.sigmoid(logit) > a * torch.sigmoid(-logit)
        sign = torch.where(right, -1.0, 1.0).to(logit.dtype)
        by_x, by_y = _left_integrals(torch.where(right, b, a), torch.where(right, a, b), sign * logit)
        by_a, by_b = torch.where(right, by_y, by_x), torch.where(right, by_x, by_y)
        return -sign * by_a * gradient, -sign * by_b * gradient, None


class Beta(Distribution):
    r"""The beta law on (0, 1).

    .. math:: p(x) = x^{a-1} (1 - x)^{b-1} / B(a, b)

    All is computed in double precision and rounded at the end. Samples are rounded into the open interval; where they
    are, their gradient is 0. Derivatives of samples are right to 1e-7 and better at concentrations from 1e-2 to 1e6; those
    of `torch.distributions.Beta` are off by up to 1 per cent where one concentration is moderate and the other large.

    Args:
        a, b: concentrations at 1 and at 0, positive, broadcast against each other.

    Example:
        >>> q = Beta(torch.tensor(2.0), torch.tensor(5.0))
        >>> round(torch.distributions.kl_divergence(q, Uniform(0.0, 1.0)).item(), 5)
        0.48453
    """

    arg_constraints: ClassVar = {"a": constraints.positive, "b": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, a: Tensor, b: Tensor, validate_args: bool | None = None) -> None:
        self.a, self.b = torch.broadcast_tensors(a, b)
        super().__init__(self.a.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: object = None) -> Beta:
        return Beta(self.a.expand(batch_shape), self.b.expand(batch_shape), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """a / (a + b)."""
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> Tensor:
        """ab / ((a + b)² (a + b + 1))."""
        return self.mean * (1 - self.mean) / (self.a + self.b + 1)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        a, b = self.a.double().expand(shape), self.b.double().expand(shape)
        with torch.no_grad():
            logit = _log_gamma_noise(a) - _log_gamma_noise(b)
        return open_unit(torch.sigmoid(_Reparametrised.apply(a, b, logit)).to(self.a.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        inside = (value >= 0) & (value <= 1)
        a, b, x = self.a.double(), self.b.double(), open_unit(value).double()
        log_density = (a - 1) * torch.log(x) + (b - 1) * torch.log1p(-x) - _log_beta(a, b)
        return torch.where(inside, log_density, -math.inf).to(value.dtype)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, log B(a, b) − (a − 1)ψ(a) − (b − 1)ψ(b) + (a + b − 2)ψ(a + b)."""
        a, b = self.a.double(), self.b.double()
        tilt = (a - 1) * torch.digamma(a) + (b - 1) * torch.digamma(b) - (a + b - 2) * torch.digamma(a + b)
        return (_log_beta(a, b) - tilt).to(self.a.dtype)


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


@register_kl(Beta, Uniform)
def _kl_beta_uniform(q: Beta, p: Uniform) -> Tensor:
    return torch.where((p.low <= 0) & (p.high >= 1), torch.log(p.high - p.low) - q.entropy(), math.inf)
