"""The recipe of `sample_data/filter_prior.py`: a trained latent space as the prior of a convolution's filters."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch
from support.places import MNIST, SAMPLES

import topovae


@pytest.fixture(scope="module")
def recipe() -> Any:
    """The module of the recipe."""
    spec = importlib.util.spec_from_file_location("filter_prior", SAMPLES / "filter_prior.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run() -> topovae.VAE:
    """A model of filters on the Klein bottle, hardly trained."""
    filters = topovae.generate("klein-filters", 200, size=7, noise=0.1, seed=1)
    return topovae.TopoVAE("klein", init="random", epochs=3, random_state=0).fit(filters.x).model_


def test_latent_filters_are_points_of_the_run_that_learn_and_leave_it_as_it_is(recipe: Any, run: topovae.VAE) -> None:
    before = [weights.clone() for weights in run.parameters()]
    torch.manual_seed(0)
    own, free = recipe.LatentFilters(run, 5), recipe.GaussianFilters(7, 5)
    for filters in (own, free):
        weights, density = filters()
        assert weights.shape == (5, 1, 7, 7) and density.shape == ()
        weights.square().sum().backward()
    assert own.points.grad.abs().sum() > 0
    learned = sum(weights.numel() for weights in own.parameters() if weights.requires_grad)
    assert learned == 5 * 3 and free.weights.numel() == 5 * 49  # two angles and an amplitude a filter
    torch.testing.assert_close(own()[0], own.amplitude * run.decode(own.points)[:, None])
    assert all(torch.equal(a, b) for a, b in zip(before, run.parameters(), strict=True))


def test_both_priors_learn_digits(recipe: Any, run: topovae.VAE) -> None:
    if not MNIST.exists():
        pytest.skip("MNIST is not beside the project")
    found = recipe.compare(run, str(MNIST), n=100, seed=0, steps=40, tested=300)
    assert found == recipe.compare(run, str(MNIST), n=100, seed=0, steps=40, tested=300)
    assert all(accuracy > 0.3 for accuracy in found)  # a tenth by chance
