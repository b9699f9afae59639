"""Estimates of homology's cost are near the truth, and schedules stay within what is allowed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from topovae.errors import ResourceError
from topovae.homology.cloud.landmarks import self_tuned
from topovae.homology.complexes.budget import LEAST_EDGE, LEAST_LANDMARKS, Budget, Cost, estimate, fit_schedule
from topovae.homology.complexes.rips import persistence


@dataclass(frozen=True)
class Step:
    degree: int
    landmarks: int
    longest_edge: float
    resamples: int


STEPS = (Step(2, 300, 4.0, 3), Step(1, 500, 5.0, 3))


def measure(count: int) -> np.ndarray:
    """Self-tuned distances on a torus."""
    angle = np.random.default_rng(count).uniform(0, 2 * np.pi, (count, 2))
    points = np.hstack([np.cos(angle), np.sin(angle)])
    return self_tuned(cdist(points, points))[0]


@pytest.mark.parametrize(("count", "degree", "cap"), [(500, 1, 6.0), (300, 2, 4.0), (200, 2, 5.0)])
def test_seconds_are_of_the_right_order(count: int, degree: int, cap: float) -> None:
    distances = measure(count)
    start = time.process_time()
    persistence(distances, 3, degree, cap)
    taken = time.process_time() - start
    assert taken / 8 < estimate(distances, cap, degree).seconds < 8 * taken


def test_cost_grows_with_landmarks_edges_and_degree() -> None:
    def needed(count: int, cap: float, degree: int) -> tuple[int, float]:
        cost = estimate(measure(count), cap, degree)
        return cost.memory, cost.seconds

    least = needed(150, 3.0, 1)
    for more in (needed(300, 3.0, 1), needed(150, 4.5, 1), needed(150, 3.0, 2)):
        assert more[0] > least[0] and more[1] > least[1]


def test_beyond_the_enclosing_radius_nothing_is_counted() -> None:
    distances = measure(100)
    assert estimate(distances, 1e9, 2) == estimate(distances, float(distances.max(1).min()), 2)


def test_a_schedule_that_fits_is_left_alone() -> None:
    schedule = fit_schedule(STEPS, measure, 2, Budget(2**32, 1000.0))
    assert (schedule.steps, schedule.reasons) == (STEPS, ())


@pytest.mark.parametrize("share", [0.7, 0.4, 0.2])
def test_schedules_stay_in_the_time(share: float) -> None:
    whole = fit_schedule(STEPS, measure, 2, Budget(2**40)).cost
    schedule = fit_schedule(STEPS, measure, 2, Budget(2**40, share * whole.seconds))
    assert schedule.cost.seconds <= share * whole.seconds
    assert schedule.reasons
    for step, usual in zip(schedule.steps, STEPS, strict=True):
        assert 1 <= step.resamples <= usual.resamples
        assert LEAST_LANDMARKS <= step.landmarks <= usual.landmarks
        assert LEAST_EDGE <= step.longest_edge <= usual.longest_edge


@pytest.mark.parametrize("share", [0.7, 0.3])
def test_schedules_stay_in_the_memory_and_keep_their_resamples(share: float) -> None:
    whole = fit_schedule(STEPS, measure, 2, Budget(2**40)).cost
    schedule = fit_schedule(STEPS, measure, 2, Budget(int(share * whole.memory)))
    assert schedule.cost.memory <= share * whole.memory
    assert [step.resamples for step in schedule.steps] == [3, 3]


def test_landmarks_that_were_asked_for_are_kept() -> None:
    asked = [Step(step.degree, 400, step.longest_edge, step.resamples) for step in STEPS]
    whole = fit_schedule(asked, measure, 2, Budget(2**40)).cost
    schedule = fit_schedule(STEPS, measure, 2, Budget(int(0.6 * whole.memory)), landmarks=400)
    assert [step.landmarks for step in schedule.steps] == [400, 400]
    assert schedule.cost.memory <= 0.6 * whole.memory


@pytest.mark.parametrize(("budget", "words"), [(Budget(2**12), "MiB"), (Budget(2**40, 1e-6), "seconds")])
def test_what_never_fits_is_refused_with_what_it_needs(budget: Budget, words: str) -> None:
    with pytest.raises(ResourceError, match=words) as refusal:
        fit_schedule(STEPS, measure, 2, budget)
    assert refusal.value.exit_code == 5


def test_costs_add_up() -> None:
    assert Cost(5, 1.0).then(Cost(3, 2.0)) == Cost(5, 3.0)
    assert Cost(5, 1.5).times(4) == Cost(5, 6.0)
