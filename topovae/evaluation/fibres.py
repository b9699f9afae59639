"""Fibres of an encoder: the data that lies in small balls of the latent space.

An encoder that is one to one has one piece of the data in each ball, one that is continuous keeps neighbours together, and one
that is onto leaves no ball of the closed factors empty. Lines and intervals are measured on the range that the data takes up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from topovae.evaluation.pullback import flat_columns
from topovae.homology.calibration import regime, tuned
from topovae.homology.cloud.ground import BALL_NEIGHBOURS, LEAP_NEIGHBOURS, Ground
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.cloud.tangents import joined
from topovae.latent import LatentSpace

BALLS = 300
LEAST_IN_BALL = int(tuned("least_in_ball"))

OUTER = tuned("ball_outer")
GAP, GAP_IN_RADII = tuned("tear_gap"), tuned("tear_gap_in_radii")
FAR, FAR_IN_GAPS = tuned("leap_far"), tuned("leap_far_in_gaps")
NOISE_IN_RADIUS, WIDEST_BALL = tuned("ball_noise"), tuned("ball_widest")
LONE = tuned("ball_gap")
TEAR_OUTER = int(tuned("tear_outer"))

MOST_MEASURED = 60
"""Samples of a ball between which distances are taken."""

MOSTLY = tuned("mostly")
LEAST_PIECE = tuned("piece_share")
SPREAD_QUANTILE = tuned("spread_quantile")
FLAT_RANGE = tuned("flat_range")
CENTRAL = tuned("flat_central")


@dataclass(frozen=True)
class Fibres:
    """Statistics over latent balls.

    Attributes:
        empty: share of the balls of the closed factors without data.
        several: share of balls whose data falls into several pieces.
        torn: share of small balls of the data whose latent points fall into several pieces.
        leaps: share of nearest neighbours in the data that are far apart in the latent space.
        spread: mean distance between samples of a ball, over that between any: quantile 0.9 over balls.
        data: largest data distance between samples of one small ball, over the data's diameter.
        latent: largest latent distance between neighbours in the data, over the latent's diameter.
        pieces: the number of pieces that most balls have; None where there is no such number.
        ranges: range that the data takes of each flat column, in that of the prior.
    """

    empty: float
    several: float
    torn: float
    leaps: float
    spread: float
    data: float
    latent: float
    ranges: tuple[float, ...]
    pieces: int | None


def flat_ranges(space: LatentSpace, points: Tensor) -> np.ndarray:
    """Return the central range (columns,) of each flat column over the orbits of points (n, coordinate_dim)."""
    images = space.orbit(points)[..., flat_columns(space)].flatten(0, 1).numpy()
    edges = np.quantile(images, [(1 - CENTRAL) / 2, (1 + CENTRAL) / 2], axis=0)
    return edges[1] - edges[0]


def stretched(space: LatentSpace, points: Tensor) -> Tensor:
    """Return points whose flat columns are scaled about their fixed centres to a range like that of a circle."""
    flat = flat_columns(space)
    scale = FLAT_RANGE / np.maximum(flat_ranges(space, points), 1e-6)
    centre = _flat_centres(space)
    result = points.clone()
    result[:, flat] = centre + (points[:, flat] - centre) * torch.as_tensor(scale)
    return result


def _flat_centres(space: LatentSpace) -> Tensor:
    """Return the points (flat columns,) that reflections of lines and intervals fix."""
    kinds = [f.kind for f in space.signature.factors for _ in range(f.dim) if f.kind != "S"]
    return torch.tensor([0.5 if kind == "I" else 0.0 for kind in kinds], dtype=torch.float64)


def closed(space: LatentSpace, points: Tensor) -> Tensor:
    """Return points moved to the fixed centres of all lines and intervals: what is left is the place on closed factors."""
    result = points.clone()
    result[:, flat_columns(space)] = _flat_centres(space)
    return result


def draw_prior(space: LatentSpace, count: int, seed: int) -> Tensor:
    """Return points (count, coordinate_dim) of the prior; the global random state is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return space.sample_prior(count, torch.zeros(0, dtype=torch.float64))


