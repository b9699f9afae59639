"""`topovae spaces`: the latent spaces that have a name, and the factors all others are made of."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.common import DebugOption, JsonOption, QuietOption, SeedOption, command, console, write_json


@command("spaces")
def spaces(
    expression: Annotated[str | None, typer.Argument(help="Describe this latent expression alone.")] = None,
    json: JsonOption = False,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """List latent spaces with their dimension, priors, posteriors and groups."""
    from topovae.signature import NAMES

    rows = [describe(text) for text in ([expression] if expression else NAMES)]
    if json:
        write_json({"schema": "topovae/spaces/1", "spaces": rows})
        return
    from rich.table import Table

    table = Table(title="latent spaces" if not expression else None, title_justify="left")
    for column in ("name", "latent", "dim", "prior", "posterior", "group order", "KL", "decoder features"):
        table.add_column(column)
    for row in rows:
        prior, posterior = (" x ".join(row[key]) for key in ("priors", "posteriors"))
        cells = (
            row["name"] or "",
            row["latent"],
            row["dim"],
            prior,
            posterior,
            row["group_order"],
            row["kl"],
            row["features"],
        )
        table.add_row(*map(str, cells))
    out = console()
    out.print(table)
    if not expression:
        out.print(
            "Any product of R^k, S1, S2, S3, …, I, T^k, SO3, RP^k and any quotient (A x B)/<isometry,isometry> works too."
        )


def describe(text: str) -> dict:
    """One latent space as a JSON-ready row."""
    from topovae.latent import LatentSpace
    from topovae.signature import NAMES, parse

    signature = parse(text)
    space = LatentSpace(signature)
    return {
        "name": text if text in NAMES else signature.name,
        "latent": signature.canonical,
        "dim": signature.dim,
        "factors": [str(f) for f in signature.factors],
        "priors": [f.prior_name for f in space.factors],
        "posteriors": [f.posterior_name for f in space.factors],
        "group_order": signature.order,
        "kl": "exact" if signature.order == 1 else "exact, orbit term by sampling",
        "coordinates": space.coordinate_dim,
        "features": space.feature_dim,
    }
