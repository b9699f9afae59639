"""`topovae encode`: data to latent coordinates."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.options import DebugOption, DeviceOption, FormatOption, OutputOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_output, command, open_data
from topovae.errors import RunFileError


@command("encode")
def encode(
    run: RunArgument,
    input: Annotated[str, typer.Option("--input", "-i", help="The data; - for stdin.")] = "-",
    output: OutputOption = "-",
    format: FormatOption = None,
    with_scale: Annotated[bool, typer.Option("--with-scale", help="Give posterior scales too.")] = False,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Encode samples as latent coordinates: the location of their posteriors."""
    from topovae.data.writers import write_columns
    from topovae.store.reader import read_run

    check_output(output, run, input)
    loaded = read_run(run)
    samples = open_data(input, quiet=True, minimum=1)

    from topovae.model.networks import to_device
    from topovae.runs.models import encode as run_encoder
    from topovae.runs.models import load_model

    model = load_model(loaded.model, to_device(device))
    wanted = model.config.sample_shape
    if samples.sample_shape != wanted:
        raise RunFileError(
            f"the model encodes samples of shape {wanted}, and these have {samples.sample_shape}; give data of the same kind"
        )
    location, scale = run_encoder(model, samples)
    columns = {"z": location, "scale": scale} if with_scale else {"z": location}
    write_columns(columns, output, format)
