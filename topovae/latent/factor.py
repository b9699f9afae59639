"""The contract of an elementary factor, and the table of factors by kind."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import softplus

from topovae import signature
from topovae.latent.operators import Flow, Transport
from topovae.latent.wasserstein import MapQuality
from topovae.signature import Isometry, declare

SHORTEST = 1e-12
"""Encoder outputs shorter than this have no direction."""


WIDEST = 10.0
"""On the compact factors a posterior of this scale, in radians, is uniform to 1e-8 nats."""


def saturated(scale: Tensor) -> Tensor:
    """Scales below `WIDEST`, with a gradient however large they were: a larger one would be uniform all the same."""
    return scale / (1 + scale / WIDEST)


NARROWEST = 1e-5
"""Below all posterior scales: densities are right in single precision there. Not tuned."""


class _AtLeast(torch.autograd.Function):
    """max(x, least), which a gradient passes below `least` too where it asks for more.

    References:
        Ballé et al., Variational image compression with a scale hyperprior (2018), whose code bounds scales so.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, least: float) -> Tensor:
        return x.clamp(min=least)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        x, ctx.least = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return torch.where((x >= ctx.least) | (gradient < 0), gradient, 0.0), None


@dataclass(frozen=True)
class Family:
    """A family of posteriors on a factor.

    Attributes:
        name: of its distribution, as users see it.
        make: (loc (..., coordinate_dim), scale (..., scale_dim)) to a posterior of event shape (coordinate_dim,).
        scale_dim: numbers in a scale, from the factor's dimension; None for as many as the default family has.
        closed: whether the isometries of the factor take members to members, which quotients need.
        kl: "exact", "unbiased" by sampling, or "short-time", how the divergence from the prior is computed.
        density: whether it has one, which the divergence of a quotient needs.
        proposal: as `make`, a law near the posterior that importance weights are taken over, where the family has no density
            itself; None where it has one, or where no such law is known.
        span: so many neighbouring factors of the family at most have one posterior, whose loc is theirs side by side and whose
            scale is the scale of each, then a slope for each pair, in the order of a lower triangle's rows.
    """

    name: str
    make: Callable[[Tensor, Tensor], Distribution]
    scale_dim: Callable[[int], int] | None = None
    closed: bool = True
    kl: str = "exact"
    density: bool = True
    span: int = 1
    proposal: Callable[[Tensor, Tensor], Distribution] | None = None


