"""Rows with heavy tails: most near their mean, some far off."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from topovae.distributions.student import MultivariateStudentT
from topovae.model.likelihoods.gaussian import GaussianLikelihood
from topovae.model.likelihoods.likelihood import Stated

FIRST_DEGREES = 5.0
"""What learning begins with: heavy tails that still have a variance. Not tuned."""

DEGREES = 1.01, 1e4
"""Above 1 there is a mean; at the last, rows of up to thousands of features are nearly normal. Not tuned."""


class StudentLikelihood(GaussianLikelihood):
    """A row has the noise of a Gaussian one, times a factor of its own: Student's t of its features together.

    A row that is far off costs the logarithm of how far, not its square, so that it hardly moves the model.
    Its degrees of freedom are learned, or stated.

    References:
        Lange, Little and Taylor, Robust statistical modeling using the t distribution (1989), equation 1.
    """

    takes: ClassVar[tuple[str, ...]] = ("noise", "degrees_of_freedom")

    def __init__(self, shift: Tensor, scale: Tensor, stated: Stated) -> None:
        super().__init__(shift, scale, stated)
        degrees = stated.degrees_of_freedom
        first = FIRST_DEGREES if degrees is None else degrees
        self.log_degrees = nn.Parameter(torch.tensor(math.log(first)), requires_grad=degrees is None)

    @property
    def degrees(self) -> Tensor:
        """Degrees of freedom."""
        return torch.exp(self.log_degrees).clamp(*DEGREES)

    def distribution(self, decoded: Tensor) -> MultivariateStudentT:
        return MultivariateStudentT(self.degrees, self.mean(decoded), self.noise, validate_args=False)

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        return self.distribution(decoded).log_prob(x)
