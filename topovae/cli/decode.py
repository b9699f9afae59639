"""`topovae decode`: latent coordinates to data."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.options import DebugOption, DeviceOption, FormatOption, OutputOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_output, check_stream, command, open_table, open_trained


@command("decode", "topovae encode run.h5 -i x.npy | topovae decode run.h5 -o y.npy")
def decode(
    run: RunArgument,
    input: Annotated[str, typer.Option("--input", "-i", help="Latent coordinates, in any data format; - for stdin.")] = "-",
    output: OutputOption = "-",
    format: FormatOption = None,
    rates: Annotated[bool, typer.Option("--rates", help="Of counts: what is expected for a unit of --exposure.")] = False,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Decode latent coordinates to the mean of the data there."""
    from topovae.data.selection import Selection
    from topovae.data.writers import write_columns
    from topovae.model.networks import to_device
    from topovae.runs import models

    check_output(output, run, input, streams=True)
    check_stream(output, format)
    trained = open_trained(run, quiet)
    model = models.load_model(trained.model, to_device(device))
    decoded = models.decode(model, open_table(input, quiet))
    if rates:
        decoded = models.rates(model, decoded)
    write_columns({"x": Selection.of(trained.header.config).restored(decoded)}, output, format)
