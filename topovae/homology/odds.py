"""How sure a finding is: logistics of what was measured, and odds of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from topovae.homology.calibration import tuned

NO, YES = tuned("surely_not"), tuned("surely_so")
MARGIN = tuned("odds_margin")


def _below(value: float, middle: float, width: float) -> float:
    """Return how surely a value lies below a threshold, a logistic."""
    return logistic((middle - value) / width)


def _below_log(value: float, middle: float, width: float) -> float:
    """Return how surely a positive value lies below a threshold, a logistic of its logarithm."""
    return logistic(np.log(middle / max(value, 1e-4)) / width)


def logistic(x: float) -> float:
    """Return 1/(1 + exp(−x))."""
    return float(1 / (1 + np.exp(-np.clip(x, -30, 30))))


def decided(probability: float | None) -> bool | None:
    """Return a yes or no where the probability is decided."""
    if probability is None or NO < probability < YES:
        return None
    return probability > 0.5


def log_odds(score: float | np.ndarray) -> Any:
    """Return log p/(1 − p) of probabilities, none beyond 999 : 1."""
    inside = np.clip(score, MARGIN, 1 - MARGIN)
    return np.log(inside / (1 - inside))
