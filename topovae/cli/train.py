"""`topovae train`: fit a VAE with a given or diagnosed latent space."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from topovae.cli.options import (
    DataArgument,
    DebugOption,
    DeviceOption,
    JsonOption,
    PlotOption,
    QuietOption,
    SeedOption,
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
    open_table,
    open_test,
    progress_bar,
    set_threads,
    write_json,
)
from topovae.cli.tables import print_metrics
from topovae.errors import InputError, OutputError, RunFileError, UsageError

if TYPE_CHECKING:
    from topovae.data.dataset import Dataset
    from topovae.runs.options import TrainOptions
    from topovae.store.schema import Run
    from topovae.training.loop import TrainingState


@command("train", "topovae train x.npy --latent auto -o run.h5")
@selects
@takes("train")
def train(
    data: DataArgument,
    *,
    selection: Any,
    latent: Annotated[str, typer.Option(help="Latent expression such as S1xR2, or auto to diagnose the data first.")] = "auto",
    analysis: Annotated[
        str | None, typer.Option(help="Take the latent from this report of `analyze -o`, or - for JSON.")
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="The run file.")] = "run.h5",
    options: dict[str, Any],
    test: Annotated[str | None, typer.Option(help="Test on this data alone; all of DATA trains and validates.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a run of another latent, or an unfinished one.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the run file.")] = False,
    max_time: Annotated[
        float | None, typer.Option(help="Minutes after which each model ends with its epoch; --resume goes on.", min=0)
    ] = None,
    device: DeviceOption = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads; chosen by the network when left out.", min=1)] = None,
    plot: PlotOption = None,
    json: JsonOption = False,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Train a VAE whose latent space is the one asked for, or the one that matches the data."""
    from topovae.signature import parse_latent

    # Of the processes that torchrun starts, the first one speaks and writes.
    follows = int(os.environ.get("RANK", "0")) > 0
    quiet = quiet or follows

    if latent != "auto":
        parse_latent(latent, options["allow_orbifold"])
        if analysis:
            raise UsageError("--latent and --analysis both name the latent space; give one of them")
    check_picture(plot, data, analysis, test)
    check_output(output, data, analysis, test)
    if not follows:
        hold(output)
    previous = existing_run(output, resume, force, quiet) if resume or not follows else None
    samples = open_data(data, quiet, selection=selection)
    if test is not None:
        samples = open_test(samples, test, quiet)

    from topovae.evaluation.orbits import pruned_words
    from topovae.model.networks import choose_network, to_device
    from topovae.runs.models import load_model
    from topovae.runs.options import TrainOptions
    from topovae.runs.plan import Plan, plan
    from topovae.runs.provenance import make_header
    from topovae.runs.session import train_run
    from topovae.training.distributed import Team

    options = {**options, "seed": seed}
    team = Team.join(to_device(device))
    # What depends on the latent space is checked when it is known.
    TrainOptions("R", **options | {"posterior": "", "repel": ()}) if latent == "auto" else TrainOptions(latent, **options)
    set_threads(choose_network(samples.sample_shape, options["network"]).kind, threads)
    document: Mapping[str, Any] | None = None
    coordinates: Mapping[str, Any] = {}
    if previous is not None:
        train_options = TrainOptions(previous.model.latent if latent == "auto" else latent, **options)
        check_same(previous, train_options, samples)
    else:
        made = b""
        if not follows:
            given = read_analysis(analysis, quiet) if analysis else None
            pinned = open_table(options["anchors"], quiet) if options["anchors"] else None
            components = (
                open_table(options["components"], quiet) if options["components"] else known_components(analysis, given)
            )
            chosen = {"anchors": pinned, "components": components}
            with progress_bar(quiet) as advance:
                planned = plan(samples, latent, options, analysis=given, **chosen, device=device, progress=advance)
            made = planned.to_bytes() if team.size > 1 else b""
        if team.size > 1:
            planned = Plan.from_bytes(team.shared(made))
        train_options, document, coordinates = planned.options, planned.analysis, planned.coordinates
        for reason in planned.reasons:
            note(reason, quiet)
        if not (follows or force):
            check_replaced(output, train_options)
    header = make_header(samples, train_options.to_dict(), seed, device, arguments())
    started = time.monotonic()
    kept = "holds the last whole epoch; the same command with --resume goes on from there"
    with progress_bar(quiet) as advance, keeping(output, kept), starting_again(output):
        run = train_run(
            samples,
            train_options,
            header,
            None if follows else output,
            device=device,
            team=team,
            analysis=document,
            coordinates=coordinates,
            resumed=previous,
            seconds=math.inf if max_time is None else 60 * max_time,
            progress=lambda name, state, total: advance(epoch_words(name, state), state.epoch / total),
        )
    team.leave()
    if follows:
        return
    seconds = time.monotonic() - started
    for words in (*doubts(run), pruned_words(load_model(run.model).space)):
        if words:
            note(words, quiet)
    if (fault := fault_of(run, samples, seed)) is not None:
        note(f"topovae: warning: {fault}", quiet)
    note(f"run file: {output} (trained in {seconds:.0f} s; {run.model.config['end']})", quiet)
    if plot:
        from topovae.runs.pages import draw_run

        draw_run(run, samples, plot)
        note(f"picture: {plot}", quiet)
    baseline_metrics = None if run.baseline is None else {"latent": run.baseline.latent, **run.baseline.final}
    if json:
        write_json(
            {
                "schema": "topovae/training/1",
                "run": output,
                "latent": run.model.latent,
                **run.model.final,
                "baseline": baseline_metrics,
                "seconds": seconds,
            }
        )
    else:
        print_metrics(run.model.latent, run.model.final, baseline_metrics)


