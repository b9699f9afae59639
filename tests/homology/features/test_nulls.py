"""Laws of the count of classes: any bar may be one, long bars are, and what few landmarks cannot show is left open."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from topovae.homology.complexes.bars import RANKS
from topovae.homology.features.nulls import LONGEST, UNLIKE, betti_number, likelihoods
from topovae.homology.fitted import Law, law_of

LAW = Law(location=0.5, scale=0.08, shape=-0.2, classes=(1.2, -0.2, -0.1), most=2, spread=0.1)

ALPHA = 0.01


def ratios_of(*longest: float) -> np.ndarray:
    return np.array([*longest, *np.linspace(1.4, 1.2, RANKS - len(longest))])


def density(ratios: np.ndarray, rank: int, number: int) -> np.ndarray:
    """That of classes, some of which live otherwise than the law says."""
    return (1 - UNLIKE) * LAW.class_density(ratios, rank, number) + UNLIKE / np.log(LONGEST)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_bars_as_long_as_classes_are_counted(number: int) -> None:
    ratios = ratios_of(*[3.4, 2.6][:number])
    likely = likelihoods(ratios, LAW)
    assert likely.argmax() == number == betti_number(ratios, LAW, ALPHA) and likely[number] == 1
    assert (likely[:number] < 0.01).all()


def test_a_likelihood_is_the_sum_over_which_bars_are_classes() -> None:
    ratios = ratios_of(1.95, 1.8)
    likely = likelihoods(ratios, LAW)
    gain = [density(ratios, rank, 2) / LAW.noise_intensity(ratios) for rank in (1, 2)]
    hidden = [(1 - UNLIKE) * float(LAW.class_below(ratios[-1:], rank, 2)[0]) for rank in (1, 2)]
    both = sum(gain[0][i] * gain[1][j] for i, j in combinations(range(RANKS), 2))
    expected = both + gain[0].sum() * hidden[1] + hidden[0] * hidden[1]
    assert likely[2] / likely[0] == pytest.approx(expected)


def test_noise_alone_multiplies_nothing() -> None:
    ratios = ratios_of(1.9)
    assert betti_number(ratios, LAW, ALPHA) == 0
    short = (1 - UNLIKE) * LAW.class_below(ratios[-1:], 1, 1)[0]
    one = (density(ratios, 1, 1) / LAW.noise_intensity(ratios)).sum() + short
    likely = likelihoods(ratios, LAW)
    assert likely[1] / likely[0] == pytest.approx(one)


def test_fields_share_what_is_improbable() -> None:
    ratios = ratios_of(2.0)
    assert likelihoods(ratios, LAW, fields=2) ** 2 == pytest.approx(likelihoods(ratios, LAW))


def test_what_is_proven_is_not_doubted() -> None:
    likely = likelihoods(ratios_of(3.4), LAW, proven=2)
    assert (likely[:2] == 0).all() and likely[2] > 0


@pytest.mark.parametrize("ratios", [np.ones(RANKS), np.full(RANKS, 1e12), ratios_of(1e9, 1.0)])
def test_likelihoods_stay_finite(ratios: np.ndarray) -> None:
    for dimension in (1, 2, 3, 4):
        likely = likelihoods(ratios, law_of(1, dimension, 300, 2000, ratios), 2)
        assert np.isfinite(likely).all() and likely.max() == 1 and (likely >= 0).all()


def test_few_landmarks_leave_it_open_whether_there_are_classes() -> None:
    # bars of noise alone, as long as they usually are
    few, many = law_of(1, 2, 60, 90, ratios_of()), law_of(1, 2, 500, 2000, ratios_of())
    open_, decided = (likelihoods(np.exp(law.location - law.scale * np.arange(RANKS)), law)[2] for law in (few, many))
    assert open_ > 20 * decided and decided < 0.05


def test_a_bar_that_noise_never_makes_counts_though_classes_are_usually_far_longer() -> None:
    far = Law(location=0.5, scale=0.08, shape=-0.2, classes=(4.0, 0.0, 0.0), most=1, spread=0.1)
    clear, barely = (likelihoods(ratios_of(times * far.critical_ratio(ALPHA)), far) for times in (1.15, 1.001))
    assert clear[1] == 1 and clear[0] < 0.1
    # a level is no likelihood: what noise exceeds once in a hundred times is seldom anything else, if classes are not like that
    assert barely[0] == 1 and 0.05 < barely[1] < 1
