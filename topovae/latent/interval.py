"""The unit interval I."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import Beta, Independent, IntervalUniform, Kumaraswamy, TruncatedNormal
from topovae.distributions.kumaraswamy import log1mexp, open_unit
from topovae.latent.factor import Factor, Family, register, saturated
from topovae.signature import Isometry

_STEEPEST = 40.0
"""Largest a · |log loc| of a Kumaraswamy law, whose b would overflow beyond it."""

_MARGIN = 1e-3
"""Least mean of a beta law, whose divergence grows without bound towards the ends."""


def _truncated_normal(loc: Tensor, scale: Tensor) -> Distribution:
    return Independent(TruncatedNormal(loc, scale, validate_args=False), 1)


def _beta(loc: Tensor, scale: Tensor) -> Distribution:
    """The beta law of mean `loc`, kept `_MARGIN` away from the ends, and total concentration 1 / scale²."""
    total, mean = scale**-2, _MARGIN + (1 - 2 * _MARGIN) * loc
    return Independent(Beta(total * mean, total * (1 - mean), validate_args=False), 1)


def _kumaraswamy(loc: Tensor, scale: Tensor) -> Distribution:
    """The Kumaraswamy law of median `loc` with a = 1 / scale, as far as b stays finite."""
    median = open_unit(loc)
    a = 1 / (scale - torch.log(median) / _STEEPEST)
    b = -math.log(2) / log1mexp(-a * torch.log(median))
    return Independent(Kumaraswamy(a, b, validate_args=False), 1)


_FAMILIES = {
    "truncated-normal": Family("TruncatedNormal", _truncated_normal),
    "kumaraswamy": Family("Kumaraswamy", _kumaraswamy, closed=False),
    "beta": Family("Beta", _beta),
}


@register("I")
class Interval(Factor):
    """[0, 1] by height h, embedded as h − 1/2, with truncated normal posteriors and a uniform prior."""

    coordinate_dim = embedding_dim = scale_dim = 1
    prior_name, volume = "Uniform(0, 1)", 1.0
    families = _FAMILIES

    def locate(self, embedded: Tensor) -> Tensor:
        return 0.5 + 0.5 * torch.tanh(2 * embedded)

    def spread(self, raw: Tensor) -> Tensor:
        return saturated(super().spread(raw))

    def prior(self, like: Tensor) -> Distribution:
        zero = torch.zeros(1, dtype=like.dtype, device=like.device)
        return Independent(IntervalUniform(zero, zero + 1, validate_args=False), 1)

    def embed(self, coordinates: Tensor) -> Tensor:
        return coordinates - 0.5

    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        return 0.5 + isometry.sign * (coordinates - 0.5)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).abs()[..., 0]

    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        return a + t * (b - a)

    def contains(self, coordinates: Tensor) -> Tensor:
        return ((coordinates >= 0) & (coordinates <= 1))[..., 0]
