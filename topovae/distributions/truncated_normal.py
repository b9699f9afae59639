"""The normal distribution conditioned on an interval."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Uniform, constraints, register_kl
from torch.special import ndtri
from torch.types import _size

# Farther from its mode than this many nats below the peak, the density is not integrated.
_DEPTH = 41.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def _normal_cdf(x: Tensor) -> Tensor:
    """Φ(x); torch's own loses its relative precision in the left tail."""
    return 0.5 * torch.erfc(-math.sqrt(0.5) * x)


class TruncatedNormal(Distribution):
    r"""The normal law N(loc, scale²) conditioned on [low, high].

    The family is closed under the reflection of its interval (loc ↦ low + high − loc), which the quotients that flip an
    interval need; the Kumaraswamy family is not.

    Args:
        loc: mean of the parent normal.
        scale: its standard deviation, positive.
        low, high: ends of the interval.

    Example:
        >>> q = TruncatedNormal(torch.tensor(0.5), torch.tensor(0.1))
        >>> round(torch.distributions.kl_divergence(q, Uniform(0.0, 1.0)).item(), 6)
        0.883655
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        scale: Tensor,
        low: float = 0.0,
        high: float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        self.loc, self.scale = torch.broadcast_tensors(loc, scale)
        self.low, self.high = low, high
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: object = None) -> TruncatedNormal:
        loc, scale = self.loc.expand(batch_shape), self.scale.expand(batch_shape)
        return TruncatedNormal(loc, scale, self.low, self.high, validate_args=False)

    def _mode(self) -> Tensor:
        """The point of the interval nearest to `loc`, a constant to the gradients."""
        return self.loc.detach().clamp(self.low, self.high)

    def _log_peak(self, offset: Tensor) -> Tensor:
        """log N(mode + offset) − log N(mode), for offsets of the batch shape and sample axes in front."""
        outside = self._mode() - self.loc
        return -0.5 * (offset / self.scale) * ((offset + 2 * outside) / self.scale)

    def _quadrature(self) -> tuple[Tensor, Tensor, Tensor]:
        """log mass over the peak density, and log density and probability of Gauss–Legendre nodes along the first axis.

        Only offsets from the mode enter, so nothing cancels for narrow, wide or far laws; the nodes are constants, so
        the gradients are those of the integral.
        """
        mode, scale = self._mode(), self.scale.detach()
        far = (mode - self.loc.detach()).abs() / scale
        reach = scale * (2 * _DEPTH / (far + torch.sqrt(far.square() + 2 * _DEPTH)))
        left, right = torch.maximum(self.low - mode, -reach), torch.minimum(self.high - mode, reach)
        column = (-1,) + (1,) * mode.ndim
        nodes = torch.as_tensor(0.5 + _NODES / 2, dtype=mode.dtype, device=mode.device).reshape(column)
        weights = torch.as_tensor(_WEIGHTS / 2, dtype=mode.dtype, device=mode.device).reshape(column)
        log_peaks = self._log_peak(left + nodes * (right - left))
        log_masses = log_peaks + torch.log(weights) + torch.log(right - left)
        log_mass = torch.logsumexp(log_masses, 0)
        return log_mass, log_peaks - log_mass, torch.exp(log_masses - log_mass)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        # Mirrored so that an interval beside loc lies in the left tail, where the CDF keeps its relative precision.
        # More than 12 scales (37 in double precision) beside it, the samples are its end.
        shape = self._extended_shape(sample_shape)
        sign = torch.where(self.loc.detach() < (self.low + self.high) / 2, -1.0, 1.0).to(self.loc.dtype)
        ends = torch.stack([sign * (self.low - self.loc), sign * (self.high - self.loc)]) / self.scale
        left, right = _normal_cdf(ends.amin(0)), _normal_cdf(ends.amax(0))
        uniform = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device)
        limits = torch.finfo(self.loc.dtype)
        level = (left + uniform * (right - left)).clamp(limits.tiny, 1 - limits.eps)
        return (self.loc + sign * self.scale * ndtri(level)).clamp(self.low, self.high)

    def log_prob(self, value: Tensor) -> Tensor:
        inside = (value >= self.low) & (value <= self.high)
        return torch.where(inside, self._log_peak(value - self._mode()) - self._quadrature()[0], -math.inf)

    def entropy(self) -> Tensor:
        """Differential entropy in nats."""
        _, log_density, probability = self._quadrature()
        return -(probability * log_density).sum(0)


@register_kl(TruncatedNormal, Uniform)
def _kl_truncated_normal_uniform(q: TruncatedNormal, p: Uniform) -> Tensor:
    return torch.log(p.high - p.low) - q.entropy()
