"""Bars of a diagram: their order by death/birth, and their p-values."""

from __future__ import annotations

import numpy as np

from topovae.homology.calibration import tuned

RANKS = int(tuned("ranks"))
LEAST_BARS = int(tuned("universal_bars"))


def universal_p_values(bars: np.ndarray) -> np.ndarray:
    """Return each bar's p-value under the universal law of log log death/birth, NaN where the law cannot be applied.

    The law's place is read off the bars themselves, which takes `LEAST_BARS` of them; and a bar born at 0 has no ratio.

    Args:
        bars: (b, 2) all bars of one positive degree.

    References:
        Bobrowski and Skraba (2023), A universal null-distribution for topological data analysis, section 4.
    """
    p_values = np.full(len(bars), np.nan)
    proper = (bars[:, 0] > 0) & (bars[:, 1] > bars[:, 0] * (1 + 1e-9))
    if proper.sum() < LEAST_BARS:
        return p_values
    depth = np.log(np.log(bars[proper, 1] / bars[proper, 0]))
    shift = -np.euler_gamma - depth.mean()
    p_values[proper] = np.exp(-np.exp(depth + shift))
    return p_values


def bar_ratios(bars: np.ndarray) -> np.ndarray:
    """Return death/birth (b,) of bars (b, 2), finite for those born at 0."""
    return bars[:, 1] / np.maximum(bars[:, 0], 1e-12)


def by_ratio(bars: np.ndarray) -> np.ndarray:
    """Return the order (b,) of bars (b, 2) by death/birth, the largest first, equal ones as they stand."""
    return np.argsort(-bar_ratios(bars), kind="stable")


def ranked_ratios(bars: np.ndarray) -> np.ndarray:
    """Return the largest ratios death/birth (RANKS,) of bars (b, 2), in falling order, filled up with 1."""
    ratios = np.ones(RANKS)
    ordered = bar_ratios(bars)[by_ratio(bars)][:RANKS]
    ratios[: len(ordered)] = ordered
    return ratios
