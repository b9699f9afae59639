"""The latent space: a product of factors, modulo a finite group."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from topovae.distributions.joint import Joint, Orbit, kl_per_marginal
from topovae.latent.factor import Factor, build
from topovae.latent.invariants import PolynomialMap, find_invariants
from topovae.signature import Signature, parse

_INVARIANT_POINTS = 4096


class LatentSpace(nn.Module):
    """Posteriors, prior, divergence, decoder features and geodesic distance of the latent space of a signature.

    A point is given by `coordinates` on the cover, the factors' side by side, shape (..., coordinate_dim).

    Args:
        signature: factors and group, or an expression for them.

    Example:
        >>> space = LatentSpace("klein")
        >>> space.coordinate_dim, space.feature_dim, space.order
        (2, 5, 2)
    """

    def __init__(self, signature: Signature | str) -> None:
        super().__init__()
        self.signature = parse(signature) if isinstance(signature, str) else signature
        self.factors: list[Factor] = [build(f) for f in self.signature.factors]
        self.order = self.signature.order
        self.dim = self.signature.dim
        self._coordinate_sizes = [f.coordinate_dim for f in self.factors]
        self._embedding_sizes = [f.embedding_dim for f in self.factors]
        self._scale_sizes = [f.scale_dim for f in self.factors]
        self.coordinate_dim = sum(self._coordinate_sizes)
        self.embedding_dim = sum(self._embedding_sizes)
        self.scale_dim = sum(self._scale_sizes)
        self.output_dim = self.embedding_dim + self.scale_dim
        self.invariants: PolynomialMap | None = None
        self._fixed: list[int] = list(range(self.embedding_dim))
        if self.order > 1:
            self._build_invariants()
        self.feature_dim = len(self._fixed) + (self.invariants.out_dim if self.invariants else 0)

    def _build_invariants(self) -> None:
        matrices = [
            torch.block_diag(*(f.isometry_matrix(g) for f, g in zip(self.factors, element, strict=True))).numpy()
            for element in self.signature.group
        ]
        identity = np.eye(self.embedding_dim)
        moved = np.any([np.any(np.abs(m - identity) > 1e-12, 1) for m in matrices], 0)
        self._fixed = [int(i) for i in np.flatnonzero(~moved)]
        self._moved = [int(i) for i in np.flatnonzero(moved)]
        n_points = math.ceil(_INVARIANT_POINTS / self.order)
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
        embedded, raw = outputs.split([self.embedding_dim, self.scale_dim], -1)
        locs = [f.locate(e) for f, e in zip(self.factors, embedded.split(self._embedding_sizes, -1), strict=True)]
        scales = [f.spread(r) for f, r in zip(self.factors, raw.split(self._scale_sizes, -1), strict=True)]
        return torch.cat(locs, -1), torch.cat(scales, -1)

    def posterior(self, loc: Tensor, scale: Tensor) -> Orbit:
        """The posterior at coordinates `loc` (..., coordinate_dim) with `scale` (..., scale_dim)."""
        locs = loc.split(self._coordinate_sizes, -1)
        scales = scale.split(self._scale_sizes, -1)
        marginals = [f.posterior(m, s) for f, m, s in zip(self.factors, locs, scales, strict=True)]
        return Orbit(Joint(marginals), self.orbit, self.order)

    def prior(self, like: Tensor) -> Joint:
        """The prior on the cover, in the dtype and on the device of `like`."""
        return Joint([f.prior(like) for f in self.factors])

    def prior_log_prob(self, coordinates: Tensor) -> Tensor:
        """log density of the prior on the latent space at orbits, in nats: |G| times the cover's."""
        return self.prior(coordinates).log_prob(coordinates) + math.log(self.order)

    @property
    def kl_names(self) -> tuple[str, ...]:
        """What the columns of `kl` are: the factors, and the group's correction where there is a group."""
        names = [str(f) for f in self.signature.factors]
        return (*names, "group") if self.order > 1 else tuple(names)

    def kl(self, posterior: Orbit, coordinates: Tensor) -> Tensor:
        """KL(posterior ‖ prior) in nats by column of `kl_names`, (..., n).

        Exact for products. The correction of a quotient is estimated without bias from the sample `coordinates`.
        """
        cover = posterior.cover
        columns = kl_per_marginal(cover, self.prior(coordinates))  # type: ignore[arg-type]
        if self.order == 1:
            return columns
        correction = posterior.kl_correction(coordinates)[..., None]
        return torch.cat([columns.expand(*correction.shape[:-1], -1), correction], -1)

    def embed(self, coordinates: Tensor) -> Tensor:
        """The embedded points of the cover, (..., embedding_dim)."""
        parts = coordinates.split(self._coordinate_sizes, -1)
        return torch.cat([f.embed(z) for f, z in zip(self.factors, parts, strict=True)], -1)

    def features(self, coordinates: Tensor) -> Tensor:
        """What the decoder reads, (..., feature_dim): functions of the orbit alone that separate orbits."""
        embedded = self.embed(coordinates)
        if self.invariants is None:
            return embedded
        return torch.cat([embedded[..., self._fixed], self.invariants(embedded[..., self._moved])], -1)

    def orbit(self, coordinates: Tensor) -> Tensor:
        """The images under the group, (|G|, ..., coordinate_dim), the point itself first."""
        if self.order == 1:
            return coordinates[None]
        parts = coordinates.split(self._coordinate_sizes, -1)
        return torch.stack(
            [
                torch.cat([f.act(g, z) for f, g, z in zip(self.factors, element, parts, strict=True)], -1)
                for element in self.signature.group
            ]
        )

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance between orbits: the least over the group of the product distance on the cover."""
        # The axis of the group comes in front of all that the two broadcast to.
        images = self.orbit(a.reshape((1,) * (b.ndim - a.ndim) + a.shape)).split(self._coordinate_sizes, -1)
        others = b.split(self._coordinate_sizes, -1)
        distances = [f.distance(x, y) for f, x, y in zip(self.factors, images, others, strict=True)]
        return torch.linalg.vector_norm(torch.stack(distances), dim=0).amin(0)

    def sample_prior(self, n: int, like: Tensor) -> Tensor:
        """n points of the prior, as coordinates (n, coordinate_dim)."""
        return self.prior(like).sample(torch.Size((n,)))

    def log_weights(self, posterior: Distribution, coordinates: Tensor) -> Tensor:
        """log p(z) − log q(z) on the latent space itself, in nats, for importance weighting."""
        return self.prior_log_prob(coordinates) - posterior.log_prob(coordinates)
