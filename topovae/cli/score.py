"""`topovae score`: how likely a model finds each sample."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.options import DebugOption, DeviceOption, FormatOption, OutputOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_output, check_stream, command, open_samples, open_trained


@command("score", "topovae score run.h5 x.npy --format csv -o scores.csv")
def score(
    run: RunArgument,
    input: Annotated[str, typer.Argument(metavar="DATA", help="The samples; - for stdin.")] = "-",
    output: OutputOption = "-",
    format: FormatOption = None,
    iwae: Annotated[int, typer.Option(help="Importance samples of each; more are closer, and slower.", min=1)] = 64,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Give log p(x) of each sample in nats, by importance sampling: outliers have the lowest."""
    from topovae.data.selection import Selection
    from topovae.data.writers import write_columns
    from topovae.model.networks import to_device
    from topovae.runs.models import load_model, log_densities

    check_output(output, run, input, streams=True)
    check_stream(output, format)
    trained = open_trained(run, quiet)
    model = load_model(trained.model, to_device(device))
    found = log_densities(model, open_samples(input, trained, quiet), iwae, seed)
    write_columns({"log_density": found - Selection.of(trained.header.config).log_spread}, output, format)
