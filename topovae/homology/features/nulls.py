"""Which bars are more than noise: death/birth ratios, medians over resamples, against measured nulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.complexes.bars import RANKS
from topovae.homology.fitted import LONG, Law

UNLIKE, LONGEST = tuned("class_unlike"), tuned("class_longest")


@dataclass(frozen=True)
class Counted:
    """The classes of one degree over one field.

    Attributes:
        number: how many are significant.
        likelihoods: (RANKS + 1,) how probable the bars are if there are 0, 1, … classes.
    """

    number: int
    likelihoods: np.ndarray


def betti_number(ratios: np.ndarray, law: Law, alpha: float) -> int:
    """Return how many ranked ratios (RANKS,) exceed the critical one."""
    return int((ratios > law.critical_ratio(alpha)).sum())


def likelihoods(ratios: np.ndarray, law: Law, fields: int = 1, proven: int = 0) -> np.ndarray:
    """Return how probable ranked ratios are for each Betti number 0 … RANKS, that of the best being 1.

    Bars of noise are a Poisson process, so that any of the bars may be a class, which multiplies the likelihood by the density
    of classes there over the intensity of noise; or the class is one of those too short to be among the ranked. A few classes
    are such as were never simulated, and may live anyhow long.

    Args:
        ratios: (RANKS,) medians over resamples, in falling order.
        law: of bars.
        fields: over how many the homology is computed. Bars are much the same over all of them, so that each takes its share
            of how improbable they are.
        proven: fewer classes there are not.

    References:
        Coles (2001), An introduction to statistical modeling of extreme values, section 7.3, for the process.
    """
    noise = np.maximum(law.noise_intensity(ratios), np.exp(-LONG))
    likely = np.array([_likelihood(ratios, noise, law, number) for number in range(RANKS + 1)])
    likely[:proven] = 0.0
    return np.asarray((likely / likely.max()) ** (1 / fields))


def _likelihood(ratios: np.ndarray, noise: np.ndarray, law: Law, number: int) -> float:
    """Return how probable the ratios are if there are so many classes, over that of noise alone."""
    ranks = range(1, number + 1)
    unlike = ((ratios > 1) & (ratios < LONGEST)) / np.log(LONGEST)
    gains = [((1 - UNLIKE) * law.class_density(ratios, rank, number) + UNLIKE * unlike) / noise for rank in ranks]
    told = np.zeros(number + 1)
    told[0] = 1.0  # by how many classes are among the bars looked at so far, longest first
    for bar in range(len(ratios)):
        told[1:] += told[:-1] * [gain[bar] for gain in gains]
    hidden = np.cumprod(
        [1.0, *((1 - UNLIKE) * float(law.class_below(ratios[-1:], rank, number)[0]) for rank in reversed(ranks))]
    )
    return float(told @ hidden[::-1])
