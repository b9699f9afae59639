"""Starts: targets for the encoder's outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.model.networks import NetworkConfig
from topovae.model.vae import ModelConfig, build_model
from topovae.training.batches import Batches
from topovae.training.start import Start

CPU = torch.device("cpu")


def torus(n: int = 200) -> tuple[Dataset, np.ndarray]:
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (n, 2))
    return Dataset.of(np.concatenate([np.cos(angles), np.sin(angles)], 1)), angles


@pytest.mark.parametrize("latent, columns", [("S1", (0, 1)), ("R2xS1", (2, 3)), ("S1xIxS1", (0, 1, 3, 4))])
def test_targets_belong_to_the_columns_of_the_circles(latent: str, columns: tuple[int, ...]) -> None:
    model = build_model(ModelConfig(latent, (4,), NetworkConfig("mlp", hidden=(8,))), [0.0] * 4, 1.0, 0)
    angles = torus()[1][:, : len(columns) // 2]
    points = np.full((200, model.space.coordinate_dim), np.nan)
    points[:, model.space.coordinate_dim - 1 if latent == "R2xS1" else 0] = angles[:, 0]
    points[:, -1] = angles[:, -1]
    found = Start.at(model, points)
    assert found is not None and found.columns == columns
    theta = torch.as_tensor(angles)
    expected = torch.stack([theta.cos(), theta.sin()], -1).flatten(1).float()
    torch.testing.assert_close(found.targets, expected)
    embedded = torch.zeros(200, model.space.location_dim)
    embedded[:, list(columns)] = expected
    assert float(found.misfit(embedded, torch.arange(200))) == pytest.approx(0, abs=1e-12)
    assert float(found.misfit(embedded, torch.arange(200).flip(0))) > 0.1


def test_regress_brings_the_encoder_onto_the_targets() -> None:
    data, angles = torus()
    model = build_model(ModelConfig("S1xS1", (4,), NetworkConfig("mlp", hidden=(32,))), [0.0] * 4, 0.7, 0)
    found, batches = Start.at(model, angles), Batches(data, np.arange(200), CPU)
    assert found is not None
    x = next(batches.in_order(200))

    def misfit() -> float:
        with torch.no_grad():
            return float(found.misfit(model.outputs(x)[:, : model.space.location_dim], torch.arange(200)))

    before = misfit()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found.regress(model, batches)
    assert misfit() < 0.02 < 0.5 < before
    location = model.encode(x)[0].detach().numpy()
    assert all(abs(np.exp(1j * (location[:, k] - angles[:, k])).mean()) > 0.98 for k in (0, 1))


def test_points_of_a_quotient_start_it_whichever_of_an_orbit_they_are() -> None:
    angles = torus()[1]
    model = build_model(ModelConfig("klein", (4,), NetworkConfig("mlp", hidden=(8,))), [0.0] * 4, 1.0, 0)
    other = np.where(np.arange(200)[:, None] % 2, angles, np.stack([angles[:, 0] + np.pi, -angles[:, 1]], 1))
    one, two = Start.at(model, angles), Start.at(model, other)
    assert one is not None and two is not None and len(one.columns) == model.space.location_dim
    torch.testing.assert_close(one.targets, two.targets)


def test_without_coordinates_there_is_no_start() -> None:
    model = build_model(ModelConfig("klein", (4,), NetworkConfig("mlp", hidden=(8,))), [0.0] * 4, 1.0, 0)
    assert Start.at(model, np.full((200, 2), np.nan)) is None
