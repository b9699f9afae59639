"""Arrow, Feather and Parquet by pyarrow, in a process of its own with limits: the files are untrusted, and its parsers are C++.

What the process finds it leaves in a folder: columns of numbers as .npy, of texts as JSON.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from topovae.data.readers.base import Contents, File, InputFormat, refuse_member, require_extra, tabulate
from topovae.store.outside import TOO_LARGE, ended, limit, run_outside

LEAST_BYTES = 2**28
"""What pyarrow takes for itself: with less it dies of what it could refuse. A limit on cost, not tuned."""

MOST_COLUMNS = 100_000
"""Columns of a file at most: a limit on cost, not tuned."""

_INDEX = re.compile(r"__index_level_\d+__|Unnamed: 0|__index__")


def _read(file: File, form: InputFormat, word: str) -> Contents:
    refuse_member(file)
    require_extra(file, form, "pyarrow")
    with tempfile.TemporaryDirectory(prefix="topovae-") as folder:
        advice = "Convert it to .npy or .h5, which are read in chunks, or allow more memory."
        run_outside("topovae.data.readers.arrow", file, form.name, folder, word, advice=advice)
        listed = json.loads(Path(folder, "columns.json").read_text())
        columns = [(name, _load(Path(folder), number, kind)) for number, (name, kind) in enumerate(listed)]
    return tabulate(file, columns, [name for name, _ in columns if _INDEX.fullmatch(name)])


def _load(folder: Path, number: int, kind: str) -> np.ndarray:
    if kind == "numbers":
        return np.load(folder / f"{number}.npy", allow_pickle=False)
    return np.array(json.loads((folder / f"{number}.json").read_text()), dtype=object)


def read_arrow(file: File) -> Contents:
    """Read an Arrow file or stream, or a Feather file.

    Raises:
        InputError: it is damaged, holds no numbers, or pyarrow is not there.
        ResourceError: it does not fit in memory.
    """
    return _read(file, ARROW, "arrow")


def read_parquet(file: File) -> Contents:
    """Read a Parquet file.

    Raises:
        InputError: it is damaged, holds no numbers, or pyarrow is not there.
        ResourceError: it does not fit in memory.
    """
    return _read(file, PARQUET, "parquet")


def _open(path: str, form: str, most_bytes: int) -> Any:
    """The table in a file.

    Raises:
        MemoryError: it is said to take more.
    """
    import pyarrow
    from pyarrow import ipc, parquet

    if form == "parquet":
        file = parquet.ParquetFile(path)
        counted = file.metadata.num_rows * file.metadata.num_columns
        if counted * 8 > most_bytes or file.metadata.num_columns > MOST_COLUMNS:
            raise MemoryError
        return file.read(use_threads=False)
    with pyarrow.memory_map(path) as source:
        try:
            return ipc.open_file(source).read_all()
        except pyarrow.ArrowInvalid:
            source.seek(0)
            return ipc.open_stream(source).read_all()


def _numbers(column: Any) -> np.ndarray | None:
    """(n,) or (n, k) numbers of a column, with NaN for what is null; None if it holds no numbers."""
    import pyarrow
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_boolean(kind):
        column, kind = column.cast(pyarrow.uint8()), pyarrow.uint8()
    if types.is_decimal(kind):
        column, kind = column.cast(pyarrow.float64()), pyarrow.float64()
    if types.is_integer(kind) or types.is_floating(kind):
        found: np.ndarray = column.to_numpy(zero_copy_only=False) if not hasattr(column, "chunks") else column.to_numpy()
        return found
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        rows = column.to_pylist()
        try:
            table = np.array(rows, dtype=np.float64)
        except (ValueError, TypeError):  # of unlike lengths, or with gaps
            return None
        return table if table.ndim == 2 else None
    return None


def _main(path: str, memory: str, seconds: str, folder: str, form: str) -> int:
    """Leave the columns of a file in a folder; the exit code."""
    import pyarrow

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    limit(str(max(int(memory), LEAST_BYTES)), seconds)
    table = _open(path, form, int(memory))
    if table.nbytes > int(memory):
        return TOO_LARGE
    kinds = []
    for number, name in enumerate(table.column_names):
        column = table.column(number)
        found = _numbers(column)
        if found is None:
            texts = ["" if value is None else str(value) for value in column.to_pylist()]
            Path(folder, f"{number}.json").write_text(json.dumps(texts))
        else:
            np.save(Path(folder, f"{number}.npy"), found, allow_pickle=False)
        kinds.append((name, "texts" if found is None else "numbers"))
    Path(folder, "columns.json").write_text(json.dumps(kinds))
    return 0


ARROW = InputFormat("Arrow and Feather", (".arrow", ".feather"), (b"ARROW1",), read_arrow, "columns", "tables")
PARQUET = InputFormat("Parquet", (".parquet",), (b"PAR1",), read_parquet, "columns", "tables")

if __name__ == "__main__":
    sys.exit(ended(_main, *sys.argv[1:]))
