"""The contract of an elementary factor, and the table of factors by kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import softplus

from topovae import signature
from topovae.signature import Isometry

SHORTEST = 1e-12
"""Encoder outputs shorter than this have no direction."""


class Factor(ABC):
    """A homogeneous space with a family of posteriors, a prior, an embedding and a geodesic distance.

    Points are `coordinates` of shape (..., coordinate_dim); decoders and group actions see the embedding of shape
    (..., embedding_dim), on which every isometry acts linearly.

    Args:
        dim: intrinsic dimension.
    """

    coordinate_dim: int
    embedding_dim: int
    scale_dim: int
    prior_name: str
    posterior_name: str

    def __init__(self, dim: int) -> None:
        self.dim = dim

    @abstractmethod
    def locate(self, embedded: Tensor) -> Tensor:
        """The coordinates nearest to any vector of the embedding space (..., embedding_dim), smooth and never NaN."""

    def spread(self, raw: Tensor) -> Tensor:
        """Posterior scales (radians on compact factors), positive and smooth, from unconstrained numbers."""
        return softplus(raw - 1.0) + 1e-5

    @abstractmethod
    def posterior(self, loc: Tensor, scale: Tensor) -> Distribution:
        """The posterior of event shape (coordinate_dim,) at coordinates `loc` with `scale` (..., scale_dim)."""

    @abstractmethod
    def prior(self, like: Tensor) -> Distribution:
        """The prior of event shape (coordinate_dim,), in the dtype and on the device of `like`."""

    @abstractmethod
    def embed(self, coordinates: Tensor) -> Tensor:
        """The embedded points, (..., embedding_dim)."""

    @abstractmethod
    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        """The images of points under an isometry."""

    def isometry_matrix(self, isometry: Isometry) -> Tensor:
        """The isometry on the embedding space, float64 of shape (embedding_dim, embedding_dim)."""
        return isometry.sign * torch.eye(self.embedding_dim, dtype=torch.float64)

    @abstractmethod
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance (radians on compact factors), of the broadcast batch shape."""


FACTORS: dict[str, Callable[[int], Factor]] = {}
"""Factor constructors by kind; "S1" is the circle, "S" the spheres above it."""


def register(kind: str) -> Callable[[Callable[[int], Factor]], Callable[[int], Factor]]:
    """Class decorator that enters a factor in `FACTORS`."""

    def enter(constructor: Callable[[int], Factor]) -> Callable[[int], Factor]:
        FACTORS[kind] = constructor
        return constructor

    return enter


def build(factor: signature.Factor) -> Factor:
    """The factor that an entry of a signature names."""
    constructor = FACTORS.get(str(factor), FACTORS[factor.kind])
    return constructor(factor.dim)
