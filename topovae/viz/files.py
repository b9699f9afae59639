"""Pictures on their way to disk."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib
from matplotlib.figure import Figure

from topovae.errors import UsageError
from topovae.store.atomic import write_atomic

# Dates and versions are left out, so that equal pictures are equal files.
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a picture atomically; equal pictures give equal bytes.

    Args:
        figure: the picture.
        path: its suffix, .png, .pdf or .svg, says in which format.

    Raises:
        UsageError: another suffix.
        OutputError: the place cannot be written.
    """
    image = render(figure, suffix_of(path))

    def copy(stream: BinaryIO) -> None:
        stream.write(image)

    write_atomic(path, copy)


def suffix_of(path: str | os.PathLike[str], others: Sequence[str] = ()) -> str:
    """The format that a file name asks for.

    Args:
        path: of the picture.
        others: formats that can be written here beside the usual ones.

    Raises:
        UsageError: none that we write.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in (*METADATA, *others):
        known = ", ".join(f".{name}" for name in (*METADATA, *others))
        raise UsageError(f"cannot tell the format of the picture {os.fspath(path)}: end its name with one of {known}.")
    return suffix


def render(figure: Figure, kind: str, *, dpi: float = 150) -> bytes:
    """The picture as the bytes of a png, pdf or svg file."""
    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "topovae", "svg.fonttype": "path", "pdf.fonttype": 42}):
        figure.savefig(stream, format=kind, dpi=dpi, metadata=METADATA[kind])
    return stream.getvalue()
