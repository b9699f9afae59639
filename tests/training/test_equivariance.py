"""Angles by equivariance: turned and shifted images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.evaluation import circular_agreement
from topovae.nn import NetworkConfig
from topovae.training import equivariance
from topovae.training.equivariance import ACTIONS, equivariant_angles, rotate_planes, shift_planes

CPU = torch.device("cpu")
SMALL = NetworkConfig("mlp", hidden=(64,))


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
    monkeypatch.setattr(equivariance, "STEPS", 150)
    angles = torch.as_tensor(np.random.default_rng(0).uniform(-np.pi, np.pi, 120), dtype=torch.float32)
    planes = rotate_planes(blob(16, 16).expand(120, -1, -1, -1), angles)
    data = Dataset.of(planes[:, 0].numpy())
    before = torch.get_rng_state()
    found = equivariant_angles(data, np.arange(100), ["rotation"], NetworkConfig("mlp", hidden=(64,)), CPU, 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert found.shape == (120, 1)
    assert circular_agreement(found[100:, 0], angles[100:].numpy()) > 0.95


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("pixels", [-3, 0, 1, 5, 9])
def test_shifts_are_cyclic_and_exact(axis: int, pixels: int) -> None:
    planes = torch.rand(4, 2, 8, 10, generator=torch.Generator().manual_seed(0))
    angle = 2 * math.pi * pixels / planes.shape[axis]
    torch.testing.assert_close(shift_planes(planes, torch.full((4,), angle), axis), torch.roll(planes, pixels, axis))


@pytest.mark.parametrize("name", ACTIONS)
def test_a_full_turn_changes_nothing(name: str) -> None:
    planes = torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ACTIONS[name](planes, torch.full((2,), 2 * math.pi)), planes, atol=1e-4, rtol=0)


def test_images_that_shift_are_found_at_their_angles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equivariance, "STEPS", 200)
    pixels = torch.as_tensor(np.random.default_rng(0).integers(0, 16, (160, 2)))
    planes = blob(16, 16).expand(160, -1, -1, -1)
    for axis, name in ((0, "shift-rows"), (1, "shift-columns")):
        planes = ACTIONS[name](planes, pixels[:, axis] * (2 * math.pi / 16))
    data = Dataset.of(planes[:, 0].numpy())
    found = equivariant_angles(
        data, np.arange(120), ["shift-rows", "shift-columns"], NetworkConfig("mlp", hidden=(64,)), CPU, 0
    )
    truth = pixels.numpy() * (2 * np.pi / 16)
    assert found.shape == (160, 2)
    assert all(circular_agreement(found[120:, k], truth[120:, k]) > 0.9 for k in (0, 1))
