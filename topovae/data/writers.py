"""Arrays to files and streams, in one table of formats: drawn samples with what is known of them, and columns of a model.

Samples keep truth and group in .npz and .h5; .csv, .npy and streams take the data alone. In HDF5 the arrays are datasets
`x`, `truth` and `group` of the root; `space`, `name` and `command` are text attributes of the root. In .npz all of them are
arrays, texts with shape (). What a sample lacks is absent. A .csv has a header x1, x2, … and nine significant digits, which
is float32 exactly.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from topovae.errors import OutputError, UsageError
from topovae.store.atomic import write_atomic

if TYPE_CHECKING:
    from topovae.data.synthetic.spaces import Sample

_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class OutputFormat:
    """A format of output: a row in the table of formats.

    Attributes:
        suffix: ending of its files.
        sample: writes a drawn sample and the command that made it; None if samples are not written so.
        columns: writes named arrays of equal length; None if columns are not written so.
        whole: a sample keeps its truth, groups and texts; else the data alone are written.
    """

    suffix: str
    sample: Callable[[Sample, BinaryIO, str | None], None] | None = None
    columns: Callable[[Mapping[str, np.ndarray], BinaryIO], None] | None = None
    whole: bool = False


def write(sample: Sample, destination: str | os.PathLike[str] | BinaryIO, *, command: str | None = None) -> None:
    """Write a sample; a file is replaced only by a complete one, and equal samples give equal bytes.

    Args:
        sample: what to write.
        destination: a path ending in .npz, .h5, .hdf5, .npy or .csv; `-` for standard output, or a binary
            stream, which take .npy. The last four take x alone.
        command: the command that makes this sample, kept as text beside the data.

    Raises:
        UsageError: the path has another ending.
        OutputError: the place cannot be written. A closed pipe stays a BrokenPipeError.
    """
    if not isinstance(destination, (str, os.PathLike)):
        return _write_stream(sample, destination, "the stream")
    if os.fspath(destination) == "-":
        return _write_stream(sample, sys.stdout.buffer, "standard output")
    suffix = os.path.splitext(destination)[1].lower()
    ordered = sorted(FORMATS, key=lambda form: not form.whole)  # a message names those first that keep everything
    forms = {form.suffix: form.sample for form in ordered if form.sample is not None}
    if suffix not in forms:
        raise UsageError(
            f"{os.fspath(destination)} ends in {suffix or 'no suffix'!r}; expected one of {', '.join(forms)}, or - for "
            "standard output. Choose one of these endings."
        )
    write_atomic(destination, lambda stream: forms[suffix](sample, stream, command))


def write_columns(columns: Mapping[str, np.ndarray], path: str, form: str | None) -> None:
    """Write named arrays of equal length; standard output gets .npy unless another format is asked for.

    In .npy the arrays stand side by side, flattened to columns; where there is one alone it keeps its shape.

    Args:
        columns: the arrays by name.
        path: the file, or `-` for standard output.
        form: npy, npz, csv, h5 or jsonl; None for what the path ends in.

    Raises:
        UsageError: an unknown format.
        OutputError: the place cannot be written.
    """
    forms = {row.suffix.removeprefix("."): row.columns for row in FORMATS if row.columns is not None}
    form = form or (os.path.splitext(path)[1].lstrip(".").lower() if path != "-" else "npy")
    if form not in forms:
        raise UsageError(f"format {form!r}: expected one of {', '.join(forms)} (by --format or the ending of -o)")
    image = io.BytesIO()
    forms[form](columns, image)
    if path == "-":
        sys.stdout.buffer.write(image.getbuffer())
        sys.stdout.buffer.flush()
    else:
        write_atomic(path, lambda stream: stream.write(image.getbuffer()))


class _Unseekable:
    """A stream that offers `write` alone, so that numpy does not ask a pipe for its position."""

    def __init__(self, stream: BinaryIO) -> None:
        self.write = stream.write


def _write_stream(sample: Sample, stream: BinaryIO, name: str) -> None:
    try:
        np.lib.format.write_array(_Unseekable(stream), sample.x, allow_pickle=False)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to {name}: {error.strerror or error}; choose another place") from error


def _arrays(sample: Sample) -> dict[str, np.ndarray]:
    arrays = {"x": sample.x, "truth": sample.truth, "group": sample.group}
    return {name: array for name, array in arrays.items() if array is not None}


def _texts(sample: Sample, command: str | None) -> dict[str, str]:
    texts = {"space": sample.space, "name": sample.name, "command": command}
    return {name: text for name, text in texts.items() if text is not None}


def _sample_to_npz(sample: Sample, stream: BinaryIO, command: str | None) -> None:
    texts = {name: np.array(text) for name, text in _texts(sample, command).items()}
    contents: Mapping[str, Any] = _arrays(sample) | texts
    np.savez_compressed(stream, **contents)


def _sample_to_npy(sample: Sample, stream: BinaryIO, command: str | None) -> None:
    np.save(stream, sample.x, allow_pickle=False)


def _sample_to_h5(sample: Sample, stream: BinaryIO, command: str | None) -> None:
    import h5py

    # HDF5 reads what it writes, which a stream to a file being made cannot offer.
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        for name, array in _arrays(sample).items():
            rows = max(1, min(len(array), _CHUNK_BYTES * len(array) // max(1, array.nbytes)))
            chunks = (rows, *array.shape[1:])
            file.create_dataset(name, data=array, chunks=chunks, compression="gzip", compression_opts=9, shuffle=True)
        for name, text in _texts(sample, command).items():
            file.attrs[name] = text
    stream.write(image.getbuffer())


def _sample_to_csv(sample: Sample, stream: BinaryIO, command: str | None) -> None:
    rows = sample.x.reshape(len(sample.x), -1)
    header = ",".join(f"x{column + 1}" for column in range(rows.shape[1]))
    np.savetxt(stream, rows, fmt="%.9g", delimiter=",", header=header, comments="")


def _flat(columns: Mapping[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Headings and one 2-D array of all columns side by side."""
    tables = {name: np.asarray(a).reshape(len(a), -1) for name, a in columns.items()}
    headings = [f"{name}{i}" if t.shape[1] > 1 else name for name, t in tables.items() for i in range(t.shape[1])]
    return headings, np.concatenate(list(tables.values()), 1)


