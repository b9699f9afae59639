"""Persistence diagrams of latent points against those of the data they came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from topovae.data.dataset import Dataset
from topovae.evaluation.algebra import representatives_of
from topovae.evaluation.certificate import check_latents, unrolled
from topovae.homology.cloud.ground import Ground, survey
from topovae.homology.cloud.landmarks import hybrid_distances
from topovae.homology.cloud.tangents import frame_size
from topovae.homology.complexes.rips import persistence
from topovae.latent import LatentSpace
from topovae.signature import Signature

LANDMARKS, PRIMES = 120, (2, 3)
"""Landmarks of each diagram, a limit on cost, not tuned; and the fields Z/p whose diagrams are compared."""


def compare_diagrams(
    data: Dataset | ArrayLike,
    coordinates: np.ndarray,
    signature: Signature,
    *,
    seed: int = 0,
    ground: Ground | None = None,
) -> dict[str, Any]:
    """Compare diagrams of landmarks of the data with those of their latent points under the latent's geodesic distance.

    Both filtrations run up to their enclosing radius, where every class of positive degree has died, so that the one infinite
    bar, of degree 0, matches itself. Distances are divided by the largest, so that the result is in diameters.

    Args:
        data: Dataset, or array (n, ...) of samples.
        coordinates: (n, coordinate_dim) posterior means, as points on the cover.
        signature: the latent space.
        seed: of landmarks.
        ground: the survey of these data with this seed, where it has been made.

    Returns:
        `scale` ("diameter"), `landmarks`, `mean_h1_h2_bottleneck` (over primes and degrees 1 and 2), and in `primes` for each
        prime and degree "0", "1", "2" the `bottleneck` and `wasserstein` distances, None where they are infinite.

    Raises:
        InputError: there are not as many latent points as samples, or they do not fit the latent space.
    """
    own, latent = landmark_distances(data, coordinates, signature, seed=seed, ground=ground)
    compared = {str(prime): _compared(own, latent, prime) for prime in PRIMES}
    higher = [compared[prime][degree]["bottleneck"] for prime in compared for degree in ("1", "2")]
    finite = [value for value in higher if value is not None]
    return {
        "scale": "diameter",
        "landmarks": len(own),
        "mean_h1_h2_bottleneck": float(np.mean(finite)) if len(finite) == len(higher) else None,
        "primes": compared,
    }


def landmark_distances(
    data: Dataset | ArrayLike,
    coordinates: np.ndarray,
    signature: Signature,
    *,
    seed: int = 0,
    ground: Ground | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances (m, m) of landmarks of the data and of their latent points, each in diameters.

    Args:
        data: Dataset, or array (n, ...) of samples.
        coordinates: (n, coordinate_dim) posterior means, as points on the cover.
        signature: the latent space.
        seed: of landmarks.
        ground: the survey of these data with this seed, where it has been made.

    Raises:
        InputError: there are not as many latent points as samples, or they do not fit the latent space.
    """
    samples = Dataset.given(data)
    known = LatentSpace(signature)
    check_latents(samples, coordinates, known)
    ground = survey(samples, seed) if ground is None else ground
    space, latents = unrolled(known, torch.as_tensor(np.asarray(coordinates)[ground.index], dtype=torch.float64))
    landmarks = ground.landmarks(LANDMARKS)
    assert landmarks.points is not None  # k-means centres
    chosen = latents[representatives_of(space, ground, landmarks, latents)]
    own = hybrid_distances(landmarks.points, ground.averaged, ground.dimension.value, frame_size(ground.dimension))
    latent = space.distance(chosen[:, None], chosen[None]).numpy()
    latent = (latent + latent.T) / 2
    np.fill_diagonal(latent, 0.0)
    return _scaled(own), _scaled(latent)


def _scaled(distances: np.ndarray) -> np.ndarray:
    """Return distances over their largest; all zero where the points coincide."""
    diameter = float(distances.max())
    return distances / diameter if diameter > 0 else np.zeros_like(distances)


def _compared(own: np.ndarray, latent: np.ndarray, prime: int) -> dict[str, dict[str, float | None]]:
    first, second = (persistence(distances, prime, 2).bars for distances in (own, latent))
    return {str(degree): compare_bars(a, b) for degree, (a, b) in enumerate(zip(first, second, strict=True))}


def compare_bars(first: np.ndarray, second: np.ndarray) -> dict[str, float | None]:
    """Return bottleneck and Wasserstein distances of bars (a, 2) and (b, 2); None where infinite.

    Infinite bars match only each other, in the order of their births; where there are not as many on both sides the distances
    are infinite, which persim does not say.

    Example:
        >>> compare_bars(np.array([[0.0, np.inf]]), np.zeros((0, 2)))
        {'bottleneck': None, 'wasserstein': None}
    """
    from persim import bottleneck, wasserstein  # which brings scikit-learn and matplotlib, as no training needs them

    essential = [np.sort(bars[~np.isfinite(bars[:, 1]), 0]) for bars in (first, second)]
    if len(essential[0]) != len(essential[1]):
        return {"bottleneck": None, "wasserstein": None}
    shifts = np.abs(essential[0] - essential[1])
    finite = [_or_trivial(bars[np.isfinite(bars[:, 1]) & (bars[:, 1] > bars[:, 0])]) for bars in (first, second)]
    return {
        "bottleneck": float(max(bottleneck(*finite), shifts.max(initial=0.0))),
        "wasserstein": float(wasserstein(*finite) + shifts.sum()),
    }


def _or_trivial(bars: np.ndarray) -> np.ndarray:
    """Return the bars, or one of length 0 where there are none, which changes no distance."""
    return bars if len(bars) else np.zeros((1, 2))
