"""The latent space: a product of factors, modulo a finite group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from topovae.distributions.course import take
from topovae.distributions.draws import sampling
from topovae.distributions.joint import Joint, Orbit, kl_per_marginal
from topovae.errors import UsageError
from topovae.latent.block import Block, BlockRow, Law, join, rows
from topovae.latent.factor import Factor, build
from topovae.latent.invariants import PolynomialMap, find_invariants
from topovae.latent.lift import InvolutionLift, Lift, NearestOrbitLift
from topovae.latent.terms import Loss, Terms
from topovae.signature import IDENTITY, Element, Signature, parse

ENCODERS = ("lift", "cover")
"""What encoders of quotients put out: invariant functions, lifted to the cover, or points of the cover."""

DIVERGENCES = ("orbit", "cover")
"""Divergence of a quotient: of the law of the orbit, or its upper bound on the cover."""

_INVARIANT_POINTS, _LEAST_POINTS = 4096, 128
_LIFT_CANDIDATES = 2048


class LatentSpace(nn.Module):
    """Posteriors, prior, divergence, decoder features and geodesic distance of the latent space of a signature.

    A point is given by `coordinates` on the cover, the factors' side by side, shape (..., coordinate_dim).

    Args:
        signature: factors and group, or an expression for them.
        posteriors: names of posterior families, in place of the default ones of the factors that have them.
        encoder: "lift" or "cover".
        divergence: "orbit" for the divergence of a quotient, unbiased by sampling, or "cover" for its upper bound, the
            divergence on the cover.

    Raises:
        UsageError: a family or choice does not exist or does not fit the space.

    Example:
        >>> space = LatentSpace("klein")
        >>> space.coordinate_dim, space.feature_dim, space.order
        (2, 5, 2)
    """

    def __init__(
        self,
        signature: Signature | str,
        posteriors: Sequence[str] = (),
        encoder: str = "lift",
        divergence: str = "orbit",
    ) -> None:
        super().__init__()
        self.signature = parse(signature) if isinstance(signature, str) else signature
        # Modules, for priors may be learned.
        self.factors: Sequence[Factor] = nn.ModuleList(build(f, posteriors) for f in self.signature.factors)  # type: ignore
        self.order, self.divergence = self.signature.order, divergence
        self._check(posteriors, encoder)
        self.dim = self.signature.dim
        self._coordinate_sizes = [f.coordinate_dim for f in self.factors]
        self._embedding_sizes = [f.embedding_dim for f in self.factors]
        self._odd: list[int] = []
        self.blocks = self._join()
        self.rows = self._row_up()
        self._row_sizes = [r.coordinate_dim for r in self.rows]
        self._row_embeddings = [r.embedding_dim for r in self.rows]
        self._scale_sizes = [r.scale_dim for r in self.rows]
        self.coordinate_dim = sum(self._coordinate_sizes)
        self.embedding_dim = sum(self._embedding_sizes)
        self.scale_dim = sum(self._scale_sizes)
        self.invariants: PolynomialMap | None = None
        self._fixed: list[int] = list(range(self.embedding_dim))
        if self.order > 1:
            self._build_invariants()
        self.feature_dim = len(self._fixed) + (self.invariants.out_dim if self.invariants else 0)
        self.lift = self._choose_lift() if encoder == "lift" else Lift(self.embedding_dim)
        self.location_dim = self.lift.in_dim
        self.output_dim = self.location_dim + self.scale_dim

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.signature})"

    def _check(self, posteriors: Sequence[str], encoder: str) -> None:
        for name, value, choices in (("encoder", encoder, ENCODERS), ("divergence", self.divergence, DIVERGENCES)):
            if value not in choices:
                raise UsageError(f"--{name} {value}: expected one of {', '.join(choices)}")
        for name in posteriors:
            if not any(name in f.families for f in self.factors):
                known = ", ".join(dict.fromkeys(family for f in self.factors for family in f.families))
                raise UsageError(f"--posterior {name}: no factor of {self.signature} has it; expected some of {known}")
        for i, factor in enumerate(self.factors):
            moved = any(element[i] != IDENTITY for element in self.signature.group)
            if moved and not factor.family.closed:
                raise UsageError(
                    f"--posterior {factor.family.name}: isometries of {self.signature.factors[i]} do not take its members to "
                    f"members, which the group of {self.signature} needs; choose another family"
                )
        if self.order > 1 and self.divergence == "orbit" and not self.has_density:
            raise UsageError(
                f"the divergence of {self.signature} needs densities, and a posterior in it has none; use --divergence cover"
            )

    def _join(self) -> list[Block]:
        """The factors in blocks with one posterior each.

        Where the group changes the sign of a slope, the slope is a section of a line bundle over the quotient. Of two elements,
        the other one changes the odd entries of the embedding as well, which have no common zero, as none of its points is
        fixed: they generate all sections.
        """
        runs, start, signs = join(self.factors), 0, []
        for run in runs:
            places = range(start, start + len(run))
            pairs = [(i, j) for i in places for j in range(start, i)]
            signs.append([any(g[i].sign != g[j].sign for g in self.signature.group) for i, j in pairs])
            start += len(run)
        if any(map(any, signs)):
            if self.order > 2:
                name = next(run[0].family.name for run, changes in zip(runs, signs, strict=True) if any(changes))
                raise UsageError(
                    f"--posterior {name}: the group of {self.signature} has more than two elements and "
                    "flips some circles beside others, so that correlations have no sign; choose another family"
                )
            self._odd = [int(i) for i in np.flatnonzero(np.diag(self._matrices()[1]).round() < 0)]
        return [Block(run, changes, len(self._odd)) for run, changes in zip(runs, signs, strict=True)]

    def _row_up(self) -> list[BlockRow]:
        """The blocks in rows of those that are computed at once."""
        named = iter(zip(self.signature.factors, self.factors, strict=True))
        return rows(self.blocks, [tuple((f, m.family.name) for f, m in islice(named, len(b.factors))) for b in self.blocks])

    @property
    def has_density(self) -> bool:
        """Whether all posteriors have densities."""
        return all(f.family.density for f in self.factors)

    @property
    def has_weights(self) -> bool:
        """Whether importance weights can be taken: all posteriors have densities, or laws near them do."""
        return all(f.family.density or f.family.proposal is not None for f in self.factors)

    @property
    def periodic(self) -> bool:
        """Whether what the decoder reads are the cosines and sines of angles alone."""
        return self.order == 1 and all(factor.is_circle for factor in self.signature.factors)

    @property
    def divergence_draws(self) -> bool:
        """Whether the divergence of some posterior is an estimate from random numbers of its own."""
        return any(f.family.kl == "unbiased" for f in self.factors)

    def _matrices(self) -> list[np.ndarray]:
        """The group on the embedding space, the identity first."""
        return [
            torch.block_diag(*(f.isometry_matrix(g) for f, g in zip(self.factors, element, strict=True))).numpy()
            for element in self.signature.group
        ]

    def _choose_lift(self) -> Lift:
        if self.order == 1:
            return Lift(self.embedding_dim)
        if self.order == 2:
            signs = np.diag(self._matrices()[1]).round()
            return InvolutionLift([int(sign) for sign in signs])
        moved = [i for i in range(len(self.factors)) if any(element[i] != IDENTITY for element in self.signature.group)]
        group = tuple(tuple(element[i] for i in moved) for element in self.signature.group)
        part = LatentSpace(Signature(tuple(self.signature.factors[i] for i in moved), group), encoder="cover")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            candidates = part.embed(part.sample_prior(_LIFT_CANDIDATES, torch.zeros(0)))
        factor_of = np.repeat(np.arange(len(self.factors)), self._embedding_sizes)
        entries = [int(i) for i in np.flatnonzero(np.isin(factor_of, moved))]
        return NearestOrbitLift(_OrbitFeatures(part), candidates, entries, self.embedding_dim)

    def _build_invariants(self) -> None:
        matrices = self._matrices()
        identity = np.eye(self.embedding_dim)
        moved = np.any([np.any(np.abs(m - identity) > 1e-12, 1) for m in matrices], 0)
        self._fixed = [int(i) for i in np.flatnonzero(~moved)]
        self._moved = [int(i) for i in np.flatnonzero(moved)]
        n_points = max(_LEAST_POINTS, math.ceil(_INVARIANT_POINTS / self.order))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            points = self.embed(self.prior(torch.zeros(0, dtype=torch.float64)).sample((n_points,))).numpy()
        # Symmetrised over the group, so that averages over it are exact zeros where they should be.
        points = np.concatenate([points @ m.T for m in matrices])
        # Fixed coordinates of a moved factor (cos v beside sin v) satisfy relations with the moved ones.
        factor_of = np.repeat(np.arange(len(self.factors)), self._embedding_sizes)
        related = ~moved & np.isin(factor_of, factor_of[moved])
        moved_matrices = [m[np.ix_(moved, moved)] for m in matrices]
        self.invariants = PolynomialMap(find_invariants(points[:, moved], moved_matrices, points[:, related]))

    def heads(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior location (coordinates) and scale from an encoder's unconstrained outputs (..., output_dim)."""
        location, raw = outputs.split([self.location_dim, self.scale_dim], -1)
        scales = [row.spread(r) for row, r in zip(self.rows, raw.split(self._scale_sizes, -1), strict=True)]
        return self._locate(self.lift(location)), torch.cat(scales, -1)

    def forward(self, outputs: Tensor, loss: Loss) -> Terms:
        """The terms of the negative ELBO, from one posterior sample each.

        Args:
            outputs: the encoder's, (..., B, output_dim).
            loss: −log p(x | z) of what the decoder reads.
        """
        coordinates, scale = self.heads(outputs)
        posterior = self.posterior(coordinates, scale)
        with sampling():
            z = posterior.rsample()
        nll = loss(self.features(z))
        with sampling(self.divergence_draws):
            kl = self.kl(posterior, z)
        return Terms(nll, kl, outputs[..., : self.location_dim], coordinates, sum(f.penalty() for f in self.factors))

    def read(self, outputs: Tensor) -> Orbit:
        """The posterior that an encoder's outputs (..., output_dim) stand for."""
        return self.posterior(*self.heads(outputs))

    @property
    def spaces(self) -> list[LatentSpace]:
        """The connected components: this one."""
        return [self]

    def component(self, coordinates: Tensor) -> Tensor:
        """The number of the component that points lie on, (...,): of one, 0."""
        return torch.zeros(coordinates.shape[:-1], dtype=torch.long, device=coordinates.device)

    def split(self, coordinates: Tensor) -> list[Tensor]:
        """The coordinates of points as those of each component."""
        return [coordinates]

    def points(self, number: Tensor, parts: Sequence[Tensor]) -> Tensor:
        """Points from the number of the component and coordinates on every one: on the one that there is."""
        return parts[0]

    def memberships(self, outputs: Tensor) -> dict[str, Tensor]:
        """What is to be told of the component of each sample: of one, nothing."""
        return {}

    @torch.no_grad()
    def begin(self, coordinates: Tensor, angles: Tensor | None = None) -> None:
        """Begin priors that are learned, in place; samples that are not known are left out.

        Args:
            coordinates: (n, coordinate_dim) points.
            angles: (n, c) circular coordinates of the data there, in radians.
        """
        for factor, part in zip(self.factors, coordinates.split(self._coordinate_sizes, -1), strict=True):
            known = torch.isfinite(part).all(-1)
            if angles is not None:
                known &= torch.isfinite(angles).all(-1)
            if known.any():
                factor.begin(part[known], None if angles is None else angles[known])

    def prune(self, coordinates: Tensor) -> None:
        """Leave out, in place, what learned priors hold and points (n, coordinate_dim) do not need."""
        for factor, part in zip(self.factors, coordinates.split(self._coordinate_sizes, -1), strict=True):
            factor.prune(part)

    def prepare(self) -> None:
        """Learn, once and for all, what factors need before a model is trained.

        Raises:
            TopovaeError: it cannot be learned well.
        """
        for factor in self.factors:
            factor.prepare()

    def fault(self) -> str:
        """Why its parameters can no longer be trained; empty where they can."""
        return next(filter(None, (f.fault() for f in self.factors)), "")

    def _locate(self, embedded: Tensor) -> Tensor:
        """The coordinates nearest to vectors of the embedding space (..., embedding_dim)."""
        parts = embedded.split(self._row_embeddings, -1)
        return torch.cat([row.locate(e) for row, e in zip(self.rows, parts, strict=True)], -1)

    def targets(self, coordinates: Tensor) -> Tensor:
        """The location outputs (..., location_dim) that `heads` takes to coordinates, NaN where those that matter are."""
        return self.lift.target(self.embed(coordinates))

    def posterior(self, loc: Tensor, scale: Tensor) -> Orbit:
        """The posterior at coordinates `loc` (..., coordinate_dim) with `scale` (..., scale_dim)."""
        return self._law(Block.posterior, loc, scale)

    def _law(self, of: Law, loc: Tensor, scale: Tensor) -> Orbit:
        locs = loc.split(self._row_sizes, -1)
        scales = scale.split(self._scale_sizes, -1)
        odd = take(self.embed(loc), self._odd) if self._odd else loc[..., :0]
        marginals = [row.law(of, m, s, odd) for row, m, s in zip(self.rows, locs, scales, strict=True)]
        return Orbit(Joint(marginals), self.orbit, self.order)

    def propose(self, outputs: Tensor) -> Orbit:
        """The law that importance weights are taken over: the posterior of an encoder's outputs, or one near it with a density.

        Any law is as right for them, as log p(x) does not depend on it; the nearer the posterior, the less they vary.
        """
        return self._law(Block.proposal, *self.heads(outputs))

    def prior(self, like: Tensor) -> Joint:
        """The prior on the cover, in the dtype and on the device of `like`."""
        return Joint([row.prior(like) for row in self.rows])

    def prior_log_prob(self, coordinates: Tensor) -> Tensor:
        """log density of the prior on the latent space at orbits, in nats: |G| times the cover's."""
        return self.prior(coordinates).log_prob(coordinates) + math.log(self.order)

    @property
    def kl_names(self) -> tuple[str, ...]:
        """What the columns of `kl` are: the blocks, and the group's correction where there is a group."""
        factors = iter(self.signature.factors)
        names = ["x".join(str(next(factors)) for _ in block.factors) for block in self.blocks]
        return (*names, "group") if self.order > 1 and self.divergence == "orbit" else tuple(names)

    def kl(self, posterior: Orbit, coordinates: Tensor) -> Tensor:
        """KL(posterior ‖ prior) in nats by column of `kl_names`, (..., n).

        Exact for products, unbiased for families whose own divergence is. The correction of a quotient, never positive in the
        mean, is estimated without bias from the sample `coordinates`, or left out for the upper bound.
        """
        cover = posterior.cover
        columns = kl_per_marginal(cover, self.prior(coordinates))  # type: ignore[arg-type]
        if self.order == 1 or self.divergence == "cover":
            return columns
        correction = posterior.kl_correction(coordinates)[..., None]
        return torch.cat([columns.expand(*correction.shape[:-1], -1), correction], -1)

    def embed(self, coordinates: Tensor) -> Tensor:
        """The embedded points of the cover, (..., embedding_dim)."""
        parts = coordinates.split(self._row_sizes, -1)
        return torch.cat([row.embed(z) for row, z in zip(self.rows, parts, strict=True)], -1)

    def features(self, coordinates: Tensor) -> Tensor:
        """What the decoder reads, (..., feature_dim): functions of the orbit alone that separate orbits."""
        embedded = self.embed(coordinates)
        if self.invariants is None:
            return embedded
        return torch.cat([take(embedded, self._fixed), self.invariants(take(embedded, self._moved))], -1)

    def orbit(self, coordinates: Tensor) -> Tensor:
        """The images under the group, (|G|, ..., coordinate_dim), the point itself first."""
        if self.order == 1:
            return coordinates[None]
        return torch.stack([self.moved(element, coordinates) for element in self.signature.group])

    def moved(self, element: Element, coordinates: Tensor) -> Tensor:
        """The images of points of the cover under an isometry of each factor, which need not be in the group."""
        parts = zip(self.factors, element, coordinates.split(self._coordinate_sizes, -1), strict=True)
        return torch.cat([f.act(g, z) for f, g, z in parts], -1)

    def representative(self, coordinates: Tensor) -> Tensor:
        """One point of each orbit, the same for all its points: those of a sheet of the cover in one piece.

        The image that lies farthest along the first axis of the embedding; where images tie, along the next.
        """
        if self.order == 1:
            return coordinates
        images = self.orbit(coordinates)
        embedded = take(self.embed(images), self._moved)
        weights = 0.01 ** torch.arange(len(self._moved), dtype=torch.float64, device=coordinates.device)
        farthest = (embedded.double() @ weights).argmax(0)
        return torch.gather(images, 0, farthest[None, ..., None].expand(1, *coordinates.shape))[0]

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance between orbits: the least over the group of the product distance on the cover."""
        # The axis of the group comes in front of all that the two broadcast to.
        return self.cover_distance(self.orbit(a.reshape((1,) * (b.ndim - a.ndim) + a.shape)), b).amin(0)

    def cover_distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance between points of the cover, of the product of the factors' metrics."""
        parts = zip(self.factors, *(z.split(self._coordinate_sizes, -1) for z in (a, b)), strict=True)
        # Along the first axis this takes fifteen times as long.
        return torch.linalg.vector_norm(torch.stack([f.distance(x, y) for f, x, y in parts], -1), dim=-1)

    def contains(self, coordinates: Tensor) -> Tensor:
        """Whether coordinates (..., coordinate_dim) are a point of the cover."""
        parts = coordinates.split(self._coordinate_sizes, -1)
        return torch.stack([f.contains(z) for f, z in zip(self.factors, parts, strict=True)]).all(0)

    def parametrise(self, coordinates: Tensor) -> Tensor:
        """Points with models in place of the expressions they are homeomorphic to, from coordinates of the latter.

        Args:
            coordinates: (..., k) on `signature.homeomorphic`; where all that a model needs but heights is there, the missing
                heights are taken as 1/2.
        """
        parts, start = [], 0
        for factor, named in zip(self.factors, self.signature.factors, strict=True):
            inner = LatentSpace(named.like) if named.like else None
            width = factor.coordinate_dim if inner is None else inner.coordinate_dim
            part = coordinates[..., start : start + width]
            if inner is not None:
                part = factor.parametrise(_with_middle_heights(inner, part))
            parts.append(part)
            start += width
        return torch.cat(parts, -1)

    def unroll(self, points: Tensor) -> Tensor:
        """Coordinates (..., k) on `signature.homeomorphic` of points, the inverse of `parametrise`."""
        parts = points.split(self._coordinate_sizes, -1)
        return torch.cat([f.unroll(z) for f, z in zip(self.factors, parts, strict=True)], -1)

    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """Points on a shortest path between orbits, at shares t (..., 1) of its length: to the nearest image of b."""
        images = self.orbit(b)
        parts = images.split(self._coordinate_sizes, -1)
        others = a.split(self._coordinate_sizes, -1)
        distances = torch.stack([f.distance(x, y) for f, x, y in zip(self.factors, others, parts, strict=True)], -1)
        nearest = torch.linalg.vector_norm(distances, dim=-1).argmin(0)
        end = torch.gather(images, 0, nearest[None, ..., None].expand(1, *images.shape[1:]))[0]
        ends = end.split(self._coordinate_sizes, -1)
        return torch.cat([f.path(x, y, t) for f, x, y in zip(self.factors, others, ends, strict=True)], -1)

    def lead(self, a: Tensor, b: Tensor) -> str:
        """What is to be told of the path between two points (coordinate_dim,); nothing where it is a geodesic."""
        parts = zip(self.factors, *(z.split(self._coordinate_sizes, -1) for z in (a, b)), strict=True)
        return "; ".join(filter(None, (f.lead(x, y) for f, x, y in parts)))

    @property
    def volume(self) -> float:
        """Volume of the latent space, the cover's over |G|; infinite with Euclidean factors."""
        return math.prod(f.volume for f in self.factors) / self.order

    def sample_prior(self, n: int, like: Tensor) -> Tensor:
        """n points of the prior, as coordinates (n, coordinate_dim)."""
        return self.prior(like).sample(torch.Size((n,)))

    def log_weights(self, law: Distribution, coordinates: Tensor) -> Tensor:
        """log p(z) − log q(z) on the latent space itself, in nats, for importance weighting by draws of a law q."""
        return self.prior_log_prob(coordinates) - law.log_prob(coordinates)


def _with_middle_heights(space: LatentSpace, coordinates: Tensor) -> Tensor:
    """Coordinates (..., k) with 1/2 for heights that are NaN."""
    sizes = [f.coordinate_dim for f in space.factors]
    parts = [
        torch.nan_to_num(part, nan=0.5) if factor.kind == "I" else part
        for factor, part in zip(space.signature.factors, coordinates.split(sizes, -1), strict=True)
    ]
    return torch.cat(parts, -1)


class _OrbitFeatures(nn.Module):
    """The features of the orbit of the point nearest to vectors of an embedding space."""

    def __init__(self, space: LatentSpace) -> None:
        super().__init__()
        self.space = space

    def forward(self, vectors: Tensor) -> Tensor:
        return self.space.features(self.space._locate(vectors))
