"""Points at which curves branch are seen, and manifolds have none."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud.branches import branching_share

SEEDS = range(3)


def curve(name: str, n: int, seed: int, noise: float = 0.02) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle, along = rng.uniform(0, 2 * np.pi, n), rng.uniform(0, 1, n)
    arm = 2 * np.pi * rng.integers(3, size=n) / 3
    shapes = {
        "circle": np.column_stack([np.cos(angle), np.sin(angle)]),
        "ellipse": np.column_stack([2 * np.cos(angle), np.sin(angle)]),
        "hairpins": np.column_stack([np.cos(angle) * 3, np.sin(angle) * (0.25 + np.cos(angle) ** 2)]),
        "interval": np.column_stack([2 * along, np.cos(2 * along)]),
        "line": np.column_stack([along, 0 * along]),
        "Y": along[:, None] * np.column_stack([np.cos(arm), np.sin(arm)]),
        "eight": np.column_stack([np.sin(angle), np.sin(2 * angle) / 2]),
    }
    frame, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    return shapes[name] @ frame[:2] + noise * rng.normal(size=(n, 8))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["circle", "ellipse", "hairpins", "interval", "line"])
def test_curves_without_branches_have_none(name: str, seed: int) -> None:
    assert branching_share(curve(name, 800, seed)) == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["Y", "eight"])
def test_branches_are_seen(name: str, seed: int) -> None:
    assert branching_share(curve(name, 800, seed)) > 0.04


@pytest.mark.parametrize("name", ["circle", "Y"])
def test_neither_size_nor_place_matters(name: str) -> None:
    points = curve(name, 600, 0)
    assert branching_share(8 * points + 4) == pytest.approx(branching_share(points), abs=0.02)


def test_few_points_have_no_branches() -> None:
    assert branching_share(curve("line", 20, 0)) == 0
