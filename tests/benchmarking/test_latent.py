"""Every family takes a step, and its cost is told against the normal's."""

from __future__ import annotations

import math

import pytest
import torch
from benchmarks.latent import FAMILIES, REFERENCE, measure


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_makes_samples_and_gradients(name: str) -> None:
    torch.manual_seed(0)
    leaf = torch.randn(16, FAMILIES[name].width, requires_grad=True)
    posterior, prior = FAMILIES[name].pair(leaf)
    divergence = torch.distributions.kl_divergence(posterior, prior)
    assert divergence.shape == (16,) and bool((divergence >= -1e-5).all())
    (posterior.rsample().sum() + divergence.sum()).backward()
    assert leaf.grad is not None and bool(leaf.grad.isfinite().all()) and bool((leaf.grad != 0).any())


def test_costs_are_in_order_and_relative_to_the_normal() -> None:
    costs = measure(batch=8, repeats=3)
    assert [cost.family for cost in costs] == list(FAMILIES)
    reference = next(cost for cost in costs if cost.family == REFERENCE)
    assert reference.ratio == 1
    for cost in costs:
        assert math.isclose(cost.ratio, cost.milliseconds / reference.milliseconds) and cost.milliseconds > 0
