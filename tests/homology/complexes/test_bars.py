"""Bars have one order, by death/birth."""

from __future__ import annotations

import numpy as np

from topovae.homology.complexes.bars import RANKS, bar_ratios, by_ratio, ranked_ratios, universal_p_values


def test_the_largest_ratio_comes_first_and_equal_ones_keep_their_places() -> None:
    bars = np.array([[1.0, 2.0], [0.0, 1.0], [2.0, 4.0], [1.0, 3.0]])
    assert by_ratio(bars).tolist() == [1, 3, 0, 2]
    assert np.isfinite(bar_ratios(bars)).all()
    assert ranked_ratios(bars).tolist() == [*bar_ratios(bars)[[1, 3, 0, 2]], *[1.0] * (RANKS - 4)]


def test_no_bars_have_no_order() -> None:
    assert by_ratio(np.zeros((0, 2))).shape == (0,)
    assert ranked_ratios(np.zeros((0, 2))).tolist() == [1.0] * RANKS


def test_the_universal_law_says_nothing_of_few_bars_and_of_bars_born_at_zero() -> None:
    rng = np.random.default_rng(0)
    births = rng.uniform(1, 2, 30)
    bars = np.column_stack([births, births * rng.uniform(1.05, 1.3, 30)])
    assert np.isnan(universal_p_values(bars[:9])).all()
    with_origin = universal_p_values(np.vstack([bars, [0.0, 5.0], [1.0, 9.0]]))
    assert np.isfinite(with_origin).tolist() == [True] * 30 + [False, True]
    assert with_origin[-1] < with_origin[:30].min()
