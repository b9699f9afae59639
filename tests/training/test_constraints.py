"""Pins and soft holes: what they pull, what they leave alone, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import split
from topovae.errors import UsageError
from topovae.latent import LatentSpace
from topovae.model.networks import NetworkConfig
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.training.batches import Batches
from topovae.training.config import TrainingConfig
from topovae.training.constraints import Repulsion, check_anchors, parse_repulsion, pins
from topovae.training.loop import Trainer

CPU = torch.device("cpu")
ANGLES = np.random.default_rng(0).uniform(-np.pi, np.pi, 300)
CIRCLE = Dataset.of(np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1))
PARTS = split(300, seed=0)


def build(latent: str) -> VAE:
    return build_model(ModelConfig(latent, (2,), NetworkConfig("mlp", hidden=(32,))), [0.0, 0.0], 0.7, 0)


def trained(model: VAE, **choices: object) -> VAE:
    Trainer(model, CIRCLE, PARTS, TrainingConfig(60, batch_size=32, beta=0.1), **choices).run()
    return model


def test_pinned_samples_go_where_they_are_pinned() -> None:
    anchors = np.stack([PARTS.train[:40], 1.0 - ANGLES[PARTS.train[:40]]], 1)
    model = build("S1")
    held = pins(model.space, anchors, Batches(CIRCLE, PARTS.train, CPU))
    assert held is not None and len(held.x) == 40
    trained(model, constraints=[held])
    location = model.encode(torch.as_tensor(CIRCLE.load(), dtype=torch.float32))[0].detach().numpy()[:, 0]
    off = np.angle(np.exp(1j * (location - (1.0 - ANGLES))))
    assert np.abs(off).max() < 0.5 and np.abs(off).mean() < 0.15  # those that were not pinned follow


def test_pins_do_not_ask_which_point_of_an_orbit_was_given() -> None:
    model = build("klein")
    batches, rows = Batches(CIRCLE, PARTS.train, CPU), PARTS.train[:20].astype(float)
    points = np.random.default_rng(1).uniform(-np.pi, np.pi, (20, 2))
    other = np.stack([points[:, 0] + np.pi, -points[:, 1]], 1)
    penalties = []
    for coordinates in (points, other):
        held = pins(model.space, np.column_stack([rows, coordinates]), batches)
        assert held is not None
        torch.manual_seed(0)
        penalties.append(held.penalty(model, held.x, model(held.x)).item())
    assert penalties[0] == pytest.approx(penalties[1], rel=1e-4) and penalties[0] > 0


def test_pins_of_samples_for_validation_and_test_are_not_used() -> None:
    anchors = np.stack([np.concatenate([PARTS.train[:2], PARTS.valid, PARTS.test]), np.zeros(2 + 300 - len(PARTS.train))], 1)
    batches = Batches(CIRCLE, PARTS.train, CPU)
    held = pins(LatentSpace("S1"), anchors, batches)
    assert held is not None and len(held.x) == 2
    assert pins(LatentSpace("S1"), anchors[2:], batches) is None


def test_a_ball_is_left_empty() -> None:
    plain, holed = build("R2"), build("R2")
    trained(plain)
    hole = parse_repulsion(holed.space, ["0,0:2.2"])
    assert hole is not None
    trained(holed, constraints=[hole])
    x = torch.as_tensor(CIRCLE.load(), dtype=torch.float32)
    radii = {name: model.encode(x)[0].norm(dim=-1).detach() for name, model in {"plain": plain, "holed": holed}.items()}
    assert radii["holed"].min() > 1.9 > radii["plain"].min()


def test_a_ball_pushes_only_what_is_inside() -> None:
    model = build("S1")
    x = torch.randn(5, 2)
    terms = model(x)
    locations = torch.tensor([[0.1], [-0.2], [0.5], [3.0], [-3.0]])
    terms = type(terms)(terms.nll, terms.kl, terms.location, locations)
    found = Repulsion(torch.tensor([[0.0]]), torch.tensor([0.4])).penalty(model, x, terms)
    assert float(found) == pytest.approx((0.3**2 + 0.2**2) / 5, rel=1e-5)


ANCHORS = [
    (np.zeros((3, 2)), "needs 3 columns"),
    (np.zeros(3), "needs 3 columns"),
    (np.array([[0, 0, 0], [0.5, 0, 0]]), "line 1 .* names the sample 0.5"),
    (np.array([[300.0, 0, 0]]), "rows 0 to 299"),
    (np.array([[-1.0, 0, 0]]), "rows 0 to 299"),
    (np.array([[1.0, 0, 0], [2.0, 0, 2.0]]), "line 1 .* no point of S1xI"),
    (np.array([[1.0, math.nan, 0]]), "no point"),
]


@pytest.mark.parametrize("table, message", ANCHORS)
def test_tables_that_are_no_anchors_are_refused(table: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_anchors(LatentSpace("S1xI"), table, 300)


@pytest.mark.parametrize(
    "text", ["", "0", "0,0", "0:1", "0,0,0:1", "a,b:1", "0,0:-1", "0,0:nan", "0,0:inf", "nan,0:1", "0,7:1"]
)
def test_texts_that_are_no_balls_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--repel"):
        parse_repulsion(LatentSpace("S1xI"), [text])


def test_no_text_is_no_ball() -> None:
    assert parse_repulsion(LatentSpace("S1"), []) is None
