"""Arrays out of a command, in the formats of a pipeline."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from topovae.errors import UsageError

if TYPE_CHECKING:
    import numpy as np


def write_columns(columns: dict[str, np.ndarray], path: str, form: str | None) -> None:
    """Write named arrays of equal length; stdout gets .npy unless another format is asked for.

    In .npy the arrays stand side by side, flattened to columns; where there is one alone it keeps its shape.

    Raises:
        UsageError: an unknown format.
        OutputError: the place cannot be written.
    """
    from topovae.store.atomic import write_atomic

    form = form or (os.path.splitext(path)[1].lstrip(".").lower() if path != "-" else "npy")
    if form not in FORMATS:
        raise UsageError(f"format {form!r}: expected one of {', '.join(FORMATS)} (by --format or the ending of -o)")
    image = io.BytesIO()
    FORMATS[form](columns, image)
    if path == "-":
        sys.stdout.buffer.write(image.getbuffer())
        sys.stdout.buffer.flush()
    else:
        write_atomic(path, lambda stream: stream.write(image.getbuffer()))


def _flat(columns: dict[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Headings and one 2-D array of all columns side by side."""
    import numpy as np

    tables = {name: np.asarray(a).reshape(len(a), -1) for name, a in columns.items()}
    headings = [f"{name}{i}" if t.shape[1] > 1 else name for name, t in tables.items() for i in range(t.shape[1])]
    return headings, np.concatenate(list(tables.values()), 1)


def _write_npy(columns: dict[str, np.ndarray], stream: BinaryIO) -> None:
    import numpy as np

    alone = next(iter(columns.values()))
    np.save(stream, alone if len(columns) == 1 else _flat(columns)[1], allow_pickle=False)


def _write_npz(columns: dict[str, np.ndarray], stream: BinaryIO) -> None:
    import numpy as np

    np.savez(stream, allow_pickle=False, **columns)


def _write_csv(columns: dict[str, np.ndarray], stream: BinaryIO) -> None:
    import numpy as np

    headings, table = _flat(columns)
    np.savetxt(stream, table, delimiter=",", header=",".join(headings), comments="", fmt="%.9g")


def _write_h5(columns: dict[str, np.ndarray], stream: BinaryIO) -> None:
    import h5py

    with h5py.File(stream, "w") as file:
        for name, values in columns.items():
            file.create_dataset(name, data=values, track_times=False)


def _write_jsonl(columns: dict[str, np.ndarray], stream: BinaryIO) -> None:
    import json

    lists = {name: values.tolist() for name, values in columns.items()}
    for row in zip(*lists.values(), strict=True):
        stream.write((json.dumps(dict(zip(lists, row, strict=True))) + "\n").encode())


FORMATS: dict[str, Callable[[dict, BinaryIO], None]] = {
    "npy": _write_npy,
    "npz": _write_npz,
    "csv": _write_csv,
    "h5": _write_h5,
    "jsonl": _write_jsonl,
}
