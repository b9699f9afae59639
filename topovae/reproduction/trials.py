"""Trials: one row of one experiment at one beta and seed, which any engine carries out from its names alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from topovae.data.dataset import Dataset
from topovae.reproduction.experiment import Conditions, Experiment, ExperimentBudget
from topovae.reproduction.experiments import find_experiment
from topovae.reproduction.figures import FIGURES

Key = tuple[str, float, int]
"""TableRow, beta and seed."""


@dataclass(frozen=True)
class TableTrial:
    """What is to be done.

    Attributes:
        experiment: its name.
        budget: "quick" or "full".
        row, beta, seed: which trial it is.
        folder: of images, where the experiment is made of some.
        device: "auto", "cpu" or "cuda".
    """

    experiment: str
    budget: str
    row: str
    beta: float
    seed: int
    folder: str | None
    device: str

    @property
    def key(self) -> Key:
        """What tells it from the others of its experiment."""
        return self.row, self.beta, self.seed


def make_trials(
    experiment: Experiment, budget: str, seeds: Sequence[int], folder: str | None, device: str
) -> tuple[TableTrial, ...]:
    """All trials of an experiment, those of one seed together, as they share their samples."""
    rows = [(row, beta) for row in experiment.rows for beta in _betas(row.once, experiment.budget(budget))]
    return tuple(
        TableTrial(experiment.name, budget, row.name, beta, seed, folder, device)
        for seed, (row, beta) in itertools.product(seeds, rows)
    )


def _betas(once: bool, budget: ExperimentBudget) -> tuple[float, ...]:
    return (1.0,) if once else budget.betas


def carry_out(trial: TableTrial) -> dict[str, Any]:
    """Do a trial; equal trials give equal figures on the CPU.

    Returns:
        "row", "beta", "seed", "figures" (those of the experiment by name, None for what does not apply), and "seconds".
    """
    import torch

    experiment = find_experiment(trial.experiment)
    budget = experiment.budget(trial.budget)
    if trial.device != "cuda":
        torch.set_num_threads(1)  # as the results of sums depend on how many add them up
    options = {**experiment.options, **budget.options}
    row = experiment.row(trial.row)
    if not row.once:
        options["beta"] = trial.beta
    needs = frozenset(FIGURES[name].needs for name in experiment.figures)
    started = time.perf_counter()
    data = _samples(trial.experiment, trial.seed, budget.n, trial.folder)
    metrics = row.measure(data, Conditions(trial.seed, options, needs, experiment.iwae, trial.device))
    figures = {name: FIGURES[name].of(metrics) for name in experiment.figures}
    done = {"row": trial.row, "beta": trial.beta, "seed": trial.seed}
    return {**done, "figures": figures, "seconds": time.perf_counter() - started}


@lru_cache(maxsize=1)
def _samples(experiment: str, seed: int, n: int, folder: str | None) -> Dataset:
    """The samples of a seed, which its trials share."""
    return find_experiment(experiment).draw(seed, n, folder)
