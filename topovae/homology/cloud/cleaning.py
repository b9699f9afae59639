"""What is set aside before anything is measured: rows that repeat another, and rows far from all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.neighbours import nearest

NEIGHBOURS = int(tuned("outlier_neighbours"))
FEW_NEIGHBOURS = int(tuned("outlier_few_neighbours"))
FEW = int(tuned("outlier_few_samples"))
DEVIATIONS = tuned("outlier_deviations")
LEAST, MOST = tuned("outlier_least"), tuned("outlier_most")

ROWS_SHOWN = 20
"""So many outlying rows are listed: no more are read, not tuned."""


@dataclass(frozen=True)
class Cleaned:
    """Rows by what becomes of them.

    Attributes:
        kept: (m,) places among the samples of those that are worked on, ascending.
        repeats: (r,) row numbers of those that equal an earlier one.
        outlying: (o,) row numbers of those that lie far from their neighbours.
    """

    kept: np.ndarray
    repeats: np.ndarray
    outlying: np.ndarray

    def sentences(self) -> list[str]:
        """Say what was set aside."""
        said = []
        if len(self.outlying):
            rows = ", ".join(map(str, self.outlying[:5])) + ", …" * (len(self.outlying) > 5)
            said.append(f"{len(self.outlying)} samples lie far from their neighbours and were set aside: rows {rows}")
        if len(self.repeats):
            said.append(f"{len(self.repeats)} samples repeat another and were counted once")
        return said

    def to_dict(self) -> dict[str, Any]:
        """Return how many were set aside, and the row numbers of the first of them."""
        return {
            "repeats": len(self.repeats),
            "outliers": len(self.outlying),
            "outlying_rows": self.outlying[:ROWS_SHOWN].tolist(),
        }


def clean(points: np.ndarray, rows: np.ndarray | None = None) -> Cleaned:
    """Find the rows (n, p) that repeat another, and those that are far from their neighbours.

    A row is an outlier where its distance to the k-th neighbour is far above what its own neighbours have: the sparse part of
    a loop has sparse neighbours, and stays.

    Args:
        points: (n, p) samples.
        rows: (n,) their numbers in the data; 0, 1, … by default.

    References:
        Breunig, Kriegel, Ng and Sander (2000), LOF: identifying density-based local outliers, section 3, for the idea.
    """
    _, first = np.unique(points, axis=0, return_index=True)
    once = np.sort(first)
    far = _far(points[once])
    number = np.arange(len(points)) if rows is None else rows
    return Cleaned(once[~far], number[np.setdiff1d(np.arange(len(points)), once)], number[once[far]])


def _far(points: np.ndarray) -> np.ndarray:
    """Return which points (n, p) lie far from their neighbours: none where so few as chance has, and at most a share."""
    k = NEIGHBOURS if len(points) >= FEW else FEW_NEIGHBOURS
    if len(points) <= 2 * k:
        return np.zeros(len(points), dtype=bool)
    distances, index = nearest(points, k)
    reach = distances[:, -1]
    ratio = np.log(reach / np.median(reach[index], axis=1))
    middle = np.median(ratio)
    spread = 1.4826 * np.median(np.abs(ratio - middle))  # the standard deviation of normal values
    score = (ratio - middle) / max(float(spread), 1e-12)
    far = score > DEVIATIONS
    if far.mean() < LEAST:
        return np.zeros(len(points), dtype=bool)
    return far & (score > np.quantile(score, 1 - MOST))
