"""The normal distribution conditioned on an interval."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Uniform, constraints, register_kl
from torch.special import ndtr, ndtri


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

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
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

    def expand(self, batch_shape: torch.Size, _instance: object = None) -> TruncatedNormal:
        loc, scale = self.loc.expand(batch_shape), self.scale.expand(batch_shape)
        return TruncatedNormal(loc, scale, self.low, self.high, validate_args=False)

    def _ends(self) -> tuple[Tensor, Tensor, Tensor]:
        """Standardised ends α and β, and log of the mass between them."""
        alpha = (self.low - self.loc) / self.scale
        beta = (self.high - self.loc) / self.scale
        # Mirrored to the left tail when the interval lies to the right of loc, where ndtr saturates at 1.
        mirrored = alpha > 0
        left, right = torch.where(mirrored, -beta, alpha), torch.where(mirrored, -alpha, beta)
        mass = (ndtr(right) - ndtr(left)).clamp(min=torch.finfo(self.loc.dtype).tiny)
        return alpha, beta, torch.log(mass)

    def rsample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(sample_shape)
        alpha, beta, _ = self._ends()
        uniform = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device)
        eps = torch.finfo(self.loc.dtype).eps
        level = (ndtr(alpha) + uniform * (ndtr(beta) - ndtr(alpha))).clamp(eps, 1 - eps)
        return (self.loc + self.scale * ndtri(level)).clamp(self.low, self.high)

    def log_prob(self, value: Tensor) -> Tensor:
        _, _, log_mass = self._ends()
        standard = (value - self.loc) / self.scale
        density = -0.5 * standard.square() - torch.log(self.scale) - 0.5 * math.log(2 * math.pi) - log_mass
        inside = (value >= self.low) & (value <= self.high)
        return torch.where(inside, density, -math.inf)

    def entropy(self) -> Tensor:
        """Differential entropy in nats."""
        alpha, beta, log_mass = self._ends()
        tails = _tail(alpha) - _tail(beta)
        return 0.5 * math.log(2 * math.pi * math.e) + torch.log(self.scale) + log_mass + 0.5 * tails / log_mass.exp()


def _tail(x: Tensor) -> Tensor:
    """x φ(x), with the limit 0 at ±∞."""
    x = x.clamp(-1e4, 1e4)
    return x * torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


@register_kl(TruncatedNormal, Uniform)
def _kl_truncated_normal_uniform(q: TruncatedNormal, p: Uniform) -> Tensor:
    return torch.log(p.high - p.low) - q.entropy()
