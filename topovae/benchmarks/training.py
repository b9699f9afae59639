"""How fast training is: one model, an ensemble, and the plain eager loop that one would write, in one run and in turn."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch

from topovae.benchmarks.limits import ceilings, update_of, work_of
from topovae.data.dataset import Dataset
from topovae.data.moments import moments
from topovae.data.splits import Split, split_data
from topovae.data.synthetic.spaces import generate
from topovae.distributions.draws import forked, random_state, seeded_state, set_random_state
from topovae.model.networks import count_parameters, to_device
from topovae.model.vae import VAE, build_model
from topovae.runs.options import TrainOptions
from topovae.runs.processes import forget_peak, peak_bytes
from topovae.store.documents import Document
from topovae.training.config import TrainingConfig
from topovae.training.ensemble import EnsembleTrainer
from topovae.training.loop import Trainer

SCHEMA = "topovae/bench-train/1"

LATENT, N, AMBIENT, NOISE, HIDDEN = "torus", 2000, 50, 0.1, "128,128"
"""The torus net: the data and the widths of the published comparison."""

PLAIN = "plain eager loop"

NEAR = 1e-3
"""A training has reached a loss when it is above it by no more than this share."""


@dataclass(frozen=True)
class Throughput(Document):
    """How fast one way of training is.

    Args:
        name: of the way.
        models: trained at once.
        steps_per_second: optimiser steps, those of every model counted; median over the rounds, validation included.
        samples_per_second: the same in samples.
        ratio: to the plain loop's, the median over rounds of the ratio within a round.
        start_seconds: what the first round took beyond the others: compiling, mostly.
        seconds_to_loss: until the first model's validation loss was that of the plain loop at its end, the start included;
            None where it was not.
        limit: share of the rate that the processor's ceilings allow, see `topovae.benchmarks.limits`.
        peak_bytes: greatest resident memory of the process while it trained.
        curve_difference: greatest difference of the first model's validation losses from the plain loop's, relative to the
            greatest of these.
    """

    name: str
    models: int
    steps_per_second: float
    samples_per_second: float
    ratio: float
    start_seconds: float
    seconds_to_loss: float | None
    limit: float
    peak_bytes: int
    curve_difference: float


@dataclass(frozen=True)
class _Workload:
    """What every way of training is given."""

    data: Dataset
    epochs: int
    batch_size: int
    seed: int
    device: torch.device
    precision: str

    def build(self, number: int, compile_: str = "off") -> tuple[VAE, Split, TrainingConfig]:
        """A model with its split and hyperparameters; the numbers are added to the seed."""
        seed = self.seed + number
        options = TrainOptions(
            LATENT,
            hidden=HIDDEN,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            compile=compile_,
            precision=self.precision,
        )
        split = split_data(self.data, seed)
        mean, std = options.units(*moments(self.data, split.train))
        model = build_model(options.model_config(self.data.sample_shape), torch.as_tensor(mean), std, seed)
        return model.to(self.device), split, options.training_config(len(split.train), model.config.network.widths)


@dataclass
class _Timed:
    """What was seen of one way: validation losses of the first model and seconds by epoch, and memory."""

    losses: list[float]
    seconds: list[float]
    peak_bytes: int = 0

    def advance(self, curve: Iterator[float], epochs: int) -> None:
        """Train for some epochs."""
        forget_peak()
        for _ in range(epochs):
            started = time.perf_counter()
            self.losses.append(next(curve))
            self.seconds.append(time.perf_counter() - started)
        self.peak_bytes = max(self.peak_bytes, peak_bytes())

    def rounds(self, epochs: int) -> list[float]:
        """Seconds of each round, the first included."""
        return [sum(self.seconds[i : i + epochs]) for i in range(0, len(self.seconds), epochs)]


def measure_throughput(
    models: int = 16,
    epochs: int = 4,
    repeats: int = 5,
    seed: int = 0,
    device: str = "auto",
    batch_size: int = 128,
    compiled: bool = True,
    precision: str = "float32",
    progress: Callable[[str, float], None] | None = None,
) -> tuple[Throughput, ...]:
    """Train the torus net in every way, in turn so that all see the same machine.

    Args:
        models: of the ensemble.
        epochs: of a round.
        repeats: rounds that are timed, after one that warms up and compiles.
        seed: of data and models.
        device: "auto", "cpu" or "cuda".
        batch_size: samples a step.
        compiled: whether to measure compiled trainings too.
        precision: of the networks' products, a key of `PRECISIONS`.
        progress: called with a description and a share in [0, 1].
    """
    data = Dataset.of(generate(LATENT, N, ambient=AMBIENT, noise=NOISE, seed=seed).x)
    workload = _Workload(data, epochs * (repeats + 1), batch_size, seed, to_device(device), precision)
    ways: dict[str, tuple[int, Iterator[float]]] = {PLAIN: (1, _plain(workload))}
    # Steps of so short a training are not compiled by "auto", but recorded on a device that can.
    recorded = {", recorded": "auto"} if workload.device.type == "cuda" else {}
    for suffix, choice in {"": "off", **recorded, **({", compiled": "on"} if compiled else {})}.items():
        ways["one model" + suffix] = (1, _single(workload, choice))
        ways[f"ensemble of {models}{suffix}"] = (models, _ensemble(workload, models, choice))
    timed = {name: _Timed([], []) for name in ways}
    for i, (name, (_, curve)) in enumerate(itertools.islice(itertools.cycle(ways.items()), len(ways) * (repeats + 1))):
        if progress is not None:
            progress(name, i / (len(ways) * (repeats + 1)))
        timed[name].advance(curve, epochs)
    _, split, config = workload.build(0)
    limit = _limit(workload)
    return tuple(_rate(name, count, timed, epochs, len(split.train), config, limit) for name, (count, _) in ways.items())


def _rate(
    name: str, models: int, timed: Mapping[str, _Timed], epochs: int, n: int, config: TrainingConfig, limit: float
) -> Throughput:
    """The row of a way.

    Args:
        name: of the way.
        models: trained at once.
        timed: all ways.
        epochs: of a round.
        n: samples of an epoch.
        config: hyperparameters.
        limit: steps a second of one model that the ceilings allow.
    """
    own, plain = timed[name], timed[PLAIN]
    (first, *rounds), (_, *others) = own.rounds(epochs), plain.rounds(epochs)
    seconds = statistics.median(rounds)
    steps = models * epochs * -(-n // config.batch_size) / seconds
    target = plain.losses[-1] + NEAR * abs(plain.losses[-1])
    reached = next((i for i, loss in enumerate(own.losses) if loss <= target), None)
    return Throughput(
        name,
        models,
        steps_per_second=steps,
        samples_per_second=models * epochs * n / seconds,
        ratio=statistics.median(models * other / mine for mine, other in zip(rounds, others, strict=True)),
        start_seconds=max(0.0, first - seconds),
        seconds_to_loss=None if reached is None else sum(own.seconds[: reached + 1]),
        limit=steps / limit,
        peak_bytes=own.peak_bytes,
        curve_difference=max(abs(a - b) for a, b in zip(own.losses, plain.losses, strict=True)) / max(map(abs, plain.losses)),
    )


def _limit(workload: _Workload) -> float:
    """Steps a second of one model that the ceilings of the processor allow."""
    model, split, config = workload.build(0)
    x = torch.as_tensor(workload.data.rows(split.train[: config.batch_size]), dtype=torch.float32).to(workload.device)

    def step() -> None:
        terms = model(x)
        (terms.nll.mean() + terms.kl.sum(-1).mean()).backward()

    work = work_of(step) + update_of(count_parameters(model))
    return 1 / ceilings(workload.device, config.precision).seconds(work)


def _plain(workload: _Workload) -> Iterator[float]:
    model, split, config = workload.build(0)
    return eager_loop(model, workload.data, split, config)


def _single(workload: _Workload, compile_: str) -> Iterator[float]:
    model, split, config = workload.build(0, compile_)
    for state in Trainer(model, workload.data, split, config).epochs():
        yield state.history["valid_loss"][-1]


def _ensemble(workload: _Workload, models: int, compile_: str) -> Iterator[float]:
    made, splits, configs = zip(*(workload.build(number, compile_) for number in range(models)), strict=True)
    trainer = EnsembleTrainer(made, workload.data, splits, configs)
    for _ in trainer.epochs():
        yield trainer.states[0].history["valid_loss"][-1]


def eager_loop(model: VAE, data: Dataset, split: Split, config: TrainingConfig) -> Iterator[float]:
    """Train as a tutorial would, with default AdamW and a number out of every step; gives each epoch's validation loss.

    It keeps to the schedule, the clipping and the random numbers of `Trainer`, so that its curve can be compared.
    """
    device = next(model.parameters()).device
    train, valid = (torch.as_tensor(data.rows(rows), dtype=torch.float32).to(device) for rows in (split.train, split.valid))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    steps = -(-len(train) // config.batch_size)
    state = seeded_state(config.seed, device)
    for epoch in range(config.epochs):
        with forked(device):
            set_random_state(state, device)
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
            state = random_state(device)
        yield _validation_loss(model, valid, config)


@torch.no_grad()
def _validation_loss(model: VAE, valid: torch.Tensor, config: TrainingConfig) -> float:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        terms = model(valid)
    return float(terms.nll.mean() + config.beta * terms.kl.sum(-1).mean())
