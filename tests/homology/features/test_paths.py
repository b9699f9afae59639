"""Rows in the order of a closed path are told from rows in any other order."""

from __future__ import annotations

import numpy as np
import pytest

from topovae import analyze
from topovae.data import Dataset
from topovae.homology.cloud.front import read_points
from topovae.homology.cloud.presets import choose_preset
from topovae.homology.features.paths import MOST, is_closed_path


def turn(n: int, turns: float = 1.0, noise: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * turns * np.arange(n) / n
    return np.column_stack([np.cos(angle), np.sin(angle), 0.3 * np.cos(2 * angle)]) + noise * rng.normal(size=(n, 3))


@pytest.mark.parametrize("n", [36, 72, 200, MOST])
def test_one_turn_in_order_is_a_closed_path(n: int) -> None:
    # irregular steps, as equal ones leave it open which neighbour is nearest and which step longest
    rng = np.random.default_rng(1)
    angle = 2 * np.pi * (np.arange(n) + rng.uniform(-0.2, 0.2, n)) / n
    angle = angle - angle[0] + np.pi / n  # the longest step is not the last
    points = np.column_stack([np.cos(angle), np.sin(angle)])
    longest = int(np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1).argmax())
    assert is_closed_path(np.roll(points, -longest, axis=0))


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_rows_are_not(seed: int) -> None:
    assert not is_closed_path(np.random.default_rng(seed).permutation(turn(72)))


@pytest.mark.parametrize("turns", [0.25, 0.5, 0.9])
def test_part_of_a_turn_is_not(turns: float) -> None:
    assert not is_closed_path(turn(72, turns))


def test_two_turns_are_not() -> None:
    assert not is_closed_path(turn(72, 2.0, noise=0.001))


def test_more_rows_than_can_tell_are_not() -> None:
    assert not is_closed_path(turn(MOST + 1))


@pytest.mark.parametrize("start", [1, 20, 71])
def test_neither_direction_nor_scale_matters(start: int) -> None:
    points = np.roll(turn(72, noise=0.01), start, axis=0)
    found = is_closed_path(points)
    assert is_closed_path(points[::-1]) == found
    assert is_closed_path(4 * points) == found


def views(n: int = 72) -> np.ndarray:
    """Pictures (n, 24, 24) of a turning body: its outline is the same half a turn later, its fine print is not."""
    grid = np.linspace(-1, 1, 24)
    x, y = np.meshgrid(grid, grid)
    checks = (-1.0) ** np.add.outer(np.arange(24), np.arange(24))
    angle = (2 * np.pi * np.arange(n) / n)[:, None, None]
    ends = [np.exp(-((x - sign * 0.6 * np.cos(angle)) ** 2 + (y - sign * 0.3 * np.sin(angle)) ** 2) / 0.05) for sign in (1, -1)]
    return (
        ends[0] + ends[1] + 0.3 * checks * (np.cos(angle) * x + np.sin(angle) * y) + 0.1 * np.cos(angle) * np.exp(-(y**2) / 0.1)
    )


def test_what_a_filter_takes_from_pictures_still_tells_their_order() -> None:
    pictures = views() + 0.02 * np.random.default_rng(2).standard_normal((72, 24, 24))
    data = Dataset.of(pictures)
    assert not is_closed_path(read_points(data, choose_preset(data, "auto", 0)).points)
    assert analyze(data).recommendation.source == "order"
