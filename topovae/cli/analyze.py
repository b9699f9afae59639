"""`topovae analyze`: diagnosis and recommendation."""

from __future__ import annotations

import contextlib
import os
import sys
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
)
from topovae.cli.shell import (
    INTERRUPT_EXIT,
    arguments,
    check_output,
    check_picture,
    command,
    console,
    hold,
    note,
    open_data,
    print_table,
    progress_bar,
    write_json,
)
from topovae.errors import InputError, OutputError, RunFileError, UsageError
from topovae.store.documents import probability

if TYPE_CHECKING:
    from rich.table import Table

    from topovae.data.dataset import Dataset
    from topovae.homology.verdict.analysis import Analysis
    from topovae.runs.evidence import Evidence

_UNITS = {"b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}


@command("analyze", "topovae analyze sample_data/torus.npz --plot torus.png")
@selects
def analyze(
    data: DataArgument,
    *,
    selection: Any,
    json: JsonOption = False,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write a report (.h5).")] = None,
    plot: PlotOption = None,
    landmarks: Annotated[int | None, typer.Option(help="Number of landmarks.", min=20)] = None,
    max_dim: Annotated[int, typer.Option(help="Highest degree of homology.", min=1, max=2)] = 2,
    primes: Annotated[str, typer.Option(help="Primes of the coefficient fields, with commas.")] = "2,3",
    alpha: Annotated[float, typer.Option(help="Significance level of bars.", min=0.0, max=1.0)] = 0.01,
    candidates: Annotated[
        str | None, typer.Option(help="Choose among these latent expressions only, with commas between them.")
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="What is done before distances are taken; counts: square roots, smoothing of time series.",
            metavar="auto | counts | none",
        ),
    ] = "auto",
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence", help="Train on each space that is left possible, to convergence, and compare; takes minutes."
        ),
    ] = False,
    memory: Annotated[str, typer.Option(help="Memory that may be used, such as 2GiB.")] = "2GiB",
    time: Annotated[float | None, typer.Option(help="Seconds that homology, then evidence, may take.", min=0.0)] = None,
    metric: Annotated[str, typer.Option(help="Of distances between samples.", metavar="euclidean | cosine")] = "euclidean",
    distance_matrix: Annotated[
        bool, typer.Option(help="The data are an n x n distance matrix, or a sparse graph of edge lengths.")
    ] = False,
    device: DeviceOption = "cpu",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Diagnose the topology of a data set and recommend a latent space."""
    options: dict[str, Any] = {
        "landmarks": landmarks,
        "max_dim": max_dim,
        "primes": parse_primes(primes),
        "alpha": alpha,
        "memory": parse_size(memory),
        "time": time,
        "metric": metric,
        "distance_matrix": distance_matrix,
        "preset": preset,
        "candidates": candidates,
        "device": device,
    }
    if evidence and distance_matrix:
        raise UsageError("--evidence trains on samples, and a distance matrix has none; leave one of the two out")
    check_picture(plot, data)
    if output:
        check_output(output, data)
        check_report(output)
        hold(output)
    samples = (
        open_graph(data)
        if distance_matrix and holds_graph(data)
        else open_data(data, quiet, memory=options["memory"], selection=selection)
    )
    result = diagnose(samples, seed, quiet, **options)
    document: dict[str, Any] = result.to_dict()
    stopped, interrupted = result.stopped, result.interrupted
    if evidence and not interrupted:
        document, found = add_evidence(document, samples, seed, quiet, candidates, time)
        stopped, interrupted = stopped or found.stopped, interrupted or found.interrupted
    if output:
        write(output, document, {"component": result.component}, samples, {**options, "evidence": evidence}, seed)
        note(f"report: {output}", quiet)
    if plot:
        draw(plot, document, result, data)
        note(f"picture: {plot}", quiet)
    if json:
        write_json(document)
    else:
        print_analysis(document)
    if stopped is not None:
        note(f"topovae: {stopped}; the answer rests on what was known by then", quiet)
        if interrupted:
            sys.stdout.flush()
            sys.exit(INTERRUPT_EXIT)


def holds_graph(path: str) -> bool:
    """Whether a file holds a sparse matrix as scipy saves it."""
    from topovae.homology.cloud import graphs

    return path != "-" and os.path.isfile(path) and graphs.holds_graph(path)


def open_graph(path: str) -> Dataset:
    """Read a sparse matrix of edge lengths as the table of its edges."""
    import hashlib

    import numpy as np

    from topovae.data.dataset import Dataset, Source
    from topovae.homology.cloud.graphs import read_graph

    edges = read_graph(path).tocoo()
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Dataset.of(np.column_stack([edges.row, edges.col, edges.data]), source=Source(path, digest))


def add_evidence(
    document: dict[str, Any], samples: Dataset, seed: int, quiet: bool, candidates: str | None, seconds: float | None
) -> tuple[dict[str, Any], Evidence]:
    """Train on the candidates, or on all spaces that are left possible, and let them decide, where they do."""
    from topovae.homology.spaces.catalogue import catalogue, find
    from topovae.runs.evidence import Effort, compare, possible, weigh

    spaces = possible(document, catalogue()) if candidates is None else [space.latent for space in find(candidates)]
    effort = Effort() if seconds is None else replace(Effort(), seconds=max(seconds, 1e-9))
    with progress_bar(quiet) as advance:
        found = compare(samples, spaces, seed, effort, advance)
    return weigh(document, found), found


def write(
    path: str, document: dict[str, Any], arrays: dict[str, Any], samples: Dataset, options: dict[str, Any], seed: int
) -> None:
    """Write the report of a diagnosis."""
    from topovae.runs.provenance import make_header
    from topovae.store.writer import write_report

    write_report(path, document, arrays, make_header(samples, options, seed, options["device"], arguments()))


def draw(path: str, document: dict[str, Any], result: Analysis, data: str) -> None:
    """Draw the page of a diagnosis."""
    from topovae.homology.features.circles import landmark_angles
    from topovae.viz.diagnosis import plot_diagnosis
    from topovae.viz.files import save

    skeleton = result.skeleton
    angles = landmark_angles(skeleton.landmarks, skeleton.circles)
    page = plot_diagnosis(document, landmark_points=skeleton.landmarks.points, angles=angles, title=os.path.basename(data))
    save(page, path)


def check_report(path: str) -> None:
    """Whether a report may be written there: in a free place, or over an older report.

    Raises:
        OutputError: the place holds something else.
    """
    from topovae.store.reader import opened, require_version
    from topovae.store.schema import REPORT_FORMAT

    if not os.path.isfile(path):
        return
    with contextlib.suppress(RunFileError, InputError), opened(path) as file:
        if require_version(file) == REPORT_FORMAT:
            return
    raise OutputError(
        f"{path} exists and is no report of `topovae analyze`, so it is not overwritten; move it away, or choose another -o"
    )


def diagnose(samples: Dataset, seed: int, quiet: bool, **options: Any) -> Analysis:
    """Run the diagnosis behind a progress bar."""
    from topovae.homology import analyze as run

    with progress_bar(quiet) as advance:
        return run(samples, seed=seed, progress=advance, **options)


def parse_primes(text: str) -> tuple[int, ...]:
    """ "2,3" to (2, 3)."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--primes {text}: expected prime numbers with commas between them, such as 2,3") from None


