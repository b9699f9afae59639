"""Files to data sets: one reader a format, found by suffix, else by the first bytes; nothing is unpickled.

`FILE::name` chooses one array of a file that holds several. Without a name it is `x` (or `X`), or the only
array of numbers. Beside it, in the same file and HDF5 group, `truth`, `group` and the text `space` are taken
along; in HDF5 `space` may be an attribute instead. Large files stay on disk: .npy and IDX as memory maps,
HDF5 and folders of images as they are; .npz, .csv, .tsv and .mat (before 7.3) are read whole.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from topovae.data.dataset import REAL_KINDS, Dataset, Source
from topovae.data.readers.base import _COPY_BYTES, FORMATS, Contents, Reader, _File, _parsing, _spool
from topovae.data.readers.hdf5 import _read_hdf5
from topovae.data.readers.idx import _is_idx, _read_idx
from topovae.data.readers.matlab import _read_mat
from topovae.data.readers.numpy import _read_npy, _read_npz
from topovae.data.readers.pictures import _hash_folder, _read_folder
from topovae.data.readers.text import _read_jsonl, _read_text
from topovae.errors import InputError, ResourceError

STDIN = "-"


def read(path: str | os.PathLike[str], *, stdin: BinaryIO | None = None) -> Dataset:
    """Read a data set from a file, a folder of images or standard input.

    Args:
        path: a place, `FILE::name` for one of the arrays in a file, or `-` for standard input.
        stdin: what `-` reads; standard input if not given.

    Raises:
        InputError: there is no such place, its format is not known, it is damaged, or what it holds is no
            table of real numbers.
        ResourceError: what must be read whole does not fit in memory.
    """
    (x, truth, group, space), source = _find(os.fspath(path), stdin)
    return Dataset.of(x, truth=truth, group=group, space=space, source=source)


def read_array(path: str | os.PathLike[str], *, stdin: BinaryIO | None = None) -> np.ndarray:
    """Read a table of real numbers that need not be samples: coordinates or truth, of one column or more.

    Args:
        path: as for `read`.
        stdin: as for `read`.

    Returns:
        (n, k) in memory, float32 or float64; one column of (n,) becomes (n, 1).

    Raises:
        InputError: as for `read`.
    """
    contents, source = _find(os.fspath(path), stdin)
    array = np.asarray(contents.x[:])
    if array.dtype.kind not in REAL_KINDS or array.ndim == 0:
        raise InputError(
            f"{source.path} holds an array of shape {array.shape} and type {array.dtype}; expected a table of real "
            "numbers, one row a sample. Convert it."
        )
    wide = array.dtype == np.float64
    return array.reshape(len(array), -1).astype(np.float64 if wide else np.float32)


def _find(given: str, stdin: BinaryIO | None) -> tuple[Contents, Source]:
    """The arrays of a place, and where they come from."""
    place, member = _split_name(given)
    try:
        if place == STDIN:
            return _read_stdin(given, member, stdin or sys.stdin.buffer)
        if os.path.isdir(place):
            return _read_folder(place, member), Source(given, _hash_folder(place))
        file = _File(Path(place), place, member, Path(place).suffix.lower())
        contents = _read_file(file)
        with open(place, "rb") as stream:
            return contents, Source(given, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise InputError(
            f"{place} cannot be read: {error.strerror or error}. Expected a file, a folder of images, or - "
            "for standard input; check the name and that you may read it."
        ) from error
    except MemoryError as error:
        raise ResourceError(f"{place} does not fit in memory. Convert it to .npy or .h5, which are read in chunks.") from error


def _split_name(given: str) -> tuple[str, str | None]:
    if "::" not in given or os.path.exists(given):
        return given, None
    place, _, member = given.rpartition("::")
    return place, member.strip("/") or None


def _read_file(file: _File) -> Contents:
    with open(file.path, "rb") as stream:
        head = stream.read(4096)
    if not head:
        raise InputError(f"{file.label} is empty; expected data as {FORMATS}. Check the program that writes it.")
    reader = READERS.get(file.suffix) or _by_magic(head)
    if reader is None and file.piped and b"\0" not in head:
        reader = _read_jsonl if head.lstrip()[:1] in (b"{", b"[") else _read_text
    if reader is None:
        raise InputError(
            f"{file.label} begins with the bytes {head[:8]!r} and ends in {file.suffix or 'no suffix'!r}, "
            f"which belong to no known format; expected {FORMATS}. Convert it, or correct its suffix."
        )
    return reader(file)


def _by_magic(head: bytes) -> Reader | None:
    if _is_idx(head):
        return _read_idx
    return next((reader for magic, reader in MAGIC.items() if head.startswith(magic)), None)


def _read_stdin(given: str, member: str | None, stream: BinaryIO) -> tuple[Contents, Source]:
    if stream.isatty():
        raise InputError(
            "Data were to come from standard input, which is a terminal; expected a pipe or a file, as in "
            "`topovae analyze - < FILE`."
        )
    digest = hashlib.sha256()
    # an open file outlives its name: memory maps and HDF5 files stay readable after this block
    with tempfile.NamedTemporaryFile(prefix="topovae-") as spool:
        while block := stream.read(_COPY_BYTES):
            digest.update(block)
            _spool(spool, block)
        spool.flush()
        contents = _read_file(_File(Path(spool.name), "standard input", member, "", piped=True))
    return contents, Source(given, digest.hexdigest())


def _read_gzip(file: _File) -> Contents:
    with tempfile.NamedTemporaryFile(prefix="topovae-") as spool:
        with _parsing(file, "gzip"), gzip.open(file.path) as stream:
            while block := stream.read(_COPY_BYTES):
                _spool(spool, block)
        spool.flush()
        inner = Path(file.label.lower().removesuffix(".gz")).suffix if not file.piped else ""
        return _read_file(replace(file, path=Path(spool.name), suffix=inner))


READERS: dict[str, Reader] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".csv": _read_text,
    ".tsv": _read_text,
    ".jsonl": _read_jsonl,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".h5ad": _read_hdf5,
    ".mat": _read_mat,
    ".gz": _read_gzip,
}


MAGIC: dict[bytes, Reader] = {
    b"\x93NUMPY": _read_npy,
    b"PK\x03\x04": _read_npz,
    b"\x89HDF\r\n\x1a\n": _read_hdf5,
    b"MATLAB ": _read_mat,
    b"\x1f\x8b": _read_gzip,
}
