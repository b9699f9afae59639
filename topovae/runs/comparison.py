"""What the runs of a sweep come to: means and spreads over seeds, and the best latent at every beta."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from topovae.evaluation.paired import mean_interval
from topovae.store.documents import Document
from topovae.store.schema import SWEEP_METRICS, Sweep, SweepRun

SCHEMA = "topovae/sweep/1"


@dataclass(frozen=True)
class Spread(Document):
    """Mean and standard deviation over seeds; None where there are too few numbers.

    Args:
        mean: of the seeds.
        sd: standard deviation over them, of one seed.
        low, high: confidence interval of the mean at `LEVEL`, by Student's t; None of figures that others reported.
    """

    mean: float | None
    sd: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread:
        """The spread of what was computed."""
        known = [value for value in values if value is not None]
        if len(known) < 2:
            return cls(known[0] if known else None, None)
        return cls(statistics.fmean(known), statistics.stdev(known), *(mean_interval(known) or (None, None)))


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
class Winner(Document):
    """The latent of greatest mean validation ELBO at a beta.

    Args:
        beta: the weight of the KL term.
        latent: the best one.
        valid_elbo: its mean over seeds, nats a sample.
        runner_up: the second best latent, None where there is none.
        margin: by how many nats it is behind.
        margin_sd: standard deviation of that over seeds, each of which gives both latents the same split; None for one seed.
        margin_low, margin_high: confidence interval of the mean margin, as of a `Spread`.
        seeds: number of seeds at which both have an ELBO.
        ahead: at how many of them the best one is better.
    """

    beta: float
    latent: str
    valid_elbo: float
    runner_up: str | None
    margin: float | None
    margin_sd: float | None
    margin_low: float | None
    margin_high: float | None
    seeds: int
    ahead: int


def winners(runs: Sequence[SweepRun]) -> tuple[Winner, ...]:
    """The best latent at each beta, where there is one."""
    found = []
    for beta in dict.fromkeys(run.beta for run in runs):
        elbos: dict[str, dict[int, float]] = {}
        for run in runs:
            elbo = run.metrics["valid"]["elbo"]
            if run.beta == beta and elbo is not None:
                elbos.setdefault(run.latent, {})[run.seed] = elbo
        means = {latent: statistics.fmean(values.values()) for latent, values in elbos.items()}
        ranked = sorted(means, key=means.__getitem__, reverse=True)
        if ranked:
            best, second = ranked[0], ranked[1] if len(ranked) > 1 else None
            behind = elbos[second] if second else {}
            margins = [elbo - behind[seed] for seed, elbo in elbos[best].items() if seed in behind]
            margin, ahead = means[best] - means[second] if second else None, sum(margin > 0 for margin in margins)
            over = Spread.of(margins)
            found.append(Winner(beta, best, means[best], second, margin, over.sd, over.low, over.high, len(margins), ahead))
    return tuple(found)


def to_document(sweep: Sweep) -> dict[str, Any]:
    """The JSON document of a sweep."""
    settings = summarise(sweep.runs)
    return {
        "schema": SCHEMA,
        "runs": [run.to_dict() for run in sweep.runs],
        "summary": [setting.to_dict() for setting in settings],
        "winners": [winner.to_dict() for winner in winners(sweep.runs)],
    }