def parse_size(text: str) -> int:
    """ "2GiB" to bytes."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    unit = text[len(number) :].strip().lower() or "b"
    try:
        size = int(float(number) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        raise UsageError(f"--memory {text}: expected a size such as 500MiB or 2GiB") from None
    if size <= 0:
        raise UsageError(f"--memory {text}: expected more than nothing")
    return size


def print_analysis(document: dict[str, Any]) -> None:
    """The answer in the first line, the reasons below it."""
    from rich.markup import escape
    from rich.table import Table

    out = console()
    wide = not out.is_terminal  # a pipe has no width, and a line of it is a sentence
    out.print(f"[bold]{escape(headline(document))}[/bold]")
    for sentence in document["summary"]:
        out.print(f"  {escape(sentence)}", soft_wrap=wide)
    dimension = document["intrinsic_dimension"]
    low, high = dimension["interval"]
    facts = Table(show_header=False, box=None)
    features = document["n_features"] or "distances"
    facts.add_row("samples x features", f"{document['n_samples']} x {features}")
    facts.add_row("landmarks", f"{document['landmarks']} (covering radius {document['covering_radius']:.3g})")
    facts.add_row("dimension", f"{dimension['value']} (estimate {dimension['estimate']:.2f}, {low:.2f} to {high:.2f})")
    for prime, numbers in document["betti"].items():
        facts.add_row(f"Betti numbers over Z/{prime}", " ".join(map(str, numbers)))
    for key in ("components", "orientable", "boundary", "cup_length"):
        if document[key] is not None:
            facts.add_row(key.replace("_", " "), str(document[key]).lower())
    for cover in document["covers"]:
        ranks = ", ".join(f"{numbers[1]} over Z/{prime}" for prime, numbers in cover["betti"].items())
        facts.add_row(f"double cover {cover['class']}", f"H1 of rank {ranks}")
    print_table(facts)
    table = Table(title="candidates", title_justify="left")
    table.add_column("latent")
    table.add_column("name")
    table.add_column("score", justify="right")
    table.add_column("reasons")
    for candidate in document["candidates"][:4]:
        reasons = "; ".join(reason for reason in candidate["reasons"] if not reason.startswith("for"))
        why = reasons or "all findings agree"
        table.add_row(escape(candidate["latent"]), candidate["name"], probability(candidate["score"]), escape(why))
    print_table(table)
    if settling := document.get("settling"):
        print_table(telling_table(settling))
    if evidence := document.get("evidence"):
        out.print(escape(describe_evidence(evidence)), soft_wrap=wide)


def telling_table(settling: dict[str, Any]) -> Table:
    """What tells the nearest candidates apart: what was found, what each expects, and how probable it makes that."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="what tells the nearest apart: expected (probability of what was found)", title_justify="left")
    table.add_column("found")
    for latent in settling["candidates"]:
        table.add_column(escape(latent))
    for row in settling["rows"]:
        cells = (
            f"{row['expected'][latent]} ({probability(row['probability'][latent])})" if latent in row["expected"] else ""
            for latent in settling["candidates"]
        )
        table.add_row(escape(row["observed"]), *cells)
    return table


