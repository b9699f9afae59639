"""`topovae reproduce`: a published table, theirs and ours side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from topovae.cli.options import DebugOption, DeviceOption, JsonOption, QuietOption
from topovae.cli.shell import (
    arguments,
    check_output,
    command,
    console,
    existing,
    hold,
    keeping,
    note,
    open_stored,
    progress_bar,
    write_json,
)
from topovae.cli.tables import print_reproduction
from topovae.errors import UsageError

BUDGETS = ("quick", "full")


@command("reproduce", "topovae reproduce klein-circles --budget quick -o table.h5")
def reproduce(
    name: Annotated[str | None, typer.Argument(help="The experiment, see --list.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the experiments instead.")] = False,
    budget: Annotated[
        str, typer.Option(help="quick: small and few, minutes; full: as published where that fits.", metavar="quick | full")
    ] = "quick",
    seeds: Annotated[int | None, typer.Option(help="Number of seeds, 0 and up; the budget's when left out.", min=1)] = None,
    data: Annotated[str | None, typer.Option(help="Folder of MNIST's four files, for experiments on its images.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Keep the results in this file; what is in it is not done again.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes that work at once, on one core each.", min=1)] = 1,
    engine: Annotated[str, typer.Option(help="local or ray, as of sweep.")] = "local",
    device: DeviceOption = "auto",
    json: JsonOption = False,
    seed: Annotated[int, typer.Option(help="Added to every seed.", min=0)] = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Run a published experiment, and set its figures beside ours and their spread over seeds."""
    from topovae.reproduction.experiments import EXPERIMENTS, find_experiment

    if listed:
        return show_list(json)
    if name is None:
        raise UsageError(f"expected an experiment, one of {', '.join(EXPERIMENTS)}, or --list")
    experiment = find_experiment(name)
    if budget not in BUDGETS:
        raise UsageError(f"--budget {budget}: expected one of {', '.join(BUDGETS)}")
    from topovae.reproduction.session import check_same, reproduce, to_document
    from topovae.reproduction.sources import idx_file
    from topovae.runs.engines import find_engine
    from topovae.runs.provenance import make_header
    from topovae.store.reader import read_reproduction

    find_engine(engine)
    if experiment.images:
        idx_file(data, "train", "images-idx3")
    count = experiment.budget(budget).seeds if seeds is None else seeds
    chosen = list(range(seed, seed + count))
    config = {"experiment": name, "budget": budget, "seeds": chosen, "iwae": experiment.iwae}
    previous = None
    if output is not None:
        check_output(output)
        hold(output)
        previous = existing(output, lambda path: open_stored(path, read_reproduction, quiet), "reproduction")
        if previous is not None:
            check_same(previous, config)
    header = make_header(None, config, seed, device, arguments())
    kept = "holds all finished trials; the same command goes on from there"
    with progress_bar(quiet) as advance, keeping(output or "", kept):
        found = reproduce(
            experiment,
            budget,
            chosen,
            header,
            output,
            folder=data,
            jobs=jobs,
            engine=engine,
            device=device,
            resumed=previous,
            progress=advance,
        )
    if output is not None:
        note(f"table: {output} ({len(found.trials)} trials)", quiet)
    document = to_document(experiment, found)
    if json:
        write_json(document)
    else:
        print_reproduction(document)
    return None


def show_list(json: bool) -> None:
    """The experiments, with what each needs."""
    from rich.table import Table

    from topovae.cli.shell import print_table
    from topovae.reproduction.experiments import EXPERIMENTS

    if json:
        rows = [
            {"name": e.name, "title": e.title, "source": e.source, "figures": list(e.figures), "images": e.images}
            for e in EXPERIMENTS.values()
        ]
        write_json({"schema": "topovae/experiments/1", "experiments": rows})
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("name", "what", "source"):
        table.add_column(heading)
    for experiment in EXPERIMENTS.values():
        needs = " (--data: MNIST)" if experiment.images else ""
        table.add_row(experiment.name, experiment.title + needs, experiment.source)
    print_table(table)
    console().print("topovae reproduce NAME --budget quick takes minutes, --budget full up to hours")
