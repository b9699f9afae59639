"""What the runs of a sweep come to: means and spreads over seeds, and the best latent at every beta."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from topovae.store.schema import SWEEP_METRICS, Sweep, SweepRun

SCHEMA = "topovae/sweep/1"


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over seeds; None where there are too few numbers."""

    mean: float | None
    sd: float | None

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread:
        """The spread of what was computed."""
        known = [value for value in values if value is not None]
        return cls(statistics.fmean(known) if known else None, statistics.stdev(known) if len(known) > 1 else None)

    def to_dict(self) -> dict[str, float | None]:
        """JSON-ready fields."""
        return {"mean": self.mean, "sd": self.sd}


@dataclass(frozen=True)
class Setting:
    """What the seeds of one latent and beta came to.

    Args:
        latent, beta: the setting.
        runs: finished runs.
        diverged: those of them without metrics.
        spreads: of the test split by name of `SWEEP_METRICS`, and `valid_elbo`, by which latents are compared.
    """

    latent: str
    beta: float
    runs: int
    diverged: int
    spreads: Mapping[str, Spread]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        counts = {"latent": self.latent, "beta": self.beta, "runs": self.runs, "diverged": self.diverged}
        return counts | {name: spread.to_dict() for name, spread in self.spreads.items()}


def summarise(runs: Sequence[SweepRun]) -> tuple[Setting, ...]:
    """The settings of some runs, in the order in which they come."""
    found = []
    for latent, beta in dict.fromkeys((run.latent, run.beta) for run in runs):
        alike = [run for run in runs if (run.latent, run.beta) == (latent, beta)]
        spreads = {name: Spread.of([run.metrics["test"][name] for run in alike]) for name in SWEEP_METRICS}
        spreads["valid_elbo"] = Spread.of([run.metrics["valid"]["elbo"] for run in alike])
        found.append(Setting(latent, beta, len(alike), sum(run.diverged for run in alike), spreads))
    return tuple(found)


@dataclass(frozen=True)
class Winner:
    """The latent of greatest mean validation ELBO at a beta.

    Args:
        beta: the weight of the KL term.
        latent: the best one.
        valid_elbo: its mean over seeds, nats a sample.
        runner_up: the second best latent, None where there is none.
        margin: by how many nats it is behind.
    """

    beta: float
    latent: str
    valid_elbo: float
    runner_up: str | None
    margin: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        named = {"beta": self.beta, "latent": self.latent, "valid_elbo": self.valid_elbo}
        return named | {"runner_up": self.runner_up, "margin": self.margin}


def winners(settings: Sequence[Setting]) -> tuple[Winner, ...]:
    """The best latent at each beta, where there is one."""
    found = []
    for beta in dict.fromkeys(setting.beta for setting in settings):
        means = {s.latent: s.spreads["valid_elbo"].mean for s in settings if s.beta == beta}
        elbos = {latent: mean for latent, mean in means.items() if mean is not None}
        ranked = sorted(elbos, key=elbos.__getitem__, reverse=True)
        if ranked:
            second = ranked[1] if len(ranked) > 1 else None
            margin = None if second is None else elbos[ranked[0]] - elbos[second]
            found.append(Winner(beta, ranked[0], elbos[ranked[0]], second, margin))
    return tuple(found)


def to_document(sweep: Sweep) -> dict[str, Any]:
    """The JSON document of a sweep."""
    settings = summarise(sweep.runs)
    return {
        "schema": SCHEMA,
        "runs": [run.to_dict() for run in sweep.runs],
        "summary": [setting.to_dict() for setting in settings],
        "winners": [winner.to_dict() for winner in winners(settings)],
    }
