"""What an encoder does to the cohomology of the data: winding numbers, classes mod 2, and degree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from topovae.evaluation.pullback import characters, covering_cocycles, representatives, solid_angles, windings
from topovae.homology.cloud.ground import SURFACE_EDGE, SURFACE_LANDMARKS, Ground
from topovae.homology.cloud.landmarks import Landmarks
from topovae.homology.complexes.bars import bar_ratios, by_ratio, ranked_ratios
from topovae.homology.complexes.rips import persistence
from topovae.homology.features.double_covers import MOST_CLASSES, find_classes
from topovae.homology.features.pullbacks import (
    ModTwoMatch,
    connected_graph,
    exactness,
    free_classes,
    match_mod_two,
    mod_two_graph,
    surface_class,
)
from topovae.homology.fitted import law_of
from topovae.homology.spaces import invariants as topology
from topovae.latent import LatentSpace

ALPHA, LISTS = 0.01, 3
"""Level, a probability, of the test that a class is noise: the default of `analyze`; and the lists of bars in which a
certificate looks for classes that the latent space has not, at that level together (Bonferroni). Not tuned."""


@dataclass(frozen=True)
class Algebra:
    """The latent space's classes in terms of the data's; what the space has not, or the data does not show, is None.

    Attributes:
        winding: (k, r) coefficients of the circle-valued functions in the data's classes: as many as there are functions, or as
            stand out where those are more; whole numbers where
            the encoder is continuous.
        mod_two: for each basis class of H¹ over Z/2 its match among as many of the data's.
        exact: least share of a combination of circle-valued functions that is no difference of a real-valued one on the data,
            and that combination.
        degree: coefficient of the sphere's area in the data's class of degree 2.
        lives: ratios death/birth of the data's classes, longest first, by (prime, degree), over the critical ratio.
        surplus: the same over the critical ratio of a class that the latent space has not.
    """

    winding: np.ndarray | None
    mod_two: tuple[ModTwoMatch, ...] | None
    exact: tuple[float, tuple[int, ...]] | None
    degree: float | None
    lives: dict[tuple[int, int], np.ndarray]
    surplus: dict[tuple[int, int], np.ndarray]


def read_algebra(space: LatentSpace, ground: Ground, latents: Tensor, *, cavities: bool = True) -> Algebra:
    """Pull the classes of a latent space back to the landmarks of the data.

    Args:
        space: latent space.
        ground: denoised samples.
        latents: (n, coordinate_dim) their latent points, float64.
        cavities: whether those of surfaces are looked for, which only tell what a latent space other than the sphere has not.
    """
    landmarks = ground.landmarks()
    points = latents[representatives_of(space, ground, landmarks, latents)]
    found = {(prime, 1): _lives(landmarks, ground, prime) for prime in (2, 3)}
    degree = None
    if is_sphere(space):
        degree = _degree(space, ground, latents)
        usual, strict = _lives(ground.landmarks(SURFACE_LANDMARKS), ground, 3, 2)
        found[3, 2] = usual[:1], strict[:1]
    elif cavities and ground.dimension.value == 2:
        found[2, 2] = _lives(ground.landmarks(SURFACE_LANDMARKS), ground, 2, 2)
    lives, surplus = ({key: pair[i] for key, pair in found.items()} for i in (0, 1))
    return Algebra(
        _winding(space, ground, landmarks, points, int((lives[3, 1] > 1).sum())),
        _mod_two(space, ground, landmarks, points),
        _exact(space, landmarks, points),
        degree,
        lives,
        surplus,
    )


def is_sphere(space: LatentSpace) -> bool:
    """Whether a latent space is S² itself."""
    return space.order == 1 and len(space.factors) == 1 and str(space.signature.factors[0]) == "S2"


def representatives_of(space: LatentSpace, ground: Ground, landmarks: Landmarks, latents: Tensor) -> np.ndarray:
    """Return rows (m,) of samples that stand for the landmarks; a landmark without samples takes the nearest."""
    assert landmarks.points is not None  # k-means centres
    chosen = representatives(space, latents, ground.owner(landmarks), len(landmarks.points), ground.seed)
    for lost in np.flatnonzero(chosen < 0):
        chosen[lost] = np.linalg.norm(ground.points - landmarks.points[lost], axis=1).argmin()
    return chosen


def _lives(landmarks: Landmarks, ground: Ground, prime: int, degree: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return death/birth of all bars of a degree, longest first, over the ratio of a class and of one too many."""
    cap = ground.longest_edge if degree == 1 else SURFACE_EDGE
    bars = persistence(landmarks.distances, prime, degree, cap).bars[degree]
    count, n, ratios = len(landmarks.distances), len(ground.points), ranked_ratios(bars)
    law = law_of(degree, ground.dimension.value, count, n, ratios, prime)
    found = bar_ratios(bars)[by_ratio(bars)]
    return found / law.critical_ratio(ALPHA), found / law.critical_ratio(ALPHA / LISTS)


def _exact(space: LatentSpace, landmarks: Landmarks, points: Tensor) -> tuple[float, tuple[int, ...]] | None:
    if not len(characters(space.signature)):
        return None
    graph = connected_graph(landmarks.distances)
    return exactness(graph, windings(space, points, graph.ends))


def _winding(space: LatentSpace, ground: Ground, landmarks: Landmarks, points: Tensor, shown: int) -> np.ndarray | None:
    count = len(characters(space.signature))
    count = count and max(count, shown)
    classes = free_classes(landmarks.distances, count, ground.longest_edge) if count else None
    if classes is None:
        return None
    return classes.coefficients(windings(space, points, classes.graph.ends))


def _mod_two(space: LatentSpace, ground: Ground, landmarks: Landmarks, points: Tensor) -> tuple[ModTwoMatch, ...] | None:
    count = max(topology.lifted_labels(space.signature).values()).bit_length()
    classes = find_classes(landmarks.distances, count, ground.longest_edge) if 1 <= count <= MOST_CLASSES else None
    if classes is None:
        return None
    graph = mod_two_graph(classes)
    return tuple(match_mod_two(classes, graph, cocycle) for cocycle in covering_cocycles(space, points, graph.ends))


def _degree(space: LatentSpace, ground: Ground, latents: Tensor) -> float | None:
    landmarks = ground.landmarks(SURFACE_LANDMARKS)
    found = surface_class(landmarks.distances, SURFACE_EDGE)
    if found is None:
        return None
    points = latents[representatives_of(space, ground, landmarks, latents)].numpy()
    return found.coefficient(solid_angles(points, found.triangles))
