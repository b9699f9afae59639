"""Whether samples of a prior lie where data lie, and the other way round."""

import numpy as np
import pytest

from topovae.evaluation.samples import FAR, LOOKED_AT, NUMBERS, affordable, sample_quality


def ring(n: int, seed: int, radius: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)]) + 0.02 * rng.normal(size=(n, 2))


TRAIN, TEST = ring(800, 0), ring(200, 1)


def test_samples_of_the_same_law_are_on_the_data_and_reach_all_of_them() -> None:
    found = sample_quality(ring(1000, 2), TRAIN, TEST)
    assert found is not None and found.off_data < 0.05 and found.coverage > 0.95


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_what_lies_elsewhere_is_counted(share: float) -> None:
    n = int(1000 * share)
    found = sample_quality(np.concatenate([ring(n, 2, radius=2.0), TRAIN[: 1000 - n]]), TRAIN, TEST)
    assert found is not None and found.off_data == pytest.approx(n / (n + len(TRAIN[: 1000 - n])))


def test_half_a_circle_covers_half() -> None:
    found = sample_quality(TRAIN[TRAIN[:, 0] > 0], TRAIN, TEST)
    assert found is not None and found.off_data == 0
    assert found.coverage == pytest.approx((TEST[:, 0] > 0).mean(), abs=0.05)


def test_the_usual_distance_is_that_of_test_samples() -> None:
    held = np.array([[0.0], [10.0], [20.0]]) + [[0.1], [0.2], [0.3]]
    seen = np.array([[0.0], [10.0], [20.0]])
    limit = FAR * 0.2
    for shift, off in ((limit - 0.01, 0.0), (limit + 0.01, 1.0)):
        found = sample_quality(np.array([[20.3 + shift]]), seen, held)
        assert found is not None and found.off_data == off


@pytest.mark.parametrize("features", [1, 784, 10**6, 10**9])
def test_no_more_is_looked_at_than_memory_allows(features: int) -> None:
    found = affordable(LOOKED_AT, features)
    assert found in (1, LOOKED_AT) or found * features <= NUMBERS < (found + 1) * features


def test_without_a_split_there_is_nothing_to_say() -> None:
    assert sample_quality(TRAIN, TRAIN, TEST[:0]) is None and sample_quality(TRAIN, TRAIN[:0], TEST) is None