def describe_evidence(evidence: dict[str, Any]) -> str:
    """The verdict of training in one line."""
    scores = ", ".join(f"{one['name']} {one['log_likelihood']:.2f} ± {one['se']:.2f}" for one in evidence["candidates"])
    verdict = "decided" if evidence["decided"] else f"not decided, as {evidence['why']}"
    return f"evidence ({verdict}): held-out log-likelihood in nats a sample: {scores}"


def headline(document: dict[str, Any]) -> str:
    """The answer in one line."""
    best = document["recommendation"]
    sure = f"confidence {probability(best['confidence'])}"
    if best["name"] != "none":
        source = "" if best["source"] == "homology" else f", by {best['source']}"
        return f"{best['name']}: train with --latent '{best['latent']}' ({sure}{source})"
    if document["components"] > 1:
        parts = [part["recommendation"]["latent"] for part in document["parts"]]
        how = "" if None in parts else f": train with --latent 'mixture({','.join(parts)})'"
        return f"none: {document['components']} components, each a space of its own{how} ({sure})"
    return f"none: no space of the catalogue matches ({sure}); a latent to try all the same: --latent R{_free(document)}"


def _free(document: dict[str, Any]) -> int:
    """The dimension of a Euclidean latent that has room for the data: one more than theirs."""
    return int(document["intrinsic_dimension"]["value"]) + 1
