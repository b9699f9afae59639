"""Numbers with normal noise."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from topovae.model.likelihoods.likelihood import Likelihood, Stated

SMALLEST_NOISE = 1e-3
"""Least learned noise, by the standard deviation of the data: a floor against a density without bound, not tuned."""


class GaussianLikelihood(Likelihood):
    """Normal noise of one standard deviation for all features, learned or fixed."""

    takes: ClassVar[tuple[str, ...]] = ("noise",)
    shift: Tensor
    scale: Tensor

    def __init__(self, shift: Tensor, scale: Tensor, stated: Stated) -> None:
        super().__init__(shift, scale, stated)
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)
        self.is_learned = stated.noise is None
        log_noise = torch.log(0.5 * scale) if stated.noise is None else torch.tensor(math.log(stated.noise))
        self.log_noise = nn.Parameter(log_noise.clone(), requires_grad=self.is_learned)

    @property
    def noise(self) -> Tensor:
        """Standard deviation in the data's units."""
        return torch.exp(self.log_noise) + (SMALLEST_NOISE * self.scale if self.is_learned else 0.0)

    def distribution(self, decoded: Tensor) -> Distribution:
        mean = self.mean(decoded)
        return Independent(Normal(mean, self.noise, validate_args=False), mean.ndim - 1, validate_args=False)

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        noise = self.noise
        square = ((x - self.mean(decoded)) / noise).square().flatten(1).sum(1)
        return -0.5 * square - math.prod(x.shape[1:]) * (torch.log(noise) + 0.5 * math.log(2 * math.pi))

    def mean(self, decoded: Tensor) -> Tensor:
        return self.shift + self.scale * decoded
