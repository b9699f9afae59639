"""Angles by equivariance: turned and shifted images."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from topovae.data.dataset import Dataset
from topovae.data.splits import split
from topovae.evaluation import circular_agreement
from topovae.model.networks import ImageLayout, NetworkConfig
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.training import equivariance
from topovae.training.config import TrainingConfig
from topovae.training.equivariance import (
    ACTIONS,
    COEFFICIENTS,
    Equivariance,
    equivariant_angles,
    is_firm,
    random_angles,
    rotate_planes,
    shift_planes,
)
from topovae.training.loop import Trainer
from topovae.training.start import Start

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
    assert found is not None and found.shape == (120, 1)
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
    assert found is not None and found.shape == (160, 2)
    # Phases of Fourier coefficients, which nothing has to learn.
    assert all(circular_agreement(found[:, k], truth[:, k]) > 1 - 1e-6 for k in (0, 1))


@pytest.mark.parametrize("name", COEFFICIENTS)
@pytest.mark.parametrize("pixels", [-2, 1, 7])
def test_actions_turn_their_coefficients(name: str, pixels: int) -> None:
    planes = torch.rand(5, 2, 9, 12, generator=torch.Generator().manual_seed(1))
    side = planes.shape[3] if name == "shift-rows" else planes.shape[2]
    angle = 2 * math.pi * pixels / side
    moved = ACTIONS[name](planes, torch.full((5,), angle))
    turn = torch.polar(torch.ones(()), torch.tensor(angle))
    torch.testing.assert_close(COEFFICIENTS[name](moved), COEFFICIENTS[name](planes) * turn)
    (other,) = set(COEFFICIENTS) - {name}
    torch.testing.assert_close(COEFFICIENTS[other](moved), COEFFICIENTS[other](planes))


def test_phases_of_noise_are_not_firm() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=2000) + 1j * rng.normal(size=2000)
    assert not is_firm(noise) and not is_firm(np.zeros(10)) and is_firm(4 + noise)


def test_images_with_a_symmetry_of_their_own_have_no_angle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A half turn brings a centred bar back, so no map can turn with it."""
    monkeypatch.setattr(equivariance, "STEPS", 150)
    bar = torch.zeros(1, 1, 15, 15)
    bar[..., 6:9, 2:13] = 1
    angles = torch.as_tensor(np.random.default_rng(0).uniform(-np.pi, np.pi, 120), dtype=torch.float32)
    data = Dataset.of(rotate_planes(bar.expand(120, -1, -1, -1), angles)[:, 0].numpy())
    assert equivariant_angles(data, np.arange(100), ["rotation"], NetworkConfig("mlp", hidden=(64,)), CPU, 0) is None


SHIFTS = np.array([[1, 2], [2, 3]])


def test_an_encoder_that_turns_with_its_images_is_left_alone() -> None:
    """With the phases of Fourier coefficients for an encoder, and for one whose second circle runs backwards."""
    held = Equivariance.of(SHIFTS, (8, 10))
    assert held is not None and held.actions == ("shift-rows", "shift-columns") and held.columns == (2, 3)
    space = VAE(ModelConfig("R2xT2", (8, 10), NetworkConfig("mlp", hidden=(4,)))).space
    x = torch.rand(6, 8, 10, generator=torch.Generator().manual_seed(2)) ** 3

    def encode(sign: float) -> Callable[[Tensor], Tensor]:
        def locations(y: Tensor) -> Tensor:
            phases = [COEFFICIENTS[name](y[:, None]).angle() for name in held.actions]
            return torch.stack([y.sum((1, 2)), y.square().sum((1, 2)), phases[0], sign * phases[1]], -1)

        return locations

    for sign in (1.0, -1.0):
        squares = held.squares(space, encode(sign), x, encode(sign)(x))
        assert squares.shape == (6,)
        assert (float(squares.max()) < 1e-6) == (sign == 1.0)


@pytest.mark.slow
def test_training_with_symmetries_makes_encoders_equivariant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on images that it has not seen; and the ensemble's misfit is that of its models."""
    monkeypatch.setattr(equivariance, "HELD", 0.2)
    torch.manual_seed(0)
    planes = blob(12, 12).expand(90, -1, -1, -1)
    for name in ("shift-rows", "shift-columns"):
        planes = ACTIONS[name](planes, random_angles([90], ImageLayout(12, 12, 1, False), name))
    data, parts = Dataset.of(planes[:, 0].numpy()), split(90, seed=0)
    held = Equivariance.of(np.array([[1, 0], [2, 1]]), (12, 12))
    assert held is not None
    misfits = []
    for constraints in ((), (held,)):
        config = ModelConfig("T2", (12, 12), NetworkConfig("mlp", hidden=(48,)))
        model = build_model(config, torch.zeros(12, 12), 0.2, 0)
        start = Start.at(model, equivariant_angles(data, parts.train, held.actions, config.network, CPU, 0)[parts.train])
        Trainer(
            model, data, parts, TrainingConfig(300, batch_size=32, learning_rate=4e-3), anchor=start, constraints=constraints
        ).run()
        x = torch.as_tensor(data.rows(parts.test), dtype=torch.float32)
        with torch.no_grad():
            terms = model(x)
            misfits.append(float(held.squares(model.space, lambda y, m=model: m.encode(y)[0], x, terms.coordinates).mean()))
            twice = held.squares(
                model.space,
                lambda y, m=model: m.encode(y.flatten(0, 1))[0].unflatten(0, (2, -1)),
                torch.stack([x, x]),
                torch.stack([terms.coordinates] * 2),
            )
        assert twice.shape == (2, len(x))
    assert misfits[1] < 0.7 * misfits[0]


def test_the_learning_rate_falls_to_zero_at_once_when_it_has_converged() -> None:
    steps = equivariance.STEPS
    never, asked = list(equivariance.learning_rates(lambda: False)), iter([False, False, False, True])
    early = list(equivariance.learning_rates(lambda: next(asked)))
    assert len(never) == steps and never[0] == equivariance.RATE and never[-1] < 1e-5 * equivariance.RATE
    assert early[:30] == never[:30] and len(early) == 30 + equivariance.COOLING
    assert early == sorted(early, reverse=True) and early[-1] == 0
    late = iter([False] * (steps // 10 - 1) + [True])
    assert len(list(equivariance.learning_rates(lambda: next(late)))) == steps
