"""Classes of latent spaces along loops, on which they are known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from topovae.evaluation.pullback import (
    MOST_OF_CELL,
    characters,
    circle_columns,
    covering_cocycles,
    flat_columns,
    representatives,
    solid_angles,
    windings,
)
from topovae.latent import LatentSpace

STEPS = 24
RING = np.column_stack([np.arange(STEPS), (np.arange(STEPS) + 1) % STEPS])


@pytest.mark.parametrize(
    ("latent", "flat", "circles"),
    [("S1xI", [0, 1], [0]), ("R2xS1", [1, 1, 0], [2]), ("S2xS1xI", [0, 0, 0, 0, 1], [3]), ("S1xS1", [0, 0], [0, 1])],
)
def test_columns_are_those_of_their_factors(latent: str, flat: list[int], circles: list[int]) -> None:
    space = LatentSpace(latent)
    assert flat_columns(space).astype(int).tolist() == flat
    assert circle_columns(space) == circles


def loop(turns: tuple[float, ...]) -> torch.Tensor:
    """A loop of circles, each turned so often, in coordinates that jump by whole turns."""
    share = torch.arange(STEPS, dtype=torch.float64)[:, None] / STEPS
    angles = 2 * math.pi * share * torch.tensor(turns, dtype=torch.float64) + 0.3
    return torch.remainder(angles + math.pi, 2 * math.pi) - math.pi


@pytest.mark.parametrize("turns", [(1, 0), (0, 1), (2, -1), (0, 0), (-1, 3)])
def test_windings_are_whole_turns_around_a_loop(turns: tuple[int, int]) -> None:
    found = windings(LatentSpace("S1xS1"), loop(turns), RING)
    np.testing.assert_allclose(found.sum(1), turns, atol=1e-9)
    np.testing.assert_allclose(found, np.repeat(np.array(turns)[:, None] / STEPS, STEPS, 1), atol=1e-9)


def test_half_a_turn_of_the_klein_bottle_is_a_loop_that_winds_once() -> None:
    """The deck group turns the first circle by half, so that twice its angle is a function."""
    space = LatentSpace("klein")
    assert characters(space.signature).tolist() == [[2, 0]]
    share = torch.arange(STEPS, dtype=torch.float64) / STEPS
    half = torch.stack([math.pi * share, torch.zeros(STEPS, dtype=torch.float64)], 1)
    assert windings(space, half, RING).sum() == pytest.approx(1)


@pytest.mark.parametrize("turns", list(itertools.product((0, 1, 2), repeat=2)))
def test_covers_change_sheets_on_loops_of_odd_windings(turns: tuple[int, int]) -> None:
    found = covering_cocycles(LatentSpace("S1xS1"), loop(turns), RING)
    assert sorted((found.sum(1) % 2).tolist()) == sorted(winding % 2 for winding in turns)


def test_a_way_to_the_antipode_is_a_loop_of_the_projective_plane() -> None:
    share = torch.arange(STEPS, dtype=torch.float64) / STEPS
    for halves in (1, 2):
        angles = halves * math.pi * share
        way = torch.stack([torch.cos(angles), torch.sin(angles), torch.zeros(STEPS, dtype=torch.float64)], 1)
        assert (covering_cocycles(LatentSpace("rp2"), way, RING).sum(1) % 2).tolist() == [halves % 2]


def test_a_representative_is_the_most_central_of_its_cell() -> None:
    space = LatentSpace("R2")
    rng = np.random.default_rng(0)
    owner = np.repeat([0, 2, 3], [5, 7, 40])
    points = torch.as_tensor(rng.normal(size=(len(owner), 2)))
    chosen = representatives(space, points, owner, 4, seed=0)
    assert chosen[1] == -1
    for landmark in (0, 2):
        cell = np.flatnonzero(owner == landmark)
        apart = torch.cdist(points[cell], points[cell]).sum(1)
        assert chosen[landmark] == cell[int(apart.argmin())]
    assert owner[chosen[3]] == 3 and MOST_OF_CELL < 40
    assert (representatives(space, points, owner, 4, seed=0) == chosen).all()


def test_solid_angles_are_shares_of_the_sphere() -> None:
    points = np.vstack([np.eye(3), -np.eye(3)])
    faces = np.array([[a, b, c] for a in (0, 3) for b in (1, 4) for c in (2, 5)])
    found = solid_angles(points, faces)
    np.testing.assert_allclose(np.abs(found), 1 / 8)
    outward = np.sign(np.linalg.det(points[faces]))
    np.testing.assert_allclose(found * outward, 1 / 8)
    np.testing.assert_allclose(solid_angles(points, faces[:, ::-1]), -found)
    narrow = np.array([[1, 0, 0], [math.cos(0.01), math.sin(0.01), 0], [math.cos(0.01), 0, math.sin(0.01)]])
    assert solid_angles(narrow, np.array([[0, 1, 2]]))[0] == pytest.approx(0.5 * 0.01**2 / (4 * math.pi), rel=1e-3)
