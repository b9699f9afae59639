"""What homology may cost: estimates before the work, and schedules cut down to what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from topovae.errors import ResourceError
from topovae.homology.calibration import tuned
from topovae.homology.complexes.rips import enclosing_radius, simplices

SHRINK = tuned("budget_shrink")
LEAST_LANDMARKS, LEAST_EDGE = int(tuned("budget_landmarks")), tuned("budget_edge")

BYTES_PER_DISTANCE = 48
"""Six copies of the landmarks' matrix in double precision: made, tuned, checked and computed with, so counted and not tuned."""

BYTES_PER_EDGE, BYTES_PER_TRIANGLE = tuned("bytes_per_edge"), tuned("bytes_per_triangle")
"""Bytes that ripser was seen to take: for each edge in degree 1, for each triangle as well in degree 2."""

SECONDS_PER_EDGE, SECONDS_PER_TRIANGLE = tuned("seconds_per_edge"), tuned("seconds_per_triangle")
"""Seconds that ripser was seen to take on one core, likewise."""

Step = TypeVar("Step", bound=Any)


@dataclass(frozen=True)
class Budget:
    """What may be used.

    Attributes:
        memory: bytes.
        seconds: time, or None for any.
    """

    memory: int
    seconds: float | None = None


@dataclass(frozen=True)
class Cost:
    """Estimated need of one or more filtrations.

    Attributes:
        memory: bytes at once.
        seconds: on one core.
    """

    memory: int
    seconds: float

    def then(self, other: Cost) -> Cost:
        """Return the cost of one after the other."""
        return Cost(max(self.memory, other.memory), self.seconds + other.seconds)

    def times(self, count: int) -> Cost:
        """Return the cost of so many, one after another."""
        return Cost(self.memory, self.seconds * count)

    def within(self, budget: Budget) -> bool:
        return self.memory <= budget.memory and (budget.seconds is None or self.seconds <= budget.seconds)


@dataclass(frozen=True)
class Schedule(Generic[Step]):
    """Filtrations that fit.

    Attributes:
        steps: those to compute.
        cost: their estimated need.
        reasons: sentences that say what was cut, if anything.
    """

    steps: tuple[Step, ...]
    cost: Cost
    reasons: tuple[str, ...] = ()


def estimate(distances: np.ndarray, longest_edge: float, degree: int) -> Cost:
    """Estimate what persistence takes up to a degree over one field, by counting edges and triangles.

    Args:
        distances: (m, m) distance matrix of the landmarks.
        longest_edge: cap of the filtration.
        degree: highest degree.
    """
    threshold = min(enclosing_radius(distances), longest_edge)
    edges, triangles = simplices(distances, threshold, degree)
    memory = BYTES_PER_DISTANCE * distances.size + BYTES_PER_EDGE * edges + BYTES_PER_TRIANGLE * triangles
    return Cost(int(memory), SECONDS_PER_EDGE * edges + SECONDS_PER_TRIANGLE * triangles)


def fit_schedule(
    steps: Sequence[Step], measure: Callable[[int], np.ndarray], primes: int, budget: Budget, *, landmarks: int | None = None
) -> Schedule[Step]:
    """Cut filtrations down until all of them fit in the budget: resamples, then landmarks and longest edges.

    Args:
        steps: frozen dataclasses with `degree`, `landmarks`, `longest_edge` and `resamples`, as `calibration.Pass`.
        measure: gives the distance matrix of so many landmarks.
        primes: number of fields.
        budget: what may be used.
        landmarks: number that the user asked for, which then is never cut.

    Raises:
        ResourceError: even the least schedule does not fit; says what it would need.
    """
    if landmarks is not None:
        steps = [replace(step, landmarks=landmarks) for step in steps]
    cutter = _Cutter(measure, primes)
    current = list(steps)
    while not (cost := cutter.total(current)).within(budget):
        dearest = max(range(len(current)), key=lambda i: cutter.weight(current[i], cost, budget))
        order = sorted(range(len(current)), key=lambda i: i != dearest)
        cut = next(((i, less) for i in order if (less := _less(current[i], cost, budget, landmarks)) is not None), None)
        if cut is None:
            raise ResourceError(_refusal(current, cost, budget))
        current[cut[0]] = cut[1]
    return Schedule(tuple(current), cost, tuple(_changes(steps, current)))


class _Cutter:
    """Costs of filtrations; the distances of each number of landmarks are measured once."""

    def __init__(self, measure: Callable[[int], np.ndarray], primes: int) -> None:
        self.measure, self.primes = measure, primes
        self.distances: dict[int, np.ndarray] = {}

    def cost(self, step: Any) -> Cost:
        if step.landmarks not in self.distances:
            self.distances[step.landmarks] = self.measure(step.landmarks)
        one = estimate(self.distances[step.landmarks], step.longest_edge, step.degree)
        return one.times(step.resamples * self.primes)

    def total(self, steps: Sequence[Any]) -> Cost:
        cost = Cost(0, 0.0)
        for step in steps:
            cost = cost.then(self.cost(step))
        return cost

    def weight(self, step: Any, total: Cost, budget: Budget) -> float:
        """Return how much a step has to do with what is lacking most."""
        cost = self.cost(step)
        return cost.memory if total.memory > budget.memory else cost.seconds


def _less(step: Any, cost: Cost, budget: Budget, landmarks: int | None) -> Any:
    """Return a step that takes less of what is lacking, or None where there is none."""
    if cost.memory <= budget.memory and step.resamples > 1:  # fewer resamples save no memory
        return replace(step, resamples=step.resamples - 1)
    shorter = max(LEAST_EDGE, SHRINK * step.longest_edge)
    if landmarks is None and step.landmarks > LEAST_LANDMARKS:
        fewer = max(LEAST_LANDMARKS, int(SHRINK * step.landmarks))
        return replace(step, landmarks=fewer)
    if shorter < step.longest_edge:
        return replace(step, longest_edge=shorter)
    return None


def _changes(before: Sequence[Any], after: Sequence[Any]) -> list[str]:
    names = {"landmarks": "landmarks", "longest_edge": "usual spacings as the longest edge", "resamples": "resamples"}
    return [
        f"homology of degree {old.degree}: {getattr(new, key):.3g} {name} in place of {getattr(old, key):.3g}, to stay in the "
        "budget"
        for old, new in zip(before, after, strict=True)
        for key, name in names.items()
        if getattr(old, key) != getattr(new, key)
    ]


def _refusal(steps: Sequence[Any], cost: Cost, budget: Budget) -> str:
    least = " and ".join(f"{step.landmarks} landmarks in degree {step.degree}" for step in steps)
    needs, allowed = [], []
    if cost.memory > budget.memory:
        needs.append(f"{cost.memory / 2**20:.0f} MiB")
        allowed.append(f"{budget.memory / 2**20:.0f} MiB")
    if budget.seconds is not None and cost.seconds > budget.seconds:
        needs.append(f"{cost.seconds:.2g} seconds")
        allowed.append(f"{budget.seconds:.2g}")
    return (
        f"Homology with as little as {least} would take about {' and '.join(needs)}, and {' and '.join(allowed)} are allowed. "
        "Allow more, ask for fewer landmarks or a lower degree."
    )
