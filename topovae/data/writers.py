"""Samples to files: .npz and .h5 with truth and group; .csv, .npy and streams with the data alone.

In HDF5 the arrays are datasets `x`, `truth` and `group` of the root; `space`, `name` and `command` are text
attributes of the root. In .npz all of them are arrays, texts with shape (). What a sample lacks is absent.
A .csv has a header x1, x2, … and nine significant digits, which is float32 exactly.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

from topovae.data.synthetic.spaces import Sample
from topovae.errors import OutputError, UsageError
from topovae.store.atomic import write_atomic

_CHUNK_BYTES = 1 << 18


class _Unseekable:
    """A stream that offers `write` alone, so that numpy does not ask a pipe for its position."""

    def __init__(self, stream: BinaryIO) -> None:
        self.write = stream.write


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
    form = WRITERS.get(suffix)
    if form is None:
        raise UsageError(
            f"{os.fspath(destination)} ends in {suffix or 'no suffix'!r}; expected one of {', '.join(WRITERS)}, or - for "
            "standard output. Choose one of these endings."
        )
    write_atomic(destination, lambda stream: form(sample, stream, command))


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


def _write_npz(sample: Sample, stream: BinaryIO, command: str | None) -> None:
    texts = {name: np.array(text) for name, text in _texts(sample, command).items()}
    contents: Mapping[str, Any] = _arrays(sample) | texts
    np.savez_compressed(stream, **contents)


def _write_npy(sample: Sample, stream: BinaryIO, command: str | None) -> None:
    np.save(stream, sample.x, allow_pickle=False)


def _write_h5(sample: Sample, stream: BinaryIO, command: str | None) -> None:
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


def _write_csv(sample: Sample, stream: BinaryIO, command: str | None) -> None:
    rows = sample.x.reshape(len(sample.x), -1)
    header = ",".join(f"x{column + 1}" for column in range(rows.shape[1]))
    np.savetxt(stream, rows, fmt="%.9g", delimiter=",", header=header, comments="")


WRITERS: dict[str, Callable[[Sample, BinaryIO, str | None], None]] = {
    ".npz": _write_npz,
    ".h5": _write_h5,
    ".hdf5": _write_h5,
    ".npy": _write_npy,
    ".csv": _write_csv,
}
