"""Odds of probabilities, and how sure a value is on one side of a threshold."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.odds import MARGIN, NO, YES, _below, _below_log, decided, log_odds, logistic


@pytest.mark.parametrize("x", [-3.0, -0.5, 0.0, 1.0, 20.0])
def test_log_odds_undo_the_logistic(x: float) -> None:
    assert logistic(x) + logistic(-x) == pytest.approx(1)
    assert log_odds(logistic(x)) == pytest.approx(np.clip(x, log_odds(0.0), log_odds(1.0)))
    assert logistic(x) == pytest.approx(1 / (1 + np.exp(-x)))


def test_no_odds_are_beyond_the_margin() -> None:
    np.testing.assert_allclose([log_odds(1.0), -log_odds(0.0)], np.log((1 - MARGIN) / MARGIN))
    assert np.isfinite([logistic(1e9), logistic(-1e9)]).all() and logistic(-1e9) > 0
    np.testing.assert_allclose(log_odds(np.array([0.2, 0.5, 0.8])), [-np.log(4), 0, np.log(4)])


@pytest.mark.parametrize("below", [_below, _below_log])
def test_a_threshold_is_even_odds_and_less_is_surer(below) -> None:
    assert below(2.0, 2.0, 0.3) == pytest.approx(0.5)
    values = [below(value, 2.0, 0.3) for value in (0.5, 1.5, 2.0, 2.5, 8.0)]
    assert values == sorted(values, reverse=True)
    assert below(1.5, 2.0, 0.1) > below(1.5, 2.0, 0.3)


def test_thresholds_are_in_the_unit_of_their_width() -> None:
    assert _below(1.0, 2.0, 0.5) == pytest.approx(logistic(2.0))
    assert _below_log(1.0, np.e, 0.5) == pytest.approx(logistic(2.0))
    assert _below_log(0.0, 1.0, 1.0) == pytest.approx(logistic(np.log(1e4)))


def test_what_is_neither_surely_so_nor_surely_not_is_undecided() -> None:
    assert [decided(p) for p in (None, (NO + YES) / 2, NO, YES, 0.0, 1.0)] == [None, None, False, True, False, True]
    assert NO < 0.5 < YES
