"""`topovae traverse`: paths through a latent space, and what lies on them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from topovae.cli.options import DebugOption, DeviceOption, FormatOption, OutputOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_animation, check_output, check_stream, command, note, open_trained


@command("traverse", "topovae traverse run.h5 --loop 0 -n 32 -o path.npz --plot path.gif")
def traverse(
    run: RunArgument,
    start: Annotated[int | None, typer.Option("--from", help="Begin at this sample, a row from 0.", min=0)] = None,
    end: Annotated[int | None, typer.Option("--to", help="End at this sample, by a shortest path.", min=0)] = None,
    loop: Annotated[int | None, typer.Option(help="Go once around this circle instead, from 0.", min=0)] = None,
    operator: Annotated[
        int | None, typer.Option(help="Follow the orbit of this operator of a learned prior, from 0.", min=0)
    ] = None,
    component: Annotated[int | None, typer.Option(help="Of a mixture: begin at its first sample.", min=0)] = None,
    n: Annotated[int, typer.Option("-n", "--n", help="How many points, the ends among them.", min=2)] = 16,
    output: OutputOption = "-",
    format: FormatOption = None,
    plot: Annotated[
        str | None, typer.Option(help="Draw the path into this file: a strip (.png, .pdf or .svg), or a .gif.")
    ] = None,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Go through the latent space in equal steps and decode: between two samples, around a circle, or along an operator."""
    from topovae.data.selection import Selection
    from topovae.data.writers import write_columns
    from topovae.model.networks import to_device
    from topovae.runs.models import load_model
    from topovae.runs.traversal import traverse as go

    check_output(output, run, streams=True)
    check_stream(output, format)
    check_animation(plot, run)
    trained = open_trained(run, quiet)
    model = load_model(trained.model, to_device(device))
    path = go(trained, model, start=start, end=end, around=loop, operator=operator, component=component, n=n)
    x = Selection.of(trained.header.config).restored(path.x)
    if path.told:
        note(path.told, quiet)
    write_columns({"z": path.coordinates, "x": x}, output, format)
    if plot:
        from topovae.viz.traversal import draw_traversal

        way = (
            f"loop {loop}"
            if loop is not None
            else f"operator {operator}"
            if operator is not None
            else f"sample {start} to {end}"
        )
        title = f"{trained.model.latent}: {way}, {os.path.basename(trained.header.data.path)}"
        draw_traversal(x, path.coordinates, path.lengths, model.config.sample_shape, plot, names=path.names, title=title)
        note(f"picture: {plot}", quiet)