def _columns_to_npy(columns: Mapping[str, np.ndarray], stream: BinaryIO) -> None:
    alone = next(iter(columns.values()))
    np.save(stream, alone if len(columns) == 1 else _flat(columns)[1], allow_pickle=False)


def _columns_to_npz(columns: Mapping[str, np.ndarray], stream: BinaryIO) -> None:
    contents: Mapping[str, Any] = columns  # numbers alone; before NumPy 2.1 a word on pickles would be an array in the file
    np.savez(stream, **contents)


def _columns_to_csv(columns: Mapping[str, np.ndarray], stream: BinaryIO) -> None:
    headings, table = _flat(columns)
    np.savetxt(stream, table, delimiter=",", header=",".join(headings), comments="", fmt="%.9g")


def _columns_to_h5(columns: Mapping[str, np.ndarray], stream: BinaryIO) -> None:
    import h5py

    from topovae.store.tree import GroupWriter

    with h5py.File(stream, "w") as file:
        root = GroupWriter(file, {})
        for name, values in columns.items():
            root.write_array(name, values)
        root.seal()


def _columns_to_jsonl(columns: Mapping[str, np.ndarray], stream: BinaryIO) -> None:
    lists = {name: values.tolist() for name, values in columns.items()}
    for row in zip(*lists.values(), strict=True):
        stream.write((json.dumps(dict(zip(lists, row, strict=True))) + "\n").encode())


FORMATS = (
    OutputFormat(".npy", _sample_to_npy, _columns_to_npy),
    OutputFormat(".npz", _sample_to_npz, _columns_to_npz, whole=True),
    OutputFormat(".csv", _sample_to_csv, _columns_to_csv),
    OutputFormat(".h5", _sample_to_h5, _columns_to_h5, whole=True),
    OutputFormat(".hdf5", _sample_to_h5, whole=True),
    OutputFormat(".jsonl", columns=_columns_to_jsonl),
)
"""The table of formats: a new one is its writers and its row."""
