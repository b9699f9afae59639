"""Counts that scatter more than their mean says, such as reads of genes."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, NegativeBinomial
from torch.nn.functional import softplus

from topovae.model.likelihoods.counts import CountLikelihood, log_factorial
from topovae.model.likelihoods.likelihood import Stated

FIRST_DISPERSION = 0.1
"""What learning begins with: of the order of dispersions of genes. Not tuned."""

DISPERSIONS = 1e-6, 1e3
"""Below the first counts are Poisson as far as double precision tells; above the last they are nearly always 0. Not tuned."""


class NegativeBinomialLikelihood(CountLikelihood):
    """Independent negative binomial counts, of variance μ + α μ² with a dispersion α a feature, learned, or one that is stated.

    References:
        Lopez, Regier, Cole, Jordan and Yosef, Deep generative modeling for single-cell transcriptomics (2018), methods:
        a dispersion a gene.
    """

    takes: ClassVar[tuple[str, ...]] = ("dispersion", "exposure")

    def __init__(self, shift: Tensor, scale: Tensor, stated: Stated) -> None:
        super().__init__(shift, scale, stated)
        first = FIRST_DISPERSION if stated.dispersion is None else stated.dispersion
        self.log_dispersion = nn.Parameter(torch.full_like(shift, math.log(first)), requires_grad=stated.dispersion is None)

    @property
    def dispersion(self) -> Tensor:
        """α, of the shape of a sample."""
        return torch.exp(self.log_dispersion).clamp(*DISPERSIONS)

    def distribution(self, decoded: Tensor) -> Distribution:
        count = 1 / self.dispersion.double()
        counts = NegativeBinomial(count, logits=self.log_mean(decoded) - torch.log(count), validate_args=False)
        return Independent(counts, decoded.ndim - 1, validate_args=False)

    def log_mass(self, x: Tensor, log_mean: Tensor) -> Tensor:
        count = 1 / self.dispersion.double()
        logits = log_mean - torch.log(count)
        ways = torch.lgamma(count + x) - torch.lgamma(count) - log_factorial(x)
        return ways - count * softplus(logits) - x * softplus(-logits)
