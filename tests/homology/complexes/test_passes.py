"""Filtrations come all samples first, and what is known is kept when time is over or an interrupt comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from topovae.errors import ResourceError
from topovae.homology.calibration import regime
from topovae.homology.cloud.landmarks import Landmarks, self_tuned
from topovae.homology.complexes import passes as filtrations
from topovae.homology.complexes.budget import Budget
from topovae.homology.complexes.passes import compute_homology


def circle(resample: int, count: int) -> Landmarks:
    angle = np.sort(np.random.default_rng(resample).uniform(0, 2 * np.pi, min(count, 80)))
    points = np.column_stack([np.cos(angle), np.sin(angle)])
    tuned, scales = self_tuned(cdist(points, points))
    return Landmarks(tuned, scales, points)


def compute(draw: Any = circle, seconds: float | None = None, memory: int = 2**30) -> filtrations.Homology:
    budget = Budget(memory, seconds)
    return compute_homology(draw, 2, primes=(2, 3), max_dim=2, budget=budget, landmarks=None, report=lambda stage, share: None)


def test_every_pass_has_its_resamples() -> None:
    homology = compute()
    assert homology.stopped is None and homology.reasons == ()
    for step in regime(2).passes:
        for prime in (2, 3):
            assert len(homology.diagrams[prime, step.degree]) == step.resamples
    assert homology.ratios(2, 1)[0] > 2


def test_landmarks_of_all_samples_are_drawn_once() -> None:
    drawn: list[tuple[int, int]] = []

    def draw(resample: int, count: int) -> Landmarks:
        drawn.append((resample, count))
        return circle(resample, count)

    compute(draw)
    assert len(drawn) == len(set(drawn))


@pytest.mark.parametrize("after", [2, 3, 5])
def test_an_interrupt_keeps_what_is_known(after: int) -> None:
    calls = 0

    def draw(resample: int, count: int) -> Landmarks:
        nonlocal calls
        calls += 1
        if calls > after:
            raise KeyboardInterrupt
        return circle(resample, count)

    homology = compute(draw)
    assert homology.interrupted and homology.stopped == f"interrupted after {after} of 6 filtrations"
    assert all(homology.diagrams[prime, degree] for prime in (2, 3) for degree in (1, 2))


def test_an_interrupt_before_anything_is_known_goes_through() -> None:
    def draw(resample: int, count: int) -> Landmarks:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(draw)


def test_no_resample_is_begun_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(filtrations.time, "monotonic", lambda: next(clock))
    homology = compute(seconds=15.0)
    assert homology.stopped is not None and not homology.interrupted
    assert {len(found) for found in homology.diagrams.values()} <= {1, 2}
    assert homology.ratios(2, 1)[0] > 2


def test_a_budget_that_nothing_fits_in_is_refused_before_the_work() -> None:
    with pytest.raises(ResourceError, match="would take about"):
        compute(seconds=1e-9)
    with pytest.raises(ResourceError, match="MiB"):
        compute(memory=1000)