def existing_run(path: str, resume: bool, force: bool, quiet: bool) -> Run | None:
    """The unfinished or finished run to go on from; refuses to overwrite what is no finished run, unless no epoch of it is done
    or `force` says so.

    Raises:
        OutputError: the place holds something that must not be lost.
    """
    from topovae.runs.integrity import open_run
    from topovae.store.reader import read_run

    if resume:
        return open_stored(path, open_run, quiet) if os.path.exists(path) else None
    run = existing(path, read_run, "run file")
    for member in () if run is None else (run.model, run.baseline):
        checkpoint = None if member is None else member.checkpoint
        if checkpoint is not None and not checkpoint.finished and checkpoint.epoch > 0 and not force:
            raise OutputError(
                f"{path} holds an unfinished run ({checkpoint.epoch} epochs done); add --resume to go on with it, --force to "
                "replace it, or move it away"
            )
    return None


def check_replaced(path: str, options: TrainOptions) -> None:
    """Whether a new run may take the place of what is there: of nothing, or of a run of the same latent.

    Raises:
        OutputError: it may not.
    """
    from topovae.signature import parse_latent
    from topovae.store.reader import read_run

    known = existing(path, read_run, "run file")
    latent = parse_latent(options.latent, options.allow_orbifold).canonical
    checkpoint = None if known is None else known.model.checkpoint
    if checkpoint is not None and checkpoint.epoch == 0:
        return
    if known is not None and known.model.latent != latent:
        raise OutputError(
            f"{path} holds a finished run of {known.model.latent}, and this one is of {latent}; add --force to replace it, or "
            "choose another -o"
        )


@contextlib.contextmanager
def starting_again(path: str) -> Iterator[None]:
    """Say where a training diverged how another one is begun in the same place."""
    from topovae.training.loop import DivergenceError

    try:
        yield
    except DivergenceError as error:
        raise DivergenceError(f"{error}; with -o {path} again, add --force to begin anew there") from None


