"""What the laws on spheres that are symmetric about a mean direction have in common."""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.types import _size


class Spherical(Distribution):
    """A law on S^d that is symmetric about `loc` and the narrower the larger its concentration.

    Args:
        loc: mean direction μ, unit vectors of shape (..., d + 1), d ≥ 1.
        concentration: κ ≥ 0 of shape (...).
    """

    arg_constraints: ClassVar = {"loc": constraints.real_vector, "concentration": constraints.nonnegative}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args: bool | None = None) -> None:
        batch = torch.broadcast_shapes(loc.shape[:-1], concentration.shape)
        self.loc = loc.expand(*batch, loc.shape[-1])
        self.concentration = concentration.expand(batch)
        # torch's check of vectors cannot be made on none.
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args if batch.numel() else False)

    @property
    def dim(self) -> int:
        """Dimension d of the sphere."""
        return self.loc.shape[-1] - 1

    @property
    def mean_direction(self) -> Tensor:
        """μ, unit vectors of shape (..., d + 1)."""
        return self.loc

    def expand(self, batch_shape: _size, _instance: object = None) -> Self:
        loc = self.loc.expand(*batch_shape, self.dim + 1)
        return type(self)(loc, self.concentration.expand(batch_shape), validate_args=False)
