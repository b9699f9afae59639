"""Laws of the distances between persistence diagrams."""

from itertools import permutations

import numpy as np
import pytest

from topovae.evaluation.diagrams import compare_bars  # whose Wasserstein distances persim rounds to 1e-7


def bottleneck(first, second):
    return compare_bars(first, second)["bottleneck"]


def wasserstein(first, second):
    return compare_bars(first, second)["wasserstein"]


def bars(count, seed):
    births = np.random.default_rng(seed).uniform(0, 1, count)
    return np.stack([births, births + np.random.default_rng(seed + 50).exponential(0.3, count)], 1)


def by_trying_all(first, second, metric, share, total):
    """Both diagrams, each with places on the diagonal for the other's bars, in all orders."""
    places = [*map(tuple, first), *[None] * len(second)], [*map(tuple, second), *[None] * len(first)]

    def apart(one, other):
        if one is None or other is None:
            return share * sum(bar[1] - bar[0] for bar in (one, other) if bar is not None)
        return metric(np.abs(np.subtract(one, other)))

    return min(total([apart(a, b) for a, b in zip(places[0], order, strict=True)]) for order in permutations(places[1]))


@pytest.mark.parametrize("sizes", [(0, 0), (0, 2), (3, 0), (1, 1), (3, 2), (2, 4)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_distances_are_the_least_over_all_matchings(sizes, seed):
    first, second = bars(sizes[0], seed), bars(sizes[1], seed + 100)
    assert bottleneck(first, second) == pytest.approx(by_trying_all(first, second, np.max, 0.5, max) if any(sizes) else 0)
    assert wasserstein(first, second) == pytest.approx(by_trying_all(first, second, np.linalg.norm, 0.5**0.5, sum))


@pytest.mark.parametrize("seed", range(4))
def test_distances_are_metrics_that_large_diagrams_keep(seed):
    one, two, three = bars(60, seed), bars(40, seed + 10), bars(50, seed + 20)
    for distance in (bottleneck, wasserstein):
        assert distance(one, one[::-1]) == pytest.approx(0, abs=1e-6)
        assert distance(one, two) == pytest.approx(distance(two, one))
        assert distance(one, three) <= distance(one, two) + distance(two, three) + 1e-6
        assert distance(one, one + [0.0, 0.01]) <= (0.01 if distance is bottleneck else 0.6) + 1e-6
