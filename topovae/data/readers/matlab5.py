"""MATLAB's files before 7.3, parsed in a process of its own with limits: their parser can be made to write where it must not.

What the process finds it leaves as .npy files in a folder; sparse matrices come as their parts, unchecked.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from topovae.data.readers.base import File, require_room
from topovae.data.readers.sparse import SparseRows
from topovae.store.outside import ended, limit, run_outside

_PARTS = ("data", "indices", "indptr", "shape")


def list_variables(file: File) -> list[tuple[str, tuple[int, ...], str]]:
    """Name, shape and MATLAB's class of each variable.

    Raises:
        InputError: the file is damaged.
        ResourceError: the parser needs more memory than is allowed.
    """
    with tempfile.TemporaryDirectory(prefix="topovae-") as folder:
        _parse(file, folder)
        found = json.loads(Path(folder, "variables.json").read_text())
    return [(name, tuple(shape), kind) for name, shape, kind in found]


def load_variable(file: File, name: str) -> Any:
    """One variable: an array, or the rows of a sparse matrix.

    Raises:
        InputError: the file is damaged.
        ResourceError: the variable takes more memory than is allowed.
        ValueError: the parts of a sparse matrix do not fit each other.
        IndexError: an index of it lies outside.
    """
    with tempfile.TemporaryDirectory(prefix="topovae-") as folder:
        _parse(file, folder, name)
        parts = {path.stem: np.load(path, allow_pickle=False) for path in Path(folder).iterdir()}
    if "array" in parts:
        return parts["array"]
    require_room((int(parts["shape"][0]) + 1,), np.dtype(np.int64), f"{file.label}::{name}, its rows", file.memory)
    return SparseRows.of_columns(*(parts[part] for part in _PARTS))


def _parse(file: File, folder: str, *names: str) -> None:
    """Run the parser on a file in a process of its own."""
    advice = "Save it as version 7.3 (save -v7.3), which is read in chunks, or allow more memory."
    run_outside("topovae.data.readers.matlab5", file, "MATLAB's .mat", folder, *names, advice=advice)


def _main(path: str, memory: str, seconds: str, folder: str, name: str | None = None) -> int:
    """Leave the variables of a file, or one of them, in a folder; the exit code."""
    import warnings

    from scipy.io import loadmat, whosmat
    from scipy.sparse import issparse

    warnings.simplefilter("ignore")
    limit(memory, seconds)
    if name is None:
        Path(folder, "variables.json").write_text(json.dumps(whosmat(path)))
        return 0
    array = loadmat(path, variable_names=[name])[name]
    if issparse(array):
        parts = (array.data, array.indices, array.indptr, np.array(array.shape))
        for part, values in zip(_PARTS, parts, strict=True):
            np.save(Path(folder, f"{part}.npy"), values, allow_pickle=False)
    else:
        plain = array if array.dtype != object else np.array([str(cell) for cell in array.ravel()])
        np.save(Path(folder, "array.npy"), plain, allow_pickle=False)
    return 0


if __name__ == "__main__":
    sys.exit(ended(_main, *sys.argv[1:]))
