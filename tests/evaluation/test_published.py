"""Laws of the published estimator of transport operators: its coefficients, its value, and why it bounds no likelihood."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from topovae.data.dataset import Dataset
from topovae.errors import UsageError
from topovae.evaluation.published import (
    INFERRED,
    affordable_samples,
    likeliest,
    of_their_label,
    published_estimate,
    published_log_weights,
    transport_of,
)
from topovae.latent import space_of
from topovae.latent.learned import nodes
from topovae.latent.operators import Transport, transport
from topovae.model.networks import NetworkConfig
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.signature import parse_latent
from topovae.training.batches import Batches

DOUBLE, CPU = torch.float64, torch.device("cpu")
TURN = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]], dtype=DOUBLE)
REACH = 1.5


def on_circle(angle: Tensor, radius: float = 1.0) -> Tensor:
    return radius * torch.stack([angle.cos(), angle.sin()], -1)


def turning(width: float, anchors: int = 3) -> Transport:
    """A turn by up to `REACH`, and anchors evenly around the unit circle."""
    angle = 2 * math.pi * torch.arange(anchors, dtype=DOUBLE) / anchors
    return Transport(TURN, torch.tensor([REACH], dtype=DOUBLE), torch.as_tensor(nodes(1)), on_circle(angle), width)


@pytest.mark.parametrize("radius", [1.0, 0.7])
@pytest.mark.parametrize("width", [0.02, 0.3])
def test_the_likeliest_turn_is_known_in_closed_form(width: float, radius: float) -> None:
    """Where the slope of the distance is that of the cost, r sin(δ − c) = γ²/b; and none where that is never reached."""
    apart = torch.linspace(-3.0, 3.0, 201, dtype=DOUBLE)
    starts, ends, b = on_circle(torch.full_like(apart, 0.4)), on_circle(0.4 + apart, radius), REACH / 2
    short = math.asin(width**2 / (b * radius))
    turn = apart.sign() * (apart.abs() - short).clamp(min=0)
    left = (transport(TURN, turn[:, None], starts) - ends).square().sum(-1)
    values, converged = likeliest(turning(width), starts, ends)
    assert converged.double().mean() > 0.98  # steps are slow where the turn just becomes 0
    torch.testing.assert_close(values, -left / (2 * width**2) - turn.abs() / b, atol=1e-3, rtol=1e-6)


def test_operators_that_were_left_out_cost_nothing_and_move_nothing() -> None:
    alone = turning(0.05)
    fields, reach = torch.cat([TURN, torch.zeros_like(TURN)]), torch.tensor([REACH, 0.0], dtype=DOUBLE)
    beside = replace(alone, operators=fields, reach=reach, nodes=torch.as_tensor(nodes(2)))
    starts, ends = on_circle(torch.linspace(-1, 1, 9, dtype=DOUBLE)), on_circle(torch.linspace(0, 1.5, 9, dtype=DOUBLE))
    torch.testing.assert_close(likeliest(beside, starts, ends), likeliest(alone, starts, ends), atol=1e-3, rtol=1e-6)


def test_a_point_costs_nothing_where_an_anchor_is_at_the_place_of_its_sample() -> None:
    """So the estimator comes up to log p(x | z), which no bound on log p(x) does."""
    torch.manual_seed(0)
    places = on_circle(torch.rand(5, dtype=DOUBLE))
    points = places + 0.1 * torch.randn(5, 2, dtype=DOUBLE)
    own = replace(turning(0.05), anchors=places)
    weights, converged = published_log_weights(own, torch.eye(5, dtype=torch.bool), places, points)
    assert len(converged) == 10
    torch.testing.assert_close(weights, torch.zeros(5, dtype=DOUBLE))


def learned(width: float = 0.2) -> VAE:
    """An untrained model whose one operator is a turn, and data on a circle."""
    model = build_model(ModelConfig("learned(R2,M=1,anchors=3)", (2,), NetworkConfig("mlp", hidden=(8,))), [0.0, 0.0], 0.7, 0)
    factor = model.space.spaces[0].factors[0]
    with torch.no_grad():
        factor.operators.copy_(TURN)  # type: ignore[operator,union-attr]
        factor.anchors.copy_(turning(width).anchors)  # type: ignore[operator,union-attr]
        factor.reach.fill_(math.log(REACH))  # type: ignore[operator,union-attr]
        factor.width.fill_(math.log(width))  # type: ignore[operator,union-attr]
    return model.eval()


X = on_circle(torch.linspace(-3, 3, 6)).numpy()
BATCHES = Batches(Dataset.of(X), np.arange(6), CPU)


@pytest.mark.parametrize("by_label", [False, True])
@torch.no_grad()
def test_the_value_is_that_of_a_direct_computation(by_label: bool) -> None:
    """Over a fine grid of turns, point by point."""
    model, draws, b = learned(), 3, REACH / 2
    width, anchors = transport_of(model.space).width, transport_of(model.space).anchors.double()
    near = np.arange(6)[:, None] % 3 == np.arange(3) if by_label else np.ones((6, 3), dtype=bool)
    grid = torch.linspace(-math.pi, math.pi, 20_001, dtype=DOUBLE)[:, None]

    def value(u: Tensor, z: Tensor) -> float:
        left = (transport(TURN, grid, u.double()) - z.double()).square().sum(-1)
        return float((-left / (2 * width**2) - grid[:, 0].abs() / b).max())

    x = torch.as_tensor(X)
    torch.manual_seed(4)
    law, place = model.posterior(x), model.encode(x)[0]
    every, proper = torch.zeros(draws, 6, dtype=DOUBLE), torch.zeros(draws, 6, dtype=DOUBLE)
    for k in range(draws):
        z = law.rsample()
        fit = model.likelihood.log_prob(x, model.decoder(z))
        proper[k] = fit + model.space.log_weights(law, z)
        for i in range(6):
            prior = [math.exp(value(anchors[a], z[i])) for a in np.flatnonzero(near[i])]
            every[k, i] = fit[i] + math.log(np.mean(prior)) - value(place[i], z[i])
    found = published_estimate(model, BATCHES, seed=4, draws=draws, compared=near if by_label else None)
    assert found.elbo == pytest.approx(float(every.mean()), abs=2e-3)
    assert found.log_likelihood == pytest.approx(float((every.logsumexp(0) - math.log(draws)).mean()), abs=2e-3)
    assert found.iwae == pytest.approx(float((proper.logsumexp(0) - math.log(draws)).mean()), abs=1e-4)
    assert (found.draws, found.samples, found.by_label, found.converged) == (draws, 6, by_label, 1.0)
    assert found == published_estimate(model, BATCHES, seed=4, draws=draws, compared=near if by_label else None)


def test_anchors_have_the_label_of_the_nearest_sample_and_all_serve_a_label_without_any() -> None:
    locations = on_circle(torch.tensor([0.1, 1.9, 2.1, -2.0])).numpy()
    compared = of_their_label(turning(0.1), locations, np.array(["a", "b", "c", "b"]), np.array(["a", "b", "c", "d"]))
    assert compared.tolist() == [[True, False, False], [False, False, True], [False, True, False], [True, True, True]]


@pytest.mark.parametrize("draws", [1, 64, 10**6])
def test_no_more_is_inferred_than_the_limit(draws: int) -> None:
    each = draws * 4
    assert affordable_samples(turning(0.1), draws) in (1, INFERRED // each)


@pytest.mark.parametrize("latent", ["S1", "R2", "S1xlearned(R2)", "mixture(learned(R2),S1)"])
def test_other_latents_are_refused(latent: str) -> None:
    with pytest.raises(UsageError, match=r"--estimator published: it is of transport operators alone"):
        transport_of(space_of(parse_latent(latent)))
