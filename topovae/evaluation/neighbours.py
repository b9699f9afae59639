"""How far the latent space keeps the neighbours of the data, and the data those of the latent space."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from topovae.data.dataset import Dataset
from topovae.evaluation.truth import MAX_POINTS
from topovae.latent import Space

NEIGHBOURS = 5
"""Neighbours of a sample that are compared: scikit-learn's default, not tuned."""


def neighbours_kept(
    space: Space, location: np.ndarray, features: np.ndarray, data: Dataset, index: np.ndarray, seed: int = 0
) -> tuple[float, float] | None:
    """Trustworthiness and continuity of posterior locations, each 1 where all neighbours are kept.

    Distances of the data are Euclidean; those of latents are geodesic where they are ranked, and of features, which grow
    with them nearby, where neighbours are only found.

    Args:
        space: the latent space.
        location: (n, coordinate_dim) posterior locations.
        features: (n, feature_dim) what the decoder reads there.
        data: all samples.
        index: (n,) rows of the split.
        seed: of the subset of at most `MAX_POINTS` samples that is compared.

    Returns:
        Both; None of fewer samples than have neighbours.

    References:
        Venna and Kaski, Neighborhood preservation in nonlinear projection methods (2001), equations 1 and 2.
    """
    from sklearn.manifold import trustworthiness

    n = len(location)
    chosen = np.sort(np.random.default_rng(seed).choice(n, min(n, MAX_POINTS), replace=False))
    k = min(NEIGHBOURS, (len(chosen) - 1) // 2)
    if k < 1:
        return None
    x = data.rows(index[chosen]).reshape(len(chosen), -1).astype(np.float64)
    read = np.asarray(features, dtype=np.float64)[chosen]
    apart, far = _distances(torch.as_tensor(x)), _geodesic(space, location[chosen])
    return (
        float(trustworthiness(apart, read, n_neighbors=k, metric="precomputed")),
        float(trustworthiness(far, x, n_neighbors=k, metric="precomputed")),
    )


def _distances(x: Tensor) -> np.ndarray:
    return torch.cdist(x, x).numpy()


def _geodesic(space: Space, location: np.ndarray) -> np.ndarray:
    """Distances (n, n), symmetric; between components beyond all within them."""
    z = torch.as_tensor(location, dtype=torch.float64)
    rows = [space.distance(part[:, None], z[None]) for part in z.split(64)]
    distances = torch.cat(rows).numpy()
    finite = distances[np.isfinite(distances)]
    distances = np.where(np.isfinite(distances), distances, 2 * finite.max(initial=0.0) + 1)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0.0)
    return distances
