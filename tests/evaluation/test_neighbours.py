"""Laws of kept neighbours: 1 for a similarity, near one half for a shuffle, and what a tear and a fold each break."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.data.dataset import Dataset
from topovae.evaluation.neighbours import neighbours_kept
from topovae.latent import LatentSpace, space_of
from topovae.signature import parse_latent

N = 400
ANGLE = np.sort(np.random.default_rng(0).uniform(-np.pi, np.pi, N))
CIRCLE = Dataset.of(np.column_stack([np.cos(ANGLE), np.sin(ANGLE)]))
ROWS = np.arange(N)


def kept(latent: str, location: np.ndarray, data: Dataset = CIRCLE) -> tuple[float, float]:
    import torch

    space = space_of(parse_latent(latent))
    features = space.features(torch.as_tensor(location)).numpy()
    found = neighbours_kept(space, location, features, data, np.arange(data.n_samples))
    assert found is not None
    return found


def test_a_circle_on_a_circle_keeps_all_neighbours() -> None:
    assert kept("S1", ANGLE[:, None]) == pytest.approx((1.0, 1.0), abs=1e-9)
    assert kept("S1", 0.7 - ANGLE[:, None]) == pytest.approx((1.0, 1.0), abs=1e-9)


def test_a_tear_breaks_continuity_and_a_fold_breaks_trust() -> None:
    torn = kept("R", ANGLE[:, None])
    assert torn[0] > 0.999 and torn[1] < torn[0] - 0.003
    folded = kept("R", np.abs(ANGLE)[:, None])
    assert folded[0] < 0.9 and folded[1] > folded[0]


def test_a_shuffle_keeps_nothing() -> None:
    shuffled = np.random.default_rng(1).permutation(ANGLE)[:, None]
    assert all(value < 0.65 for value in kept("S1", shuffled))


def test_components_are_farther_from_each_other_than_their_points() -> None:
    two = np.concatenate([CIRCLE.load()[:, :2], CIRCLE.load()[:, :2] + 10])
    points = np.column_stack([np.repeat([0.0, 1.0], N), np.tile(ANGLE, 2)])
    assert kept("mixture(2*circle)", points, Dataset.of(two)) == pytest.approx((1.0, 1.0), abs=1e-9)


def test_one_sample_has_no_neighbours() -> None:
    space = LatentSpace("S1")
    assert neighbours_kept(space, np.zeros((1, 1)), np.zeros((1, 2)), CIRCLE, np.arange(1)) is None