def distances_to(space: LatentSpace, queries: Tensor, points: Tensor) -> np.ndarray:
    """Return geodesic distances (q, n) between orbits, a few queries at a time."""
    step = max(1, 2**20 // (len(points) * space.order))
    return torch.cat([space.distance(queries[i : i + step, None], points[None]) for i in range(0, len(queries), step)]).numpy()


def ball_size(n: int, dimension: int) -> int:
    """Return how many of n samples a ball of a space of that dimension holds."""
    return max(LEAST_IN_BALL, round(regime(dimension).ball * n))


def measure_fibres(space: LatentSpace, ground: Ground, latents: Tensor, seed: int) -> Fibres:
    """Measure the fibres of an encoder.

    Args:
        space: latent space.
        ground: denoised samples and their neighbours.
        latents: (n, coordinate_dim) their latent points, float64.
        seed: of the balls.
    """
    points, (lengths, near) = ground.points, ground.near
    z = stretched(space, latents)
    distances = distances_to(space, _queries(space, z, seed), z)
    count, across = ball_size(len(z), space.dim), float(distances.max())
    rng = np.random.default_rng(seed)
    balls = _balls(space, near[:, 0], z, distances, count)
    usual = _mean_distance(points[rng.choice(len(points), min(len(points), 400), replace=False)])
    graph = joined(lengths[:, :BALL_NEIGHBOURS], near[:, :BALL_NEIGHBOURS])
    pieces = np.array([_pieces(graph, *ball) for ball in balls])
    members = [points[outer[inner]] for outer, inner in balls]
    spreads = [_mean_distance(inside[:MOST_MEASURED]) / usual for inside in members]
    widest = max((float(np.linalg.norm(inside - inside[0], axis=1).max()) for inside in members), default=0.0)
    gap = max(GAP * across, GAP_IN_RADII * float(np.median(np.partition(distances, count - 1, axis=1)[:, count - 1])))
    torn, reach = _tears(space, points, z, gap, rng)
    return Fibres(
        empty=_empty(space, z, count, seed),
        several=float((pieces > 1).mean()) if len(pieces) else 1.0,
        torn=torn,
        leaps=_leaps(space, near[:, :LEAP_NEIGHBOURS], z, max(FAR * across, FAR_IN_GAPS * gap)),
        spread=float(np.quantile(spreads, SPREAD_QUANTILE)) if spreads else 1.0,
        data=min(1.0, widest / diameter(points)),
        latent=min(1.0, reach / max(across, 1e-300)),
        ranges=tuple(_relative_ranges(space, latents).tolist()),
        pieces=_usual(pieces),
    )


def _balls(
    space: LatentSpace, first: np.ndarray, z: Tensor, distances: np.ndarray, count: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each ball the samples in a wider one about its centre, and which of them are inside.

    Balls that must reach twice as far as usual for their samples are left out: they lie in a gap.

    Args:
        first: (n,) nearest neighbours in the data.
        distances: (b, n) from the centres of balls to the samples.
        count: samples in a ball.
    """
    radius = np.partition(distances, count - 1, axis=1)[:, count - 1]
    noise = float(space.distance(z, z[first]).median())
    least = min(NOISE_IN_RADIUS * noise, WIDEST_BALL * float(distances.max()))
    kept = radius <= LONE * np.median(radius)
    found = []
    for row, reach in zip(distances[kept], np.maximum(radius[kept], least), strict=True):
        outer = np.flatnonzero(row <= OUTER * reach)
        found.append((outer, row[outer] <= reach))
    return found


def _queries(space: LatentSpace, z: Tensor, seed: int) -> Tensor:
    """Return centres of balls: of the prior in closed factors, and like a random sample in flat ones."""
    queries = draw_prior(space, BALLS, seed)
    rng = np.random.default_rng(seed)
    like = space.orbit(z[rng.integers(len(z), size=BALLS)])
    images = like[torch.as_tensor(rng.integers(space.order, size=BALLS)), torch.arange(BALLS)]
    flat = flat_columns(space)
    queries[:, flat] = images[:, flat]
    return queries


def _pieces(graph: csr_matrix, outer: np.ndarray, inner: np.ndarray) -> int:
    """Return into how many pieces of the graph the samples at `outer`[`inner`] fall, within the samples `outer`."""
    _, label = connected_components(graph[outer][:, outer], directed=False)
    return _large(label, inner)


def _usual(pieces: np.ndarray) -> int | None:
    """Return the number that most balls share."""
    counts = np.bincount(pieces) if len(pieces) else np.zeros(1)
    return int(counts.argmax()) if counts.max() > MOSTLY * len(pieces) else None


def _large(label: np.ndarray, inner: np.ndarray) -> int:
    """Return how many pieces hold a fair share of the inner samples."""
    return int((np.bincount(label[inner]) >= max(2, LEAST_PIECE * inner.sum())).sum())


def _mean_distance(points: np.ndarray) -> float:
    """Return the mean distance between different points (m, q)."""
    square = (points**2).sum(1)
    distances = np.sqrt(np.maximum(square[:, None] + square[None] - 2 * points @ points.T, 0))
    return float(distances.sum() / max(len(points) * (len(points) - 1), 1))


def diameter(points: np.ndarray) -> float:
    """Return about the largest distance between two points (n, q): from the farthest from the centre to all others."""
    far = points[np.linalg.norm(points - points.mean(0), axis=1).argmax()]
    return max(float(np.linalg.norm(points - far, axis=1).max()), 1e-300)


def _tears(space: LatentSpace, points: np.ndarray, z: Tensor, gap: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return the share of balls of the data that are torn, and the widest latent reach of a ball.

    Args:
        gap: latent points of a ball hold together over steps up to this length.
    """
    centre = rng.choice(len(points), min(len(points), BALLS), replace=False)
    size = ball_size(len(points), space.dim)
    _, index = nearest(points, min(TEAR_OUTER * size, len(points) - 1), points[centre])
    several, widest = [], 0.0
    for ball in index[:, :: max(1, size // LEAST_IN_BALL)]:
        inner = np.arange(len(ball)) < math.ceil(len(ball) / TEAR_OUTER)
        apart = space.distance(z[ball, None], z[None, ball]).numpy()
        _, label = connected_components(csr_matrix(apart <= gap), directed=False)
        several.append(_large(label, inner) > 1)
        widest = max(widest, float(apart[0, inner].max()))
    return float(np.mean(several)), widest


def _leaps(space: LatentSpace, near: np.ndarray, z: Tensor, far: float) -> float:
    """Return the share of nearest neighbours (n, k) in the data that lie further apart than `far` in the latent space."""
    return float((space.distance(z[:, None], z[near]) > far).double().mean())


def _empty(space: LatentSpace, z: Tensor, count: int, seed: int) -> float:
    """Return the share of prior points of the closed factors with no sample within the usual radius of `count`."""
    core = closed(space, draw_prior(space, BALLS, seed + 1))
    others = closed(space, draw_prior(space, min(len(z), 4000), seed + 2))
    count = max(2, round(count * len(others) / len(z)))
    radius = float(np.median(np.partition(distances_to(space, core, others), count - 1, axis=1)[:, count - 1]))
    if radius == 0:
        return 0.0
    return float((distances_to(space, core, closed(space, z)).min(1) > radius).mean())


def _relative_ranges(space: LatentSpace, latents: Tensor) -> np.ndarray:
    """Return the ranges of flat columns over those of the prior: 1 for intervals, 4 standard deviations for lines."""
    kinds = [f.kind for f in space.signature.factors for _ in range(f.dim) if f.kind != "S"]
    # 1.386 is erfinv(0.95): a normal law's share CENTRAL lies between ±1.96 standard deviations
    whole = np.array([CENTRAL if kind == "I" else 2 * math.sqrt(2) * 1.386 for kind in kinds])
    return flat_ranges(space, latents) / whole
