"""Sweeps: the same data under several latent spaces, betas and seeds, trained as batched ensembles.

They answer whether the latent space that matches the data is better at every useful beta, and by how much against the spread
over seeds. Every run is the one that `topovae train` makes of the same latent, beta and seed.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.moments import moments
from topovae.data.splits import Split, split_data
from topovae.errors import ResourceError, RunFileError, UsageError
from topovae.evaluation import assess
from topovae.model.likelihoods.support import check_support
from topovae.model.networks import to_device
from topovae.model.span import in_span
from topovae.model.vae import VAE, build_model
from topovae.runs.engines import find_engine
from topovae.runs.options import TrainOptions, differences
from topovae.runs.plan import diagnose_train, find_start, settle, wants_start
from topovae.signature import parse_latent
from topovae.store.schema import SPLITS, SWEEP_METRICS, Header, Sweep, SweepRun
from topovae.store.writer import write_sweep
from topovae.training.config import TrainingConfig
from topovae.training.ensemble import RESIDENT, EnsembleTrainer
from topovae.training.equivariance import Equivariance
from topovae.training.loop import ANCHOR_WEIGHT, TrainingState, load_weights
from topovae.training.start import Start, begin

MOST_MODELS = 16
"""Models of an ensemble at most: more take memory and no less time each, and a kill loses the running ones."""

Points = Mapping[str, np.ndarray]
"""What latent spaces are started from: "{number}", points, and "{number}-symmetries", by the latent's number in the sweep."""

Progress = Callable[[str, float], None]

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class SweepOptions:
    """What a sweep is asked for: every combination of latents, betas and seeds.

    Args:
        latents: latent expressions.
        betas: weights of the KL term.
        seeds: of splits, weights, batches and posterior samples.
        options: of the `TrainOptions` of every run, beside those three.

    Raises:
        UsageError: an expression, a number or an option has no meaning, or there is none.
    """

    latents: tuple[str, ...]
    betas: tuple[float, ...]
    seeds: tuple[int, ...]
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        for name in ("latents", "betas", "seeds"):
            if not getattr(self, name):
                raise UsageError(f"--{name}: expected at least one")
        allowed = bool(self.options.get("allow_orbifold"))
        canonical = (parse_latent(latent, allowed).canonical for latent in self.latents)
        object.__setattr__(self, "latents", tuple(dict.fromkeys(canonical)))
        for latent in self.latents:
            self.train_options(latent, self.betas[0], self.seeds[0])
        for beta in self.betas[1:]:
            self.train_options(self.latents[0], beta, self.seeds[0])

    def train_options(self, latent: str, beta: float, seed: int) -> TrainOptions:
        """What one run is asked for."""
        return TrainOptions(latent, beta=beta, seed=seed, **self.options)

    def settled(self, data: Dataset) -> SweepOptions:
        """With one likelihood for all runs in place of "auto", found on the training split of the first seed.

        Raises:
            UsageError: the data are not what the likelihood is for.
        """
        first = settle(self.train_options(self.latents[0], self.betas[0], self.seeds[0]), data)
        check_support(first.likelihood, data)
        return replace(self, options={**self.options, "likelihood": first.likelihood})

    def combinations(self) -> list[tuple[str, float, int]]:
        """Latent, beta and seed of every run, in this order of importance."""
        return list(itertools.product(self.latents, self.betas, self.seeds))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        lists = {"latents": list(self.latents), "betas": list(self.betas), "seeds": list(self.seeds)}
        return lists | dict(self.options)


@dataclass(frozen=True)
class StartTask:
    """The starts of one seed, which all its betas share, to be found.

    Args:
        data: all samples.
        options: one a latent.
        device: where networks are trained.
    """

    data: Dataset
    options: tuple[TrainOptions, ...]
    device: str


@dataclass(frozen=True)
class EnsembleTask:
    """Runs of one latent that are trained as one ensemble, or as one for each kind of start.

    Args:
        data: all samples.
        options: what is trained.
        starts: arrays of a `Beginning`, one a run; none for a random start.
        device: where to train.
    """

    data: Dataset
    options: tuple[TrainOptions, ...]
    starts: tuple[Points, ...]
    device: str


