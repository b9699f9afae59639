"""Counts whose variance is their mean, such as spikes in bins of time."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Poisson

from topovae.model.likelihoods.counts import CountLikelihood, log_factorial


class PoissonLikelihood(CountLikelihood):
    """Independent Poisson counts."""

    takes: ClassVar[tuple[str, ...]] = ("exposure",)

    def distribution(self, decoded: Tensor) -> Distribution:
        return Independent(Poisson(self.mean(decoded), validate_args=False), decoded.ndim - 1, validate_args=False)

    def log_mass(self, x: Tensor, log_mean: Tensor) -> Tensor:
        return x * log_mean - torch.exp(log_mean) - log_factorial(x)
