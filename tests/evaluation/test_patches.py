"""Local fits, holes and simulated homeomorphisms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from topovae.evaluation.fibres import draw_prior
from topovae.evaluation.patches import FAULT, fit, folded, high, measure_holes, measure_patches
from topovae.latent import LatentSpace


def circle(n: int, noise: float, seed: int) -> tuple[np.ndarray, torch.Tensor]:
    """A circle in the plane and its angles."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    x = np.stack([np.cos(angle), np.sin(angle)], 1) + noise * rng.standard_normal((n, 2))
    return x, torch.as_tensor(angle[:, None])


def test_a_linear_map_leaves_nothing_over() -> None:
    rng = np.random.default_rng(0)
    arguments = rng.normal(size=(5, 12, 2))
    found = fit(arguments, arguments @ rng.normal(size=(2, 4)) + 3, 2)
    assert np.abs(found.left).max() < 1e-9
    assert found.residual.shape == (5,) and found.slope.shape == (5, 2, 4) and found.axes.shape == (5, 2, 2)


def test_a_fold_moves_its_patch_alone_and_stays_within_it() -> None:
    space = LatentSpace("S1")
    angle = torch.linspace(0, 6.2, 101, dtype=torch.float64)[:, None]
    members = np.arange(20, 41)
    moved = folded(space, angle, members)
    assert torch.equal(moved[:20], angle[:20]) and torch.equal(moved[41:], angle[41:])
    inside = moved[members, 0]
    assert inside.min() >= angle[20, 0] - 1e-9 and inside.max() <= angle[40, 0] + 1e-9
    assert int((torch.diff(inside) < 0).sum()) > 3  # the way back


@pytest.mark.parametrize("seed", range(3))
def test_a_fold_stands_out_and_the_same_map_without_it_does_not(seed: int) -> None:
    space = LatentSpace("S1")
    x, z = circle(1000, 0.01, seed)
    order = np.argsort(z[:, 0].numpy())
    broken = folded(space, z, order[100:150])
    for latents, seen in ((z, False), (broken, True)):
        found = measure_patches(space, x, latents, seed)
        assert (found.largest["fibres"] > found.limits["fibres"]) == seen
    field = found.fields["fibres"]
    assert np.isin(np.argsort(field)[-10:], order[80:170]).all()


def test_the_power_is_that_of_the_noise() -> None:
    space = LatentSpace("S1")
    quiet, loud = (measure_patches(space, *circle(600, noise, 0), 0).power for noise in (0.01, 0.3))
    assert quiet > 0.9 and loud < 0.3


@pytest.mark.parametrize("latent", ["S1", "S1xS1", "klein", "S2"])
def test_a_hole_is_found_and_the_prior_has_none(latent: str) -> None:
    space = LatentSpace(latent)
    places, latents = draw_prior(space, 1000, 1), draw_prior(space, 1500, 2)
    whole = measure_holes(space, latents, places)
    assert whole.emptiest < whole.limit < whole.power
    away = space.distance(latents[:1], latents)
    kept = latents[away.argsort()[round(FAULT * len(latents)) :]]
    assert measure_holes(space, kept, places).emptiest > whole.limit


def test_single_outliers_are_no_patch() -> None:
    field = np.zeros(1000)
    field[:10] = 9.0
    assert high(field) == 0
    field[:20] = 9.0
    assert high(field) == 9.0


@pytest.mark.parametrize("bend", [0.0, 0.3, 0.6])
def test_a_bent_map_without_noise_is_no_fault(bend: float) -> None:
    space = LatentSpace("S1")
    x, z = circle(1000, 0.0, 0)
    moved = z + bend * torch.sin(z)
    found = measure_patches(space, x, moved, 0)
    assert all(found.largest[name] <= found.limits[name] for name in found.largest)
