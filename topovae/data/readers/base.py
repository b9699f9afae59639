"""What readers share: the row of a format, the file to be read, entries not read yet, and the choice among them."""

from __future__ import annotations

import importlib.util
import itertools
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from topovae.data.dataset import MEMORY_BYTES, REAL_KINDS, RowSource, require_numbers
from topovae.errors import InputError, ResourceError, TopovaeError

_BESIDE = ("truth", "group", "space")
_LISTED = 12
_CALLED = 40
_REASON, _NAME = 200, 60  # characters that a message takes from a file, or from a parser that quotes it

# what the parsers of damaged files raise: h5py and gzip OSError, numpy, zipfile and scipy the rest
DAMAGE = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, OverflowError, RuntimeError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


class Column(NamedTuple):
    """A column of a file that is no measurement, or an array beside the samples: it can be a label or a group.

    Attributes:
        name: "" where it has none.
        place: its number in the file, from 0; -1 of an array beside the samples.
        values: (n,) texts or numbers.
    """

    name: str
    place: int
    values: Any


class Contents(NamedTuple):
    """What a reader finds: rows, what lies beside them, and sentences on what it took for something else than samples.

    Attributes:
        x: the samples.
        truth, group, space: as in `Dataset`.
        notes: the sentences.
        names: of the columns of x, "" for one without a name; empty where no column has one.
        places: numbers that the columns of x have in the file, from 0; empty where they are 0, 1, 2, ….
        others: columns that are no measurements, and arrays beside the samples that were asked for.
        label: (n,) texts or numbers that are no measurements.
    """

    x: RowSource
    truth: Any = None
    group: Any = None
    space: str | None = None
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    others: tuple[Column, ...] = ()
    label: Any = None


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
        gaps: cells of a table that hold no number become NaN, for their rows will be dropped.
        counted: a first column without a name that counts the rows is an index; of coordinates it may be a row number.
        asked: names and numbers of columns, and names of arrays beside the samples, that the user speaks of.
    """

    path: Path
    label: str
    member: str | None
    suffix: str
    piped: bool = False
    packed: bool = False
    memory: int = MEMORY_BYTES
    gaps: bool = False
    counted: bool = True
    asked: tuple[str, ...] = ()


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
        offers: what can be chosen in it.
        extra: of the package, which brings the library that reads it; "" where none is needed.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    read: Reader
    offers: str = "one array"
    extra: str = ""


class Foreign(NamedTuple):
    """A kind of files that is not read.

    Attributes:
        name: what messages call it.
        suffixes: endings of its files, in lower case.
        command: makes of it something that is read.
    """

    name: str
    suffixes: tuple[str, ...]
    command: str


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
    except TopovaeError:  # an InputError is a ValueError, and says already what is wrong
        raise
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


def require_extra(file: File, form: InputFormat, module: str) -> None:
    """Refuse a format whose library is not installed.

    Raises:
        InputError: it is not.
    """
    if importlib.util.find_spec(module) is None:
        raise InputError(
            f"{file.label} is read by {module}, which is not installed; install it by pip install 'topovae[{form.extra}]', or "
            "convert the file to .npy or .csv."
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
    if len(chosen.shape) == 1 and f"{name}_index" in entries:
        raise InputError(
            f"{file.label}::{name} is ragged: one list a unit, of unlike lengths, such as times of spikes; expected a table. "
            "Bin them first, as pynapple does: pynapple.load_file(FILE)['units'].count(0.05).to_numpy() saved by numpy.save."
        )
    if chosen.dtype.names and len(chosen.shape) == 1:
        require_room(chosen.shape, chosen.dtype, f"{file.label}::{name}", file.memory)
        return tabulate(file, fields_of(np.asarray(chosen.open()[:])))
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
    others = tuple(_asked(file, entries, folder, chosen.shape))
    return Contents(chosen.open(), **opened, space=_text(space), others=others)


def _asked(file: File, entries: Mapping[str, Entry], folder: str, shape: tuple[int, ...]) -> Iterator[Column]:
    """Arrays beside the samples that the user names, of one value a sample."""
    for word in file.asked:
        name = next((name for name in (folder + word, word) if name in entries), None)
        if name is not None and entries[name].shape == shape[:1]:
            require_room(entries[name].shape, entries[name].dtype, f"{file.label}::{name}", file.memory)
            yield Column(word, -1, entries[name].open()[:])


def _default(file: File, entries: Mapping[str, Entry]) -> str:
    for name in ("x", "X"):
        if name in entries:
            return name
    arrays = [
        name
        for name, entry in entries.items()
        if (entry.dtype.kind in REAL_KINDS or entry.dtype.names)
        and entry.shape
        and 0 not in entry.shape
        and Path(name).name not in _BESIDE
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


def describe_texts(file: File, name: str, place: int, values: Iterable[str]) -> str:
    """What to say of a column of texts that is left out.

    Args:
        file: what is read.
        name: of the column, "" for none.
        place: its number in the file.
        values: its texts.
    """
    told = [str(value) for value in values]
    shown = ", ".join(list(dict.fromkeys(value for value in told if value.strip()))[:3])[:_CALLED]
    called = f"the column `{name[:_CALLED]}`" if name else f"the column {place} (counted from 0)"
    if not shown:
        return f"{called} of {file.label} is empty, so it was left out"
    asked = name[:_CALLED] or str(place)
    use = "an id" if len(set(told)) == len(told) else "a label or a group"
    left_out = f"{called} of {file.label} holds texts ({shown}, …), so it was left out"
    return f"{left_out}; it can be {use}: --label {asked} or --group {asked}"


def tabulate(file: File, columns: Iterable[tuple[str, np.ndarray]], indices: Iterable[str] = ()) -> Contents:
    """Put columns side by side.

    Args:
        file: what is read.
        columns: name and (n,) numbers or texts, or (n, k) numbers, which become k columns.
        indices: names of those that number the rows.

    Raises:
        InputError: none of them holds numbers.
    """
    names: list[str] = []
    parts: list[np.ndarray] = []
    places: list[int] = []
    others: list[Column] = []
    notes: list[str] = []
    place = 0
    for name, values in columns:
        if name in indices:
            others.append(Column(name, place, values))
            notes.append(f"the column `{name}` of {file.label} is an index of its rows, so it was left out")
            place += 1
        elif values.dtype.kind in REAL_KINDS and values.ndim in (1, 2):
            flat = values.reshape(len(values), -1)
            names += [name] if values.ndim == 1 else [f"{name}.{number}" for number in range(flat.shape[1])]
            parts.append(flat)
            places += range(place, place + flat.shape[1])
            place += flat.shape[1]
        else:
            texts = np.array([_decoded(value) for value in values.tolist()])
            others.append(Column(name, place, texts))
            if not {name, str(place)} & {*file.asked}:
                notes.append(describe_texts(file, name, place, texts.tolist()))
            place += 1
    if not parts:
        raise InputError(f"{file.label} holds no column of numbers; expected a table of measurements, one sample a row.")
    return Contents(np.hstack(parts), notes=tuple(notes), names=tuple(names), places=tuple(places), others=tuple(others))


def fields_of(array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Name and values of each field of a structured array (n,), several numbers a row as a table."""
    fields = [(name, array[name]) for name in array.dtype.names or ()]
    return [(name, values.reshape(len(array), -1) if values.ndim > 1 else values) for name, values in fields]


def _decoded(value: Any) -> str:
    return value.decode(errors="replace") if type(value) is bytes else str(value)
