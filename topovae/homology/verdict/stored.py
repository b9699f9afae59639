"""A diagnosis as a report keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from topovae.homology.verdict.candidates import Recommendation
from topovae.homology.verdict.shown import Shown


@dataclass(frozen=True, repr=False)
class StoredAnalysis(Shown):
    """An `Analysis` as far as a report keeps it: the answer, its reasons and its bars, without landmarks.

    Attributes:
        document: JSON of the diagnosis, every finding by its name.
        coordinates: (n, k) coordinates of all samples by kind, where they were asked for.
    """

    document: Mapping[str, Any]
    coordinates: Mapping[str, np.ndarray]

    @property
    def recommendation(self) -> Recommendation:
        """The answer."""
        best = self.document["recommendation"]
        return Recommendation(best["latent"], best["name"], best["confidence"], best.get("source", "homology"))

    @property
    def summary(self) -> tuple[str, ...]:
        """What was found and what the answer rests on, in sentences."""
        return tuple(self.document["summary"])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document of `topovae analyze`."""
        return dict(self.document)
