"""Tables on stdout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from topovae.cli.common import console
from topovae.signature import parse

_COLUMNS = ("rms", "nll", "kl", "elbo", "iwae", "stress")
_SWEPT = ("rms", "kl", "elbo", "stress")


def print_metrics(latent: str, final: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> None:
    """Metrics by split, the baseline's below the model's."""
    from rich.table import Table

    table = Table(title="metrics (nats a sample; rms in the data's units)", title_justify="left")
    for name in ("latent", "split", *_COLUMNS):
        table.add_column(name, justify="left" if name in {"latent", "split"} else "right")
    for expression, splits in ((latent, final), *([(baseline["latent"], baseline)] if baseline else [])):
        name = _name(expression)
        for split in ("train", "valid", "test"):
            row = splits[split]
            table.add_row(name, split, *(_number(row.get(column)) for column in _COLUMNS))
        table.add_section()
    out = console()
    out.print(table)
    for circle in final["test"].get("recovery") or []:
        within = circle["within_groups"]
        parts = "" if within is None else f", within groups {within:.3f}"
        out.print(f"angle recovered on test: circular correlation {circle['circular_correlation']:.3f}{parts}")


def print_sweep(document: Mapping[str, Any]) -> None:
    """Means and spreads over seeds by beta and latent, and where each latent is the best."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    winners = {winner["beta"]: winner["latent"] for winner in document["winners"]}
    title = "test split, mean ± sd over seeds (nats a sample; rms in the data's units)"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption="* best on validation")
    table.add_column("beta", justify="right", no_wrap=True)
    table.add_column("latent")
    for name in (*_SWEPT, "valid elbo"):
        table.add_column(name, justify="right")
    for beta in dict.fromkeys(row["beta"] for row in document["summary"]):
        for row in (row for row in document["summary"] if row["beta"] == beta):
            name = _name(row["latent"]) + (" *" if winners.get(beta) == row["latent"] else "")
            cells = [_spread(row[column]) for column in (*_SWEPT, "valid_elbo")]
            table.add_row(f"{beta:g}", name, *cells)
        table.add_section()
    out = console()
    out.print(table)
    diverged = sum(row["diverged"] for row in document["summary"])
    if diverged:
        out.print(f"{diverged} of {len(document['runs'])} runs diverged and count in no mean; try a smaller --learning-rate")
    for latent in dict.fromkeys(winners.values()):
        betas = [f"{beta:g}" for beta, best in winners.items() if best == latent]
        share = f"{len(betas)} of {len(winners)} betas ({', '.join(betas)})"
        out.print(f"best validation ELBO: {_name(latent)} at {share}", markup=False)


def print_certificate(certificate: Mapping[str, Any] | None, persistence: Mapping[str, Any] | None) -> None:
    """The verdict on the encoder, and why."""
    if certificate is None or persistence is None:
        return
    out = console()
    out.print(f"certificate: {certificate['verdict']}")
    for reason in certificate["reasons"]:
        out.print(f"  - {reason}", markup=False)
    mean = persistence["mean_h1_h2_bottleneck"]
    out.print(f"persistence of latents against data: mean H1/H2 bottleneck distance {_number(mean)} (in diameters)")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _spread(value: Mapping[str, float | None]) -> str:
    """Mean ± standard deviation, to two digits of the latter."""
    mean, sd = value["mean"], value["sd"]
    if mean is None or sd is None:
        return _number(mean)
    decimals = max(0, 1 - math.floor(math.log10(sd))) if sd > 0 else 4
    return f"{mean:.{decimals}f} ± {sd:.{decimals}f}"


def _name(expression: str) -> str:
    return parse(expression, allow_orbifold=True).name or expression
