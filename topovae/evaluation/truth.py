"""Comparison of latent coordinates with ground truth."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
from torch import Tensor

from topovae.distributions.wrapped_normal import wrap
from topovae.latent import LatentSpace
from topovae.signature import IDENTITY

MAX_POINTS = 1000


def free_circle_columns(space: LatentSpace) -> list[int]:
    """Coordinate columns that are angles of the latent space: of circle factors that the group leaves alone."""
    starts = np.cumsum([0, *(f.coordinate_dim for f in space.factors)])
    signature = space.signature
    still = [all(element[i] == IDENTITY for element in signature.group) for i in range(len(signature.factors))]
    return [int(starts[i]) for i, f in enumerate(signature.factors) if f.is_circle and still[i]]


def geodesic_stress(
    space: LatentSpace,
    coordinates: np.ndarray,
    truth_space: LatentSpace,
    truth: np.ndarray,
    seed: int = 0,
    group: np.ndarray | None = None,
) -> float:
    r"""How far geodesic distances in the latent space are from those of the truth, 0 for a similarity.

    .. math:: \min_s \sqrt{\sum_{i<j} (s\,d_{ij} - t_{ij})^2 / \sum_{i<j} t_{ij}^2}

    Isometries change no distance; for latent spaces with several circles and no group the least value over automorphisms of the
    lattice is taken, found by elementary shears while they help.

    Args:
        space: latent space.
        coordinates: (n, space.coordinate_dim).
        truth_space: the space of the truth.
        truth: (n, truth_space.coordinate_dim).
        seed: of the subsample of at most `MAX_POINTS` samples that is compared.
        group: (n,) labels; only pairs of one label are compared then, where the truth says nothing of the others.

    References:
        Kruskal, Multidimensional scaling by optimizing goodness of fit (1964), stress formula 1.
    """
    n = len(coordinates)
    chosen = np.sort(np.random.default_rng(seed).choice(n, min(n, MAX_POINTS), replace=False))
    z = torch.as_tensor(coordinates[chosen], dtype=torch.float64)
    t = torch.as_tensor(truth[chosen], dtype=torch.float64)
    i, j = torch.triu_indices(len(chosen), len(chosen), 1)
    if group is not None:
        label = torch.as_tensor(np.unique(group[chosen], return_inverse=True)[1])
        alike = label[i] == label[j]
        i, j = i[alike], j[alike]
    true_distance = truth_space.distance(t[i], t[j])

    def stress(points: Tensor) -> float:
        distance = space.distance(points[i], points[j])
        scale = (distance * true_distance).sum() / distance.square().sum().clamp(min=1e-30)
        return float(((scale * distance - true_distance).square().sum() / true_distance.square().sum()).sqrt())

    best = stress(z)
    circles = free_circle_columns(space) if space.order == 1 else []
    improved = True
    while improved:
        improved = False
        for a, b in permutations(circles, 2):
            for sign in (1, -1):
                sheared = z.clone()
                sheared[:, a] = wrap(z[:, a] + sign * z[:, b])
                value = stress(sheared)
                if value < best - 1e-6:
                    best, z, improved = value, sheared, True
    return best


def circular_agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Circular correlation of two angles up to offset and reflection: the larger of |mean exp i(a ∓ b)|, in [0, 1].

    References:
        Fisher, Statistical Analysis of Circular Data (1993), section 6.3 (T-linear association with slope ±1).
    """
    return float(max(abs(np.exp(1j * (a - b)).mean()), abs(np.exp(1j * (a + b)).mean())))


def recovered_circles(
    space: LatentSpace,
    coordinates: np.ndarray,
    truth_space: LatentSpace,
    truth: np.ndarray,
    group: np.ndarray | None = None,
) -> list[dict]:
    """For each circle of the truth, the latent circle that agrees with it best.

    Args:
        space, coordinates: latent space and points (n, space.coordinate_dim).
        truth_space, truth: the space of the truth and points on it.
        group: (n,) labels; the mean agreement within groups, each with an offset of its own, is given too.

    Returns:
        One dict a circle: "truth" and "latent" (columns), "circular_correlation", "within_groups".
    """
    found = []
    for column in free_circle_columns(truth_space):
        angle = truth[:, column]
        scores = [(circular_agreement(coordinates[:, k], angle), k) for k in free_circle_columns(space)]
        if not scores:
            continue
        score, best = max(scores)
        within = None
        if group is not None:
            parts = [group == g for g in np.unique(group)]
            within = float(np.mean([circular_agreement(coordinates[p, best], angle[p]) for p in parts]))
        found.append({"truth": column, "latent": best, "circular_correlation": score, "within_groups": within})
    return found
