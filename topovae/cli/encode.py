"""`topovae encode`: data to latent coordinates."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.options import DebugOption, DeviceOption, FormatOption, OutputOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_output, check_stream, command, open_samples, open_trained


@command("encode", "topovae encode run.h5 -i x.npy --format csv -o z.csv")
def encode(
    run: RunArgument,
    input: Annotated[str, typer.Option("--input", "-i", help="The data; - for stdin.")] = "-",
    output: OutputOption = "-",
    format: FormatOption = None,
    with_scale: Annotated[bool, typer.Option("--with-scale", help="Give posterior scales too.")] = False,
    with_component: Annotated[
        bool, typer.Option("--with-component", help="Of a mixture: give the component and the probability of each too.")
    ] = False,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Encode samples as latent coordinates: the location of their posteriors."""
    from topovae.data.writers import write_columns
    from topovae.model.networks import to_device
    from topovae.runs import models

    check_output(output, run, input, streams=True)
    check_stream(output, format)
    trained = open_trained(run, quiet)
    model = models.load_model(trained.model, to_device(device))
    found = models.encode(model, open_samples(input, trained, quiet))
    left = set() if with_scale else {"scale"}
    left |= set() if with_component else {"component", "component_probability"}
    write_columns({name: column for name, column in found.items() if name not in left}, output, format)
