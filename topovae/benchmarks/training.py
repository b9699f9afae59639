"""How fast training is: one model, an ensemble, and the plain eager loop that one would write, in one run and in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from topovae.data.dataset import Dataset
from topovae.data.spaces import generate
from topovae.data.splits import Split
from topovae.nn import to_device
from topovae.pipeline import Request, moments, split_data
from topovae.processes import forget_peak, peak_bytes
from topovae.training.config import TrainingConfig
from topovae.training.ensemble import EnsembleTrainer
from topovae.training.loop import Trainer
from topovae.vae import VAE, build_model

SCHEMA = "topovae/bench-train/1"

LATENT, N, AMBIENT, NOISE, HIDDEN = "torus", 2000, 50, 0.1, "128,128"
"""The torus net: the data and the widths of the published comparison."""

PLAIN = "plain eager loop"


@dataclass(frozen=True)
class Rate:
    """How fast one way of training is.

    Args:
        name: of the way.
        models: trained at once.
        steps_per_second: optimiser steps, those of every model counted; median over the rounds, validation included.
        samples_per_second: the same in samples.
        ratio: to the plain loop's, the median over rounds of the ratio within a round.
        peak_bytes: greatest resident memory of the process while it trained.
        curve_difference: greatest difference of the first model's validation losses from the plain loop's, relative to the
            greatest of these.
    """

    name: str
    models: int
    steps_per_second: float
    samples_per_second: float
    ratio: float
    peak_bytes: int
    curve_difference: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)


@dataclass(frozen=True)
class _Setting:
    """What every way of training is given."""

    data: Dataset
    epochs: int
    batch_size: int
    seed: int
    device: torch.device

    def build(self, number: int) -> tuple[VAE, Split, TrainingConfig]:
        """A model with its split and hyperparameters; the numbers are added to the seed."""
        seed = self.seed + number
        request = Request(LATENT, hidden=HIDDEN, epochs=self.epochs, batch_size=self.batch_size, seed=seed)
        split = split_data(self.data, seed)
        mean, std, _, _ = moments(self.data, split.train)
        model = build_model(request.model_config(self.data.sample_shape), torch.as_tensor(mean), std, seed)
        return model.to(self.device), split, request.training_config(len(split.train))


def measure(
    models: int = 16,
    epochs: int = 4,
    repeats: int = 5,
    seed: int = 0,
    device: str = "auto",
    batch_size: int = 128,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[Rate, ...]:
    """Train the torus net in every way, in turn so that all see the same machine.

    Args:
        models: of the ensemble.
        epochs: of every training.
        repeats: rounds that are timed, after one that warms up.
        seed: of data and models.
        device: "auto", "cpu" or "cuda".
        batch_size: samples a step.
        progress: called with a description and a share in [0, 1].
    """
    data = Dataset.of(generate(LATENT, N, ambient=AMBIENT, noise=NOISE, seed=seed).x)
    setting = _Setting(data, epochs, batch_size, seed, to_device(device))
    ways: Mapping[str, tuple[int, Callable[[_Setting, int], _Timed]]] = {
        PLAIN: (1, _plain),
        "one model": (1, _single),
        f"ensemble of {models}": (models, _ensemble),
    }
    timed: dict[str, list[_Timed]] = {name: [] for name in ways}
    for repeat in range(-1, repeats):
        for i, (name, (count, train)) in enumerate(ways.items()):
            if progress is not None:
                progress(name, ((repeat + 1) * len(ways) + i) / ((repeats + 1) * len(ways)))
            forget_peak()
            found = train(setting, count)
            if repeat >= 0:
                timed[name].append(found)
    return tuple(_rate(name, count, timed[name], timed[PLAIN]) for name, (count, _) in ways.items())


@dataclass(frozen=True)
class _Timed:
    """A round of one way: seconds, steps and samples of one model, validation losses of the first, and memory."""

    seconds: float
    steps: int
    samples: int
    losses: list[float]
    peak_bytes: int


def _rate(name: str, models: int, timed: list[_Timed], plain: list[_Timed]) -> Rate:
    steps = statistics.median(models * t.steps / t.seconds for t in timed)
    samples = statistics.median(models * t.samples / t.seconds for t in timed)
    ratio = statistics.median(models * p.seconds / t.seconds for t, p in zip(timed, plain, strict=True))
    curve, reference = timed[0].losses, plain[0].losses
    difference = max(abs(a - b) for a, b in zip(curve, reference, strict=True)) / max(map(abs, reference))
    return Rate(name, models, steps, samples, ratio, max(t.peak_bytes for t in timed), difference)


def _time(train: Callable[[], list[float]], split: Split, config: TrainingConfig) -> _Timed:
    started = time.perf_counter()
    losses = train()
    seconds = time.perf_counter() - started
    n = len(split.train)
    return _Timed(seconds, config.epochs * -(-n // config.batch_size), config.epochs * n, losses, peak_bytes())


def _single(setting: _Setting, models: int) -> _Timed:
    model, split, config = setting.build(0)
    trainer = Trainer(model, setting.data, split, config)
    return _time(lambda: trainer.run().history["valid_loss"], split, config)


def _ensemble(setting: _Setting, models: int) -> _Timed:
    made, splits, configs = zip(*(setting.build(number) for number in range(models)), strict=True)
    trainer = EnsembleTrainer(made, setting.data, splits, configs)
    return _time(lambda: trainer.run()[0].history["valid_loss"], splits[0], configs[0])


def _plain(setting: _Setting, models: int) -> _Timed:
    model, split, config = setting.build(0)
    return _time(lambda: eager_loop(model, setting.data, split, config), split, config)


def eager_loop(model: VAE, data: Dataset, split: Split, config: TrainingConfig) -> list[float]:
    """Train as a tutorial would: default AdamW, a number out of every step; the validation losses by epoch.

    It keeps to the schedule, the clipping and the random numbers of `Trainer`, so that its curve can be compared.
    """
    device = next(model.parameters()).device
    train, valid = (torch.as_tensor(data.rows(rows), dtype=torch.float32).to(device) for rows in (split.train, split.valid))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    steps, losses = -(-len(train) // config.batch_size), []
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        for epoch in range(config.epochs):
            total = 0.0
            for step, positions in enumerate(torch.randperm(len(train)).split(config.batch_size)):
                optimizer.param_groups[0]["lr"] = config.learning_rate_at((epoch + step / steps) / config.epochs)
                terms = model(train[positions.to(device)])
                loss = terms.nll.mean() + config.beta_at(epoch) * terms.kl.sum(-1).mean()
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
                optimizer.step()
                total += loss.item()
            losses.append(_validation_loss(model, valid, config))
    return losses


@torch.no_grad()
def _validation_loss(model: VAE, valid: torch.Tensor, config: TrainingConfig) -> float:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        terms = model(valid)
    return float(terms.nll.mean() + config.beta * terms.kl.sum(-1).mean())
