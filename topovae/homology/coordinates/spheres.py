"""Maps to spheres from eigenfunctions."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from topovae.homology.calibration import tuned

LEAST_AXIS = tuned("least_axis")

MOST_SUBSETS = 5000


def fit_sphere(functions: np.ndarray, dimension: int) -> tuple[np.ndarray, float] | None:
    """Find those of some functions in which the data are an ellipsoid, and straighten it to a sphere.

    Over all subsets φ of dimension + 1 functions a symmetric Q with φᵀQφ ≈ 1 is fitted by least squares; of the positive
    ones the best is factored, and z = Q^½ φ. The first eigenfunctions of an ellipsoid are not always the linear ones.

    Args:
        functions: (m, k) functions of mean square 1, the smoothest first.
        dimension: d of the sphere S^d.

    Returns:
        Unit vectors (m, d + 1) and the root mean square of φᵀQφ − 1; None where no form is positive.
    """
    size = dimension + 1
    i, j = np.triu_indices(size)
    best: tuple[np.ndarray, float] | None = None
    for count, subset in enumerate(combinations(range(functions.shape[1]), size)):
        if count == MOST_SUBSETS:
            break
        chosen = functions[:, subset]
        products = chosen[:, i] * chosen[:, j]
        form = np.linalg.lstsq(products, np.ones(len(chosen)), rcond=None)[0]
        residual = float(np.sqrt(np.mean((products @ form - 1) ** 2)))
        if best is not None and residual >= best[1]:
            continue
        matrix = np.zeros((size, size))
        matrix[i, j] = form / np.where(i == j, 1, 2)
        axes, directions = np.linalg.eigh(matrix + matrix.T - np.diag(np.diag(matrix)))
        if axes[0] >= LEAST_AXIS:
            best = chosen @ (directions * np.sqrt(axes)), residual
    return None if best is None else (unit(best[0]), best[1])


def unit(points: np.ndarray) -> np.ndarray:
    """Return vectors (..., k) scaled to length 1."""
    return points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-300)
