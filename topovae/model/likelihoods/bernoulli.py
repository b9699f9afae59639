"""Numbers of the unit interval, as shares or as binary features."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent
from torch.nn.functional import binary_cross_entropy_with_logits

from topovae.model.likelihoods.likelihood import Likelihood


class BernoulliLikelihood(Likelihood):
    """Independent Bernoulli features with the decoder's output as logits; data in [0, 1]."""

    support: ClassVar[str] = "numbers in [0, 1]"
    advice: ClassVar[str] = "rescale them"
    density: ClassVar[bool] = False

    @staticmethod
    def allows(x: Tensor) -> Tensor:
        return (x >= 0) & (x <= 1)

    def distribution(self, decoded: Tensor) -> Distribution:
        return Independent(Bernoulli(logits=decoded, validate_args=False), decoded.ndim - 1, validate_args=False)

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        return -binary_cross_entropy_with_logits(decoded, x, reduction="none").flatten(1).sum(1)

    def mean(self, decoded: Tensor) -> Tensor:
        return torch.sigmoid(decoded)
