"""Points brought onto the planes of their neighbours, which averages noise away."""

from __future__ import annotations

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.cloud.tangents import principal_frames

ROUNDS = int(tuned("plane_rounds"))

BLOCK_NUMBERS = 2**22
"""Numbers in a block of neighbourhoods: a limit on cost, not tuned."""


def onto_planes(points: np.ndarray, dimension: int, neighbours: int, rounds: int = ROUNDS) -> np.ndarray:
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
        points = np.concatenate([_project(points[rows], points[index[rows]], dimension) for rows in blocks])
    return points


def _project(points: np.ndarray, patches: np.ndarray, dimension: int) -> np.ndarray:
    """Project points (r, p) onto the planes of least squares through patches (r, k, p)."""
    centre = patches.mean(1)
    frames = principal_frames(patches, dimension)
    along = frames @ (points - centre)[:, :, None]
    return centre + (np.swapaxes(frames, 1, 2) @ along)[:, :, 0]
