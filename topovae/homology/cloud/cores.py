"""The core of thick data: the manifold of least dimension that is left when the thickness is averaged away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.manifold import fits_everywhere
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.cloud.tangents import intrinsic_dimension

SHARES = (tuned("core_small_share"), tuned("core_share"), tuned("core_large_share"))
ROUNDS = int(tuned("core_rounds"))
GAP = tuned("core_gap")
LEAST_MANIFOLD = tuned("core_manifold")

BLOCK_NUMBERS = 2**22
"""Numbers in a block of neighbourhoods: a limit on cost, not tuned."""


@dataclass(frozen=True)
class Core:
    """Points pulled onto a manifold of lower dimension.

    Attributes:
        points: (n, p) points, each on the plane of its neighbours.
        dimension: of the planes, and of what the points lie on.
        neighbours: how many of them a plane was fitted to.
    """

    points: np.ndarray
    dimension: int
    neighbours: int


def find_core(points: np.ndarray, dimensions: Sequence[int], seed: int) -> Core | None:
    """Find the least dimension d such that the points, pulled onto local d-planes, lie on a d-manifold.

    Noise is averaged away by planes through many neighbours, while a direction in which the data really extend cannot be: its
    points stay spread out, and the dimension read from them is not d. The fewest neighbours that do are taken, as planes
    flatten what bends.

    Args:
        points: (n, p) samples, some thousands at most.
        dimensions: those tried, the least first.
        seed: chooses where the dimension is read.
    """
    for dimension in dimensions:
        if dimension >= points.shape[1]:
            return None
        for neighbours in _sizes(len(points), dimension):
            pulled = pull(points, dimension, neighbours)
            found = intrinsic_dimension(pulled, 0.0, seed)
            if found.value == dimension and found.gap >= GAP and fits_everywhere(found) >= LEAST_MANIFOLD:
                return Core(pulled, dimension, neighbours)
    return None


def _sizes(n: int, dimension: int) -> Iterator[int]:
    """Yield the sizes of neighbourhoods that are tried."""
    yield from sorted({max(round(share * n), dimension + 3) for share in SHARES})


def pull(points: np.ndarray, dimension: int, neighbours: int, rounds: int = ROUNDS) -> np.ndarray:
    """Project points (n, p) onto the affine planes of their nearest neighbours, repeatedly.

    Args:
        points: (n, p) samples.
        dimension: of the planes.
        neighbours: how many of them, and the point itself, a plane is fitted to.
        rounds: how often.
    """
    for _ in range(rounds):
        _, index = nearest(points, neighbours)
        index = np.column_stack([np.arange(len(points)), index])
        step = max(1, BLOCK_NUMBERS // (index.shape[1] * points.shape[1]))
        blocks = [slice(start, start + step) for start in range(0, len(points), step)]
        points = np.concatenate([_onto_planes(points[rows], points[index[rows]], dimension) for rows in blocks])
    return points


def _onto_planes(points: np.ndarray, patches: np.ndarray, dimension: int) -> np.ndarray:
    """Project points (r, p) onto the planes of least squares through patches (r, k, p)."""
    centre = patches.mean(1)
    centred = patches - centre[:, None]
    _, vectors = np.linalg.eigh(np.swapaxes(centred, 1, 2) @ centred)
    frame = vectors[:, :, -dimension:]
    along = np.swapaxes(frame, 1, 2) @ (points - centre)[:, :, None]
    return centre + (frame @ along)[:, :, 0]


def normal_spectrum(points: np.ndarray, core: Core) -> np.ndarray:
    """Return the mean variances (p − d,) of the points about the core, largest first, across its directions.

    Args:
        points: (n, p) samples.
        core: made of them.
    """
    off = points - core.points
    _, index = nearest(core.points, core.neighbours)
    step = max(1, BLOCK_NUMBERS // (index.shape[1] * points.shape[1]))
    spectra = []
    for start in range(0, len(points), step):
        patches = off[index[start : start + step]]
        centred = patches - patches.mean(1, keepdims=True)
        spectra.append(np.linalg.eigvalsh(np.swapaxes(centred, 1, 2) @ centred / patches.shape[1])[:, ::-1])
    return np.concatenate(spectra).mean(0)[: points.shape[1] - core.dimension]
