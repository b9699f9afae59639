"""Computations taken down as programs: what they return, what they draw, and what they do where they cannot be."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import torch
from torch import Tensor

from topovae.data.dataset import Dataset
from topovae.data.splits import split
from topovae.data.synthetic.spaces import generate
from topovae.distributions.draws import Noise, drawing_from
from topovae.model.networks import choose_network
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.training import program
from topovae.training.config import TrainingConfig
from topovae.training.ensemble import EnsembleTrainer
from topovae.training.loop import Objective, Trainer
from topovae.training.program import Program, draws_of, trace
from topovae.training.step import clip_

CIRCLE = Dataset.of(generate("circle", 90, ambient=6, noise=0.05, seed=0).x)
PARTS = split(90, seed=0)

TRACEABLE = {
    "R2": (),
    "S1": (),
    "I": (),
    "S2": (),
    "S3": (),
    "S1xS1": (),
    "mobius": (),
    "klein": (),
    "rp2": (),
    "so3": (),
    "mixture(S2,2*S1)": (),
    "learned(R2)": (),
    "R3": ("full-normal",),
    "I ": ("kumaraswamy",),
    "S2 ": ("von-mises-fisher",),
    "S1 ": ("von-mises",),
    "S3 ": ("von-mises-fisher",),
    "S2  ": ("brownian",),
    "S3  ": ("brownian",),
    "T2": ("full-wrapped-normal",),
    "klein ": ("full-wrapped-normal",),
}
UNTRACEABLE = {"I": ("beta",)}


needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "clang++")))), reason="no C++ compiler is installed"
)


def make(latent: str, posteriors: tuple[str, ...] = (), seed: int = 0) -> VAE:
    config = ModelConfig(latent.strip(), (6,), choose_network((6,), "mlp", [8]), posteriors=posteriors)
    return build_model(config, torch.zeros(6), 1.0, seed)


def trainer_of(model: VAE, **options: object) -> Trainer:
    trainer = Trainer(model, CIRCLE, PARTS, TrainingConfig(**{"epochs": 3, "batch_size": 16, **options}))
    trainer.objective = Objective(model, None, (), 1.0)
    return trainer


def batch_of(trainer: Trainer) -> list[Tensor]:
    positions = torch.arange(16)
    return [*trainer.step.weights, trainer.train_batches.take(positions), positions, torch.tensor(0.7), torch.tensor(0.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("latent", "posteriors"), TRACEABLE.items())
def test_a_traced_step_is_the_step(latent: str, posteriors: tuple[str, ...]) -> None:
    trainer = trainer_of(make(latent, posteriors))
    inputs = batch_of(trainer)
    draws = draws_of(trainer._evaluate, inputs)
    graph = trace(trainer._evaluate, inputs, draws)
    # Other weights, samples and numbers than those it was traced with.
    with torch.no_grad():
        for weight in trainer.step.weights:
            weight += 0.01 * torch.randn_like(weight)
    inputs[len(trainer.names)] = trainer.train_batches.take(torch.arange(20, 36))
    torch.manual_seed(3)
    expected = trainer._evaluate(*inputs)
    torch.manual_seed(3)
    drawn = [draw.draw(draw.again().empty) for draw in draws]
    with torch.no_grad():
        found = graph(*inputs, *drawn)
    assert len(found) == len(expected) > 5
    for a, b in zip(found, expected, strict=True):
        assert not a.requires_grad
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("latent", "posteriors"), UNTRACEABLE.items())
def test_steps_that_depend_on_values_are_left_as_they_are(latent: str, posteriors: tuple[str, ...]) -> None:
    plain, wanted = (trainer_of(make(latent, posteriors), compile=choice) for choice in ("off", "on"))
    assert plain.run().history == wanted.run().history
    assert plain.step.fallback == ""
    assert "the step was not compiled" in wanted.step.fallback


def test_a_missing_compiler_changes_nothing_but_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*arguments: object, **options: object) -> None:
        raise RuntimeError("no compiler\nat all")

    monkeypatch.setattr(program, "compile_graph", absent)
    plain, wanted = (trainer_of(make("S1"), compile=choice) for choice in ("off", "on"))
    assert plain.run().history == wanted.run().history
    assert wanted.step.fallback == "the step was not compiled: no compiler"


@needs_compiler
@pytest.mark.slow
def test_compiled_trainings_learn_as_plain_ones_repeat_and_resume() -> None:
    plain, compiled = (trainer_of(make("mobius"), compile=choice, epochs=4) for choice in ("off", "on"))
    expected, found = plain.run(), compiled.run()
    assert compiled.step.fallback == ""
    for name, values in expected.history.items():
        np.testing.assert_allclose(found.history[name], values, rtol=1e-4, atol=1e-5)
    first = trainer_of(make("mobius"), compile="on", epochs=4)
    epochs = first.epochs()
    next(epochs), next(epochs)
    second = Trainer(make("mobius"), CIRCLE, PARTS, first.config, first.state).run()
    assert second.history == found.history
    assert all(np.array_equal(second.model[name], found.model[name]) for name in found.model)


@needs_compiler
def test_a_compiled_ensemble_learns_as_a_plain_one() -> None:
    states = []
    for choice in ("off", "on"):
        configs = [TrainingConfig(3, batch_size=16, seed=seed, compile=choice) for seed in (0, 1)]
        models = [make("S1xI", seed=seed) for seed in (0, 1)]
        trainer = EnsembleTrainer(models, CIRCLE, [split(90, seed=seed) for seed in (0, 1)], configs)
        states.append(trainer.run())
    assert trainer.step.fallback == ""
    for one, other in zip(*states, strict=True):
        np.testing.assert_allclose(one.history["valid_loss"], other.history["valid_loss"], rtol=1e-4)


@needs_compiler
def test_only_calls_of_the_first_shapes_run_the_program() -> None:
    calls: list[tuple[int, ...]] = []

    def double(x: Tensor) -> list[Tensor]:
        calls.append(tuple(x.shape))
        return [2 * x]

    found = Program(double, compiled=True)
    inputs = [torch.ones(n) for n in (4, 4, 3, 4)]
    assert [float(found(x)[0].sum()) for x in inputs] == [8, 8, 6, 8]
    assert found.fallback == ""
    # Twice to take it down; then for the other shape.
    assert calls == [(4,), (4,), (3,)]


def test_models_draw_from_a_supply_only_within_its_context() -> None:
    model, x = make("S1"), CIRCLE.rows(np.arange(5)).astype(np.float32)
    asked: list[tuple[int, ...]] = []

    def supply(draw):  # type: ignore[no-untyped-def]
        asked.append(tuple(draw.empty.shape))
        return torch.zeros_like(draw.empty)

    with drawing_from(Noise(supply)):
        model(torch.as_tensor(x))
    assert asked == [(5, 1)]
    model(torch.as_tensor(x))
    assert len(asked) == 1


@pytest.mark.parametrize("models", [1, 3])
def test_clipping_bounds_the_norm_of_each_model_alone(models: int) -> None:
    torch.manual_seed(0)
    gradients = [torch.randn(models, 4, 2) * 10, torch.randn(models, 3)]
    gradients[0][0] *= 1e-3
    gradients[1][0] *= 1e-3
    expected = [g.clone() for g in gradients]
    clip_(gradients, 2.0, models)
    for k in range(models):
        before = torch.cat([g[k].flatten() for g in expected])
        after = torch.cat([g[k].flatten() for g in gradients])
        assert after.norm() <= 2.0 + 1e-4
        torch.testing.assert_close(after, before * min(1.0, 2.0 / float(before.norm())), rtol=1e-4, atol=1e-6)


def test_reduced_precision_is_of_the_networks_alone() -> None:
    plain, reduced = (trainer_of(make("S1"), precision=precision, epochs=3) for precision in ("float32", "bfloat16"))
    one, other = plain.run().history, reduced.run().history
    assert one != other
    np.testing.assert_allclose(one["valid_loss"], other["valid_loss"], rtol=0.05)
    assert all(weight.dtype == torch.float32 for weight in reduced.step.weights)
    wanted = trainer_of(make("S1"), precision="tf32")
    assert wanted.run().history == one
    assert "tf32 needs CUDA" in wanted.step.fallback
