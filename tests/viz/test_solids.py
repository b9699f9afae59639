"""Factors in space: points lie where they are, and opposite points that are one are said to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from topovae.latent import LatentSpace
from topovae.runs.pages import models_of
from topovae.signature import parse
from topovae.viz.latents import LatentPart
from topovae.viz.solids import SOLIDS, solids_of


def part(latent: str, n: int = 200) -> LatentPart:
    space = LatentSpace(latent)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        points = space.sample_prior(n, torch.zeros(0, dtype=torch.float64)).numpy()
    return LatentPart(parse(latent), points, np.arange(n), latent, models_of(parse(latent)))


@pytest.mark.parametrize("latent", ["sphere", "rp2", "so3", "R3", "embedded_torus", "S2xR", "(S2xS1)/<anti,id>"])
def test_points_in_space_are_those_of_the_factor(latent: str) -> None:
    (solid,) = solids_of(part(latent))
    assert solid.points.shape == (200, 3) and np.isfinite(solid.points).all()
    assert all(line.shape[1] == 3 for line in solid.lines)
    norms = np.linalg.norm(solid.points, axis=1)
    if "S2" in latent or latent in ("sphere", "rp2"):
        np.testing.assert_allclose(norms, 1, atol=1e-6)
    if latent == "so3":
        assert norms.max() <= 1 + 1e-9
    if latent == "rp2":
        assert solid.points[:, 0].min() >= 0  # the half that is drawn
    assert bool(solid.note) == (latent in ("rp2", "so3", "(S2xS1)/<anti,id>"))


@pytest.mark.parametrize("latent", ["circle", "torus", "klein", "R2", "annulus", "S1xI"])
def test_what_the_plane_shows_whole_has_no_scene(latent: str) -> None:
    assert solids_of(part(latent)) == []


@pytest.mark.parametrize("key", sorted(SOLIDS))
def test_curves_lie_where_points_do(key: tuple[str, int, bool]) -> None:
    latent = {("R", 3, False): "R3", ("S", 2, False): "S2", ("S", 2, True): "rp2", ("S", 3, True): "so3"}[key]
    (solid,) = solids_of(part(latent))
    assert all(np.linalg.norm(line, axis=1) == pytest.approx(1.0) for line in solid.lines)
