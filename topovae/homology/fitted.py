"""What `topovae bench calibrate` fitted, read from `calibration.json` beside this file: no number of it is typed by hand.

How long the bars of noise live depends on the dimension of the data, on the number of landmarks, and on how many samples each
stands for: centres of many samples lie evenly, single samples do not. The file holds tables over both, by dimension and degree
of homology; between their places values are interpolated in the logarithm, beyond them the nearest holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

SCHEMA = "topovae/calibration/1"
FILE = "calibration.json"


@dataclass(frozen=True)
class Null:
    """Law of the largest spurious log(death/birth): Gumbel; and how often a class of the data falls short of it.

    Attributes:
        location: mode of log(death/birth).
        scale: its scale.
        width: change of log(death/birth) that turns an even judgement into a fairly sure one (e : 1).
        missed: how often some class of a space does not exceed the critical ratio of `LEVEL`.
    """

    location: float
    scale: float
    width: float
    missed: float

    def critical_ratio(self, alpha: float) -> float:
        """Return the ratio that the null exceeds with probability `alpha`."""
        return float(np.exp(self.location - self.scale * np.log(-np.log1p(-alpha))))


LEVEL = 0.01
"""The usual level of the test that a bar is noise, at which power was measured."""


@cache
def document() -> Mapping[str, Any]:
    """Return what the file holds, with its provenance."""
    found: Mapping[str, Any] = json.loads(files("topovae.homology").joinpath(FILE).read_text(encoding="utf-8"))
    return found


def null(degree: int, dimension: int, landmarks: int, samples: int) -> Null:
    """Return the law of spurious bars of a degree of homology.

    Args:
        degree: of homology.
        dimension: of the data; the nearest one that was simulated stands for others.
        landmarks: how many there are.
        samples: of how many.
    """
    bars = document()["bars"]
    rows = [row for row in bars["laws"] if row["degree"] == degree]
    row = min(rows, key=lambda row: abs(row["dimension"] - dimension))
    place = landmarks, samples / landmarks
    axes = bars["landmarks"], bars["samples_a_landmark"]
    location, missed = (interpolate(row[name], axes, place) for name in ("location", "missed"))
    return Null(location, row["scale"], row["width"], missed)


def interpolate(table: Any, axes: tuple[Any, Any], place: tuple[float, float]) -> float:
    """Interpolate a table (a, b) bilinearly in the logarithm of its axes, the nearest value beyond their ends.

    Example:
        >>> interpolate([[0.0, 1.0], [2.0, 3.0]], ([1, 100], [1, 4]), (10, 1000))
        2.0
    """
    across = [np.interp(np.log(place[1]), np.log(axes[1]), row) for row in np.asarray(table, float)]
    return float(np.interp(np.log(place[0]), np.log(axes[0]), across))
