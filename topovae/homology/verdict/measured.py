"""What was measured of one connected piece of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from topovae.homology.cloud.cloud import Cloud
from topovae.homology.cloud.landmarks import Landmarks
from topovae.homology.complexes.passes import Homology
from topovae.homology.features.double_covers import Cover
from topovae.homology.features.nulls import Counted


@dataclass(frozen=True)
class Measured:
    """What was measured of one connected piece.

    Attributes:
        cloud: its local geometry.
        homology: diagrams and landmarks.
        betti: for each prime the Betti numbers, degrees 0, 1, ….
        counted: for each (prime, degree) the classes.
        cup: products of the classes of H¹ over Z/2, as of `double_covers.cup_matrix`, or None.
        covers: double covers, with one class as generator each.
        critical_ratios: by degree the ratio death/birth from which a bar is significant.
        circles: independent circles, the Betti number of degree 1 over an odd prime.
        covering_radius: largest distance of a sample to its landmark, in the unit of the points.
        orientable: probability that it can be oriented, or None.
        orientation: its orientation class, as the coefficients of a cover, where it cannot.
    """

    cloud: Cloud
    homology: Homology
    betti: Mapping[int, tuple[int, ...]]
    counted: Mapping[tuple[int, int], Counted]
    cup: np.ndarray | None
    covers: tuple[Cover, ...]
    critical_ratios: Mapping[int, float]
    circles: int
    covering_radius: float
    orientable: float | None
    orientation: tuple[int, ...] | None

    @property
    def landmarks(self) -> Landmarks:
        """Landmarks drawn from all samples."""
        return self.homology.landmarks[1]

    @property
    def cup_length(self) -> int | None:
        """The most classes of H¹ over Z/2 whose product was seen not to vanish, up to two; None where not computed."""
        if self.cup is None:
            return None
        return 2 if self.cup.any() else 1
