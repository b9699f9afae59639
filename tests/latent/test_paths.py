"""Laws of ways through a latent space: ends, equal steps, shortest among images, loops that close."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from topovae.errors import UsageError
from topovae.latent import LatentSpace
from topovae.latent.paths import geodesic, loop, loops

DOUBLE = torch.float64
LATENTS = (
    *("R2", "S1", "I", "S1xI", "T2", "S2", "S3xR", "klein", "mobius", "rp2", "so3", "annulus", "embedded_torus", "T2xI"),
    *("(S1xS1xI)/<rot(1/3),rot(1/3),id>", "S1xS2xR3"),
)
each = pytest.mark.parametrize("latent", LATENTS)
LOOPS = {
    **{"R2": 0, "S1": 1, "I": 0, "S1xI": 1, "T2": 2, "S2": 1, "S3xR": 1, "klein": 2, "mobius": 1, "rp2": 1, "so3": 1},
    **{"annulus": 1, "embedded_torus": 2, "T2xI": 2, "(S1xS1xI)/<rot(1/3),rot(1/3),id>": 2, "S1xS2xR3": 2},
}


def pairs(space: LatentSpace, n: int = 12) -> list[tuple[Tensor, Tensor]]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        points = space.sample_prior(2 * n, torch.zeros(0, dtype=DOUBLE))
    return list(zip(points[:n], points[n:], strict=True))


@each
@pytest.mark.slow
def test_paths_begin_and_end_exactly(latent: str) -> None:
    space = LatentSpace(latent)
    for a, b in pairs(space):
        points = geodesic(space, a, b, 9)
        assert points.shape == (9, space.coordinate_dim) and torch.equal(points[0], a)
        torch.testing.assert_close(space.features(points[-1]), space.features(b), atol=1e-6, rtol=1e-6)
        assert space.contains(points).all()


@each
@pytest.mark.parametrize("n", [2, 17])
def test_steps_of_paths_are_equal(latent: str, n: int) -> None:
    space = LatentSpace(latent)
    for a, b in pairs(space):
        points = geodesic(space, a, b, n)
        steps = space.cover_distance(points[:-1], points[1:])
        torch.testing.assert_close(steps, steps.mean().expand_as(steps), rtol=0.03 if "embedded" in latent else 1e-3, atol=1e-6)


@each
def test_paths_are_shortest_among_the_images_under_the_group(latent: str) -> None:
    space = LatentSpace(latent)
    for a, b in pairs(space):
        points = geodesic(space, a, b, 33)
        length = space.cover_distance(points[:-1], points[1:]).sum()
        images = space.cover_distance(a, space.orbit(b))
        if "embedded" in latent:  # a chord brought back to the surface is no shorter than a geodesic
            assert images.min() <= length * (1 + 1e-3)
        else:
            torch.testing.assert_close(length, images.min(), rtol=1e-4, atol=1e-6)


@each
def test_loops_close_in_equal_steps_around_what_they_name(latent: str) -> None:
    space = LatentSpace(latent)
    assert len(loops(space)) == LOOPS[latent]
    for one in loops(space):
        for a, _ in pairs(space, 4):
            points = loop(space, one.number, a, 33)
            assert torch.equal(points[0], a) and torch.equal(points[-1], a) and space.contains(points).all()
            steps = space.cover_distance(points[:-1], points[1:])
            torch.testing.assert_close(steps, steps.mean().expand_as(steps), rtol=1e-2, atol=1e-9)
            # nothing else moves, and half of the way is not where it began
            sizes = [f.coordinate_dim for f in space.factors]
            for i, (moved, still) in enumerate(zip(points.split(sizes, -1), a.split(sizes), strict=True)):
                assert (i == one.factor) == ((moved - still).abs().max() > 0.1)
            assert space.cover_distance(points[16], a) > 0.3


def test_a_loop_of_a_circle_is_one_full_turn() -> None:
    space = LatentSpace("S1xI")
    points = loop(space, 0, torch.tensor([3.0, 0.25], dtype=DOUBLE), 65)
    steps = torch.remainder(points[:, 0].diff() + math.pi, 2 * math.pi) - math.pi
    assert steps.sum().item() == pytest.approx(2 * math.pi) and (points[:, 1] == 0.25).all()


def test_unknown_loops_are_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"--loop 2.*0 is the circle of factor 0, S1; 1 is a great circle of factor 1, S2"):
        loop(LatentSpace("S1xS2"), 2, torch.zeros(4), 5)
    with pytest.raises(UsageError, match="it has none"):
        loop(LatentSpace("R2"), 0, torch.zeros(2), 5)
