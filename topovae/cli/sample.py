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
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Draw points of the prior and decode them."""
    from topovae.data.writers import write_columns
    from topovae.model.networks import to_device
    from topovae.runs.models import draw_samples, load_model

    check_output(output, run, streams=True)
    check_stream(output, format)
    model = load_model(open_trained(run, quiet).model, to_device(device))
    drawn = draw_samples(model, n, seed)
    columns = {"z": drawn["coordinates"], "x": drawn["x"]} if with_coordinates else {"x": drawn["x"]}
    write_columns(columns, output, format)
