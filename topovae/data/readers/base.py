"""What readers share: the row of a format, the file to be read, entries not read yet, and the choice among them."""

from __future__ import annotations

import itertools
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from topovae.data.dataset import MEMORY_BYTES, REAL_KINDS, RowSource, require_numbers
from topovae.errors import InputError, ResourceError

_BESIDE = ("truth", "group", "space")
_LISTED = 12
_REASON, _NAME = 200, 60  # characters that a message takes from a file, or from a parser that quotes it

# what the parsers of damaged files raise: h5py and gzip OSError, numpy, zipfile and scipy the rest
DAMAGE = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, OverflowError, RuntimeError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


class Contents(NamedTuple):
    """What a reader finds: rows, what lies beside them, and sentences on what it took for something else than samples."""

    x: RowSource
    truth: Any = None
    group: Any = None
    space: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class File:
    """A file to read.

    Attributes:
        path: where its bytes are.
        label: what the user calls it.
        member: name of the array that is wanted.
        suffix: decides the format; empty if the first bytes shall.
        piped: it came by standard input or a pipe, which may be plain text.
        packed: it came out of a gzip.
        memory: bytes that reading may take.
    """

    path: Path
    label: str
    member: str | None
    suffix: str
    piped: bool = False
    packed: bool = False
    memory: int = MEMORY_BYTES


@dataclass(frozen=True)
class Entry:
    """An array in a file, not read yet; `whole` if it can be read only as a whole."""

    shape: tuple[int, ...]
    dtype: np.dtype
    open: Callable[[], Any]
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


Reader = Callable[[File], Contents]


@dataclass(frozen=True)
class InputFormat:
    """A format of files: a row in the table of formats.

    Attributes:
        name: what messages call it.
        suffixes: endings of its files, in lower case; none if the first bytes alone tell it.
        magic: what its files begin with, one of these; none if the suffix alone tells it.
        read: reads a file of it.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    read: Reader


TEXT = np.dtype("U")


@contextmanager
def parsing(file: File, form: str, *more: type[Exception]) -> Iterator[None]:
    """Turn what a parser raises on a damaged file into one message.

    Args:
        file: what is read.
        form: name of the format.
        more: errors of this parser beside the usual ones.

    Raises:
        InputError: the parser raised one of them.
    """
    damage: tuple[type[Exception], ...] = (*DAMAGE, *more)
    try:
        yield
    except damage as error:
        reason = " ".join(str(error).split())[:_REASON] or type(error).__name__
        raise InputError(
            f"{file.label} cannot be read as {form} ({reason}); expected a whole file of that format. It "
            "is damaged, cut short or of another kind: make or copy it again, or correct its suffix."
        ) from error


def require_room(shape: tuple[int, ...], dtype: np.dtype, place: str, memory: int) -> None:
    """Refuse an array that does not fit in memory, before any of it is read.

    Args:
        shape: of the array.
        dtype: of its numbers.
        place: names it in a message.
        memory: bytes that it may take.

    Raises:
        ResourceError: it takes more.
    """
    needed = prod(int(side) for side in shape) * dtype.itemsize
    if needed > memory:
        raise ResourceError(
            f"{place}, an array of shape {tuple(int(side) for side in shape)} and type {dtype}, takes {needed / 2**30:.3g} GiB "
            f"and must be read whole; {memory / 2**30:.3g} GiB are allowed. Convert it to .npy or .h5, which are read in "
            "chunks, or allow more memory."
        )


def refuse_member(file: File) -> None:
    """Refuse a name where there is nothing to choose by it.

    Raises:
        InputError: an array is asked for by name.
    """
    if file.member is not None:
        raise InputError(
            f"{file.label}::{file.member} asks for an array by name, but this format holds a single one "
            f"without a name. Write {file.label} alone."
        )


def choose(file: File, entries: Mapping[str, Entry]) -> Contents:
    """Open the array that is wanted and what lies beside it.

    Args:
        file: names the array, or leaves it to be found: `x`, or the only array of numbers.
        entries: the arrays of the file by name.

    Raises:
        InputError: there is no such array, it is not of real numbers, or several could be meant.
    """
    name = file.member or _default(file, entries)
    if name not in entries:
        raise InputError(f"{file.label} holds no array `{name}`; it holds {_listing(entries)}. Choose one of these.")
    folder = name[: len(name) - len(Path(name).name)]
    chosen = entries[name]
    require_numbers(chosen.shape, chosen.dtype, f"{file.label}::{name}")
    if chosen.whole:
        require_room(chosen.shape, chosen.dtype, f"{file.label}::{name}", file.memory)
    beside = {key: entries[folder + key] for key in _BESIDE if folder + key in entries and folder + key != name}
    if file.member not in (None, "x"):  # truth and group belong to x; another array may be of other samples
        beside = {key: entry for key, entry in beside.items() if not entry.shape or entry.shape[0] == chosen.shape[0]}
    space = beside.pop("space", None)
    for key, entry in beside.items():
        require_room(entry.shape, entry.dtype, f"{file.label}::{folder}{key}", file.memory)
    opened = {key: entry.open()[:] if entry.shape else entry.open() for key, entry in beside.items()}
    return Contents(chosen.open(), **opened, space=_text(space))


def _default(file: File, entries: Mapping[str, Entry]) -> str:
    for name in ("x", "X"):
        if name in entries:
            return name
    arrays = [
        name
        for name, entry in entries.items()
        if entry.dtype.kind in REAL_KINDS and entry.shape and 0 not in entry.shape and Path(name).name not in _BESIDE
    ]
    if len(arrays) == 1:
        return arrays[0]
    count = len(arrays) or "no"
    raise InputError(
        f"{file.label} holds {count} arrays of real numbers and none is named `x`: it holds "
        f"{_listing(entries)}. "
        + (f"Choose one, as in {file.label}::{arrays[0][:_NAME]}." if arrays else "Store the samples as the array `x`.")
    )


def _listing(entries: Mapping[str, Entry]) -> str:
    listed = [f"{name[:_NAME]} {entry}" for name, entry in itertools.islice(entries.items(), _LISTED)]
    return ("; ".join(listed) or "nothing") + f"; and {len(entries) - _LISTED} more" * (len(entries) > _LISTED)


def _text(entry: Entry | None) -> str | None:
    """Return the one text of an entry; whatever else bears that name is not ours."""
    if entry is None or entry.dtype.kind not in "SU" or prod(entry.shape) != 1:
        return None
    value = np.asarray(entry.open()).reshape(-1)[0]
    return value.decode() if isinstance(value, bytes) else str(value)
