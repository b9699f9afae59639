"""What every command shares: messages, progress and exit codes."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from topovae.cli.options import arrange
from topovae.errors import InputError, OutputError, RunFileError, TopovaeError, UsageError, visible
from topovae.extensions import load_extensions
from topovae.interrupts import Terminated, in_command
from topovae.store.documents import finite
from topovae.version import __version__

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from topovae.data.dataset import Dataset
    from topovae.data.selection import Selection
    from topovae.store.schema import Report, Reproduction, Run, Sweep

# Waiting threads that spin starve the others where the cores are shared; read when the first heavy library loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="topovae",
    help="Diagnose the topology of a data set, train the VAE whose latent space matches it, and check the result.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"topovae {__version__}\n")
        raise typer.Exit


@app.callback()
def _of_the_tool(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version, and end.")
    ] = False,
) -> None:
    pass


Stored = TypeVar("Stored", "Run", "Report", "Sweep", "Reproduction")

HELD = contextlib.ExitStack()
"""What the command that runs keeps until it ends."""

SIGPIPE_EXIT, INTERRUPT_EXIT = 141, 130


_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than the limit on file sizes allows",
    errno.EIO: "the disk reports an input/output error",
    errno.EBADF: "it is closed",
}
"""What can be wrong with standard output; files say it themselves, by their names."""


def group(name: str, text: str) -> typer.Typer:
    """Register a group of commands.

    Args:
        name: the word before theirs.
        text: what they are for.
    """
    commands = typer.Typer(help=text, no_args_is_help=True, pretty_exceptions_enable=False)
    app.add_typer(commands, name=name)
    return commands


def command(name: str, example: str, place: typer.Typer = app) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command; its errors become one message on stderr and the documented exit code.

    Args:
        name: its word.
        example: a call of it, which ends its help.
        place: the group that it belongs to.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        arrange(function)

        @functools.wraps(function)
        def guarded(**options: Any) -> None:
            if hasattr(signal, "SIGPIPE"):
                signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            try:
                with in_command(), warnings.catch_warnings():
                    if options.get("quiet"):
                        warnings.simplefilter("ignore")
                    load_extensions()
                    function(**options)
                    sys.stdout.flush()
            except TopovaeError as error:
                _fail(error.lines, error.exit_code, options)
            except KeyboardInterrupt:
                _fail(("interrupted",), INTERRUPT_EXIT, options)
            except Terminated as error:
                _fail(("interrupted",), int(str(error.code)), options)
            except BrokenPipeError:
                # The reader of our output went away, as `head` does.
                _drop_output()
                raise typer.Exit(SIGPIPE_EXIT) from None
            except MemoryError:
                _fail(("this machine has too little free memory; use fewer samples or --landmarks",), 5, options)
            except Exception as error:
                words = _unwritten(error)
                if words is not None:
                    _fail((words,), OutputError.exit_code, options)
                problem = f"internal error: {type(error).__name__}: {error} (--debug shows where)"
                _fail((problem,), 1, options)
            finally:
                HELD.close()

        return place.command(name, epilog=f"Example: {example}")(guarded)

    return register


def run() -> None:
    """Run the command that the arguments name; a help that cannot be written is told as what a command writes."""
    try:
        app()
    except OSError as error:
        words = _unwritten(error)
        if words is None:
            raise
        _drop_output()
        _say(f"topovae: {words}")
        sys.exit(OutputError.exit_code)


def _unwritten(error: Exception) -> str | None:
    """What was wrong with standard output, where an error is of that kind."""
    if not isinstance(error, OSError) or error.errno not in _FULL or error.filename is not None:
        return None
    return f"cannot write to standard output: {_FULL[error.errno]}; write to another place"


def _drop_output() -> None:
    """What is still buffered for standard output has no place to go; Python would complain of it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _fail(lines: tuple[str, ...], code: int, options: dict[str, Any]) -> None:
    if options.get("debug"):
        raise
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
    _say("\n".join(map(visible, ("topovae: " + lines[0], *lines[1:]))))
    raise typer.Exit(code) from None


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # a full or closed stderr is no reason to fail in another way
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def arguments() -> tuple[str, ...]:
    """The command as it was given, with the program's plain name."""
    return ("topovae", *sys.argv[1:])


def write_json(document: Any) -> None:
    """One JSON document on stdout; what is not finite becomes null."""
    sys.stdout.write(json.dumps(finite(document), indent=2) + "\n")


def console(stderr: bool = False) -> Console:
    """A rich console for tables (stdout) or notes (stderr)."""
    from rich.console import Console as Base

    class Console(Base):
        def on_broken_pipe(self) -> None:
            """Leave it to `command`; rich would end the program with another code."""
            raise

    return Console(stderr=stderr, highlight=False)


UNBOUNDED = 10**4
"""Characters that no row of a table has, to measure how many it wants: not tuned."""


