"""Tables on stdout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from topovae.cli.common import console

_COLUMNS = ("rms", "nll", "kl", "elbo", "iwae", "stress")


def print_metrics(latent: str, final: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> None:
    """Metrics by split, the baseline's below the model's."""
    from rich.table import Table

    table = Table(title="metrics (nats a sample; rms in the data's units)", title_justify="left")
    for name in ("latent", "split", *_COLUMNS):
        table.add_column(name, justify="left" if name in {"latent", "split"} else "right")
    for name, splits in ((latent, final), *([(baseline["latent"], baseline)] if baseline else [])):
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


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
