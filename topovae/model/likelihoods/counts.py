"""What likelihoods of counts share: their mean, how the encoder reads them, and how it is kept finite."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from topovae.model.likelihoods.likelihood import Likelihood, Stated

LEAST_RATE = 1e-3
"""Share of the data's standard deviation that is added to the mean of each column: one without a count has a log, not tuned."""

EXPONENTIAL_UP_TO = 10.0
"""From e^10 times the mean of its column on a rate grows linearly, where the exponential would overflow: not tuned."""


class CountLikelihood(Likelihood):
    """Independent whole numbers, whose log mean is that of their column and what the decoder adds.

    .. math:: \\log μ_j = \\log \\bar x_j + f_j(z)

    Counts are not standardised: the encoder reads 2√(x + 3/8), the root's noise being equal at all means, over the root of the
    variance that the data have by their mean.

    References:
        Anscombe, The transformation of Poisson, binomial and negative-binomial data (1948), section 2.
    """

    support: ClassVar[str] = "whole numbers of at least 0"
    advice: ClassVar[str] = "give counts as they were made, without --scale"
    density: ClassVar[bool] = False
    log_base: Tensor

    def __init__(self, shift: Tensor, scale: Tensor, stated: Stated) -> None:
        super().__init__(shift, scale, stated)
        self.register_buffer("log_base", torch.log(shift.clamp(min=0) + LEAST_RATE * scale))

    @staticmethod
    def allows(x: Tensor) -> Tensor:
        return (x >= 0) & (x == x.round())

    @staticmethod
    def inputs(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        mean = shift.clamp(min=0)
        fano = scale.square() / (mean.mean() + LEAST_RATE * scale)
        return (_roots(x) - _roots(mean)) / torch.sqrt(fano)

    def log_mean(self, decoded: Tensor) -> Tensor:
        """log μ in double precision, in which terms of large counts that nearly cancel are still right."""
        added = decoded.double()
        grown = torch.log1p(torch.relu(added - EXPONENTIAL_UP_TO))
        return self.log_base.double() + added.clamp(max=EXPONENTIAL_UP_TO) + grown

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        return self.log_mass(x.double(), self.log_mean(decoded)).flatten(1).sum(1).to(decoded.dtype)

    @abstractmethod
    def log_mass(self, x: Tensor, log_mean: Tensor) -> Tensor:
        """log p of each count, of its own shape, from the log of its mean; all in double precision."""

    def mean(self, decoded: Tensor) -> Tensor:
        return torch.exp(self.log_mean(decoded)).to(decoded.dtype)


def _roots(x: Tensor) -> Tensor:
    # the encoder may be given what is no count, and is then to stay finite
    return 2 * torch.sqrt(x.clamp(min=0) + 0.375)


def log_factorial(x: Tensor) -> Tensor:
    """log x!"""
    return torch.lgamma(x + 1)
