"""Run files that are changed on purpose."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py

from topovae.store.checksums import CHECKSUMS


@contextlib.contextmanager
def edited(path: Path) -> Iterator[h5py.File]:
    """A file to be changed, without its checksums, as SCHEMA.md allows: what reads it has only its own judgement."""
    with h5py.File(path, "r+") as file:
        del file.attrs[CHECKSUMS]
        yield file
