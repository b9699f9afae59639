"""What is set aside: repeats and rows far from all others, and never a sparse part of the space."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology import analyze
from topovae.homology.cloud.cleaning import MOST, clean


def loop(n: int, seed: int = 0, noise: float = 0.02, density: float = 1.0) -> np.ndarray:
    """A noisy circle in 10 features, one half of it so many times as dense as the other."""
    rng = np.random.default_rng(seed)
    dense = rng.uniform(size=n) < density / (1 + density)
    angle = np.pi * (rng.uniform(size=n) + ~dense)
    frame, _ = np.linalg.qr(rng.normal(size=(10, 10)))
    return np.column_stack([np.cos(angle), np.sin(angle)]) @ frame[:2] + noise * rng.normal(size=(n, 10))


@pytest.mark.parametrize("seed", [0, 1])
def test_repeats_are_counted_once_whatever_their_order(seed: int) -> None:
    points = loop(300)
    twice = np.random.default_rng(seed).permutation(np.vstack([points, points[:40], points[:10]]))
    found = clean(twice)
    assert len(found.repeats) == 50
    once = np.setdiff1d(np.arange(len(twice)), found.repeats)
    assert len(np.unique(twice[once], axis=0)) == len(once) == 300
    assert all((twice[:row] == twice[row]).all(axis=1).any() for row in found.repeats), "the first of equals is kept"
    assert "50 samples repeat another and were counted once" in found.sentences()


def test_every_row_is_in_one_place() -> None:
    points = np.vstack([loop(300), loop(300)[:20], 3 + np.zeros((1, 10))])
    found = clean(points)
    assert sorted([*found.kept, *found.repeats, *found.outlying]) == list(range(len(points)))
    assert (np.diff(found.kept) > 0).all()


@pytest.mark.parametrize("n", [100, 800])
def test_a_planted_outlier_is_set_aside(n: int) -> None:
    points = loop(n)
    points[17] = 2.0
    found = clean(points)
    assert 17 in found.outlying
    assert 17 not in found.kept
    assert found.to_dict() == {"repeats": 0, "outliers": len(found.outlying), "outlying_rows": found.outlying.tolist()}
    assert "lie far from their neighbours" in found.sentences()[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_loop_of_uneven_density_stays_whole(seed: int) -> None:
    points = loop(800, seed, density=8.0)
    found = clean(points)
    assert len(found.outlying) <= 0.02 * len(points)
    assert analyze(points, seed=seed, max_dim=1).recommendation.name == "circle"


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_no_more_than_the_cap_goes(share: float) -> None:
    rng = np.random.default_rng(0)
    points = loop(500)
    far = rng.permutation(500)[: int(share * 500)]
    points[far] = 3 * rng.normal(size=(len(far), 10))
    assert 0 < len(clean(points).outlying) <= np.ceil(MOST * 500)


@pytest.mark.parametrize("seed", range(3))
def test_permuted_rows_permute_the_result(seed: int) -> None:
    points = loop(400)
    points[[17, 60]] = [[2.0], [-2.0]]
    order = np.random.default_rng(seed).permutation(400)
    found, permuted = clean(points), clean(points[order])
    assert np.array_equal(np.sort(order[permuted.outlying]), found.outlying)
    assert np.array_equal(np.sort(order[permuted.kept]), found.kept)


@pytest.mark.parametrize("side", [300, (30, 30)], ids=["line", "grid"])
def test_ends_and_corners_of_even_grids_stay(side: int | tuple[int, int]) -> None:
    points = np.argwhere(np.ones(side)).astype(np.float64)
    assert len(clean(points).outlying) == 0


@pytest.mark.parametrize("n", [300, 400])
@pytest.mark.parametrize("seed", [1, 3, 5, 6, 7, 11])
def test_a_sparse_loop_is_not_opened(n: int, seed: int) -> None:
    assert analyze(loop(n, seed, density=8.0), seed=seed, max_dim=1).recommendation.name == "circle"


def test_rows_are_named_by_their_numbers_in_the_data() -> None:
    points = np.vstack([loop(300), loop(300)[:1]])
    points[42] = 2.0
    found = clean(points, rows=1000 + 2 * np.arange(301))
    assert 1000 + 2 * 42 in found.outlying and found.repeats.tolist() == [1000 + 2 * 300]
    assert 42 not in found.kept and found.kept.max() < 301


def test_too_few_rows_have_no_outliers() -> None:
    found = clean(np.vstack([np.eye(10), 100 * np.ones((1, 10))]))
    assert len(found.outlying) == 0
    assert found.sentences() == []


def test_rows_that_are_all_alike_are_kept_once() -> None:
    found = clean(np.ones((50, 3)))
    assert found.kept.tolist() == [0]
    assert len(found.repeats) == 49
