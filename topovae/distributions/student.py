"""Student's t of many numbers together."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.constraints import Constraint


class MultivariateStudentT(Distribution):
    """Student's t of all entries of an event together: normal noise of equal variance, over the root of one χ²(ν)/ν.

    .. math:: \\log p(x) = \\log Γ(\\tfrac{ν + d}{2}) - \\log Γ(\\tfrac{ν}{2}) - \\tfrac{d}{2} \\log(ν π σ²)
        - \\tfrac{ν + d}{2} \\log(1 + \\tfrac{‖x - μ‖²}{ν σ²})

    Args:
        df: degrees of freedom ν, a scalar.
        loc: μ, (B, *event_shape).
        scale: σ, a scalar.

    References:
        Kotz and Nadarajah, Multivariate t distributions and their applications (2004), equation 1.1.

    Example:
        >>> law = MultivariateStudentT(torch.tensor(3.0), torch.zeros(5, 2, 2), torch.tensor(0.1))
        >>> law.batch_shape, law.event_shape, law.log_prob(torch.zeros(5, 2, 2)).shape
        (torch.Size([5]), torch.Size([2, 2]), torch.Size([5]))
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real

    def __init__(self, df: Tensor, loc: Tensor, scale: Tensor, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = df, loc, scale
        super().__init__(loc.shape[:1], loc.shape[1:], validate_args)

    @property
    def mean(self) -> Tensor:
        """μ, where there is a mean: of more than one degree of freedom."""
        return torch.where(self.df > 1, self.loc, torch.nan)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(x) in nats, (B,)."""
        d = math.prod(self.event_shape)
        # in double precision: of many features, the logarithms of Γ are large and nearly equal
        df = self.df.double()
        constant = torch.lgamma((df + d) / 2) - torch.lgamma(df / 2) - d / 2 * torch.log(df * math.pi)
        squares = ((value.double() - self.loc.double()) / self.scale.double()).square()
        square = squares.sum(tuple(range(-len(self.event_shape), 0)))
        density = constant - (df + d) / 2 * torch.log1p(square / df) - d * torch.log(self.scale.double())
        return density.to(self.loc.dtype)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Samples, (*sample_shape, B, *event_shape)."""
        with torch.no_grad():
            shape = self._extended_shape(torch.Size(sample_shape))
            normal = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
            of_events = (*sample_shape, *self.batch_shape, *(1 for _ in self.event_shape))
            chi_square = 2 * torch._standard_gamma((self.df / 2).expand(of_events).contiguous())
            return self.loc + self.scale * normal * torch.sqrt(self.df / chi_square)
