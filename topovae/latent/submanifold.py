"""Closed submanifolds of R^m given by their projection, with Brownian posteriors."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import BrownianMotion, ManifoldUniform, RevolvedNormal, Submanifold, TorusOfRevolution
from topovae.distributions.course import constant
from topovae.distributions.wrapped_normal import wrap
from topovae.latent.factor import SHORTEST, Factor, Family, register, saturated

_LEVELS, _SWEEPS = 4, 12
"""A geodesic is a polyline of 2 to the `_LEVELS` chords, relaxed `_SWEEPS` times at each level."""


def shorten(ends: Tensor, project: Callable[[Tensor], Tensor]) -> Tensor:
    """Geodesics on a submanifold, by relaxation of polylines from coarse to fine.

    At each level the middles of the chords are added, then every inner vertex moves between its neighbours. The result is a
    shortest path near the polyline that was given; another way round may be shorter.

    Args:
        ends: (s, ..., m) vertices of a coarse path on the manifold, s ≥ 2.
        project: onto the manifold.

    Returns:
        ((s − 1) 2^levels + 1, ..., m) vertices.
    """
    path = ends
    for _ in range(_LEVELS):
        middles = project((path[:-1] + path[1:]) / 2)
        finer = torch.stack([path[:-1], middles], 1).flatten(0, 1)
        path = torch.cat([finer, path[-1:]])
        for sweep in range(_SWEEPS):
            first = 1 + sweep % 2
            inner = project((path[first - 1 : -2 : 2] + path[first + 1 :: 2]) / 2)
            path = path.clone()
            path[first:-1:2] = inner
    return path


def length(path: Tensor) -> Tensor:
    """Lengths of polylines (s, ..., m)."""
    return torch.linalg.vector_norm(path[1:] - path[:-1], dim=-1).sum(0)


def along(path: Tensor, shares: Tensor) -> Tensor:
    """Points on the chords of polylines (s, ..., m), at shares (..., 1) of their lengths."""
    lengths = torch.linalg.vector_norm(path[1:] - path[:-1], dim=-1)
    gone = torch.cat([torch.zeros_like(lengths[:1]), lengths.cumsum(0)])
    wanted = shares[..., 0] * gone[-1]
    left = ((gone <= wanted).sum(0) - 1).clamp(0, len(lengths) - 1)
    begin, step = (torch.gather(one, 0, left[None])[0] for one in (gone, lengths))
    corners = left[None, ..., None].expand(1, *path.shape[1:])
    first, last = torch.gather(path, 0, corners)[0], torch.gather(path, 0, corners + 1)[0]
    return first + ((wanted - begin) / step.clamp(min=SHORTEST))[..., None] * (last - first)


class Embedded(Factor):
    """A closed submanifold of R^m by its points, with Brownian posteriors and a uniform prior.

    The divergence of Brownian motion is its expansion for short times, and the time is scale².

    Args:
        manifold: dimension, volume, projection, scalar curvature and uniform points.
    """

    scale_dim = 1
    near: Callable[[Tensor, Tensor], Distribution] | None = None
    """Makes the law that importance weights are taken over, as `Family.proposal`."""

    def __init__(self, manifold: Submanifold) -> None:
        self.manifold = manifold
        self.coordinate_dim = self.embedding_dim = manifold.ambient_dim
        self.prior_name, self.volume = "ManifoldUniform", manifold.volume
        law = Family("BrownianMotion", self._brownian, kl="short-time", density=False, proposal=self.near)
        self.families = {"brownian": law}
        super().__init__(manifold.dim)

    def _brownian(self, loc: Tensor, scale: Tensor) -> Distribution:
        return BrownianMotion(self.manifold, loc, saturated(scale[..., 0]) ** 2, validate_args=False)

    def locate(self, embedded: Tensor) -> Tensor:
        return self.manifold.project(embedded)

    def prior(self, like: Tensor) -> Distribution:
        return ManifoldUniform(self.manifold, dtype=like.dtype, device=like.device)

    def embed(self, coordinates: Tensor) -> Tensor:
        return coordinates

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Length of the geodesic that the projected chord relaxes to: no less than the distance."""
        return length(shorten(torch.stack(torch.broadcast_tensors(a, b)), self.manifold.project))


