"""`topovae decode`: latent coordinates to data."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.arrays import FormatOption, OutputOption, write_columns
from topovae.cli.common import DebugOption, DeviceOption, QuietOption, RunArgument, SeedOption, command


@command("decode")
def decode(
    run: RunArgument,
    input: Annotated[str, typer.Option("--input", "-i", help="Latent coordinates, in any data format; - for stdin.")] = "-",
    output: OutputOption = "-",
    format: FormatOption = None,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Decode latent coordinates to the mean of the data there."""
    from topovae.data.readers import read_array
    from topovae.nn import to_device
    from topovae.pipeline import decode as run_decoder
    from topovae.pipeline import load_model
    from topovae.store.reader import read_run

    model = load_model(read_run(run).model, to_device(device))
    coordinates = read_array(input)
    write_columns({"x": run_decoder(model, coordinates)}, output, format)