def run_sweep(
    data: Dataset,
    options: SweepOptions,
    header: Header,
    path: str | None = None,
    *,
    jobs: int = 1,
    engine: str = "local",
    device: str = "auto",
    resumed: Sweep | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Train what is asked for, keeping the file at `path` up to date, and return the finished sweep.

    The file is replaced when a seed has been prepared and when a group has been trained; what is in it is not done again.

    Args:
        data: samples.
        options: what to train.
        header: provenance, written into the file.
        path: the file; None keeps the sweep in memory alone.
        jobs: workers that work at once; a single local one works in this process.
        engine: name of one of `topovae.runs.engines.ENGINES`, which spreads the work.
        device: "auto", "cpu" or "cuda".
        resumed: the sweep to go on from.
        progress: called with a description and a share in [0, 1].

    Raises:
        UsageError: the options do not fit the data, or the engine is unknown or not installed.
        ResourceError: the data are too large for several processes, or one of them died.
        OutputError: the file cannot be written; what was in it stays.
    """
    return SweepSession(data, options, header, path, jobs, engine, device, resumed, progress).run()


class SweepSession:
    """One call of `run_sweep`: what it was given, and the sweep as far as it has come."""

    def __init__(
        self,
        data: Dataset,
        options: SweepOptions,
        header: Header,
        path: str | None,
        jobs: int,
        engine: str,
        device: str,
        resumed: Sweep | None,
        progress: Progress | None,
    ) -> None:
        self.engine = None if (jobs, engine) == (1, "local") else find_engine(engine)
        self.data = data if self.engine is None else _in_memory(data)
        self.options, self.path, self.jobs, self.device = options.settled(data), path, jobs, device
        self.sweep = Sweep(header) if resumed is None else resumed
        self.progress = progress or (lambda description, share: None)
        self.total = len(options.combinations())

    def run(self) -> Sweep:
        """Train what is missing, and return the finished sweep."""
        done = {run.key for run in self.sweep.runs}
        groups = [keys for keys in self._groups() if not done.issuperset(keys)]
        if groups:
            self._write()
        self._find_starts({seed for keys in groups for *_, seed in keys})
        tasks = [self._group(keys) for keys in groups]
        for trained in self._work(partial(train_group, on_epoch=self._inform), tasks, train_group):
            self._keep(trained)
        return self.sweep

    def _groups(self) -> list[list[tuple[str, float, int]]]:
        """Keys of the runs of each group: of one latent and of splits of equal sizes, few seeds in each."""
        sizes = {seed: _sizes(split_data(self.data, seed)) for seed in self.options.seeds}
        groups: list[list[tuple[str, float, int]]] = []
        for latent, size in itertools.product(self.options.latents, sorted(set(sizes.values()))):
            seeds = [seed for seed in self.options.seeds if sizes[seed] == size]
            keys = [(latent, beta, seed) for seed in seeds for beta in self.options.betas]
            parts = math.ceil(len(keys) / MOST_MODELS)
            groups += [[keys[i] for i in part] for part in np.array_split(np.arange(len(keys)), parts)]
        return groups

    def _find_starts(self, seeds: set[int]) -> None:
        """Find the starts of seeds that have none yet."""
        for seed, points in self._work(find_starts, self._start_tasks(sorted(seeds - self.sweep.starts.keys())), find_starts):
            self.sweep = replace(self.sweep, starts={**self.sweep.starts, seed: points})
            self.progress(f"seed {seed} prepared", len(self.sweep.runs) / self.total)
            self._write()

    def _start_tasks(self, seeds: Sequence[int]) -> list[StartTask]:
        """One task a seed; none where no latent has a start to be found."""
        latents, beta = self.options.latents, self.options.betas[0]
        found = [
            StartTask(self.data, tuple(self.options.train_options(latent, beta, seed) for latent in latents), self.device)
            for seed in seeds
        ]
        return [task for task in found if any(map(wants_start, task.options))]

    def _group(self, keys: Sequence[tuple[str, float, int]]) -> EnsembleTask:
        options = tuple(self.options.train_options(*key) for key in keys)
        numbers = [str(self.options.latents.index(latent)) for latent, *_ in keys]
        starts = tuple(_arrays(self.sweep.starts.get(key[2], {}), number) for key, number in zip(keys, numbers, strict=True))
        return EnsembleTask(self.data, options, starts, self.device)

    def _work(
        self, here: Callable[[Task], Result], tasks: Sequence[Task], elsewhere: Callable[[Task], Result]
    ) -> Iterator[Result]:
        """Results of tasks, of this process in turn or of several as they come."""
        yield from map(here, tasks) if self.engine is None else self.engine(elsewhere, tasks, self.jobs)

    def _inform(self, latent: str, runs: float) -> None:
        done = len(self.sweep.runs) + runs
        self.progress(f"{latent}: {int(done)} of {self.total} runs", done / self.total)

    def _keep(self, trained: Sequence[SweepRun]) -> None:
        known = {run.key: run for run in (*self.sweep.runs, *trained)}
        self.sweep = replace(self.sweep, runs=tuple(known[key] for key in self.options.combinations() if key in known))
        self._inform(trained[0].latent, 0)
        self._write()

    def _write(self) -> None:
        if self.path is not None:
            write_sweep(self.path, self.sweep)


def _in_memory(data: Dataset) -> Dataset:
    """The data as an array, which other processes can be given.

    Raises:
        ResourceError: they are too large for that.
    """
    size = data.n_samples * data.n_features * data.dtype.itemsize
    if size > RESIDENT:
        raise ResourceError(
            f"the data take {size / 2**30:.1f} GiB in memory, and every process would hold them (at most "
            f"{RESIDENT / 2**30:.0f} GiB); use --jobs 1 and --engine local"
        )
    return replace(data, x=data.rows(np.arange(data.n_samples)), chunk_rows=0)


def _sizes(split: Split) -> tuple[int, int]:
    return len(split.train), len(split.valid)


def find_starts(task: StartTask) -> tuple[int, Points]:
    """The seed of a task, and the points that were found for its latents.

    The data are diagnosed once, and only on the training split.
    """
    seed = task.options[0].seed
    # As for a single run: loops and frames are all that is needed here.
    analysis = diagnose_train(task.data, seed, max_dim=1)
    points: dict[str, np.ndarray] = {}
    for number, options in enumerate(task.options):
        if wants_start(options):
            found = find_start(task.data, options, analysis, task.device).arrays
            points |= {str(number) if name == "start" else f"{number}-{name}": array for name, array in found.items()}
    return seed, points


def _arrays(points: Points, number: str) -> Points:
    """What a latent is started from, by the names of a `Beginning`."""
    names = {number: "start"} | {f"{number}-{name}": name for name in ("symmetries", "circles")}
    return {name: points[key] for key, name in names.items() if key in points}


@dataclass(frozen=True)
class _Trainee:
    """A run that is ready to be trained."""

    options: TrainOptions
    split: Split
    model: VAE
    seen: Dataset
    config: TrainingConfig
    start: Start | None
    equivariance: Equivariance | None

    @property
    def kind(self) -> tuple[tuple[int, ...], Equivariance | None, int | None]:
        """The outputs that it starts from, what holds its encoder, and whose training rows' span it is in, if any.

        Runs with the same can be trained side by side.
        """
        place = None if self.model.span is None else self.options.seed
        return () if self.start is None else self.start.columns, self.equivariance, place


def train_group(task: EnsembleTask, on_epoch: Callable[[str, float], None] | None = None) -> tuple[SweepRun, ...]:
    """Train and measure the runs of a group.

    Args:
        task: what to train.
        on_epoch: called after every epoch with the latent and with how many runs that much work comes to.
    """
    place = to_device(task.device)
    trainees = [_trainee(task.data, r, found, place) for r, found in zip(task.options, task.starts, strict=True)]
    runs: list[SweepRun] = []
    for kind in dict.fromkeys(trainee.kind for trainee in trainees):
        alike = [trainee for trainee in trainees if trainee.kind == kind]
        inform = None if on_epoch is None else partial(_inform_of_epoch, on_epoch, alike, len(runs))
        started = time.perf_counter()
        states = _train(task.data.n_features, alike, inform)
        share = (time.perf_counter() - started) / len(alike)
        runs += [_measured(task.data, m, state, share, place) for m, state in zip(alike, states, strict=True)]
    return tuple(runs)


def _trainee(data: Dataset, options: TrainOptions, found: Points, device: torch.device) -> _Trainee:
    split = split_data(data, options.seed)
    mean, std = options.units(*moments(data, split.train))
    config = options.model_config(data.sample_shape)
    config = replace(config, span=options.span(config, len(split.train)))
    model = build_model(config, torch.as_tensor(mean), std, options.seed).to(device)
    seen = in_span(model.span, data, split.train)
    circles = found["circles"][split.train] if "circles" in found else None
    start = begin(model, found["start"][split.train], circles) if "start" in found else None
    equivariance = Equivariance.of(found.get("symmetries", np.empty((0, 2))), data.sample_shape)
    training = options.training_config(len(split.train), config.network.widths, data.n_features)
    return _Trainee(options, split, model, seen, training, start, equivariance)


def _inform_of_epoch(inform: Callable[[str, float], None], trainees: Sequence[_Trainee], before: int, epoch: int) -> None:
    inform(trainees[0].model.config.latent, before + len(trainees) * epoch / trainees[0].config.rounds[-1])


def _train(
    n_features: int, trainees: Sequence[_Trainee], on_epoch: Callable[[int], None] | None = None
) -> tuple[TrainingState, ...]:
    models, splits, configs = zip(*((m.model, m.split, m.config) for m in trainees), strict=True)
    starts = [trainee.start for trainee in trainees if trainee.start is not None]
    trainer = EnsembleTrainer(models, trainees[0].seen, splits, configs, starts, trainees[0].equivariance)
    trainer.anchor_weight = ANCHOR_WEIGHT * n_features
    return trainer.run(on_epoch)


def _measured(data: Dataset, trainee: _Trainee, state: TrainingState, seconds: float, device: torch.device) -> SweepRun:
    """The row of a run, with the metrics of its best epoch."""
    options, model = trainee.options, trainee.model
    diverged = not trainee.config.end(state.history["valid_loss"])
    metrics: dict[str, dict[str, float | None]] = {split: dict.fromkeys(SWEEP_METRICS) for split in SPLITS}
    if not diverged:
        load_weights(model, state.best_model)
        for split, found, _ in assess(model, data, trainee.split, seed=options.seed, device=device):
            metrics[split] = {name: getattr(found, name) for name in SWEEP_METRICS}
    best = -1 if diverged else state.best_epoch
    return SweepRun(model.config.latent, options.beta, options.seed, state.epoch, best, seconds, metrics)


def check_same_sweep(known: Sweep, options: SweepOptions, data: Dataset) -> None:
    """Whether a sweep in a file is the one that is asked for, on the same data.

    Raises:
        RunFileError: it is not.
    """
    chosen = {name: data.choices.get(name) for name in ("selection", "truth", "truth_space")}
    differing = differences(known.header.config, options.to_dict() | chosen)
    if differing:
        raise RunFileError(
            f"the file holds a sweep with other options: {', '.join(differing)}; give its options to go on with it, or another "
            "-o"
        )
    source, before = data.source, known.header.data
    if tuple(data.x.shape) != before.shape or (source is not None and source.sha256 != before.sha256):
        raise RunFileError(
            f"the file holds a sweep of other data ({before.path}, shape {before.shape}); give those, or another -o"
        )


def parse_betas(text: str) -> tuple[float, ...]:
    """Weights of the KL term from "0.1,1,10", or evenly spaced ones from "low:high:log7" or "low:high:lin5".

    Raises:
        UsageError: the text is neither.

    Example:
        >>> parse_betas("0.01:10:log4")
        (0.01, 0.1, 1.0, 10.0)
    """
    found = _spaced(*text.split(":")) if text.count(":") == 2 else _numbers(text)
    if not found or not all(math.isfinite(beta) and beta >= 0 for beta in found):
        raise UsageError(
            f"--betas {text}: expected numbers of at least 0 with commas between them, or low:high:logN or low:high:linN, such "
            "as 0.01:10:log7"
        )
    # Six digits are plenty, and can be typed after `train --beta`.
    return tuple(dict.fromkeys(float(f"{beta:.6g}") for beta in found))


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        return []


def _spaced(low: str, high: str, spacing: str) -> list[float]:
    ends, kind, count = _numbers(f"{low},{high}"), spacing[:3], spacing[3:]
    valid = len(ends) == 2 and ends[0] < ends[1] < math.inf and count.isdecimal() and int(count) > 1
    if valid and kind == "log" and ends[0] > 0:
        return [float(beta) for beta in np.geomspace(ends[0], ends[1], int(count))]
    return [float(beta) for beta in np.linspace(ends[0], ends[1], int(count))] if valid and kind == "lin" else []
