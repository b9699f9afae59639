"""Which filtrations are computed for data of a dimension, and their diagrams over fields and resamples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from topovae.homology.landmarks import Landmarks
from topovae.homology.persistence import Diagram, persistence
from topovae.homology.significance import ranked_ratios


@dataclass(frozen=True)
class Pass:
    """One degree of homology: on how many landmarks, up to which edge (in usual spacings), how often."""

    degree: int
    landmarks: int
    longest_edge: float
    resamples: int


PASSES = {
    1: (Pass(1, 500, 6.0, 3),),
    2: (Pass(2, 300, 5.0, 3), Pass(1, 500, 6.0, 3)),
    3: (Pass(2, 220, 4.0, 2), Pass(1, 500, 5.0, 3)),
    4: (Pass(1, 500, 4.0, 3),),
}
"""By dimension (4: and more), the dearest first: it may not fit in memory."""


@dataclass
class Homology:
    """Diagrams over resamples, by prime and degree.

    Attributes:
        diagrams: (prime, degree) → diagrams, that of all samples first.
        landmarks: degree → the landmarks drawn from all samples.
    """

    diagrams: dict[tuple[int, int], list[Diagram]] = field(default_factory=dict)
    landmarks: dict[int, Landmarks] = field(default_factory=dict)

    def ratios(self, prime: int, degree: int) -> np.ndarray:
        """Return the medians over resamples of the ranked ratios death/birth."""
        ranked = [ranked_ratios(diagram.bars[degree]) for diagram in self.diagrams[prime, degree]]
        return np.median(ranked, axis=0)


def compute_homology(
    draw: Callable[[int, int], Landmarks],
    dimension: int,
    *,
    primes: Sequence[int],
    max_dim: int,
    memory: int,
    report: Callable[[str, float], None],
) -> Homology:
    """Compute the diagrams of all degrees, primes and resamples.

    Args:
        draw: makes landmarks of a resample, 0 being all samples, given how many are usual.
        dimension: intrinsic dimension of the data.
        primes: fields.
        max_dim: highest degree.
        memory: bytes that may be used.
        report: called before each filtration with its name and the share of them that is done.
    """
    homology = Homology()
    passes = [step for step in PASSES[min(dimension, max(PASSES))] if step.degree <= max_dim]
    work = [(step, resample) for step in passes for resample in range(step.resamples)]
    for done, (step, resample) in enumerate(work):
        report(f"homology of degree {step.degree}", done / len(work))
        landmarks = draw(resample, step.landmarks)
        homology.landmarks.setdefault(step.degree, landmarks)
        for prime in primes:
            diagram = persistence(landmarks.distances, prime, step.degree, step.longest_edge, memory=memory)
            homology.diagrams.setdefault((prime, step.degree), []).append(diagram)
    return homology
