"""The core of thick data: the manifold of least dimension that is left when the thickness is averaged away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.manifold import evenly
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.cloud.planes import onto_planes
from topovae.homology.cloud.tangents import intrinsic_dimension

SMALL, MIDDLE, LARGE = tuned("core_small_share"), tuned("core_share"), tuned("core_large_share")
GAP = tuned("core_gap")
LEAST_MANIFOLD = tuned("core_manifold")
THICKNESS_GAP, STRUCTURED = tuned("thickness_gap"), tuned("structured")

MOST_PLACES = 300
"""Places at which the thickness is measured: a limit on cost, not tuned."""


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


@dataclass(frozen=True)
class Thickness:
    """How samples lie about their core.

    Attributes:
        directions: in how many they extend, 0 where all are alike, as noise is.
        kurtosis: of the widest: 3 for normal noise, 1.8 where they fill a stretch evenly, less where they lie in strands.
    """

    directions: int
    kurtosis: float

    @property
    def structured(self) -> bool:
        """Whether they lie otherwise than noise."""
        return self.kurtosis < STRUCTURED


def thickness(points: np.ndarray, core: Core) -> Thickness:
    """Measure what is left of the points about their core, in neighbourhoods along it.

    Args:
        points: (n, p) samples.
        core: made of them.
    """
    off = points - core.points
    _, index = nearest(core.points, core.neighbours)
    some = np.linspace(0, len(points) - 1, min(len(points), MOST_PLACES)).astype(int)
    spectra, kurtosis = [], []
    for patch in off[index[some]]:
        centred = patch - patch.mean(0)
        values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        along = centred @ vectors[:, -1]
        spectra.append(values[::-1])
        kurtosis.append((along**4).mean() / max((along**2).mean() ** 2, 1e-300))
    spectrum = np.mean(spectra, axis=0)[: points.shape[1] - core.dimension]
    gaps = spectrum[:-1] / np.maximum(spectrum[1:], 1e-300)
    clear = len(gaps) > 0 and gaps.max() >= THICKNESS_GAP
    return Thickness(int(gaps.argmax()) + 1 if clear else 0, float(np.median(kurtosis)))