class Factor(nn.Module, ABC):
    """A homogeneous space with families of posteriors, a prior, an embedding and a geodesic distance.

    Points are `coordinates` of shape (..., coordinate_dim); decoders and group actions see the embedding of shape
    (..., embedding_dim), on which every isometry acts linearly.

    Args:
        dim: intrinsic dimension.
        family: a key of `families`; the first, the default, when left out.
    """

    coordinate_dim: int
    embedding_dim: int
    scale_dim: int
    prior_name: str
    families: Mapping[str, Family]
    volume: float
    """Total volume of a compact factor, infinite for others."""

    def __init__(self, dim: int, family: str | None = None) -> None:
        super().__init__()
        self.dim = dim
        self.family = self.families[family or next(iter(self.families))]
        if self.family.scale_dim is not None:
            self.scale_dim = self.family.scale_dim(dim)

    @property
    def posterior_name(self) -> str:
        """Name of the posterior distribution."""
        return self.family.name

    @abstractmethod
    def locate(self, embedded: Tensor) -> Tensor:
        """The coordinates nearest to any vector of the embedding space (..., embedding_dim), smooth and never NaN."""

    def spread(self, raw: Tensor) -> Tensor:
        """Posterior scales (radians on compact factors), positive, from unconstrained numbers.

        While a decoder is rough and beta still low numbers can fall far, to where a smooth scale has no slope: those that fell
        beneath `NARROWEST` find back all the same.
        """
        return softplus(_AtLeast.apply(raw - 1.0, math.log(NARROWEST))) + NARROWEST

    def posterior(self, loc: Tensor, scale: Tensor) -> Distribution:
        """The posterior of event shape (coordinate_dim,) at coordinates `loc` with `scale` (..., scale_dim)."""
        return self.family.make(loc, scale)

    def proposal(self, loc: Tensor, scale: Tensor) -> Distribution:
        """The posterior, or a law near it where that has no density: what importance weights are taken over."""
        return (self.family.proposal or self.family.make)(loc, scale)

    @abstractmethod
    def prior(self, like: Tensor) -> Distribution:
        """The prior of event shape (coordinate_dim,), in the dtype and on the device of `like`."""

    def begin(self, cloud: Tensor, angles: Tensor | None = None) -> None:
        """Begin a prior that is learned, in place; of one that is not, nothing is done.

        Args:
            cloud: (n, coordinate_dim) points.
            angles: (n, c) circular coordinates of the data there, in radians.
        """

    def prune(self, cloud: Tensor) -> None:
        """Leave out, in place, what a learned prior holds and a cloud (n, coordinate_dim) does not need; most hold nothing."""

    def prepare(self) -> None:
        """Learn, once and for all, what it needs before a model is trained; most need nothing.

        Raises:
            TopovaeError: it cannot be learned well.
        """

    def fault(self) -> str:
        """Why its parameters can no longer be trained; empty where they can."""
        return ""

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Flows of the operators of its prior; none where it is not learned."""
        return ()

    @property
    def transport(self) -> Transport | None:
        """The operators and anchors of its prior; None where it has none."""
        return None

    @property
    def quality(self) -> MapQuality | None:
        """How well its map covers the manifold that it was learned onto; None where there is no such map."""
        return None

    def lead(self, a: Tensor, b: Tensor) -> str:
        """What is to be told of the path from a point to another; nothing where it is a geodesic."""
        return ""

    def penalty(self) -> Tensor | float:
        """What its parameters cost beside the divergence, in nats."""
        return 0.0

    @abstractmethod
    def embed(self, coordinates: Tensor) -> Tensor:
        """The embedded points, (..., embedding_dim)."""

    def act(self, isometry: Isometry, coordinates: Tensor) -> Tensor:
        """The images of points under an isometry; of a model, which has none but the identity, the points themselves."""
        return coordinates

    def isometry_matrix(self, isometry: Isometry) -> Tensor:
        """The isometry on the embedding space, float64 of shape (embedding_dim, embedding_dim)."""
        return isometry.sign * torch.eye(self.embedding_dim, dtype=torch.float64)

    @abstractmethod
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance (radians on compact factors), of the broadcast batch shape."""

    def contains(self, coordinates: Tensor) -> Tensor:
        """Whether coordinates (..., coordinate_dim) are finite and belong to a point, to 1e-3."""
        back = self.embed(self.locate(self.embed(coordinates)))
        return torch.isfinite(coordinates).all(-1) & ((back - self.embed(coordinates)).abs() < 1e-3).all(-1)

    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """Points on the shortest path from `a` (..., coordinate_dim) to `b`, at shares t (..., 1) of its length.

        The chord, brought back to the space, unless a factor knows its geodesics.
        """
        return self.locate((1 - t) * self.embed(a) + t * self.embed(b))

    def parametrise(self, coordinates: Tensor) -> Tensor:
        """Points of a model at coordinates of the expression that it is homeomorphic to; of others, the points themselves."""
        return coordinates

    def unroll(self, points: Tensor) -> Tensor:
        """The inverse of `parametrise`."""
        return points


FACTORS: dict[str, Callable[..., Factor]] = {}
"""Factor constructors by kind; "S1" is the circle, "S" the spheres above it."""


def register(kind: str, like: str | None = None) -> Callable[[Callable[..., Factor]], Callable[..., Factor]]:
    """Class decorator that enters a factor in `FACTORS`.

    Args:
        kind: of the grammar, or the name of a model.
        like: for a model, the product that it is homeomorphic to; the grammar then knows its name.
    """
    if like is not None:
        declare(kind, like)

    def enter(constructor: Callable[..., Factor]) -> Callable[..., Factor]:
        FACTORS[kind] = constructor
        return constructor

    return enter


def build(factor: signature.Elementary, families: Iterable[str] = ()) -> Factor:
    """The factor that an entry of a signature names.

    Args:
        factor: what to build.
        families: names of posterior families; the first that the factor has is taken, its default where it has none.
    """
    constructor = FACTORS.get(str(factor), FACTORS[factor.kind])
    numbers: dict[str, Any] = dict(factor.numbers) | ({"of": factor.of} if factor.of else {})
    numbers.pop("dim", None)  # it is said already
    known = constructor(factor.dim, **numbers)
    family = next((name for name in families if name in known.families), None)
    return constructor(factor.dim, family, **numbers) if family else known
