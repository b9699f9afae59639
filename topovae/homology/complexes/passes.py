"""Which filtrations are computed for data of a dimension, and their diagrams over fields and resamples."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from topovae.homology.calibration import Pass, regime
from topovae.homology.cloud.landmarks import Landmarks
from topovae.homology.complexes.bars import ranked_ratios
from topovae.homology.complexes.budget import Budget, fit_schedule
from topovae.homology.complexes.rips import Diagram, persistence


@dataclass
class Homology:
    """Diagrams over resamples, by prime and degree.

    Attributes:
        diagrams: (prime, degree) → diagrams, that of all samples first.
        landmarks: degree → the landmarks drawn from all samples.
        reasons: what was left out to keep within the budget.
        stopped: why there are fewer resamples than usual, or None.
        interrupted: whether that was an interrupt.
    """

    diagrams: dict[tuple[int, int], list[Diagram]] = field(default_factory=dict)
    landmarks: dict[int, Landmarks] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    stopped: str | None = None
    interrupted: bool = False

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
    budget: Budget,
    landmarks: int | None,
    report: Callable[[str, float], None],
) -> Homology:
    """Compute the diagrams of all degrees, primes and resamples.

    All samples come first, in every degree, and the resamples, which only make the answer steadier, after them: at the
    deadline or an interrupt what is known by then is kept.

    Args:
        draw: makes landmarks of a resample, 0 being all samples, given how many are usual.
        dimension: intrinsic dimension of the data.
        primes: fields.
        max_dim: highest degree.
        budget: what may be used: fewer resamples and landmarks are planned where the usual ones do not fit.
        landmarks: how many the user asked for, or None.
        report: called before each filtration with its name and the share of them that is done.

    Raises:
        ResourceError: even the least schedule does not fit in the budget.
        KeyboardInterrupt: before all samples are through.
    """
    passes = [step for step in regime(dimension).passes if step.degree <= max_dim]
    whole: dict[int, Landmarks] = {}

    def drawn(resample: int, count: int) -> Landmarks:
        if resample:
            return draw(resample, count)
        if count not in whole:
            whole[count] = draw(0, count)
        return whole[count]

    schedule = fit_schedule(passes, lambda count: drawn(0, count).distances, len(primes), budget, landmarks=landmarks)
    homology = Homology(reasons=schedule.reasons)
    deadline = None if budget.seconds is None else time.monotonic() + budget.seconds
    most = max(step.resamples for step in schedule.steps)
    work = [(step, resample) for resample in range(most) for step in schedule.steps if resample < step.resamples]
    for done, (step, resample) in enumerate(work):
        report(f"homology of degree {step.degree}", done / len(work))
        if resample and deadline is not None and time.monotonic() > deadline:
            homology.stopped = f"the time allowed was over after {done} of {len(work)} filtrations"
            break
        try:
            _add(homology, step, drawn(resample, step.landmarks), primes)
        except KeyboardInterrupt:
            if not resample:
                raise
            homology.stopped, homology.interrupted = f"interrupted after {done} of {len(work)} filtrations", True
            break
    return homology


def _add(homology: Homology, step: Pass, landmarks: Landmarks, primes: Sequence[int]) -> None:
    """Compute one filtration over all fields, and keep it if none was interrupted."""
    diagrams = [persistence(landmarks.distances, prime, step.degree, step.longest_edge) for prime in primes]
    homology.landmarks.setdefault(step.degree, landmarks)
    for prime, diagram in zip(primes, diagrams, strict=True):
        homology.diagrams.setdefault((prime, step.degree), []).append(diagram)
