"""A linear denoiser: principal components above the noise floor, shrunk as Wiener would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import tuned

FEW_FEATURES = int(tuned("few_features"))
MOST_COMPONENTS = int(tuned("most_components"))
NOISE_MARGIN = tuned("noise_margin")


@dataclass(frozen=True)
class Denoiser:
    """An affine map from features to shrunk principal components.

    Attributes:
        mean: (p,) mean of the features.
        components: (q, p) orthonormal rows.
        gain: (q,) factors in [0, 1], the Wiener filter.
        noise: standard deviation of the noise in each feature, in the unit of the data.
    """

    mean: np.ndarray
    components: np.ndarray
    gain: np.ndarray
    noise: float

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Map rows (n, p) to shrunk components (n, q)."""
        return (x - self.mean) @ self.components.T * self.gain


def fit_denoiser(x: np.ndarray) -> Denoiser:
    """Fit the noise floor and the Wiener gains (λ − σ²)/λ on rows.

    Args:
        x: (n, p) data.

    References:
        Marchenko and Pastur (1967): eigenvalues of white noise stay below σ²(1 + √(p/n))².
    """
    mean = x.mean(0)
    eigenvalues, components = _principal(x - mean)
    if x.shape[1] <= FEW_FEATURES:
        return Denoiser(mean, components, np.ones(len(components)), 0.0)
    rank, variance = _noise_floor(eigenvalues, *x.shape)
    if rank == 0:  # nothing stands out: no part of the data can be called noise
        kept = components[:MOST_COMPONENTS]
        return Denoiser(mean, kept, np.ones(len(kept)), 0.0)
    signal = eigenvalues[:rank]
    gain = np.clip((signal - variance) / np.maximum(signal, 1e-300), 0.0, 1.0)
    return Denoiser(mean, components[:rank], gain, float(np.sqrt(variance)))


def _principal(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues (r,) of the covariance, largest first, and their unit vectors (r, p)."""
    n, p = centred.shape
    if p <= n:
        values, vectors = np.linalg.eigh(centred.T @ centred / n)
        return np.maximum(values[::-1], 0.0), _fixed_signs(vectors[:, ::-1].T)
    values, vectors = np.linalg.eigh(centred @ centred.T / n)
    values = np.maximum(values[::-1], 0.0)
    keep = values > 1e-12 * values[0]
    rows = vectors[:, ::-1].T[keep] @ centred
    return values[keep], _fixed_signs(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _fixed_signs(vectors: np.ndarray) -> np.ndarray:
    """Make the largest entry of each row positive, so that the signs do not hang on the linear algebra."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1)
    return vectors * np.where(largest < 0, -1.0, 1.0)


def _noise_floor(eigenvalues: np.ndarray, n: int, p: int) -> tuple[int, float]:
    """Return how many eigenvalues stand above the noise, and the variance of the noise in each feature.

    Where there are fewer samples than features the eigenvalues are those that are not 0, and their sum is still
    the variance of all p features.
    """
    most = min(MOST_COMPONENTS, len(eigenvalues) - 2)
    variance, rank = float(np.median(eigenvalues)) * len(eigenvalues) / p, 0
    for _ in range(20):
        above = int((eigenvalues > NOISE_MARGIN * variance * (1 + np.sqrt(p / n)) ** 2).sum())
        if above == rank == 0:
            return 0, 0.0
        above = min(max(above, 2), most)
        variance = float(eigenvalues[above:].sum()) / (p - above)
        if above == rank:
            break
        rank = above
    return rank, variance
