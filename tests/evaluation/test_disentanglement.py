"""The mutual information gap: 1 where each factor has a coordinate of its own, 0 where none tells of any."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.evaluation.disentanglement import free_columns, mutual_information_gap
from topovae.latent import LatentSpace

TORUS = LatentSpace("S1xS1")
ANGLES = np.random.default_rng(0).uniform(-np.pi, np.pi, (1000, 2))


def gap(latents: np.ndarray, truth: np.ndarray = ANGLES) -> float:
    found = mutual_information_gap(TORUS, np.remainder(latents + np.pi, 2 * np.pi) - np.pi, TORUS, truth)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["as they are", "exchanged", "turned", "reflected"])
def test_isometries_that_keep_factors_apart_keep_the_gap(name: str) -> None:
    moved = {"as they are": ANGLES, "exchanged": ANGLES[:, ::-1], "turned": ANGLES + [1.0, -2.0], "reflected": -ANGLES}[name]
    # turns cut the circles elsewhere, so that bins are shared by two
    assert gap(moved) > (0.7 if name == "turned" else 0.97)


def test_a_shear_loses_the_factor_that_it_mixes() -> None:
    assert gap(ANGLES @ [[1, 1], [0, 1]]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("n", [60, 200, 1000])
def test_unrelated_coordinates_have_none_however_few(n: int) -> None:
    found = [gap(np.random.default_rng(seed).permutation(ANGLES[:n]), ANGLES[:n]) for seed in range(1, 6)]
    # the best of two is a little above the second by chance
    assert 0 <= np.mean(found) < 0.06


def test_it_falls_with_noise() -> None:
    noise = np.random.default_rng(1).normal(size=ANGLES.shape)
    found = [gap(ANGLES + level * noise) for level in (0.0, 0.05, 0.2, 0.8)]
    assert found == sorted(found, reverse=True) and found[0] > found[3] + 0.5


@pytest.mark.parametrize(
    ("latent", "columns"),
    [("S1xS1", [0, 1]), ("R2xS1", [0, 1, 2]), ("S2xS1xI", [3, 4]), ("S2", []), ("klein", []), ("SO3", []), ("S1xI", [0, 1])],
)
def test_columns_that_mean_something_alone(latent: str, columns: list[int]) -> None:
    assert free_columns(LatentSpace(latent)) == columns


@pytest.mark.parametrize(("truth", "latent", "n"), [("S1", "S1xS1", 100), ("S1xS1", "S2", 100), ("S1xS1", "S1xS1", 39)])
def test_nothing_is_said_of_one_factor_no_coordinates_or_too_few_samples(truth: str, latent: str, n: int) -> None:
    known, space = LatentSpace(truth), LatentSpace(latent)
    own, z = ANGLES[:n, : known.coordinate_dim], np.zeros((n, space.coordinate_dim))
    assert mutual_information_gap(space, z, known, own) is None
