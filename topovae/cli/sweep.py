"""`topovae sweep`: latents, betas and seeds side by side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from topovae.cli.options import (
    DataArgument,
    DebugOption,
    DeviceOption,
    JsonOption,
    PlotOption,
    QuietOption,
    TruthOption,
    TruthSpaceOption,
    selects,
    takes,
)
from topovae.cli.shell import (
    arguments,
    check_output,
    check_picture,
    command,
    existing,
    hold,
    keeping,
    note,
    open_data,
    open_stored,
    progress_bar,
    set_threads,
    with_truth,
    write_json,
)
from topovae.cli.tables import print_sweep


@command("sweep", "topovae sweep x.npy --latents torus,R2 --betas 0.1:10:log5 --seeds 3 -o sweep.h5")
@selects
@takes("sweep")
def sweep(
    data: DataArgument,
    *,
    selection: Any,
    latents: Annotated[str, typer.Option(help="Latent expressions with commas between them, as torus,R2.")],
    betas: Annotated[
        str, typer.Option(help="Weights of the KL term: 0.1,1,10, or low:high:logN, or low:high:linN.")
    ] = "0.01:10:log7",
    seeds: Annotated[int, typer.Option(help="Number of seeds, 0 and up.", min=1)] = 5,
    output: Annotated[str, typer.Option("--output", "-o", help="The file; an unfinished sweep in it goes on.")] = "sweep.h5",
    truth: TruthOption = None,
    truth_space: TruthSpaceOption = None,
    options: dict[str, Any],
    jobs: Annotated[int, typer.Option(help="Processes that work at once, on one core each.", min=1)] = 1,
    engine: Annotated[
        str, typer.Option(help="local: processes of this machine; ray: a Ray cluster, the running one that RAY_ADDRESS names.")
    ] = "local",
    device: DeviceOption = "auto",
    plot: PlotOption = None,
    json: JsonOption = False,
    seed: Annotated[int, typer.Option(help="Added to every seed.", min=0)] = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Train every latent at every beta with several seeds, as batched ensembles, and compare them."""
    from topovae.homology.spaces.catalogue import split_expressions
    from topovae.runs.engines import find_engine
    from topovae.runs.sweep import SweepOptions, check_same_sweep, parse_betas, run_sweep
    from topovae.store.reader import read_sweep

    named = tuple(split_expressions(latents))
    sweep_options = SweepOptions(named, parse_betas(betas), tuple(range(seed, seed + seeds)), options)
    find_engine(engine)
    check_picture(plot, data, output, truth)
    check_output(output, data, truth)
    hold(output)
    previous = existing(output, lambda path: open_stored(path, read_sweep, quiet), "sweep")
    samples = with_truth(open_data(data, quiet, selection=selection), truth, truth_space, quiet)

    from topovae.model.networks import choose_network
    from topovae.runs.comparison import to_document
    from topovae.runs.options import AUTO
    from topovae.runs.plan import SETTLED
    from topovae.runs.provenance import make_header

    sweep_options = sweep_options.settled(samples)
    if options["likelihood"] == AUTO and sweep_options.options["likelihood"] != "gaussian":
        note(SETTLED.format(sweep_options.options["likelihood"]), quiet)
    if previous is not None:
        check_same_sweep(previous, sweep_options, samples)
    set_threads(choose_network(samples.sample_shape, options["network"]).kind)
    header = make_header(samples, sweep_options.to_dict(), seed, device, arguments())
    kept = "holds the runs of all finished groups; the same command goes on from there"
    with progress_bar(quiet) as advance, keeping(output, kept):
        found = run_sweep(
            samples,
            sweep_options,
            header,
            output,
            jobs=jobs,
            engine=engine,
            device=device,
            resumed=previous,
            progress=advance,
        )
    note(f"sweep: {output} ({len(found.runs)} runs)", quiet)
    if plot:
        from topovae.runs.pages import draw_sweep

        draw_sweep(found, plot)
        note(f"picture: {plot}", quiet)
    document = to_document(found)
    if json:
        write_json(document | {"sweep": output})
    else:
        print_sweep(document)
