"""Tables on stdout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from topovae.cli.common import console
from topovae.signature import parse

_COLUMNS = ("rms", "nll", "kl", "elbo", "iwae", "stress")


def print_metrics(latent: str, final: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> None:
    """Metrics by split, the baseline's below the model's."""
    from rich.table import Table

    table = Table(title="metrics (nats a sample; rms in the data's units)", title_justify="left")
    for name in ("latent", "split", *_COLUMNS):
        table.add_column(name, justify="left" if name in {"latent", "split"} else "right")
    for expression, splits in ((latent, final), *([(baseline["latent"], baseline)] if baseline else [])):
        name = parse(expression, allow_orbifold=True).name or expression
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
