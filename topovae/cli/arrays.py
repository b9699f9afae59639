"""Options of the commands that write arrays."""

from __future__ import annotations

from typing import Annotated

import typer

OutputOption = Annotated[str, typer.Option("--output", "-o", help="Where to: a file, or - for stdout.")]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="npy, npz, csv, h5 or jsonl; by the file's ending when left out.")
]
