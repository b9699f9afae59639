"""The columns of tables: what a figure is of the metrics of a trial, and which way is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Metrics = Mapping[str, Any]
"""Of the test split, as `topovae.evaluation.metrics.Metrics` has them; and "bottleneck" and "verdict" where asked for."""


@dataclass(frozen=True)
class Figure:
    """A column.

    Attributes:
        of: takes it from metrics; None where they do not have it.
        better: 1 where more is better, −1 where less is, 0 where neither is.
        meaning: one line, with its unit.
        needs: what has to be computed for it beside the usual: "iwae", "certificate" or nothing.
    """

    of: Callable[[Metrics], float | None]
    better: int
    meaning: str
    needs: str = ""


def _known(name: str, times: float = 1.0) -> Callable[[Metrics], float | None]:
    def of(metrics: Metrics) -> float | None:
        value = metrics.get(name)
        return None if value is None else times * float(value)

    return of


def _mse(metrics: Metrics) -> float | None:
    return None if metrics.get("rms") is None else 100 * float(metrics["rms"]) ** 2


def _verdict(wanted: str) -> Callable[[Metrics], float | None]:
    def of(metrics: Metrics) -> float | None:
        return None if metrics.get("verdict") is None else float(metrics["verdict"] == wanted)

    return of


FIGURES: dict[str, Figure] = {
    "RMS": Figure(_known("rms"), -1, "root mean square error of reconstruction, units of the data"),
    "MSE x100": Figure(_mse, -1, "100 times its square"),
    "NLL": Figure(_known("nll"), -1, "−E log p(x | z), nats a sample"),
    "KL": Figure(_known("kl"), 0, "divergence of posteriors from the prior, nats a sample"),
    "ELBO": Figure(_known("elbo"), 1, "evidence lower bound, nats a sample"),
    "−ELBO": Figure(_known("elbo", -1.0), -1, "the same with its sign changed"),
    "LL": Figure(_known("iwae"), 1, "log p(x) by importance sampling, nats a sample", "iwae"),
    "stress": Figure(_known("stress"), -1, "geodesic stress against the truth"),
    "MIG": Figure(_known("mig"), 1, "mutual information gap of the true coordinates, chance taken off"),
    "bottleneck": Figure(
        _known("bottleneck"), -1, "mean H1/H2 bottleneck distance of latents from data, diameters", "certificate"
    ),
    "homeomorphic": Figure(_verdict("homeomorphic"), 1, "share of runs that are certified so", "certificate"),
    "rejected": Figure(_verdict("not homeomorphic"), -1, "share certified not to be; others: undecided", "certificate"),
}
