"""`topovae report`: one self-contained HTML page on a run."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from topovae.cli.options import AgainstOption, DebugOption, DeviceOption, QuietOption, RunArgument, SeedOption
from topovae.cli.shell import check_output, command, note, open_trained


@command("report", "topovae report run.h5 -o run.html")
def report(
    run: RunArgument,
    data: Annotated[str | None, typer.Argument(help="The data; where the run file says they are when left out.")] = None,
    against: AgainstOption = None,
    output: Annotated[str, typer.Option("--output", "-o", help="The page.")] = "run.html",
    certificate: Annotated[bool, typer.Option(help="Certify the encoder, which takes most of the time.")] = True,
    device: DeviceOption = "auto",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Write what was asked, found and certified, with pictures and commands, as one HTML file that loads nothing."""
    from topovae.cli.evaluate import run_data, run_data_if_there
    from topovae.runs.evaluation import shared_test
    from topovae.runs.report import Reference, report_page
    from topovae.store.atomic import write_atomic

    check_output(output, run, data, against)
    loaded, reference = open_trained(run, quiet), None
    if against is None:
        loaded, samples = run_data_if_there(loaded, data, quiet, "there are no reconstructions and no certificate")
    else:
        other = open_trained(against, quiet)
        loaded, samples = run_data(loaded, data, quiet)
        named = f"{other.model.latent} of {os.path.basename(against)}"
        reference = Reference(other.model, named, shared_test(loaded, other, samples))
    page = report_page(loaded, samples, run, certify=certificate, against=reference, seed=seed, device=device)
    write_atomic(output, lambda stream: stream.write(page))
    note(f"page: {output} ({len(page) / 2**20:.1f} MiB)", quiet)
