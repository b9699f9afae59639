"""The page of a run: colours that mean the same for every representative of an orbit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from topovae.latent import LatentSpace
from topovae.runs.pages import colours_of


@pytest.mark.parametrize("space", ["mobius", "klein", "rp2", "so3", "(S1xS1xI)/<rot(1/3),id,id>"])
def test_colours_on_a_quotient_depend_on_the_orbit_alone(space: str) -> None:
    latent = LatentSpace(space)
    torch.manual_seed(0)
    points = latent.sample_prior(200, torch.zeros(0, dtype=torch.float64))
    reference, kind, _ = colours_of(space, points.numpy())
    assert kind == "linear" and np.ptp(reference) > 0.1
    for image in latent.orbit(points):
        np.testing.assert_allclose(colours_of(space, image.numpy())[0], reference, atol=1e-9)


@pytest.mark.parametrize(("space", "kind"), [("S1xR2", "cyclic"), ("R2", "linear"), ("S2", "linear")])
def test_colours_on_a_product_are_the_first_coordinate(space: str, kind: str) -> None:
    truth = np.random.default_rng(0).normal(size=(10, 3))
    values, found, meaning = colours_of(space, truth)
    assert (found, meaning) == (kind, "truth")
    np.testing.assert_array_equal(values, truth[:, 0])
