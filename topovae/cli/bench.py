"""`topovae bench`: how good the tool is, on data whose answer is known."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from topovae.cli.options import DebugOption, DeviceOption, JsonOption, QuietOption, SeedOption, declared
from topovae.cli.shell import check_output, command, console, group, note, print_table, progress_bar, write_json
from topovae.errors import UsageError
from topovae.store.documents import probability

if TYPE_CHECKING:
    from topovae.benchmarks.diagnosis import DiagnosisTask, Outcome, Scorecard, Tally

bench = group("bench", "Measure how good the tool is, on generated data whose answer is known.")


@command("diagnosis", "topovae bench diagnosis circle torus --seeds 0:3", bench)
def diagnosis(
    spaces: Annotated[
        list[str] | None, typer.Argument(help="Spaces as `topovae generate` makes them; without any, all with known answers.")
    ] = None,
    noise: Annotated[str, typer.Option(help="Standard deviations of the noise, with commas.")] = "0.05,0.1",
    seeds: Annotated[str, typer.Option(help="Seeds of the data: a range 0:10, or numbers with commas.")] = "0:10",
    samples: Annotated[int, typer.Option("--samples", "-n", help="Number of samples.", min=20)] = 2000,
    n: Annotated[
        list[str] | None, typer.Option("--n", help="Number of samples of one space, as SPACE=COUNT; T3=5000 unless said.")
    ] = None,
    ambient: Annotated[int, typer.Option(help="Number of features, to which a random smooth map takes the space.", min=1)] = 50,
    measured: Annotated[
        bool,
        typer.Option("--measured", help="Models of instruments, not spaces; noise, samples and features are theirs."),
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes that work at once, on one core each.", min=1)] = 1,
    save: Annotated[
        str | None, typer.Option(help="Add each result to this file (.jsonl); what is there is not done again.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")] = False,
    json: JsonOption = False,
    seed: Annotated[int, typer.Option(help="Added to every one of --seeds.", min=0)] = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Count how often `analyze` names the right space: a confusion table, errors, calibration, time and memory."""
    from topovae.benchmarks.diagnosis import SIZES, known_spaces, make_measured_tasks, make_tasks, outcome_of

    if markdown and json:
        raise UsageError("--json and --markdown both say what goes to stdout; give one of them")
    levels, chosen = parse_noise(noise), [seed + value for value in parse_seeds(seeds)]
    sizes = {**SIZES, **dict(parse_count(text) for text in n or ())}
    if measured:
        tasks = make_measured_tasks(list(dict.fromkeys(spaces or ())), chosen, sizes)
    else:
        tasks = make_tasks(list(dict.fromkeys(spaces or known_spaces())), levels, chosen, samples, ambient, sizes)
    outcomes: list[Outcome] = []
    try:
        with progress_bar(quiet) as advance:
            for row in results(tasks, jobs, save):
                outcomes.append(outcome_of(row))
                report(outcomes, len(tasks), advance, quiet)
    finally:  # an interrupt leaves the table of what is there
        settings = {"noise": levels, "seeds": chosen, "samples": samples, "ambient": ambient, "asked": len(tasks)}
        if measured:
            settings = {"seeds": chosen, "asked": len(tasks)}
        show(outcomes, settings, "json" if json else "markdown" if markdown else "tables")


