"""Which bars are more than noise: death/birth ratios, medians over resamples, against measured nulls."""

from __future__ import annotations

import numpy as np

from topovae.homology.fitted import Null


def betti_distribution(ratios: np.ndarray, law: Null, alpha: float, proven: int = 0) -> np.ndarray:
    """Return the probabilities of the Betti numbers 0 … RANKS from ranked ratios.

    The number is at least k where the k-th largest ratio exceeds the critical one; near it the judgement is
    soft, a logistic of the log ratio.

    Args:
        ratios: (RANKS,) medians over resamples, in falling order.
        law: null of the largest ratio.
        alpha: level of the test.
        proven: classes whose number is no matter of their length; as many of the first are taken for sure where
            some of them are shorter than the critical ratio.
    """
    depth = np.log(ratios / law.critical_ratio(alpha)) / law.width
    if proven > betti_number(ratios, law, alpha):
        depth[:proven] = np.inf
    at_least = np.concatenate([[1.0], 1 / (1 + np.exp(-np.clip(depth, -30, 30))), [0.0]])
    return at_least[:-1] - at_least[1:]


def betti_number(ratios: np.ndarray, law: Null, alpha: float) -> int:
    """Return how many ranked ratios (RANKS,) exceed the critical one."""
    return int((ratios > law.critical_ratio(alpha)).sum())


def likelihoods(probabilities: np.ndarray, missed: float) -> np.ndarray:
    """Return how probable what was found is for each true Betti number 0 … RANKS.

    Fewer classes may be found than there are, as landmarks are too few to show them; not more.

    Args:
        probabilities: (RANKS + 1,) of the numbers found, as of `betti_distribution`.
        missed: how often some class does not show.
    """
    fewer = np.cumsum(probabilities) - probabilities
    return np.asarray(probabilities + missed * fewer)
