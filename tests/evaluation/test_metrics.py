"""Metrics of a model on a split."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import split
from topovae.evaluation import assess, locate, measure
from topovae.evaluation.metrics import factor_labels
from topovae.model.networks import NetworkConfig
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.training.batches import Batches
from topovae.training.config import TrainingConfig
from topovae.training.loop import Trainer

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
ANGLES = RNG.uniform(-np.pi, np.pi, (120, 1))
X = np.concatenate([np.cos(ANGLES), np.sin(ANGLES)], 1) + 0.1 * RNG.normal(size=(120, 2))
DATA = Dataset.of(X, truth=ANGLES, space="S1")
PARTS = split(120, seed=0)
LATENTS = ["S1", "R2", "IxI", "S2", "S1xS1", "mobius", "klein", "rp2"]


def trained(latent: str, epochs: int = 3) -> VAE:
    model = build_model(ModelConfig(latent, (2,), NetworkConfig("mlp", hidden=(16,))), [0.0, 0.0], 0.7, 0)
    Trainer(model, DATA, PARTS, TrainingConfig(epochs, batch_size=32)).run()
    return model


@pytest.mark.parametrize("latent", LATENTS)
def test_the_elbo_is_its_parts_and_below_the_importance_weighted_bound(latent: str) -> None:
    model, batches = trained(latent), Batches(DATA, PARTS.train, CPU)
    found = measure(model, batches, seed=0, iwae=32)
    assert found.elbo == pytest.approx(-found.nll - found.kl)
    assert found.kl == pytest.approx(sum(found.kl_per_factor.values()))
    assert found.kl > -0.05 and found.rms > 0
    assert found.iwae is not None and found.iwae > found.elbo - 0.02
    one = measure(model, batches, seed=1, iwae=1)
    assert one.iwae == pytest.approx(one.elbo, abs=0.4), "the bound with one sample is the ELBO on average"
    assert measure(model, batches, seed=0).iwae is None
    assert found == measure(model, batches, seed=0, iwae=32), "equal seeds give equal metrics"


def test_more_importance_samples_tighten_the_bound() -> None:
    model, batches = trained("S1", 20), Batches(DATA, PARTS.train, CPU)
    bounds = [measure(model, batches, seed=0, iwae=k).iwae or 0.0 for k in (1, 8, 128)]
    assert bounds[0] < bounds[1] + 0.02 < bounds[2] + 0.04


def test_rms_is_that_of_the_reconstruction() -> None:
    model, batches = trained("S1"), Batches(DATA, PARTS.test, CPU)
    with torch.no_grad():
        x = next(batches.in_order(1000))
        expected = (model.decode(model.encode(x)[0]) - x).square().mean().sqrt()
    assert measure(model, batches, seed=0).rms == pytest.approx(float(expected), rel=1e-6)


def test_a_model_that_knows_nothing_costs_the_entropy_of_its_noise() -> None:
    """With a decoder of zeros and fixed noise, −log p(x | z) is known."""
    config = ModelConfig("S1", (2,), NetworkConfig("mlp", hidden=(4,)), noise=0.5)
    model = build_model(config, [0.0, 0.0], 1.0, 0)
    for parameter in model.decoder.parameters():
        torch.nn.init.zeros_(parameter)
    found = measure(model, Batches(DATA, np.arange(120), CPU), seed=0)
    expected = float(np.square(X).sum(1).mean()) / (2 * 0.25) + 2 * (math.log(0.5) + 0.5 * math.log(2 * math.pi))
    assert found.nll == pytest.approx(expected, rel=1e-5)
    assert found.rms == pytest.approx(float(np.sqrt(np.square(X).mean())), rel=1e-5)


@pytest.mark.parametrize("latent", LATENTS)
def test_latents_are_points_of_the_space(latent: str) -> None:
    model = trained(latent, 1)
    found = locate(model, Batches(DATA, PARTS.valid, CPU), seed=0)
    space, n = model.space, len(PARTS.valid)
    assert found.location.shape == found.coordinates.shape == (n, space.coordinate_dim)
    assert found.scale.shape == (n, space.scale_dim) and (found.scale > 0).all()
    features = space.features(torch.as_tensor(found.location)).numpy()
    np.testing.assert_allclose(found.features, features, atol=1e-5)
    again = locate(model, Batches(DATA, PARTS.valid, CPU), seed=0)
    assert np.array_equal(found.coordinates, again.coordinates)


def test_assess_gives_every_split_and_compares_with_the_truth() -> None:
    found = {name: metrics for name, metrics, _ in assess(trained("S1"), DATA, PARTS, seed=0, iwae=4, device=CPU)}
    assert list(found) == ["train", "valid", "test"]
    assert [found[name].iwae is None for name in found] == [True, True, False]
    assert all(metrics.stress is not None and metrics.recovery for metrics in found.values())
    assert found["test"].to_dict().keys() >= {"rms", "nll", "kl", "kl_per_factor", "elbo", "iwae", "stress"}


@pytest.mark.parametrize("latent, stress", [("R2", False), ("I", True), ("S1xS1", False)])
def test_stress_needs_a_space_of_the_dimension_of_the_truth(latent: str, stress: bool) -> None:
    for _, metrics, _ in assess(trained(latent, 1), DATA, PARTS, seed=0, device=CPU):
        assert (metrics.stress is not None) == stress


@pytest.mark.parametrize("names, labels", [(("S1", "S1"), ["S1.0", "S1.1"]), (("S1", "I", "group"), ["S1", "I", "group"])])
def test_labels_of_factors_are_distinct(names: tuple[str, ...], labels: list[str]) -> None:
    assert factor_labels(names) == labels
