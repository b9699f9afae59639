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
MOST = tuned("outlier_most")

CORNER = 2.0
"""Ratio of distances. The corner of an even grid of any dimension, as the end of a line, has its k-th neighbour so many times
as far as inner points have: a cube's corner sees 1/2^d of a ball. It follows from mathematics and is not tuned."""

ROWS_SHOWN = 20
"""Outlying rows that the JSON lists: a limit on its length, not tuned."""


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
    """Return which points (n, p) lie further than corners do and than chance lets them, at most a share of them."""
    ratio = reach_ratios(points)
    spread = 1.4826 * float(np.median(np.abs(ratio)))  # the standard deviation of normal values
    far = ratio > max(np.log(CORNER), DEVIATIONS * spread)
    return far & (ratio >= np.quantile(ratio, 1 - MOST))


def reach_ratios(points: np.ndarray) -> np.ndarray:
    """Return log ratios (n,) of each point's distance to its k-th neighbour and what its neighbours have, less their median.

    All are 0 where there are too few points to tell.

    Args:
        points: (n, p) points, no two at the same place.
    """
    k = NEIGHBOURS if len(points) >= FEW else FEW_NEIGHBOURS
    if len(points) <= 2 * k:
        return np.zeros(len(points))
    distances, index = nearest(points, k)
    reach = distances[:, -1]
    ratio = np.log(reach / np.median(reach[index], axis=1))
    return np.asarray(ratio - np.median(ratio))
