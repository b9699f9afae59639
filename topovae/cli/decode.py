"""`topovae decode`: latent coordinates to data."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.options import DebugOption, DeviceOption, FormatOption, OutputOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_output, command


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
    from topovae.data.readers.find import read_array
    from topovae.data.writers import write_columns
    from topovae.store.reader import read_run

    check_output(output, run, input)
    loaded = read_run(run)
    coordinates = read_array(input)

    from topovae.model.networks import to_device
    from topovae.runs.models import decode as run_decoder
    from topovae.runs.models import load_model

    model = load_model(loaded.model, to_device(device))
    write_columns({"x": run_decoder(model, coordinates)}, output, format)
