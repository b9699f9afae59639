"""What `topovae bench calibrate` fitted, read from `calibration.json` beside this file: no number of it is typed by hand.

How long the bars of noise live depends on the dimension of the data, on the number of landmarks, and on how many samples each
stands for: centres of many samples lie evenly, single samples do not; and most of all on the data themselves, which their
shorter bars show: the longest of noise is about as much longer than those whatever the map and the noise. How long bars of
classes live depends on the same. The file holds a law for each dimension and degree of homology that was simulated, linear in
the logarithms of all three; beyond what was simulated the nearest place holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.odds import log_odds, logistic

SCHEMA = "topovae/calibration/2"
FILE = "calibration.json"

HARD_INTERCEPT, HARD_SLOPE = tuned("hard_intercept"), tuned("hard_slope")

MOST_SEEN = 4
"""The least dimension of which not all homology is computed: follows from the regimes, not tuned."""

REST = 3
"""Bars, the last ranked, that say how long those of noise live: one alone scatters, earlier ones may be classes. Not tuned."""

LONG = 30.0
"""Scales from the middle of a law at which it is cut off, for the arithmetic: not tuned."""


@dataclass(frozen=True)
class Law:
    """How long bars live: those of noise, whose largest log(death/birth) is an extreme value, and those of classes.

    Attributes:
        location: of the largest log(death/birth) of noise.
        scale: its scale.
        shape: its shape, 0 (Gumbel) or less (bounded above).
        classes: mean log(death/birth) of a class where there is one, and how it changes with the logarithms of its rank, the
            longest-lived first, and of the number of classes.
        most: the largest number of classes that was simulated: more are taken to be like these.
        spread: scale of the logistic law of classes about their mean.
    """

    location: float
    scale: float
    shape: float
    classes: tuple[float, float, float]
    most: int
    spread: float

    def critical_ratio(self, alpha: float) -> float:
        """Return the ratio that noise exceeds with probability `alpha`."""
        return float(np.exp(self.location + self.scale * standard_extreme(alpha, self.shape)))

    def noise_intensity(self, ratios: np.ndarray) -> np.ndarray:
        """Return how many bars of noise there are at death/birth (b,), for each unit of its logarithm."""
        z = np.maximum((np.log(ratios) - self.location) / self.scale, -LONG)
        if abs(self.shape) < 1e-6:
            return np.asarray(np.exp(-z) / self.scale)
        # beyond the bound of the law there is none
        return np.asarray(np.maximum(1 + self.shape * z, 0) ** (-1 / self.shape - 1) / self.scale)

    def noise_above(self, ratios: np.ndarray) -> np.ndarray:
        """Return how often some bar of noise exceeds death/birth (b,)."""
        z = np.maximum((np.log(ratios) - self.location) / self.scale, -LONG)
        bounded = np.maximum(1 + self.shape * z, 0) ** (-1 / self.shape) if abs(self.shape) > 1e-6 else np.exp(-z)
        return np.asarray(-np.expm1(-bounded))

    def class_density(self, ratios: np.ndarray, rank: int, number: int) -> np.ndarray:
        """Return the density, by the logarithm, of the class of a rank, 1 or more, of so many at death/birth (b,)."""
        below = self.class_below(ratios, rank, number)
        return below * (1 - below) / self.spread

    def class_below(self, ratios: np.ndarray, rank: int, number: int) -> np.ndarray:
        """Return how often the class of a rank, 1 or more, of so many lives shorter than death/birth (b,)."""
        one, by_rank, by_number = self.classes
        mean = one + by_rank * np.log(min(rank, self.most)) + by_number * np.log(min(number, self.most))
        return np.asarray(1 / (1 + np.exp(np.clip((mean - np.log(ratios)) / self.spread, -LONG, LONG))))


def confidence_of(kind: str, score: float, samples: int, dimension: int) -> float:
    """Return the probability that an answer is right: a name is no surer than simulated sets and than generated hard ones say.

    Args:
        kind: `named` or `none`.
        score: how sure the decision was.
        samples: that it rests on.
        dimension: that they show.
    """
    fitted = document()["confidence"]
    terms = circumstances(score, np.clip(samples, *fitted["samples"]), dimension)
    sure = logistic(float(terms[: len(fitted[kind])] @ fitted[kind]))
    return min(sure, logistic(HARD_INTERCEPT + HARD_SLOPE * log_odds(score))) if kind == "named" else sure


def circumstances(score: float, samples: float, dimension: int) -> np.ndarray:
    """Return what the log odds of being right are linear in: 1, those of the score, the log of thousands of samples, dimension.

    From the fourth dimension on all are alike: of them only classes of degree 1 are seen.
    """
    return np.array([1.0, log_odds(score), np.log(samples / 1000), min(dimension, MOST_SEEN)])


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


def law_of(
    degree: int, dimension: int, landmarks: int, samples: int, ratios: np.ndarray, prime: int = 2, *, pulled: bool = False
) -> Law:
    """Return the law of bars of a degree of homology.

    Over an odd prime, as in double covers, the last hole in a space with torsion of order 2 makes a bar that is no class.

    Args:
        degree: of homology.
        dimension: of the data; the nearest one that was simulated stands for others.
        landmarks: how many there are.
        samples: of how many.
        ratios: (RANKS,) death/birth of the bars, in falling order, the last of which say how long bars of noise live here.
        prime: of the field.
        pulled: whether the samples were pulled onto planes: little noise is left then, and its bars are of another kind.
    """
    bars = document()["bars"]
    rows = [
        row for row in bars["laws"] if row["degree"] == degree and row["prime"] == min(prime, 3) and row["pulled"] == pulled
    ]
    row = min(rows, key=lambda row: abs(row["dimension"] - dimension))
    at = place(
        np.clip(landmarks, *bars["landmarks"]),
        np.clip(samples / landmarks, *bars["samples_a_landmark"]),
        np.clip(rest_of(ratios), *row["rests"]),
    )
    one, by_rank, by_number = float(at @ row["classes"][:4]), *map(float, row["classes"][4:])
    return Law(
        float(at @ row["noise"]), row["scale"], row["shape"], (one, by_rank, by_number), row["most_classes"], row["spread"]
    )


def place(landmarks: float, samples_a_landmark: float, rest: float) -> np.ndarray:
    """Return the terms of the fits: 1, logarithms of the landmarks, in hundreds, and of the samples for each, and the rest."""
    return np.array([1.0, np.log(landmarks / 100), np.log(samples_a_landmark), rest])


def rest_of(ratios: np.ndarray) -> float:
    """Return the mean log(death/birth) of the last of ranked ratios (RANKS,), which are noise where classes are few.

    Example:
        >>> round(rest_of(np.exp([2.0, 1.5, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])), 2)
        0.2
    """
    return float(np.log(ratios[-REST:]).mean())
