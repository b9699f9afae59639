"""MATLAB's files before 7.3, parsed in a process of its own with limits: their parser can be made to write where it must not.

What the process finds it leaves as .npy files in a folder; sparse matrices come as their parts, unchecked.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from topovae.data.readers.base import File, require_room
from topovae.data.readers.sparse import SparseRows
from topovae.errors import InputError, ResourceError

TOO_LARGE = 5
SECONDS, BYTES_A_SECOND = 5, 5e6
"""Seconds of the processor that the parser may take, and bytes of the file for each more: limits on cost, not tuned."""

WAITING = 3
"""So many times these seconds may go by where the machine is busy: a limit on cost, not tuned."""

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
    found = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    environment = {**os.environ, "PYTHONPATH": found, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    seconds = SECONDS + file.path.stat().st_size / BYTES_A_SECOND
    words = (str(file.path), folder, str(file.memory), str(int(seconds)), *names)
    try:
        done = subprocess.run(
            # -P: nothing in the present folder stands in for a library
            [sys.executable, "-P", "-m", "topovae.data.readers.matlab5", *words],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=WAITING * seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _damaged(file, f"its parser did not end in {WAITING * seconds:.0f} s") from None
    if done.returncode == TOO_LARGE:
        raise ResourceError(
            f"{file.label} cannot be read within {file.memory / 2**30:.3g} GiB. Save it as version 7.3 (save -v7.3), which is "
            "read in chunks, or allow more memory."
        )
    if done.returncode < 0:
        raise _damaged(file, f"its parser died of signal {-done.returncode}")
    if done.returncode:
        raise _damaged(file, " ".join(done.stderr.decode(errors="replace").split())[-200:])


def _damaged(file: File, reason: str) -> InputError:
    return InputError(
        f"{file.label} cannot be read as MATLAB's .mat ({reason}); expected a whole file of that format. It is damaged, cut "
        "short or of another kind: make or copy it again, or correct its suffix."
    )


def _limit(memory: int, seconds: int) -> None:
    """Bound what this process may take beyond what it has."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with contextlib.suppress(OSError, ValueError):  # where the system does not say or does not bound it
        held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (held + memory, held + memory))


def _main(path: str, folder: str, memory: str, seconds: str, name: str | None = None) -> int:
    """Leave the variables of a file, or one of them, in a folder; the exit code."""
    import warnings

    from scipy.io import loadmat, whosmat
    from scipy.sparse import issparse

    warnings.simplefilter("ignore")
    with contextlib.suppress(ImportError):  # Windows has no such limits
        _limit(int(memory), int(seconds))
    try:
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
    except MemoryError:
        return TOO_LARGE
    except Exception as error:  # whatever the parser makes of a damaged file is said in one line
        sys.stderr.write(f"{error}" or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
