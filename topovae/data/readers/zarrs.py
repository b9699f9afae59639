"""Zarr, in a process of its own with limits: its folders are untrusted, and a codec named in them could unpickle or crash.

The array that is wanted is left as .npy in a folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from topovae.data.readers.base import Contents, Entry, File, InputFormat, choose, parsing, require_extra
from topovae.errors import InputError
from topovae.store.outside import TOO_LARGE, ended, limit, run_outside

SIGNS = ("zarr.json", ".zarray", ".zgroup")
"""A folder that holds one of these is a store of Zarr."""

CODECS = frozenset({
    "blosc", "bz2", "crc32c", "delta", "fixedscaleoffset", "gzip", "lz4", "lzma", "shuffle", "zlib", "zstd",
    "bytes", "transpose", "sharding_indexed", "endian",
})  # fmt: skip
"""What may unpack numbers: others run code that a file chooses, such as pickle."""

MOST_ARRAYS = 10_000
"""Arrays of a store that are listed at most: a limit on cost, not tuned."""

LEAST_BYTES = 2**28
"""What the library takes for itself: a limit on cost, not tuned."""


def is_store(place: str) -> bool:
    """Whether a folder is a store of Zarr."""
    return any(os.path.isfile(os.path.join(place, sign)) for sign in SIGNS)


def read_zarr(file: File) -> Contents:
    """Read the wanted array of a store of Zarr, and what lies beside it.

    Raises:
        InputError: it is damaged, holds no such array, leads out of its folder, or zarr is not there.
        ResourceError: the array does not fit in memory.
    """
    require_extra(file, ZARR, "zarr")
    for path in _files(file.path):
        if path.is_symlink():
            raise InputError(
                f"{file.label} leads out of its folder by the link {path.name}; expected files alone. Copy it there."
            )
    with tempfile.TemporaryDirectory(prefix="topovae-") as folder:
        _parse(file, folder)
        listed = json.loads(Path(folder, "arrays.json").read_text())

    def entry(name: str, shape: list[int], dtype: str) -> Entry:
        def load() -> Any:
            with parsing(file, ZARR.name), tempfile.TemporaryDirectory(prefix="topovae-") as folder:
                _parse(file, folder, name)
                return np.load(Path(folder, "array.npy"), allow_pickle=False)

        return Entry(tuple(shape), np.dtype(dtype), load, whole=True)

    return choose(file, {name or "x": entry(name, shape, dtype) for name, shape, dtype in listed})


def hash_store(place: str) -> str:
    """The SHA-256 of the names and contents of a folder's files, in order."""
    digest = hashlib.sha256()
    for path in _files(Path(place)):
        with open(path, "rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{path.relative_to(place)}\0{content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_symlink() or path.is_file())


def _parse(file: File, folder: str, *names: str) -> None:
    advice = "Convert it to .npy or .h5, which are read in chunks, or allow more memory."
    run_outside("topovae.data.readers.zarrs", file, ZARR.name, folder, *names, advice=advice)


def _codecs(value: Any) -> Iterator[str]:
    """Names of all codecs in the description of an array, which is JSON of any shape."""
    if hasattr(value, "items"):
        for key, inner in value.items():
            if key in ("codecs", "filters", "compressor", "compressors", "index_codecs") and inner:
                listed = inner if hasattr(inner, "append") else [inner]
                yield from (str(one.get("id") or one.get("name")) for one in listed if hasattr(one, "get"))
            yield from _codecs(inner)
    elif hasattr(value, "append"):
        for inner in value:
            yield from _codecs(inner)


def _main(path: str, memory: str, seconds: str, folder: str, name: str | None = None) -> int:
    """Leave the list of the arrays of a store, or one of them, in a folder; the exit code."""
    import warnings

    import zarr

    warnings.simplefilter("ignore")
    limit(str(max(int(memory), LEAST_BYTES)), seconds)
    for described in [*Path(path).rglob("zarr.json"), *Path(path).rglob(".zarray")]:
        for codec in _codecs(json.loads(described.read_text())):
            if codec.removeprefix("numcodecs.") not in CODECS:
                sys.stderr.write(f"it is packed by {codec!r}, which is not opened")
                return 1
    root: Any = zarr.open(path, mode="r")
    found = {"": root} if hasattr(root, "dtype") else dict(_arrays(root))
    if name is None:
        listed = [(key, list(array.shape), np.dtype(array.dtype).str) for key, array in found.items()]
        Path(folder, "arrays.json").write_text(json.dumps(listed))
        return 0
    array = found[name]
    if prod(array.shape) * array.dtype.itemsize > int(memory):
        return TOO_LARGE
    np.save(Path(folder, "array.npy"), array[...], allow_pickle=False)
    return 0


def _arrays(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for key, array in list(group.arrays())[:MOST_ARRAYS]:
        if hasattr(array.dtype, "str") and array.dtype.kind != "O":
            yield f"{above}{key}", array
    for key, inner in list(group.groups())[:MOST_ARRAYS]:
        yield from _arrays(inner, f"{above}{key}/")


ZARR = InputFormat("Zarr", (".zarr",), (), read_zarr, "arrays by name", "zarr")

if __name__ == "__main__":
    sys.exit(ended(_main, *sys.argv[1:]))
