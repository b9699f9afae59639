"""`topovae sample`: new data from the prior."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.options import DebugOption, DeviceOption, FormatOption, OutputOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_output, check_stream, command, open_trained


@command("sample", "topovae sample run.h5 -n 100 -o new.npy")
def sample(
    run: RunArgument,
    n: Annotated[int, typer.Option("-n", "--n", help="How many.", min=1)] = 64,
    output: OutputOption = "-",
    format: FormatOption = None,
    with_coordinates: Annotated[bool, typer.Option("--with-coordinates", help="Give the latent coordinates too.")] = False,
    with_noise: Annotated[bool, typer.Option("--with-noise", help="Draw data as they are measured, not their means.")] = False,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Draw points of the prior and decode them."""
    from topovae.data.selection import Selection
    from topovae.data.writers import write_columns
    from topovae.model.networks import to_device
    from topovae.runs.models import draw_samples, load_model

    check_output(output, run, streams=True)
    check_stream(output, format)
    trained = open_trained(run, quiet)
    drawn = draw_samples(load_model(trained.model, to_device(device)), n, seed, with_noise)
    x = Selection.of(trained.header.config).restored(drawn["x"])
    columns = {"z": drawn["coordinates"], "x": x} if with_coordinates else {"x": x}
    write_columns(columns, output, format)
