"""Which bars are more than noise: death/birth ratios, medians over resamples, against measured nulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topovae.homology.complexes.bars import RANKS
from topovae.homology.fitted import Null


@dataclass(frozen=True)
class Counted:
    """The classes of one degree over one field.

    Attributes:
        number: how many are significant.
        likelihoods: (RANKS + 1,) how probable the bars are if there are 0, 1, … classes.
    """

    number: int
    likelihoods: np.ndarray


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


def likelihoods(probabilities: np.ndarray, law: Null, fields: int) -> np.ndarray:
    """Return how probable what was found is over one field, for each true Betti number 0 … RANKS.

    Fewer classes may be found than there are, as landmarks are too few to show them; not more.

    Args:
        probabilities: (RANKS + 1,) of the numbers found, as of `betti_distribution`.
        law: says how often classes are missed.
        fields: over how many the homology is computed. Bars are much the same over all of them, so that each takes its share
            of how improbable they are.
    """
    return np.asarray((chances(law) @ probabilities) ** (1 / fields))


def chances(law: Null) -> np.ndarray:
    """Return how probable it is (RANKS + 1, RANKS + 1) that of k classes, a row each, j are seen, a column each."""
    seen = np.zeros((RANKS + 1, RANKS + 1))
    for number in range(RANKS + 1):
        missed = [0.0, *(law.missed(rank, number) for rank in range(1, number + 1)), 1.0]
        seen[number, : number + 1] = np.diff(missed)
    return seen
