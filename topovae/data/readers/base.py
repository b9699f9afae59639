"""What readers share: the file to be read, entries that are not read yet, and the choice among them."""

from __future__ import annotations

import itertools
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from topovae.data.dataset import REAL_KINDS, RowSource, require_numbers
from topovae.errors import InputError

FORMATS = (
    ".npy, .npz, .csv, .tsv, .jsonl, .h5, .hdf5, .mat, .h5ad, MNIST IDX, each also as .gz, or a folder of images; "
    "and delimited text on standard input"
)


_BESIDE = ("truth", "group", "space")


_LISTED = 12


_COPY_BYTES = 2**20


# what the parsers of damaged files raise: h5py and gzip OSError, numpy, zipfile and scipy the rest
_DAMAGE = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, OverflowError, RuntimeError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class Contents(NamedTuple):
    """What a reader finds: rows, and what lies beside them."""

    x: RowSource
    truth: Any = None
    group: Any = None
    space: str | None = None


@dataclass(frozen=True)
class _File:
    """A file to read.

    Attributes:
        path: where its bytes are.
        label: what the user calls it.
        member: name of the array that is wanted.
        suffix: decides the format; empty if the first bytes shall.
        piped: it came by standard input, which may be plain text.
    """

    path: Path
    label: str
    member: str | None
    suffix: str
    piped: bool = False


@dataclass(frozen=True)
class _Entry:
    """An array in a file, not read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype
    open: Callable[[], Any]

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


Reader = Callable[[_File], Contents]


_TEXT = np.dtype("U")


def _spool(spool: IO[bytes], block: bytes) -> None:
    try:
        spool.write(block)
    except OSError as error:
        raise InputError(
            f"A temporary copy of the input cannot be written to {tempfile.gettempdir()} ({error.strerror}); "
            "expected room for all of it, uncompressed. Set TMPDIR to a folder with more room."
        ) from error


@contextmanager
def _parsing(file: _File, form: str, *more: type[Exception]) -> Iterator[None]:
    """Turn what a parser raises on a damaged file, the usual errors and more of its own, into one message."""
    damage: tuple[type[Exception], ...] = (*_DAMAGE, *more)
    try:
        yield
    except damage as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{file.label} cannot be read as {form} ({reason}); expected a whole file of that format. It "
            "is damaged, cut short or of another kind: make or copy it again, or correct its suffix."
        ) from error


def _refuse_member(file: _File) -> None:
    if file.member is not None:
        raise InputError(
            f"{file.label}::{file.member} asks for an array by name, but this format holds a single one "
            f"without a name. Write {file.label} alone."
        )


def _choose(file: _File, entries: Mapping[str, _Entry]) -> Contents:
    """Open the array that is wanted and what lies beside it."""
    name = file.member or _default(file, entries)
    if name not in entries:
        raise InputError(f"{file.label} holds no array `{name}`; it holds {_listing(entries)}. Choose one of these.")
    folder = name[: len(name) - len(Path(name).name)]
    chosen = entries[name]
    require_numbers(chosen.shape, chosen.dtype, f"{file.label}::{name}")
    beside = {key: entries[folder + key] for key in _BESIDE if folder + key in entries and folder + key != name}
    if file.member not in (None, "x"):  # truth and group belong to x; another array may be of other samples
        beside = {key: entry for key, entry in beside.items() if not entry.shape or entry.shape[0] == chosen.shape[0]}
    space = beside.pop("space", None)
    opened = {key: entry.open()[:] if entry.shape else entry.open() for key, entry in beside.items()}
    return Contents(chosen.open(), **opened, space=_text(space))


def _default(file: _File, entries: Mapping[str, _Entry]) -> str:
    for name in ("x", "X"):
        if name in entries:
            return name
    arrays = [
        name
        for name, entry in entries.items()
        if entry.dtype.kind in REAL_KINDS and entry.shape and Path(name).name not in _BESIDE
    ]
    if len(arrays) == 1:
        return arrays[0]
    count = len(arrays) or "no"
    raise InputError(
        f"{file.label} holds {count} arrays of real numbers and none is named `x`: it holds "
        f"{_listing(entries)}. "
        + (f"Choose one, as in {file.label}::{arrays[0]}." if arrays else "Store the samples as the array `x`.")
    )


def _listing(entries: Mapping[str, _Entry]) -> str:
    listed = [f"{name} {entry}" for name, entry in itertools.islice(entries.items(), _LISTED)]
    return ("; ".join(listed) or "nothing") + f"; and {len(entries) - _LISTED} more" * (len(entries) > _LISTED)


def _text(entry: _Entry | None) -> str | None:
    """Return the one text of an entry; whatever else bears that name is not ours."""
    if entry is None or entry.dtype.kind not in "SU" or prod(entry.shape) != 1:
        return None
    value = np.asarray(entry.open()).reshape(-1)[0]
    return value.decode() if isinstance(value, bytes) else str(value)


@contextmanager
def _parsing_text(file: _File) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file.label} is not text in UTF-8 (byte {error.start} is {error.object[error.start]:#x}); "
            "expected lines of numbers. Save it again as UTF-8, or correct its suffix if it is of another format."
        ) from error
