"""The result of a diagnosis, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from topovae.homology.denoise import Denoiser
from topovae.homology.geometry import Dimension
from topovae.homology.landmarks import Landmarks
from topovae.homology.recommend import Candidate, Recommendation
from topovae.homology.samples import Preparation

SCHEMA = "topovae/analysis/1"


@dataclass(frozen=True)
class Bar:
    """One bar of persistent homology, in self-tuned distance (1 = the landmarks' usual spacing)."""

    prime: int
    dim: int
    birth: float
    death: float
    p_value: float | None
    significant: bool

    def to_dict(self) -> dict[str, Any]:
        return {
            "prime": self.prime,
            "dim": self.dim,
            "birth": self.birth,
            "death": self.death if np.isfinite(self.death) else None,
            "p_value": self.p_value,
            "significant": self.significant,
        }


@dataclass(frozen=True)
class Skeleton:
    """What coordinates on the space need: the landmarks, and how a sample is brought among them.

    Attributes:
        landmarks: landmarks with distances.
        preparation: what is done to each sample; None for a distance matrix.
        denoiser: then, to its features; None for a distance matrix.
        circles: number of circular coordinates, the Betti number of degree 1 over an odd prime.
    """

    landmarks: Landmarks
    preparation: Preparation | None
    denoiser: Denoiser | None
    circles: int

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Map raw samples (n, *sample_shape) to points (n, q) among the landmarks."""
        if self.preparation is None or self.denoiser is None:
            raise ValueError("an analysis of a distance matrix cannot place samples")
        return self.denoiser.transform(self.preparation.apply(rows))


@dataclass(frozen=True)
class Analysis:
    """Everything a diagnosis found.

    Attributes:
        n_samples: samples in the data (not only those read).
        n_features: numbers in one sample; for a distance matrix, None.
        landmarks: how many landmarks stand for the data.
        covering_radius: largest distance of a sample read to its landmark, in the data's unit.
        components: number of connected components.
        intrinsic_dimension: dimension and interval.
        betti: for each prime the Betti numbers, degrees 0, 1, ….
        bars: the longest bars of each prime and degree.
        orientable: verdict, or None where undetermined.
        boundary: verdict, or None where undetermined.
        cup_length: None: not computed yet.
        covers: double covers and their homology; empty: not computed yet.
        candidates: best spaces, best first.
        recommendation: the answer.
        skeleton: landmarks and maps (not in the JSON).
        coordinates: coordinates of all samples by kind, (n, k) each, where asked for (not in the JSON).
    """

    n_samples: int
    n_features: int | None
    landmarks: int
    covering_radius: float
    components: int
    intrinsic_dimension: Dimension
    betti: Mapping[int, tuple[int, ...]]
    bars: tuple[Bar, ...]
    orientable: bool | None
    boundary: bool | None
    candidates: tuple[Candidate, ...]
    recommendation: Recommendation
    skeleton: Skeleton
    cup_length: int | None = None
    covers: tuple[Mapping[str, object], ...] = ()
    coordinates: Mapping[str, np.ndarray] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document of `topovae analyze`."""
        return {
            "schema": SCHEMA,
            "n_samples": self.n_samples,
            "n_features": self.n_features,
            "landmarks": self.landmarks,
            "covering_radius": self.covering_radius,
            "components": self.components,
            "intrinsic_dimension": self.intrinsic_dimension.to_dict(),
            "betti": {str(prime): list(numbers) for prime, numbers in self.betti.items()},
            "bars": [bar.to_dict() for bar in self.bars],
            "orientable": self.orientable,
            "boundary": self.boundary,
            "cup_length": self.cup_length,
            "covers": [dict(cover) for cover in self.covers],
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "recommendation": self.recommendation.to_dict(),
        }