def print_table(table: Table) -> None:
    """Print a table on stdout; where its words do not fit side by side, row below row, each cell after its heading.

    Args:
        table: rows below headings, or pairs of a name and a value, which are broken rather than cut.
    """
    from rich.measure import Measurement
    from rich.table import Table as Base

    out = console()
    for column in table.columns:
        column.overflow = "fold"
    if not table.show_header or Measurement.get(out, out.options.update_width(UNBOUNDED), table).minimum <= out.width:
        out.print(table)
        return
    if table.title is not None:
        out.print(table.title)
    headings = [column.header for column in table.columns]
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        record = Base(show_header=False, box=None)
        record.add_column(no_wrap=True)
        record.add_column(overflow="fold")
        for heading, cell in zip(headings, cells, strict=True):
            record.add_row(heading, cell)
        out.print(record)
        out.print()


def note(text: str, quiet: bool) -> None:
    """A line for the person at the terminal, on stderr."""
    if not quiet:
        _say(visible(text))


@contextlib.contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr when it is a terminal; yields a function of a description and a share in [0, 1]."""
    if quiet or not sys.stderr.isatty():
        yield lambda description, share: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda description, share: bar.update(task, description=description, completed=share)


def open_data(
    path: str, quiet: bool, minimum: int | None = None, memory: int | None = None, selection: Selection | None = None
) -> Dataset:
    """Read and check a data set; what is odd but usable is said on stderr.

    Samples are read from the file once where they fit in memory: the work of a command goes over them many times.

    Args:
        path: as `topovae.data.read` takes it.
        quiet: leave the warnings out.
        minimum: fewest samples accepted; None for what a diagnosis or a training needs.
        memory: bytes that the work may use, of which samples are held in a part; None for the usual.
        selection: which columns and rows are taken, and in which units; None for all as they are.
    """
    from topovae.data.checks import MINIMUM, check
    from topovae.data.dataset import HELD_BYTES, HELD_SHARE, MEMORY_BYTES
    from topovae.data.readers.find import EVERYTHING, read

    held = HELD_BYTES if memory is None else memory // HELD_SHARE
    data = read(path, memory=memory or MEMORY_BYTES, selection=selection or EVERYTHING).held(held)
    for warning in (*data.notes, *check(data, MINIMUM if minimum is None else minimum).warnings):
        note(f"topovae: warning: {warning}", quiet)
    return data


def open_samples(path: str, trained: Run, quiet: bool) -> Dataset:
    """Read samples of the kind that a run was trained on, of the same columns and in the same units.

    Args:
        path: of the samples.
        trained: the run.
        quiet: leave the warnings out.

    Raises:
        RunFileError: they have another shape.
    """
    from topovae.data.selection import Selection

    samples = open_data(path, quiet=True, minimum=1, selection=Selection.of(trained.header.config))
    for sentence in samples.notes:
        note(f"topovae: warning: {sentence}", quiet)
    wanted = tuple(trained.model.config["model"]["sample_shape"])
    if samples.sample_shape != wanted:
        raise RunFileError(
            f"the model encodes samples of shape {wanted}, and these have {samples.sample_shape}; give data of the same kind"
        )
    return samples


def open_test(data: Dataset, path: str, quiet: bool) -> Dataset:
    """Read a data set to test on, of the same columns and in the same units, and join it to the one to train on.

    Args:
        data: to train on.
        path: of the other.
        quiet: leave the warnings out.

    Raises:
        UsageError: its samples have another shape.
    """
    from topovae.data.joined import join_test
    from topovae.data.selection import Selection

    return join_test(data, open_data(path, quiet, minimum=1, selection=Selection.of(data.choices)))


def open_table(path: str, quiet: bool) -> np.ndarray:
    """Read coordinates or truth, float64 (n, k); what was left out of the file is said on stderr.

    Args:
        path: as `topovae.data.readers.find.read_table` takes it.
        quiet: leave the warnings out.
    """
    from topovae.data.readers.find import read_table

    return read_table(path, note=lambda sentence: note(f"topovae: warning: {sentence}", quiet)).astype(float)


def with_truth(samples: Dataset, path: str | None, space: str | None, quiet: bool) -> Dataset:
    """The data with ground truth, from another file where one is named, which their choices say then.

    Args:
        samples: the data.
        path: of the truth, None for what lies beside the data.
        space: latent expression of its coordinates.
        quiet: leave warnings out.

    Raises:
        UsageError: the truth comes without its space, or does not fit it or the data.
    """
    from dataclasses import replace

    if path is not None:
        if space is None:
            raise UsageError("--truth needs --truth-space, the latent expression of its coordinates, such as S1 or S1xS1")
        told = {"truth": path, "truth_space": space}
        samples = replace(samples, truth=open_table(path, quiet), space=space, choices={**samples.choices, **told})
    if samples.truth is None or samples.space is None:
        return samples
    from topovae.latent import LatentSpace
    from topovae.signature import parse

    wanted = (samples.n_samples, LatentSpace(parse(samples.space)).coordinate_dim)
    if samples.truth.shape != wanted:
        raise UsageError(f"the truth has shape {samples.truth.shape}; {samples.space} for these data needs {wanted}")
    return samples


def open_stored(path: str, read: Callable[[str], Stored], quiet: bool) -> Stored:
    """Read a run file, a report or a sweep; that it has no checksums is said on stderr.

    Args:
        path: the file.
        read: reads such a file.
        quiet: leave the note out.
    """
    found = read(path)
    if not found.sealed:
        said = "has no checksums (an older topovae wrote it, or it was changed), so damage to it goes unseen"
        note(f"topovae: warning: {path} {said}", quiet)
    return found


def open_trained(path: str, quiet: bool) -> Run:
    """Read a run file to work with its model; that its training is not done is said on stderr.

    Args:
        path: the file.
        quiet: leave the notes out.
    """
    from topovae.runs.integrity import open_run

    run = open_stored(path, open_run, quiet)
    checkpoint = run.model.checkpoint
    if checkpoint is not None and not checkpoint.finished:
        done = (
            f"only {checkpoint.epoch} whole epochs are done"
            if checkpoint.epoch
            else "0 epochs are done: its weights are untrained"
        )
        note(f"topovae: warning: {path} holds an unfinished run, of which {done}", quiet)
    return run


def set_threads(network: str, threads: int | None = None) -> None:
    """One thread for dense networks, whose steps are too short to share; all cores for convolutions.

    Args:
        network: kind of the bodies.
        threads: asked for, None for this choice.
    """
    import torch

    if threads or network == "mlp":
        torch.set_num_threads(threads or 1)


TEXTS = ("csv", "jsonl")
"""Formats that a terminal can show."""


def check_stream(path: str, form: str | None = None) -> None:
    """Find out before the work whether what goes to stdout ("-") would fill a terminal with bytes.

    Args:
        path: where the output goes.
        form: its format; .npy where there is none.

    Raises:
        UsageError: it would.
    """
    if path == "-" and form not in TEXTS and sys.stdout.isatty():
        raise UsageError("standard output is a terminal, which cannot show arrays; give -o FILE, or send them on with | or >")


def check_output(path: str, *inputs: str | None, streams: bool = False) -> None:
    """Find out before the work whether a file can be written, and that it is none of the inputs.

    Args:
        path: where the output goes.
        inputs: what the command reads, as given.
        streams: whether it may go to stdout ("-").

    Raises:
        OutputError: it cannot, or it is one of them.
        UsageError: it is stdout, and cannot go there.
    """
    from topovae.store.atomic import check_writable

    if path == "-":
        if not streams:
            raise UsageError("this file cannot go to standard output, as it is written in parts; give -o FILE")
        return
    check_writable(path)
    for given in inputs:
        place = given if given is None or os.path.exists(given) else given.rpartition("::")[0]
        if place and os.path.exists(path) and os.path.exists(place) and os.path.samefile(path, place):
            raise OutputError(f"{path} is an input of this command, which writing there would destroy; choose another -o")


def hold(path: str) -> None:
    """Keep the place of an output for this command until it ends.

    Raises:
        OutputError: another process is writing there.
    """
    from topovae.store.atomic import holding

    HELD.enter_context(holding(path))


def check_picture(path: str | None, *inputs: str | None) -> None:
    """Find out before the work whether a picture can be drawn into a file.

    Raises:
        UsageError: its ending names no format of a picture.
        OutputError: it cannot be written, or is one of the inputs.
    """
    if path is not None:
        from topovae.viz.files import suffix_of

        suffix_of(path)
        check_output(path, *inputs)


def check_animation(path: str | None, *inputs: str | None) -> None:
    """As `check_picture`, where an animated .gif can be drawn too."""
    if path is not None:
        from topovae.viz.files import suffix_of

        suffix_of(path, ("gif",))
        check_output(path, *inputs)


def existing(path: str, read: Callable[[str], Stored], kind: str) -> Stored | None:
    """What an earlier call of the command left at the place of the output, if there is something.

    Args:
        path: where the output goes.
        read: reads such a file.
        kind: what the file is to be, in words.

    Raises:
        OutputError: the place holds something else, which must not be lost.
    """
    if not os.path.exists(path):
        return None
    try:
        return read(path)
    except (RunFileError, InputError):
        raise OutputError(
            f"{path} exists and is no {kind} of this version, so it is not overwritten; move it away, or choose another -o"
        ) from None


@contextlib.contextmanager
def keeping(path: str, words: str) -> Iterator[None]:
    """Say on an interrupt what is kept in a file, if it is there by then, and how to go on."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if os.path.exists(path):
            note(f"{path} {words}", quiet=False)
        raise
