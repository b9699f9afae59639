"""Geodesic stress and circular agreement: zero and one where they should be, and blind to what does not matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from topovae.evaluation import circular_agreement, geodesic_stress, recovered_circles
from topovae.evaluation.truth import free_circle_columns
from topovae.latent import LatentSpace

SPACES = ["S1", "S1xS1", "I", "R2", "S1xI", "S2", "mobius", "klein", "rp2", "S1xR"]


def wrap(angles: np.ndarray) -> np.ndarray:
    return np.remainder(angles + np.pi, 2 * np.pi) - np.pi


def sample(latent: str, n: int = 150) -> tuple[LatentSpace, np.ndarray]:
    space = LatentSpace(latent)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return space, space.sample_prior(n, torch.zeros(0, dtype=torch.float64)).numpy()


@pytest.mark.parametrize("latent", SPACES)
def test_the_truth_has_no_stress(latent: str) -> None:
    space, truth = sample(latent)
    assert geodesic_stress(space, truth, space, truth) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("latent", SPACES)
def test_noise_has_stress(latent: str) -> None:
    space, truth = sample(latent)
    noise = truth[np.random.default_rng(1).permutation(len(truth))]
    assert geodesic_stress(space, noise, space, truth) > 0.2


@pytest.mark.parametrize("latent", ["klein", "mobius", "rp2"])
def test_the_choice_of_a_point_of_an_orbit_does_not_matter(latent: str) -> None:
    space, truth = sample(latent)
    images = space.orbit(torch.as_tensor(truth)).numpy()
    chosen = images[np.random.default_rng(0).integers(0, space.order, len(truth)), np.arange(len(truth))]
    assert not np.allclose(chosen, truth)
    assert geodesic_stress(space, chosen, space, truth) == pytest.approx(0, abs=1e-6)


MOVES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "rotation": ("S1", lambda z: wrap(z + 2.0)),
    "reflection": ("S1", lambda z: -z),
    "rotated torus": ("S1xS1", lambda z: wrap(z + [1.0, -2.0])),
    "exchange": ("S1xS1", lambda z: z[:, ::-1]),
    "scaling": ("R2", lambda z: 7.5 * z),
    "shift": ("R2", lambda z: z + [3.0, -1.0]),
    "rigid turn": ("R2", lambda z: z @ np.array([[0.6, -0.8], [0.8, 0.6]])),
    "flip": ("I", lambda z: 1 - z),
    "half interval": ("I", lambda z: 0.5 * z),
    "antipode": ("S2", lambda z: -z),
    "shear": ("S1xS1", lambda z: wrap(z @ [[1, 0], [1, 1]])),
    "two shears": ("S1xS1", lambda z: wrap(z @ [[1, 1], [0, 1]] @ [[1, 0], [1, 1]])),
    "shear backwards": ("S1xS1", lambda z: wrap(z @ [[1, -1], [0, 1]])),
}


@pytest.mark.parametrize("name", MOVES)
def test_isometries_scalings_and_lattice_shears_have_no_stress(name: str) -> None:
    latent, move = MOVES[name]
    space, truth = sample(latent)
    assert geodesic_stress(space, np.ascontiguousarray(move(truth)), space, truth) == pytest.approx(0, abs=1e-6)


def test_stress_grows_with_noise() -> None:
    space, truth = sample("S1xS1")
    noise = np.random.default_rng(0).normal(size=truth.shape)
    values = [geodesic_stress(space, wrap(truth + level * noise), space, truth) for level in (0.0, 0.05, 0.2, 0.8)]
    assert values == sorted(values) and values[1] < 0.1 < values[3]


def test_a_torn_circle_has_stress() -> None:
    """An interval cannot hold a circle: its ends are far apart."""
    circle, truth = sample("S1")
    line = LatentSpace("R")
    assert geodesic_stress(line, truth, circle, truth) > 0.2


def test_a_subsample_is_compared_and_the_seed_chooses_it() -> None:
    space, truth = sample("S1", 1500)
    noisy = wrap(truth + 0.3 * np.random.default_rng(0).normal(size=truth.shape))
    one, other = (geodesic_stress(space, noisy, space, truth, seed) for seed in (0, 1))
    assert one == geodesic_stress(space, noisy, space, truth, 0)
    assert one != other and one == pytest.approx(other, rel=0.1)


ANGLES = np.random.default_rng(0).uniform(-np.pi, np.pi, 400)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("offset", [0.0, 1.0, -3.0])
def test_agreement_ignores_offset_reflection_and_whole_turns(sign: int, offset: float) -> None:
    turns = 2 * np.pi * np.random.default_rng(1).integers(-2, 3, 400)
    assert circular_agreement(sign * ANGLES + offset + turns, ANGLES) == pytest.approx(1)
    noisy = ANGLES + np.random.default_rng(2).normal(scale=0.5, size=400)
    plain = circular_agreement(noisy, ANGLES)
    assert circular_agreement(sign * noisy + offset, ANGLES) == pytest.approx(plain)
    assert circular_agreement(ANGLES, noisy) == pytest.approx(plain)
    assert plain == pytest.approx(np.exp(-(0.5**2) / 2), abs=0.03)


def test_agreement_of_strangers_and_of_double_covers_is_low() -> None:
    other = np.random.default_rng(3).uniform(-np.pi, np.pi, 400)
    assert circular_agreement(other, ANGLES) < 0.15
    assert circular_agreement(2 * ANGLES, ANGLES) < 0.15


@pytest.mark.parametrize("latent, columns", [("S1", [0]), ("R2xS1", [2]), ("S2xS1xIxS1", [3, 5]), ("R2", [])])
def test_columns_of_circles(latent: str, columns: list[int]) -> None:
    assert free_circle_columns(LatentSpace(latent)) == columns


def test_each_circle_of_the_truth_finds_its_latent_circle() -> None:
    space, z = sample("S1xRxS1")
    truth = np.stack([-z[:, 2] + 1, z[:, 0]], 1)
    found = recovered_circles(space, z, LatentSpace("S1xS1"), truth)
    assert [(row["truth"], row["latent"]) for row in found] == [(0, 2), (1, 0)]
    assert all(row["circular_correlation"] == pytest.approx(1) and row["within_groups"] is None for row in found)


def test_groups_may_each_have_an_offset_of_their_own() -> None:
    space, z = sample("S1", 300)
    group = np.repeat([0, 1, 2], 100)
    truth = wrap(z + 2 * np.pi * group[:, None] / 3)
    (row,) = recovered_circles(space, z, space, truth, group)
    assert row["within_groups"] == pytest.approx(1) and row["circular_correlation"] < 0.2


def test_without_a_latent_circle_nothing_is_recovered() -> None:
    space, z = sample("R2")
    assert recovered_circles(space, z, LatentSpace("S1"), z[:, :1]) == []


@pytest.mark.parametrize(
    ("space", "columns"),
    [("S1xR2xS1", [0, 3]), ("klein", []), ("kleinxS1", [2]), ("(S1xS1)/<rot(1/3),id>", [1]), ("S2xS1", [3])],
)
def test_only_circles_that_the_group_leaves_alone_have_an_angle(space: str, columns: list[int]) -> None:
    assert free_circle_columns(LatentSpace(space)) == columns


def test_within_groups_only_orbits_are_compared() -> None:
    """Style, in which the exemplars differ, is no part of a truth that knows the place on the orbit alone."""
    rng = np.random.default_rng(0)
    angle, group = rng.uniform(-np.pi, np.pi, 300), np.repeat(np.arange(5), 60)
    style = rng.normal(size=(5, 2))[group]
    turned = wrap(angle + rng.uniform(0, 6, 5)[group])
    latents = np.column_stack([turned, style])
    spaces = LatentSpace("S1xR2"), LatentSpace("S1")
    assert geodesic_stress(spaces[0], latents, spaces[1], angle[:, None], group=group) == pytest.approx(0, abs=1e-6)
    assert geodesic_stress(spaces[0], latents, spaces[1], angle[:, None]) > 0.2
    ring = np.column_stack([np.cos(turned), np.sin(turned), style[:, 0]])
    assert geodesic_stress(LatentSpace("R3"), ring, spaces[1], angle[:, None], group=group) > 0.05
