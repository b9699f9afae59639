"""What `topovae bench calibrate` fitted, read from `calibration.json` beside this file: no number of it is typed by hand.

How long the bars of noise live depends on the dimension of the data, on the number of landmarks, and on how many samples each
stands for: centres of many samples lie evenly, single samples do not. So does which classes are too short to be seen. The file
holds a law for each dimension and degree of homology that was simulated, whose parameters are linear in the logarithms of both;
beyond what was simulated the nearest place holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from topovae.homology.odds import logistic

SCHEMA = "topovae/calibration/1"
FILE = "calibration.json"

LEVEL = 0.01
"""The usual level of the test that a bar is noise, at which it was measured which classes are missed."""


@dataclass(frozen=True)
class Null:
    """Law of the largest spurious log(death/birth), one of extreme values, and of the classes that fall short of it.

    Attributes:
        location: of log(death/birth).
        scale: its scale.
        shape: its shape, 0 (Gumbel) or less (bounded above).
        width: change of log(death/birth) that turns an even judgement into a fairly sure one (e : 1).
        shortfall: log odds that a class does not exceed the critical ratio of `LEVEL` where there is one, and how they rise
            with the logarithms of its rank, the longest-lived first, and of the number of classes.
    """

    location: float
    scale: float
    shape: float
    width: float
    shortfall: tuple[float, float, float]

    def critical_ratio(self, alpha: float) -> float:
        """Return the ratio that the null exceeds with probability `alpha`."""
        return float(np.exp(self.location + self.scale * standard_extreme(alpha, self.shape)))

    def missed(self, rank: int, number: int) -> float:
        """Return how often the class of a rank, 1 or more, does not show where there are so many."""
        one, by_rank, by_number = self.shortfall
        return logistic(one + by_rank * np.log(rank) + by_number * np.log(number))


def standard_extreme(alpha: float, shape: float) -> float:
    """Return what an extreme value of location 0 and scale 1 exceeds with probability `alpha`.

    Example:
        >>> round(standard_extreme(0.01, 0.0), 2), round(standard_extreme(0.01, -0.5), 2)
        (4.6, 1.8)
    """
    rare = -np.log1p(-alpha)
    return float(-np.log(rare) if abs(shape) < 1e-6 else (rare**-shape - 1) / shape)


@cache
def document() -> Mapping[str, Any]:
    """Return what the file holds, with its provenance."""
    found: Mapping[str, Any] = json.loads(files("topovae.homology").joinpath(FILE).read_text(encoding="utf-8"))
    return found


def null(degree: int, dimension: int, landmarks: int, samples: int, prime: int = 2) -> Null:
    """Return the law of spurious bars of a degree of homology.

    Over an odd prime, as in double covers, the last hole in a space with torsion of order 2 makes a bar that is no class.

    Args:
        degree: of homology.
        dimension: of the data; the nearest one that was simulated stands for others.
        landmarks: how many there are.
        samples: of how many.
        prime: of the field.
    """
    bars = document()["bars"]
    rows = [row for row in bars["laws"] if row["degree"] == degree and row["prime"] == min(prime, 3)]
    row = min(rows, key=lambda row: abs(row["dimension"] - dimension))
    at = place(np.clip(landmarks, *bars["landmarks"]), np.clip(samples / landmarks, *bars["samples_a_landmark"]))
    one, by_rank, by_number = float(at @ row["missed"][:3]), *map(float, row["missed"][3:])
    return Null(float(at @ row["location"]), row["scale"], row["shape"], bars["width"], (one, by_rank, by_number))


def place(landmarks: float, samples_a_landmark: float) -> np.ndarray:
    """Return the terms of the fits: 1 and the logarithms of the landmarks, in hundreds, and of the samples for each."""
    return np.array([1.0, np.log(landmarks / 100), np.log(samples_a_landmark)])
