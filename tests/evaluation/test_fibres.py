"""Fibres of maps of the circle, interval and line, on which they are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from topovae.evaluation.fibres import (
    Fibres,
    _balls,
    ball_size,
    closed,
    diameter,
    distances_to,
    draw_prior,
    flat_ranges,
    measure_fibres,
    stretched,
)
from topovae.homology.cloud.ground import NEAR, Ground
from topovae.homology.cloud.neighbours import nearest
from topovae.latent import LatentSpace

N = 800
ANGLES = np.linspace(0, 2 * np.pi, N, endpoint=False)
CIRCLE = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])


def ground_of(points: np.ndarray) -> Ground:
    """Points that are their own denoised ones; nobody asks for their dimension."""
    return Ground(np.arange(len(points)), points, nearest(points, NEAR), points, None, 0)  # type: ignore[arg-type]


def fibres_of(latent: str, coordinates: np.ndarray, points: np.ndarray = CIRCLE) -> Fibres:
    z = torch.as_tensor(coordinates, dtype=torch.float64).reshape(N, -1)
    return measure_fibres(LatentSpace(latent), ground_of(points), z, seed=0)


def test_a_homeomorphism_of_the_circle_has_one_small_piece_in_each_ball() -> None:
    found = fibres_of("S1", ANGLES)
    assert (found.empty, found.several, found.torn, found.leaps, found.pieces, found.ranges) == (0, 0, 0, 0, 1, ())
    share = ball_size(N, 1) / N
    assert found.data == pytest.approx(np.sin(np.pi * share), rel=0.2)  # an arc's chord, over the diameter
    # twice as many samples in a ball of the data, half of them on either side: π is the farthest on a circle
    assert found.latent == pytest.approx(2 * share / 2, rel=0.15)
    # an arc's mean distance is a third of its length, the circle's 4 / π
    assert found.spread == pytest.approx(2 * np.pi * share / 3 / (4 / np.pi), rel=0.15)


@pytest.mark.parametrize("degree", [2, 3])
def test_a_map_of_higher_degree_has_as_many_pieces(degree: int) -> None:
    found = fibres_of("S1", degree * ANGLES)
    assert found.pieces == degree and found.several > 0.95
    assert (found.empty, found.torn, found.leaps) == (0, 0, 0)
    assert found.spread > 0.7


@pytest.mark.parametrize("missing", [0.25, 0.5])
def test_what_is_not_reached_is_empty(missing: float) -> None:
    found = fibres_of("S1", np.abs(ANGLES - np.pi) * 2 * (1 - missing))
    assert found.empty == pytest.approx(missing, abs=0.08)


def test_a_circle_that_is_cut_open_leaps_where_it_is_cut() -> None:
    found = fibres_of("I", ANGLES / (2 * np.pi))
    assert found.leaps > 0 and found.torn > 0
    assert found.several == 0 and found.pieces == 1
    assert found.latent == pytest.approx(1, abs=0.1)
    assert found.ranges[0] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("latent", "width"), [("I", 1.0), ("I", 0.4), ("R", 1.0), ("R", 0.1)])
def test_ranges_are_shares_of_those_of_the_prior(latent: str, width: float) -> None:
    space = LatentSpace(latent)
    shares = (np.arange(N) + 0.5) / N
    even = {"I": shares, "R": norm.ppf(shares)}[latent]
    z = torch.as_tensor(0.5 + width * (even[:, None] - 0.5))
    wide = {"I": 0.95, "R": 2 * 1.96}[latent]
    assert flat_ranges(space, z)[0] == pytest.approx(width * wide, rel=0.02)
    found = fibres_of(latent, z.numpy(), np.repeat(z.numpy(), 2, 1))
    assert found.ranges[0] == pytest.approx(width, rel=0.02)


def test_flat_columns_are_stretched_about_the_points_that_reflections_fix() -> None:
    space = LatentSpace("S1xIxR")
    z = torch.tensor([[1.0, 0.5, 0.0], [2.0, 0.25, -1.0], [3.0, 0.75, 1.0]], dtype=torch.float64)
    wide = stretched(space, z)
    assert (wide[:, 0] == z[:, 0]).all() and wide[0, 1:].tolist() == [0.5, 0.0]
    np.testing.assert_allclose(wide[2, 1:] + wide[1, 1:], [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(flat_ranges(space, wide), 3.0)
    assert closed(space, z).tolist() == [[1.0, 0.5, 0.0], [2.0, 0.5, 0.0], [3.0, 0.5, 0.0]]
    assert z[1, 1] == 0.25, "points are not changed in place"


def test_distances_are_those_of_orbits_whole_or_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    space = LatentSpace("klein")
    a, b = draw_prior(space, 50, seed=0), draw_prior(space, 70, seed=1)
    whole = distances_to(space, a, b)
    assert whole.shape == (50, 70)
    assert whole[3, 5] == pytest.approx(float(space.distance(a[3], b[5])))
    many = b.repeat(4000, 1)[:200_000]
    np.testing.assert_allclose(distances_to(space, a[:5], many)[:, :70], whole[:5])


def test_draws_of_the_prior_leave_the_random_state_alone() -> None:
    space = LatentSpace("S1")
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = draw_prior(space, 9, seed=1), draw_prior(space, 9, seed=1)
    assert torch.rand(1) == expected
    assert (first == second).all() and not (first == draw_prior(space, 9, seed=2)).any()


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_a_diameter_scales_with_the_points(scale: float) -> None:
    assert diameter(scale * CIRCLE + 3) == pytest.approx(2 * scale)
    assert diameter(np.zeros((4, 2))) == 1e-300


def test_balls_hold_a_share_and_never_too_few() -> None:
    assert ball_size(100, 1) == ball_size(200, 2) == 15
    assert ball_size(10_000, 1) == 300 > ball_size(10_000, 2) == 75


@pytest.mark.parametrize(("noise", "share"), [(0.0, ball_size(N, 1) / N), (0.1, 2 * 0.954 * 0.1 / np.pi), (3.0, 0.15)])
def test_balls_are_wider_than_the_noise_but_no_wider_than_a_share_of_the_space(noise: float, share: float) -> None:
    """Neighbours in the data lie 0.954 σ apart in the median for errors σ; a ball of radius r holds r/π of a circle."""
    errors = noise * np.random.default_rng(0).normal(size=N)
    z = torch.as_tensor(ANGLES + errors)[:, None]
    space = LatentSpace("S1")
    centres = torch.linspace(0, 6, 40, dtype=torch.float64)[:, None]
    found = _balls(space, nearest(CIRCLE, 1)[1][:, 0], z, distances_to(space, centres, z), ball_size(N, 1))
    assert len(found) == 40
    assert np.mean([inner.sum() for _, inner in found]) / N == pytest.approx(share, rel=0.15)
    assert np.mean([len(outer) / inner.sum() for outer, inner in found]) == pytest.approx(1.7, rel=0.05)
