"""The core of thick data: the manifold of least dimension that is left when the thickness is averaged away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.manifold import evenly
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.cloud.planes import BLOCK_NUMBERS, onto_planes
from topovae.homology.cloud.tangents import intrinsic_dimension

SMALL, MIDDLE, LARGE = tuned("core_small_share"), tuned("core_share"), tuned("core_large_share")
GAP = tuned("core_gap")
LEAST_MANIFOLD = tuned("core_manifold")


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
        # where many neighbours show no core, few do not either
        found = _core(points, dimension, MIDDLE, seed) or _core(points, dimension, LARGE, seed)
        if found is not None:
            return _core(points, dimension, SMALL, seed) or found
    return None


def _core(points: np.ndarray, dimension: int, share: float, seed: int) -> Core | None:
    """Return the points on planes through a share of them, None where they do not lie on a manifold of that dimension."""
    neighbours = max(round(share * len(points)), dimension + 3)
    pulled = onto_planes(points, dimension, neighbours)
    found = intrinsic_dimension(pulled, 0.0, seed)
    whole = found.value == dimension and found.gap >= GAP and np.prod(list(evenly(found).values())) >= LEAST_MANIFOLD
    return Core(pulled, dimension, neighbours) if whole else None


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
