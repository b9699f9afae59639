"""Samples of the prior beside the data: whether they lie where data lie, and whether data lie where they do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topovae.homology.cloud.neighbours import nearest
from topovae.store.documents import Document

DRAWN, LOOKED_AT, NUMBERS = 2000, 10_000, 2**25
"""Samples that are drawn, samples of each split that are looked at, numbers in either, at most: limits on cost, not tuned."""

FAR = 3.0
"""So many times the usual distance of a test sample from the training split is off the data: not tuned."""


@dataclass(frozen=True)
class SampleQuality(Document):
    """How samples from the prior lie to the data.

    Attributes:
        off_data: share of samples farther from every sample of the data than `FAR` times the median distance of test samples
            from their nearest training sample.
        coverage: share of test samples that have a sample from the prior nearer than that.
    """

    off_data: float
    coverage: float


def affordable(wanted: int, features: int) -> int:
    """So many samples of these features, or as many as `NUMBERS` allows."""
    return max(1, min(wanted, NUMBERS // features))


def sample_quality(drawn: np.ndarray, train: np.ndarray, test: np.ndarray) -> SampleQuality | None:
    """How samples lie to the data; None where a split is empty.

    Args:
        drawn: (s, ...) means of the data at points of the prior.
        train, test: (n, ...), (m, ...) samples.
    """
    if not len(train) or not len(test):
        return None
    made, seen, held = (np.asarray(part, dtype=np.float64).reshape(len(part), -1) for part in (drawn, train, test))
    limit = FAR * float(np.median(nearest(seen, 1, held)[0]))
    to_data = np.minimum(nearest(seen, 1, made)[0], nearest(held, 1, made)[0])
    return SampleQuality(float((to_data > limit).mean()), float((nearest(made, 1, held)[0] < limit).mean()))