@register("embedded_torus")
class EmbeddedTorus(Embedded):
    """The torus of revolution in R^3 with radii 1 and 1/2.

    References:
        Perez Rey, Menkovski and Portegies, Diffusion variational autoencoders (2019), section 4.
    """

    manifold: TorusOfRevolution

    def __init__(self, dim: int = 2, family: str | None = None) -> None:
        super().__init__(TorusOfRevolution())

    def near(self, loc: Tensor, scale: Tensor) -> Distribution:
        """Normals wrapped on the two angles, as wide along both as Brownian motion is at first."""
        return RevolvedNormal(self.manifold, self.unroll(loc), saturated(scale[..., 0]), validate_args=False)

    def parametrise(self, coordinates: Tensor) -> Tensor:
        return self.manifold.at(coordinates)

    def unroll(self, points: Tensor) -> Tensor:
        """The angles (u, v) about the axis and about the tube."""
        return self.manifold.angles(points)

    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """The shortest of the relaxed ways around the tube."""
        a, b = torch.broadcast_tensors(a, b)
        first = self.unroll(a)
        change = wrap(self.unroll(b) - first)
        shares = torch.linspace(0, 1, 3, dtype=a.dtype, device=a.device).reshape(-1, *(1 for _ in change.shape))
        ways = []
        for tube in (0.0, 1.0, -1.0):
            turned = change + 2 * math.pi * tube * (torch.arange(2, device=a.device) == 1)
            inner = self.parametrise(first + shares[1:-1] * turned)
            ways.append(shorten(torch.cat([a[None], inner, b[None]]), self.manifold.project))
        best = torch.stack([length(way) for way in ways]).argmin(0)
        chosen = torch.stack(ways).gather(0, best[None, None, ..., None].expand(1, *ways[0].shape))[0]
        batch = torch.broadcast_shapes(a.shape[:-1], t.shape[:-1])
        chosen = chosen.reshape(len(chosen), *(1,) * (len(batch) - a.ndim + 1), *a.shape)
        return self.manifold.project(along(chosen.expand(-1, *batch, -1), t.expand(*batch, 1)))

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance to 0.1 % (2 % at the cut locus), by interpolation in a table of its ratio to the chord."""
        a, b = torch.broadcast_tensors(a, b)
        table = constant(_ratio_table().numpy(), a)
        first, second = self.unroll(a), self.unroll(b)
        turn = torch.remainder(second[..., 0] - first[..., 0], 2 * math.pi)
        ratio = _interpolate(table, torch.stack([first[..., 1], second[..., 1], turn], -1) / (2 * math.pi))
        return ratio * torch.linalg.vector_norm(a - b, dim=-1)


_TABLE = 48
"""Entries of the table of distances along each of its periodic axes."""


@cache
def _ratio_table() -> Tensor:
    """Geodesic distance over chord between (0, v) and (u, w) on the embedded torus, at [v, w, u] in steps of 2π / `_TABLE`.

    The least over the ways around: straight lines in the angles to the images of the end, relaxed.
    """
    torus = EmbeddedTorus()
    angle = torch.arange(_TABLE, dtype=torch.float64) * (2 * math.pi / _TABLE)
    v, w, u = (axis.flatten() for axis in torch.meshgrid(angle, angle, angle[: _TABLE // 2 + 1], indexing="ij"))
    start, stop = torch.stack([torch.zeros_like(v), v], -1), torch.stack([u, w], -1)
    shares = torch.linspace(0, 1, 3, dtype=torch.float64)[:, None, None]
    lengths = []
    for wraps in ((0, 0), (0, 1), (0, -1)):
        image = stop + 2 * math.pi * torch.tensor(wraps)
        lengths.append(length(shorten(torus.parametrise(start + shares * (image - start)), torus.manifold.project)))
    chord = torch.linalg.vector_norm(torus.parametrise(start) - torus.parametrise(stop), dim=-1)
    ratio = torch.where(chord < 1e-9, 1.0, torch.stack(lengths).amin(0) / chord.clamp(min=1e-9))
    half = ratio.reshape(_TABLE, _TABLE, _TABLE // 2 + 1).clamp(min=1.0)
    # By the mirror image u → −u the other half is the same.
    return torch.cat([half, half[..., 1:-1].flip(-1)], -1)


def _interpolate(table: Tensor, turns: Tensor) -> Tensor:
    """Trilinear interpolation in a table periodic along all axes, at points (..., 3) in turns."""
    at = torch.remainder(turns, 1.0) * _TABLE
    low = torch.floor(at)
    share, low = at - low, low.long()
    total = torch.zeros_like(at[..., 0])
    for corner in range(8):
        step = constant([corner & 1, corner >> 1 & 1, corner >> 2 & 1], at, torch.int64)
        i, j, k = torch.remainder(low + step, _TABLE).unbind(-1)
        weight = torch.where(step.bool(), share, 1 - share).prod(-1)
        total = total + weight * table[i, j, k]
    return total
