"""A small experiment of this folder's own, under a name of the table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from topovae.reproduction.experiment import Experiment, ExperimentBudget
from topovae.reproduction.experiments import EXPERIMENTS


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """`embedding-toy` with few samples, little training and no certificate."""
    budget = ExperimentBudget(seeds=2, n=120, options={"epochs": 2, "hidden": "8", "init": "random"}, betas=(1.0, 2.0))
    known = EXPERIMENTS["embedding-toy"]
    made = replace(known, rows=known.rows[:2], figures=("ELBO", "NLL", "KL"), quick=budget, full=budget)
    monkeypatch.setitem(EXPERIMENTS, made.name, made)
    return made