def check_same(previous: Run, options: TrainOptions, samples: Dataset) -> None:
    """Whether a resumed run is asked for the same thing on the same data.

    Raises:
        RunFileError: it is not.
    """
    from topovae.runs.options import AUTO, differences
    from topovae.signature import parse_latent

    known = previous.header.config
    if previous.model.latent == parse_latent(options.latent, options.allow_orbifold).canonical:
        options = replace(options, latent=str(known.get("latent", options.latent)))
    if options.likelihood == AUTO:
        options = replace(options, likelihood=str(known.get("likelihood", AUTO)))
    if options.learning_rate is None:
        options = replace(options, learning_rate=known.get("learning_rate"))
    trained = previous.model.config["training"]["epochs"]
    if options.epochs is not None and options.epochs >= trained:
        options = replace(options, epochs=known.get("epochs"))  # more epochs go on from the same state
    differing = differences(known, options.to_dict() | {name: samples.choices.get(name) for name in ("selection", "test")})
    if differing:
        raise RunFileError(
            f"--resume goes on with the same options, and these differ: {', '.join(differing)}; give the options of the first "
            "run, or another -o for a new one"
        )
    if tuple(samples.x.shape) != previous.header.data.shape:
        raise RunFileError(
            f"the run was trained on data of shape {previous.header.data.shape}, and these have {tuple(samples.x.shape)}; "
            "resume with the original data"
        )
    if samples.source is not None and samples.source.sha256 != previous.header.data.sha256:
        raise RunFileError(
            f"the run was trained on other data ({previous.header.data.path}, SHA-256 {previous.header.data.sha256[:12]}…) "
            f"than {samples.source.path} (SHA-256 {samples.source.sha256[:12]}…); resume with the original data"
        )


def read_analysis(path: str, quiet: bool = False) -> dict[str, Any]:
    """A diagnosis from a report, or as JSON from a file or stdin ("-")."""
    import json
    import sys

    if path != "-" and not path.endswith(".json"):
        from topovae.store.reader import read_report

        document = dict(open_stored(path, read_report, quiet).analysis)
        if not is_diagnosis(document):
            raise RunFileError(f"{path} is damaged or was edited: /analysis/json is no whole diagnosis; make the report again")
        return document
    try:
        if path == "-":
            document = json.load(sys.stdin)
        else:
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"--analysis {path}: expected the JSON of `topovae analyze --json` ({error})") from None
    if not is_diagnosis(document):
        raise InputError(
            f"--analysis {path}: this JSON is no whole diagnosis of schema topovae/analysis/1; pipe `topovae analyze --json`"
        )
    return document


def known_components(path: str | None, document: Mapping[str, Any] | None) -> Any:
    """The component of each sample in the report that a mixture is taken from; None where there is none."""
    from topovae.store.reader import read_report

    if path is None or document is None or path == "-" or path.endswith(".json"):
        return None
    single = document["recommendation"]["name"] != "none"
    return None if single else read_report(path).arrays.get("component")


def is_diagnosis(document: Any) -> bool:
    """Whether JSON is a diagnosis, with what a training takes from it."""
    if not isinstance(document, dict) or document.get("schema") != "topovae/analysis/1":
        return False
    best, candidates = document.get("recommendation"), document.get("candidates")
    if not isinstance(best, dict) or not isinstance(candidates, list):
        return False
    known = isinstance(best.get("latent"), str | None) and isinstance(best.get("name"), str)
    confidence = best.get("confidence", 0 if best.get("latent") is None else None)  # `none` recommends nothing
    return known and isinstance(confidence, int | float) and 0 <= confidence <= 1


def doubts(run: Run) -> list[str]:
    """What a training could not do as it was asked to, or did badly."""
    from topovae.runs.evaluation import by_heart

    members = (run.model, run.baseline)
    found = [str(member.config.get("fallback") or "") for member in members if member is not None]
    found += [worse_than_mean(run), by_heart(run.model.final, run)]
    return [words for words in dict.fromkeys(found) if words]


def fault_of(run: Run, samples: Dataset, seed: int) -> str | None:
    """Why the encoder is plainly no homeomorphism, as far as a few samples tell; None where it may be one."""
    from topovae.runs.evaluation import warn

    return warn(run, samples, seed=seed)


def worse_than_mean(run: Run) -> str:
    """That a model reconstructs held-out samples worse than their mean does, if so, and what to do."""
    rms, spread = run.model.final["valid"]["rms"], float(run.model.config.get("spread", run.model.state["scale"]))
    if rms <= spread:
        return ""
    return (
        f"topovae: warning: reconstructions are farther off (rms {rms:.3g}) than the mean of the data (rms {spread:.3g}): the "
        "training went astray; try a smaller --learning-rate, or more --epochs"
    )


def epoch_words(name: str, state: TrainingState) -> str:
    """A training state in a few words for the progress bar."""
    return f"{name} epoch {state.epoch}  loss {state.history['valid_loss'][-1]:.3f}"
