"""`topovae analyze`: diagnosis and recommendation."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from topovae.cli.common import (
    DataArgument,
    DebugOption,
    JsonOption,
    PlotOption,
    QuietOption,
    SeedOption,
    arguments,
    check_output,
    check_picture,
    command,
    console,
    note,
    open_data,
    progress_bar,
    write_json,
)
from topovae.errors import InputError, OutputError, RunFileError, UsageError

if TYPE_CHECKING:
    from topovae.data.dataset import Dataset
    from topovae.homology.analysis import Analysis

_UNITS = {"b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}


@command("analyze")
def analyze(
    data: DataArgument,
    json: JsonOption = False,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write a report (.h5).")] = None,
    plot: PlotOption = None,
    landmarks: Annotated[int | None, typer.Option(help="Number of landmarks.", min=20)] = None,
    max_dim: Annotated[int, typer.Option(help="Highest degree of homology.", min=1, max=2)] = 2,
    primes: Annotated[str, typer.Option(help="Primes of the coefficient fields, with commas.")] = "2,3",
    alpha: Annotated[float, typer.Option(help="Significance level of bars.", min=0.0, max=1.0)] = 0.01,
    memory: Annotated[str, typer.Option(help="Memory that may be used, such as 2GiB.")] = "2GiB",
    metric: Annotated[str, typer.Option(help="euclidean or cosine.")] = "euclidean",
    distance_matrix: Annotated[bool, typer.Option(help="The data are an n x n distance matrix.")] = False,
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
        "metric": metric,
        "distance_matrix": distance_matrix,
    }
    check_picture(plot, data)
    if output:
        check_output(output, data)
        check_report(output)
    samples = open_data(data, quiet)
    result = diagnose(samples, seed, quiet, **options)
    document: dict[str, Any] = result.to_dict()
    if output:
        from topovae.pipeline import make_header
        from topovae.store.writer import write_report

        header = make_header(samples, options, seed, "cpu", arguments())
        write_report(output, document, {}, header)
        note(f"report: {output}", quiet)
    if plot:
        from topovae.viz.barcode import plot_barcode
        from topovae.viz.files import save

        save(plot_barcode(document["bars"], title=f"persistent homology of {data}"), plot)
        note(f"picture: {plot}", quiet)
    if json:
        write_json(document)
    else:
        print_analysis(document)


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
    from rich.table import Table

    out = console()
    best = document["recommendation"]
    if best["name"] == "none":
        out.print("[bold]no space of the catalogue matches[/bold]; the nearest candidates are below")
    else:
        expression = best["latent"].replace("[", "\\[")
        out.print(f"[bold]{best['name']}[/bold]: train with --latent '{expression}' (confidence {best['confidence']:.2f})")
    dimension = document["intrinsic_dimension"] or {}
    facts = Table(show_header=False, box=None)
    facts.add_row("samples x features", f"{document['n_samples']} x {document['n_features']}")
    facts.add_row("landmarks", str(document["landmarks"]))
    if dimension:
        facts.add_row("dimension", f"{dimension['value']} (estimate {dimension['estimate']:.2f})")
    for prime, numbers in (document["betti"] or {}).items():
        facts.add_row(f"Betti numbers over Z/{prime}", " ".join(map(str, numbers)))
    for key in ("components", "orientable", "boundary"):
        if document[key] is not None:
            facts.add_row(key, str(document[key]).lower())
    out.print(facts)
    table = Table(title="candidates", title_justify="left")
    table.add_column("latent")
    table.add_column("name")
    table.add_column("score", justify="right")
    table.add_column("reasons")
    for candidate in document["candidates"][:4]:
        reasons = "; ".join(candidate["reasons"])
        table.add_row(candidate["latent"], candidate["name"], f"{candidate['score']:.2f}", reasons)
    out.print(table)
