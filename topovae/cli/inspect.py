"""`topovae inspect`: what a file holds."""

from __future__ import annotations

import json as json_module
import os
from typing import Annotated, Any

import typer

from topovae.cli.options import DebugOption, JsonOption, QuietOption, SeedOption
from topovae.cli.shell import command, print_table, write_json
from topovae.errors import RunFileError, visible


@command("inspect", "topovae inspect run.h5 --field metrics/final/test/rms")
def inspect(
    file: Annotated[str, typer.Argument(help="A run file, a report or a data set.")],
    field: Annotated[str | None, typer.Option(help="One field, such as metrics/final/test/rms.")] = None,
    json: JsonOption = False,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Say what is in a run file, a report or a data set."""
    from topovae.store import inspect as store

    if field is not None:
        value = store.field(file, field)
        write_json(value)
        return
    document = describe_any(file, store.describe)
    if json:
        write_json(document)
    else:
        print_tree(document)


def describe_any(path: str, describe: Any) -> dict[str, Any]:
    """A summary of a run file or report, or of a data set in any format."""
    # neither a folder, nor a pipe, which can be read once, nor an array chosen by name is a file of ours
    if os.path.isfile(path) or not (os.path.exists(path) or "::" in path):
        try:
            return describe(path)
        except RunFileError:
            # HDF5 may begin with a block of another program, and is then no run file of ours
            if path.endswith((".h5", ".hdf5")) and not has_user_block(path):
                raise
    from topovae.data.readers.find import read

    data = read(path)
    return {
        "data": path,
        "shape": list(data.x.shape),
        "dtype": str(data.x.dtype),
        "truth": None if data.truth is None else list(data.truth.shape),
        "space": data.space,
        "columns": list(data.names),
        "left_out": list(data.notes),
        "groups": None if data.group is None else len(set(data.group.tolist())),
        "sha256": data.source.sha256 if data.source else None,
    }


def has_user_block(path: str) -> bool:
    """Whether an HDF5 file begins with bytes that belong to another program."""
    import h5py

    from topovae.store.reader import SIGNATURE

    with open(path, "rb") as stream:
        return stream.read(len(SIGNATURE)) != SIGNATURE and h5py.is_hdf5(path)


def print_tree(document: dict[str, Any]) -> None:
    """Keys and values, nested ones as compact JSON; of the arrays in a file only how many (--json lists them)."""
    from rich.table import Table

    if "datasets" in document:
        document = document | {"datasets": f"{len(document['datasets'])} (listed by --json)"}
    table = Table(show_header=False, box=None)
    for key, value in document.items():
        plain = visible(value) if isinstance(value, str) else json_module.dumps(value, default=str)
        table.add_row(f"[bold]{key}[/bold]", plain.replace("[", "\\["))
    print_table(table)
