"""Starts: targets for circle factors, and turned images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.evaluation import circular_agreement
from topovae.nn import NetworkConfig
from topovae.training import start as start_module
from topovae.training.loop import Batches
from topovae.training.start import Start, rotate_planes, rotation_angles
from topovae.vae import ModelConfig, build_model

CPU = torch.device("cpu")


def torus(n: int = 200) -> tuple[Dataset, np.ndarray]:
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (n, 2))
    return Dataset.of(np.concatenate([np.cos(angles), np.sin(angles)], 1)), angles


@pytest.mark.parametrize("latent, columns", [("S1", (0, 1)), ("R2xS1", (2, 3)), ("S1xIxS1", (0, 1, 3, 4))])
def test_targets_belong_to_the_columns_of_the_circles(latent: str, columns: tuple[int, ...]) -> None:
    model = build_model(ModelConfig(latent, (4,), NetworkConfig("mlp", hidden=(8,))), [0.0] * 4, 1.0, 0)
    angles = torus()[1][:, : len(columns) // 2]
    found = Start.at(model, angles)
    assert found.columns == columns
    theta = torch.as_tensor(angles)
    expected = torch.stack([theta.cos(), theta.sin()], -1).flatten(1).float()
    torch.testing.assert_close(found.targets, expected)
    embedded = torch.zeros(200, model.space.embedding_dim)
    embedded[:, list(columns)] = expected
    assert float(found.misfit(embedded, torch.arange(200))) == pytest.approx(0, abs=1e-12)
    assert float(found.misfit(embedded, torch.arange(200).flip(0))) > 0.1


def test_regress_brings_the_encoder_onto_the_targets() -> None:
    data, angles = torus()
    model = build_model(ModelConfig("S1xS1", (4,), NetworkConfig("mlp", hidden=(32,))), [0.0] * 4, 0.7, 0)
    found, batches = Start.at(model, angles), Batches(data, np.arange(200), CPU)
    x = next(batches.in_order(200))

    def misfit() -> float:
        with torch.no_grad():
            return float(found.misfit(model.outputs(x)[:, : model.space.embedding_dim], torch.arange(200)))

    before = misfit()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found.regress(model, batches)
    assert misfit() < 0.02 < 0.5 < before
    location = model.encode(x)[0].detach().numpy()
    assert all(abs(np.exp(1j * (location[:, k] - angles[:, k])).mean()) > 0.98 for k in (0, 1))


@pytest.mark.parametrize("quarter", [0, 1, 2, 3, -1])
@pytest.mark.parametrize("channels", [1, 3])
def test_quarter_turns_are_counterclockwise_and_exact(quarter: int, channels: int) -> None:
    planes = torch.rand(2, channels, 9, 9, generator=torch.Generator().manual_seed(0))
    turned = rotate_planes(planes, torch.full((2,), quarter * math.pi / 2))
    torch.testing.assert_close(turned, torch.rot90(planes, quarter, (-2, -1)), atol=1e-5, rtol=0)


def blob(height: int, width: int) -> torch.Tensor:
    y = torch.linspace(-(height - 1) / 2, (height - 1) / 2, height)[:, None]
    x = torch.linspace(-(width - 1) / 2, (width - 1) / 2, width)
    return torch.exp(-((x - 4) ** 2 + (y + 2) ** 2) / 18)[None, None]


@pytest.mark.parametrize("shape", [(32, 32), (32, 48)])
@pytest.mark.parametrize("angle", [0.3, 1.0, 2.5])
def test_a_turn_and_back_is_the_identity(shape: tuple[int, int], angle: float) -> None:
    planes = blob(*shape)
    alpha = torch.tensor([angle])
    turned = rotate_planes(planes, alpha)
    assert float((turned - planes).abs().max()) > 0.05
    torch.testing.assert_close(rotate_planes(turned, -alpha), planes, atol=0.05, rtol=0)


@pytest.mark.parametrize("shape", [(32, 32), (32, 48)])
def test_turns_add_up_and_keep_the_distance_from_the_centre(shape: tuple[int, int]) -> None:
    planes = blob(*shape)
    twice = rotate_planes(rotate_planes(planes, torch.tensor([0.4])), torch.tensor([0.7]))
    torch.testing.assert_close(twice, rotate_planes(planes, torch.tensor([1.1])), atol=0.05, rtol=0)
    y = torch.linspace(-(shape[0] - 1) / 2, (shape[0] - 1) / 2, shape[0])[:, None]
    x = torch.linspace(-(shape[1] - 1) / 2, (shape[1] - 1) / 2, shape[1])
    centre = [float((twice * axis).sum() / twice.sum()) for axis in (x, -y)]
    before = [float((planes * axis).sum() / planes.sum()) for axis in (x, -y)]
    assert math.hypot(*centre) == pytest.approx(math.hypot(*before), rel=0.05)
    turn = math.atan2(centre[1], centre[0]) - math.atan2(before[1], before[0])
    assert math.remainder(turn - 1.1, 2 * math.pi) == pytest.approx(0, abs=0.05)


def test_images_that_turn_are_found_at_their_angle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_module, "ORIENTATION_STEPS", 150)
    angles = torch.as_tensor(np.random.default_rng(0).uniform(-np.pi, np.pi, 120), dtype=torch.float32)
    planes = rotate_planes(blob(16, 16).expand(120, -1, -1, -1), angles)
    data = Dataset.of(planes[:, 0].numpy())
    before = torch.get_rng_state()
    found = rotation_angles(data, np.arange(100), NetworkConfig("mlp", hidden=(64,)), CPU, 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert found.shape == (120, 1)
    assert circular_agreement(found[100:, 0], angles[100:].numpy()) > 0.95
