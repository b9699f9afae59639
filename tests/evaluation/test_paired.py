"""Paired comparisons: intervals that hold what they promise, and differences that are those of the metrics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from topovae.evaluation.metrics import SampleTerms
from topovae.evaluation.paired import LEVEL, compare_terms, mean_interval

RNG = np.random.default_rng(0)


def terms(shift: float, bounded: bool = True) -> SampleTerms:
    nll, kl = RNG.normal(size=50) - shift, RNG.normal(size=(50, 2))
    return SampleTerms(nll, kl, np.zeros(50), -nll - kl.sum(1) + 0.1 if bounded else None)


def test_without_groups_it_is_the_interval_of_students_t() -> None:
    values = RNG.normal(size=12)
    assert mean_interval(values) == pytest.approx(tuple(ttest_1samp(values, 0).confidence_interval(LEVEL)))
    assert mean_interval(values, np.arange(12)[::-1]) == pytest.approx(mean_interval(values))


def test_copies_of_a_sample_are_one_draw() -> None:
    values = RNG.normal(size=10)
    copies, group = np.repeat(values, 7), np.repeat(list("abcdefghij"), 7)
    assert mean_interval(copies, group) == pytest.approx(mean_interval(values))
    narrow, wide = mean_interval(copies), mean_interval(values)
    assert narrow is not None and wide is not None and narrow[1] - narrow[0] < (wide[1] - wide[0]) / 2


@pytest.mark.parametrize("values, group", [([1.0], None), ([1.0, 2.0], ["a", "a"])])
def test_a_single_draw_has_no_interval(values: list[float], group: list[str] | None) -> None:
    assert mean_interval(values, None if group is None else np.array(group)) is None


@pytest.mark.parametrize("grouped", [False, True])
def test_intervals_cover_the_mean_as_often_as_they_say(grouped: bool) -> None:
    rng, covered = np.random.default_rng(5), 0
    group = np.repeat(np.arange(12), 4) if grouped else None
    for _ in range(400):
        values = (np.repeat(rng.normal(size=12), 4) if grouped else 0) + rng.normal(size=48)
        low, high = mean_interval(values, group) or (0, 0)
        covered += low <= 0 <= high
    assert covered / 400 == pytest.approx(LEVEL, abs=0.035)  # three deviations of a share of 400


def test_differences_are_those_of_the_means_and_change_sign_with_the_order() -> None:
    first, second = terms(2.0), terms(0.0)
    found, other = compare_terms(first, second), compare_terms(second, first)
    assert found.samples == 50 and found.groups is None and list(found.differences) == ["elbo", "iwae", "nll", "kl"]
    for name, difference in found.differences.items():
        back = other.differences[name]
        assert difference is not None and back is not None and difference.low is not None and back.high is not None
        assert difference.mean == pytest.approx(-back.mean) and difference.low == pytest.approx(-back.high)
    elbo = found.differences["elbo"]
    assert elbo is not None and elbo.mean == pytest.approx(first.elbo.mean() - second.elbo.mean())
    assert compare_terms(first, first).differences["elbo"].to_dict() == {"mean": 0, "low": 0, "high": 0}  # type: ignore[union-attr]


def test_what_one_of_the_two_has_not_is_not_compared() -> None:
    found = compare_terms(terms(0), terms(0, bounded=False), np.repeat([3, 1], 25))
    assert found.differences["iwae"] is None and found.differences["elbo"] is not None and found.groups == 2
