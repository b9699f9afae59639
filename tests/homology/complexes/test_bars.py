"""Bars have one order, by death/birth."""

from __future__ import annotations

import numpy as np

from topovae.homology.complexes.bars import RANKS, bar_ratios, by_ratio, ranked_ratios


def test_the_largest_ratio_comes_first_and_equal_ones_keep_their_places() -> None:
    bars = np.array([[1.0, 2.0], [0.0, 1.0], [2.0, 4.0], [1.0, 3.0]])
    assert by_ratio(bars).tolist() == [1, 3, 0, 2]
    assert np.isfinite(bar_ratios(bars)).all()
    assert ranked_ratios(bars).tolist() == [*bar_ratios(bars)[[1, 3, 0, 2]], *[1.0] * (RANKS - 4)]


def test_no_bars_have_no_order() -> None:
    assert by_ratio(np.zeros((0, 2))).shape == (0,)
    assert ranked_ratios(np.zeros((0, 2))).tolist() == [1.0] * RANKS
