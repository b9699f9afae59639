"""`topovae plot`: the latent space, the learning curves and reconstructions of a run on one page."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.options import DebugOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_picture, command, note, open_trained


@command("plot", "topovae plot run.h5 -o run.png")
def plot(
    run: RunArgument,
    data: Annotated[str | None, typer.Argument(help="The data; where the run file says they are when left out.")] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="The picture (.png, .pdf or .svg).")] = "run.png",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Draw the latent space, the learning curves and, where the data are at hand, reconstructions."""
    from topovae.cli.evaluate import run_data_if_there
    from topovae.runs.pages import draw_run

    check_picture(output, run, data)
    loaded, samples = run_data_if_there(open_trained(run, quiet), data, quiet, "no reconstructions are drawn")
    draw_run(loaded, samples, output)
    note(f"picture: {output}", quiet)
