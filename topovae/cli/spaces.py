"""`topovae spaces`: the latent spaces that have a name, and the factors all others are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from topovae.cli.options import DebugOption, JsonOption, QuietOption, SeedOption
from topovae.cli.shell import command, console, print_table, write_json

if TYPE_CHECKING:
    from topovae.latent import LatentSpace

LEARNED_EXAMPLE, EMBEDDING_EXAMPLE = EXAMPLES = ("learned(R2)", "embedding(circle)")
"""What stands for the spaces whose prior is learned, of any dimension, operators and anchors, and for those that a cube is led
onto by a learned map."""

FACTOR_COORDINATES = {
    "R": "k numbers",
    "S1": "an angle in radians",
    "I": "a height in [0, 1]",
    "S2": "a unit vector of k + 1 numbers",
    "annulus": "an angle and a height",
    "embedded_torus": "a point of R^3",
    LEARNED_EXAMPLE: "k numbers",
    EMBEDDING_EXAMPLE: "k numbers in [0, 1]",
}


@command("spaces", "topovae spaces klein")
def spaces(
    expression: Annotated[str | None, typer.Argument(help="Describe this latent expression alone.")] = None,
    json: JsonOption = False,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """List latent spaces with their dimension, priors, posteriors and groups."""
    from topovae.signature import MODELS, NAMES

    rows = [space_row(text) for text in ([expression] if expression else (*NAMES, *MODELS, *EXAMPLES))]
    if json:
        write_json({"schema": "topovae/spaces/1", "spaces": rows})
        return
    print_spaces(rows)
    if not expression:
        print_factors()


def print_spaces(rows: list[dict]) -> None:
    """One line a space."""
    from rich.table import Table

    table = Table(title="latent spaces", title_justify="left")
    for column in ("name", "latent", "dim", "order", "features", "KL"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(str(row[key] or "") for key in ("name", "latent", "dim", "group_order", "features", "kl")))
    out = console()
    print_table(table)
    out.print(
        "order: of the group; features: what the decoder reads; KL: to the prior: exact, sampled without bias, or an\n"
        "expansion for short times, where there is no exact one."
    )


def print_factors() -> None:
    """What every space is made of."""
    from rich.table import Table

    table = Table(title="factors, in any product and any quotient of one", title_justify="left")
    for column in ("factor", "coordinates", "posteriors, the default first", "prior"):
        table.add_column(column)
    for text, coordinates in FACTOR_COORDINATES.items():
        row = space_row(text)
        table.add_row(text, coordinates, ", ".join(row["families"][0]), row["priors"][0])
    out = console()
    print_table(table)
    out.print("T^k is k circles; RP^k and SO3 are spheres modulo `anti`; (A x B)/<isometry,isometry> is a quotient.")


def kl_kind(space: LatentSpace) -> str:
    """How the divergence from the prior is computed: "short-time", "exact", or "unbiased" by sampling."""
    if any(f.family.kl == "short-time" for f in space.factors):
        return "short-time"
    return "exact" if space.order == 1 and all(f.family.kl == "exact" for f in space.factors) else "unbiased"


def space_row(text: str) -> dict:
    """One latent space as a JSON-ready row."""
    from topovae.latent import LatentSpace
    from topovae.signature import MODELS, NAMES, parse

    signature = parse(text)
    # The bound on the cover, so that spaces are described too whose posteriors have no density.
    space = LatentSpace(signature, divergence="cover")
    return {
        "name": text if text in (*NAMES, *MODELS, *EXAMPLES) else signature.name,
        "latent": signature.canonical,
        "dim": signature.dim,
        "factors": [str(f) for f in signature.factors],
        "priors": [f.prior_name for f in space.factors],
        "posteriors": [f.posterior_name for f in space.factors],
        "families": [list(f.families) for f in space.factors],
        "group_order": signature.order,
        "volume": space.volume,
        "kl": kl_kind(space),
        "coordinates": space.coordinate_dim,
        "features": space.feature_dim,
    }