@command("train", "topovae bench train --epochs 5", bench)
def train(
    models: Annotated[int, typer.Option(help="Models of the ensemble.", min=1)] = 16,
    epochs: Annotated[int, typer.Option(help="Epochs of every training.", min=1)] = 4,
    batch_size: Annotated[int, declared("batch_size")] = 128,
    repeats: Annotated[int, typer.Option(help="Rounds that are timed.", min=1)] = 5,
    compiled: Annotated[bool, typer.Option("--compile/--no-compile", help="Time compiled trainings too.")] = True,
    precision: Annotated[str, declared("precision")] = "float32",
    device: DeviceOption = "auto",
    json: JsonOption = False,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Time one model and an ensemble of the torus net against a plain eager loop, in turn on one thread."""
    import torch
    from rich.table import Table

    from topovae.benchmarks.training import SCHEMA, measure_throughput

    torch.set_num_threads(1)
    with progress_bar(quiet) as advance:
        rates = measure_throughput(models, epochs, repeats, seed, device, batch_size, compiled, precision, advance)
    if json:
        settings = {"batch_size": batch_size, "precision": precision}
        write_json({"schema": SCHEMA, **settings, "rates": [rate.to_dict() for rate in rates]})
        return
    table = Table(title=f"torus net, 2000 x 50, batch {batch_size}; steps of all models together", title_justify="left")
    table.add_column("training", no_wrap=True)
    for head in ("steps/s", "x plain", "of limit", "start s", "s to loss", "peak MiB"):
        table.add_column(head, justify="right")
    for rate in rates:
        reached = "–" if rate.seconds_to_loss is None else f"{rate.seconds_to_loss:.1f}"
        pace = f"{rate.steps_per_second:.0f}", f"{rate.ratio:.2f}", f"{rate.limit:.1%}", f"{rate.start_seconds:.1f}"
        table.add_row(rate.name, *pace, reached, f"{rate.peak_bytes / 2**20:.0f}")
    print_table(table)
    console().print(f"validation curves agree to {max(rate.curve_difference for rate in rates):.0e} of the loss")


@command("calibrate", "topovae bench calibrate --jobs 2", bench)
def calibrate(
    sets: Annotated[int, typer.Option(help="Number of simulated sets.", min=1)] = 600,
    jobs: Annotated[int, typer.Option(help="Processes that work at once, on one core each.", min=1)] = 1,
    minutes: Annotated[float | None, typer.Option(help="After so many, what is there is fitted.", min=0)] = None,
    save: Annotated[
        str | None,
        typer.Option(help="Add what is measured of each set to this file (.jsonl); what is there is not done again."),
    ] = None,
    commit: Annotated[str, typer.Option(help="Commit of the code that measured, to be noted.")] = "not noted",
    seed: Annotated[int, typer.Option(help="Seed of the first set; the others follow.", min=0)] = 0,
    answers: Annotated[bool, typer.Option("--answers", help="Fit the confidence of answers, which rests on the bars.")] = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Fit how long bars of noise and of classes live to simulated sets of known topology; all fits go to stdout, as JSON.

    They are read from topovae/homology/calibration.json. What is not fitted stays as it is there.
    """
    from topovae.benchmarks.calibrate import (
        fit_confidence,
        fit_laws,
        observe_all,
        observe_answer,
        observe_bars,
        section_of,
        written,
    )
    from topovae.homology.fitted import document

    if save is not None and not os.path.exists(save):
        check_output(save)
    rows = []
    with progress_bar(quiet) as advance:
        for row in observe_all(observe_answer if answers else observe_bars, range(seed, seed + sets), jobs, save, minutes):
            rows.append(row)
            advance(f"{len(rows)} sets", len(rows) / sets)
    words = f"topovae bench calibrate --sets {sets} --seed {seed}" + " --answers" * answers
    fit = fit_confidence(rows) if answers else fit_laws(rows)
    sys.stdout.write(written({**document(), "confidence" if answers else "bars": section_of(fit, rows, words, commit)}))


def show(outcomes: Sequence[Outcome], settings: Mapping[str, Any], form: str) -> None:
    """Write what was found on stdout; nothing where nothing was found."""
    from topovae.benchmarks.diagnosis import SCHEMA, by_kind, markdown, scorecard_of, tally_markdown

    if not outcomes:
        return
    summary, tallies = scorecard_of(outcomes), by_kind(outcomes)
    if form == "json":
        rows = [outcome.to_dict() for outcome in outcomes]
        kinds = {"by_kind": [one.to_dict() for one in tallies]} if tallies else {}
        write_json({"schema": SCHEMA, "settings": dict(settings), "summary": {**summary.to_dict(), **kinds}, "rows": rows})
    elif form == "markdown":
        sys.stdout.write(markdown(summary) + ("\n" + tally_markdown(tallies) if tallies else ""))
    else:
        print_summary(summary)
        print_tallies(tallies)


def results(tasks: Sequence[DiagnosisTask], jobs: int, save: str | None) -> Iterator[Mapping[str, Any]]:
    """Rows of all tasks, those of the file first; new ones are added to it."""
    from topovae.benchmarks.diagnosis import appending, finished, read_rows, run

    if save is None:
        yield from run(tasks, jobs)
        return
    if not os.path.exists(save):
        check_output(save)
    done = finished(tasks, read_rows(save))
    yield from done.values()
    with appending(save) as append, contextlib.closing(run([task for task in tasks if task not in done], jobs)) as fresh:
        for row in fresh:
            append(row)
            yield row


def report(outcomes: Sequence[Outcome], asked: int, advance: Callable[[str, float], None], quiet: bool) -> None:
    """Say the last outcome: in the progress bar at a terminal, else as a line on stderr."""
    last, done = outcomes[-1], len(outcomes)
    words = f"{last.space} {last.noise:g} seed {last.seed}: {last.answer} {probability(last.confidence)}"
    advance(words, done / asked)
    if not sys.stderr.isatty():
        note(f"{done}/{asked} {words} ({last.seconds:.1f} s){'' if last.right else '  WRONG'}", quiet)


def parse_seeds(text: str) -> list[int]:
    """ "0:3" or "0,1,2" to [0, 1, 2]."""
    try:
        if ":" in text:
            first, last = text.split(":")
            found = list(range(int(first or 0), int(last)))
        else:
            found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 0:
        raise UsageError(f"--seeds {text}: expected a range such as 0:10 (the last left out), or numbers such as 0,1,2")
    return list(dict.fromkeys(found))


def parse_noise(text: str) -> list[float]:
    """ "0.05,0.1" to [0.05, 0.1]."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = [-1.0]
    if not all(0 <= level < float("inf") for level in found):
        raise UsageError(f"--noise {text}: expected standard deviations with commas between them, such as 0.05,0.1")
    return list(dict.fromkeys(found))


def parse_count(text: str) -> tuple[str, int]:
    """ "T3=5000" to ("T3", 5000)."""
    space, _, count = text.partition("=")
    if not space or not count.isdecimal() or int(count) < 1:
        raise UsageError(f"--n {text}: expected a space and its number of samples, such as T3=5000")
    return space, int(count)


def print_summary(summary: Scorecard) -> None:
    """The rate in the first line, the tables below it."""
    from rich.table import Table

    from topovae.benchmarks.diagnosis import APART, expected_answers, figures, interval

    out = console()
    total, *others = figures(summary)
    out.print(f"[bold]{total}[/bold]")
    table = Table(title="answers for data from each space", title_justify="left")
    table.add_column("data", no_wrap=True)
    table.add_column("answers")
    levels = sorted({level for rates in summary.by_space.values() for level in rates})
    for level in levels:
        table.add_column(f"noise {level:g}", justify="right", no_wrap=True)
    for space, counts in summary.confusion.items():
        right = expected_answers(space)
        answers = ", ".join(
            _painted(answer, counts[answer], answer in right) for answer in summary.answers if counts.get(answer)
        )
        rates = summary.by_space[space]
        table.add_row(f"{space} *" if space in APART else space, answers, *(_ratio(rates[level]) for level in levels))
    table.add_section()
    ends = [_ratio(summary.by_noise[level]) if level in summary.by_noise else "" for level in levels]
    table.add_row("right", "", *ends)
    print_table(table)
    for words in others:
        out.print(words)
    bins = Table(title="how often answers of each confidence are right", title_justify="left")
    for head in ("confidence", "mean", "right", "share"):
        bins.add_column(head, justify="right")
    for row in summary.reliability:
        bins.add_row(interval(row), f"{row.mean_confidence:.3f}", str(row.rate), f"{row.rate.share:.3f}")
    print_table(bins)


def print_tallies(tallies: Sequence[Tally]) -> None:
    """Right and wrong answers by kind of instrument; nothing where there are none."""
    from rich.table import Table

    from topovae.benchmarks.diagnosis import TALLY_HEADS

    if not tallies:
        return
    table = Table(*TALLY_HEADS, title="answers by kind of instrument", title_justify="left")
    for one in tallies:
        table.add_row(*one.cells())
    print_table(table)


def _painted(answer: str, count: int, right: bool) -> str:
    colour = "green" if right else "red"
    return f"[{colour}]{answer} {count}[/{colour}]"


def _ratio(rate: Any) -> str:
    return f"{rate.right}/{rate.asked}"
