"""Which columns and rows of a file are samples, and in which units: chosen, recorded, and done again to new data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from topovae.data.dataset import CHUNK_BYTES, Dataset, RowSource
from topovae.data.readers.base import Column, Contents
from topovae.errors import InputError, UsageError
from topovae.store.documents import Document

SCALES = ("none", "columns")
MISSING = ("refuse", "drop")

MOST_SCALED = 1000
"""Columns that can be standardised: their means and spreads are in the header of a run, which holds 64 KiB."""

_LISTED, _NAME = 12, 60


@dataclass(frozen=True)
class Selection(Document):
    """What of a file is taken for samples.

    Columns are chosen by name, or by number in the file from 0, or as a range of numbers such as "2:5" (2, 3 and 4).

    Args:
        columns: those that are measurements; all of numbers when empty.
        drop: those that are none.
        label: one that tells kinds of samples apart, for pictures; "" for none.
        group: one whose equal values a split must not part; "" for none.
        scale: "columns" gives each the mean 0 and the standard deviation 1.
        missing: "drop" leaves out samples with NaN, infinity or a gap; "refuse" does not read them.
        center: (d,) means that were taken off, where a scale was found.
        spread: (d,) what columns were divided by.
        repeated: it was made for other data, where a label or a group may be absent.

    Raises:
        UsageError: scale or missing is none of the known.
    """

    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    label: str = ""
    group: str = ""
    scale: str = "none"
    missing: str = "refuse"
    center: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    repeated: bool = False

    def __post_init__(self) -> None:
        for name, known in (("scale", SCALES), ("missing", MISSING)):
            if getattr(self, name) not in known:
                raise UsageError(f"--{name} {getattr(self, name)}: expected one of {', '.join(known)}")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Selection:
        """What a run or a report did to its data, to be done to others.

        Args:
            config: of its header.
        """
        known = config.get("selection") or {}
        lists = ("columns", "drop", "center", "spread")
        found: dict[str, Any] = {name: tuple(value) if name in lists else value for name, value in known.items()}
        return cls(**found, repeated=bool(known))

    @property
    def recorded(self) -> dict[str, Any]:
        """As the header of a file holds it; empty where nothing was chosen."""
        found = {name: value for name, value in self.to_dict().items() if name != "repeated"}
        return {} if self == Selection() else {"selection": found}

    @property
    def units(self) -> tuple[object, ...]:
        """What tells whether a model of other data reads the same columns in the same units."""
        return self.columns, self.drop, self.scale, self.center, self.spread

    @property
    def asked(self) -> tuple[str, ...]:
        """Words for columns, which then are left out, or taken, on purpose."""
        return tuple(filter(None, (*self.columns, *self.drop, self.label, self.group)))

    def choose(self, contents: Contents, place: str) -> Contents:
        """Take the chosen columns for samples.

        Args:
            contents: what a reader found.
            place: names the file in messages.

        Raises:
            InputError: there is no such column, or it holds no numbers.
        """
        if not self.asked:
            return contents
        arrays = {other.name: np.asarray(other.values) for other in contents.others if other.place < 0}
        asked = {role: word for role, word in (("label", self.label), ("group", self.group)) if word}
        beside: dict[str, Any] = {role: arrays[word] for role, word in asked.items() if word in arrays}
        if not (self.columns or self.drop or asked.keys() - beside.keys()):
            return contents._replace(**beside)
        table = _Table.of(contents, place)
        kept = table.find_all(self.columns) if self.columns else list(table.measured)
        gone = table.find_all(self.drop, self.repeated)
        for role in sorted(asked.keys() - beside.keys()):
            found = table.find_all((asked[role],), self.repeated)
            gone += found
            if found:
                beside[role] = table.values(found[0])
        chosen = [column for column in kept if column not in gone]
        if not chosen:
            raise InputError(f"{place}: no column is left to be a measurement; it holds {table.listing}. Choose some of these.")
        return table.take(chosen)._replace(**beside)

    def finish(self, data: Dataset) -> tuple[Dataset, Selection, tuple[str, ...]]:
        """Drop samples with gaps and standardise columns, where that is asked for.

        Args:
            data: samples of the chosen columns.

        Returns:
            The samples, this selection with the scale that was found, and sentences on what was done.

        Raises:
            InputError: no sample is whole, or there are too many columns for a scale.
        """
        notes: tuple[str, ...] = ()
        if self.missing == "drop":
            whole = _whole_rows(data)
            if len(whole) < data.n_samples:
                gone = data.n_samples - len(whole)
                notes = (f"{gone} of the {data.n_samples} samples of {data.place} have gaps and were left out",)
                if not len(whole):
                    raise InputError(
                        f"{data.place}: each sample has NaN, infinity or a gap, so that none is left. Fill the gaps."
                    )
                rows = ChosenRows(data.x, rows=whole)
                beside = (data.truth, data.group, data.label)
                truth, group, label = (None if values is None else values[whole] for values in beside)
                data = replace(data, x=rows, truth=truth, group=group, label=label, chunk_rows=0)
        if self.scale == "none":
            return data, self, notes
        chosen = self if self.center else self._measured(data)
        return replace(data, x=chosen.scaled(data)), chosen, notes

    def _measured(self, data: Dataset) -> Selection:
        """This selection with the mean and the standard deviation of each column."""
        if len(data.sample_shape) > 1 or data.n_features > MOST_SCALED:
            raise InputError(
                f"{data.place}: samples of shape {data.sample_shape} are not scaled by columns; expected a table of at most "
                f"{MOST_SCALED} columns. Scale them before."
            )
        total, squares, count = np.zeros(data.n_features), np.zeros(data.n_features), 0
        for _, block in data.chunks(CHUNK_BYTES // 4):
            total, count = total + block.sum(0, dtype=np.float64), count + len(block)
        center = total / count
        for _, block in data.chunks(CHUNK_BYTES // 4):
            squares += np.square(block - center).sum(0)
        spread = np.sqrt(squares / count)
        if not np.isfinite(spread).all():
            raise InputError(
                f"{data.place}: columns with NaN or infinity have no scale; drop such samples by --missing drop, or fill them."
            )
        plain = np.where(spread > 0, spread, 1.0)  # a constant column stays constant
        return replace(self, center=tuple(center.tolist()), spread=tuple(plain.tolist()))

    def scaled(self, data: Dataset) -> RowSource:
        """Rows in units of the spread, float32 or float64 as they were.

        Raises:
            InputError: they have another number of columns than those that the scale was found on.
        """
        if not self.center:
            return data.x
        if data.sample_shape != (len(self.center),):
            raise InputError(
                f"{data.place} has samples of shape {data.sample_shape}, and the scale is of {len(self.center)} columns; "
                "give the same columns."
            )
        return ChosenRows(data.x, center=np.array(self.center), spread=np.array(self.spread))

    def restored(self, x: np.ndarray) -> np.ndarray:
        """Samples in the units of the file again, of the type of x.

        Args:
            x: (n, d) in units of the spread.
        """
        return (x * np.array(self.spread) + np.array(self.center)).astype(x.dtype) if self.center else x

    @property
    def log_spread(self) -> float:
        """log of the volume, in the units of the file, of a unit of samples: what log densities of the latter lose, in nats."""
        return float(np.log(self.spread).sum()) if self.spread else 0.0


class ChosenRows:
    """Some rows and columns of a row source, standardised or not, made when they are asked for.

    Args:
        source: (n, d) or (n, ...).
        rows: those that are taken, rising; all when None.
        columns: those that are taken; all when None.
        center, spread: (d,) taken off, and divided by, when given.
    """

    def __init__(
        self,
        source: RowSource,
        *,
        rows: np.ndarray | None = None,
        columns: Sequence[int] | None = None,
        center: np.ndarray | None = None,
        spread: np.ndarray | None = None,
    ) -> None:
        self.source, self.kept, self.columns, self.center, self.spread = source, rows, columns, center, spread
        width = source.shape[1:] if columns is None else (len(columns),)
        self.shape = (source.shape[0] if rows is None else len(rows), *width)
        wide = source.dtype.kind == "f" and source.dtype.itemsize >= 8
        self.dtype = source.dtype if center is None else np.dtype(np.float64 if wide else np.float32)
        self.chunks = getattr(source, "chunks", None) if rows is None else None

    def __getitem__(self, rows: slice) -> np.ndarray:
        x = np.asarray(self.source[rows]) if self.kept is None else self._gather(self.kept[rows])
        if self.columns is not None:
            x = x[:, list(self.columns)]
        if self.center is not None and self.spread is not None:
            x = ((x - self.center) / self.spread).astype(self.dtype)
        return x

    def _gather(self, wanted: np.ndarray) -> np.ndarray:
        if not len(wanted):
            return np.empty((0, *self.source.shape[1:]), self.source.dtype)
        first = int(wanted[0])
        return np.asarray(self.source[first : int(wanted[-1]) + 1])[wanted - first]


@dataclass(frozen=True)
class _Table:
    """The columns of a file by name and number.

    Attributes:
        contents: what a reader found.
        place: names the file.
        measured: numbers in the file of the columns of x.
        others: columns that are none of x, by number.
        names: of columns that have one, to their number.
        twice: names that several columns have.
    """

    contents: Contents
    place: str
    measured: tuple[int, ...]
    others: Mapping[int, Column]
    names: Mapping[str, int]
    twice: frozenset[str]

    @classmethod
    def of(cls, contents: Contents, place: str) -> _Table:
        if len(contents.x.shape) != 2:
            raise InputError(
                f"{place} holds samples of shape {tuple(contents.x.shape[1:])}, which have no columns to be chosen; leave the "
                "choice of columns out."
            )
        measured = contents.places or tuple(range(contents.x.shape[1]))
        others = {other.place: other for other in contents.others if other.place >= 0}
        named = [(other.name, number) for number, other in others.items()]
        named += zip(contents.names, measured, strict=False)
        names = {name: number for name, number in named if name}
        twice = frozenset(name for name, count in Counter(name for name, _ in named).items() if count > 1)
        return cls(contents, place, measured, others, names, twice)

    @property
    def listing(self) -> str:
        shown = [name[:_NAME] for name in self.names][:_LISTED]
        count = len(self.measured) + len(self.others)
        return f"{count} columns" + (f" ({', '.join(shown)}{', …' * (len(self.names) > len(shown))})" if shown else "")

    def find_all(self, words: Sequence[str], may_be_absent: bool = False) -> list[int]:
        """Numbers of the columns that words stand for.

        Raises:
            InputError: there is none.
        """
        found: list[int] = []
        for word in words:
            numbers = self._find(word.strip())
            if not numbers and not may_be_absent:
                raise InputError(
                    f"{self.place} has no column {word.strip()[:_NAME]!r}; it holds {self.listing}. Choose by name, by number "
                    "from 0, or by a range such as 2:5."
                )
            found += [number for number in numbers if number not in found]
        return found

    def _find(self, word: str) -> list[int]:
        """Numbers of the columns that a word stands for.

        Raises:
            InputError: it is the name of several.
        """
        if word and word in self.twice:
            raise InputError(f"{self.place} has several columns {word[:_NAME]!r}; choose by number from 0, or rename them.")
        if word in self.names:
            return [self.names[word]]
        known = sorted({*self.measured, *self.others})
        first, colon, last = word.partition(":")
        try:
            begin = int(first) if first else 0
            end = (int(last) if last else known[-1] + 1) if colon else begin + 1
        except ValueError:
            return []
        return [number for number in known if begin <= number < end] if word else []

    def values(self, number: int) -> np.ndarray:
        """A column that becomes a label or a group."""
        if number in self.others:
            return np.asarray(self.others[number].values)
        return np.asarray(self.contents.x[:])[:, self.measured.index(number)]

    def take(self, chosen: list[int]) -> Contents:
        """The contents with these columns as samples.

        Raises:
            InputError: one holds no numbers.
        """
        contents = self.contents
        names = {number: name for name, number in self.names.items()}
        if all(number in self.measured for number in chosen):
            at = [self.measured.index(number) for number in chosen]
            x: RowSource = ChosenRows(contents.x, columns=at)
        else:
            whole = np.asarray(contents.x[:])
            parts = [
                _numbers(self.others[number], self.place) if number in self.others else whole[:, self.measured.index(number)]
                for number in chosen
            ]
            x = np.column_stack(parts)
        if type(contents.x) is np.ndarray:  # in memory, where a copy is read faster
            x = np.asarray(x[:])
        return contents._replace(
            x=x, names=tuple(names.get(number, "") for number in chosen) if names else (), places=tuple(chosen)
        )


def _numbers(column: Column, place: str) -> np.ndarray:
    """The numbers of a column that was taken for an index.

    Raises:
        InputError: it holds texts.
    """
    try:
        return np.asarray(column.values).astype(np.float64)
    except (ValueError, TypeError):
        name = column.name or str(column.place)
        raise InputError(
            f"{place}: the column {name[:_NAME]!r} holds texts, such as {str(column.values[0])[:_NAME]!r}; expected numbers. "
            "Leave it out of --columns, or take it as --label or --group."
        ) from None


def _whole_rows(data: Dataset) -> np.ndarray:
    """Numbers of the samples whose numbers are all finite."""
    found = [np.empty(0, np.int64)]
    for rows, block in data.chunks(CHUNK_BYTES // 4):
        found.append(rows.start + np.flatnonzero(np.isfinite(block.reshape(len(block), -1)).all(1)))
    return np.concatenate(found)
