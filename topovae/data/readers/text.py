"""Delimited text, and JSON lines."""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from topovae.data.readers.base import Contents, File, InputFormat, refuse_member, require_room
from topovae.errors import InputError

MOST_CELL = 100_000
"""Characters of a name or a number at most: a limit on cost, below that of Python's csv; not tuned."""

MOST_LINE = 2**26
"""Characters of a line at most: a limit on cost, not tuned."""

_SHOWN = 40
_UNNAMED = ("", "Unnamed: 0")


@dataclass(frozen=True)
class Heading:
    """What the first lines of delimited text say of the rest.

    Attributes:
        delimiter: between cells; None for blanks.
        skipped: lines before the first row, blank ones with them.
        width: cells of the first row.
        index: the first column holds no measurements but names of the rows, or may: it has no name of its own.
        short: there is a name fewer than columns, as R writes names of rows.
        numbered: the names are the numbers of columns.
    """

    delimiter: str | None
    skipped: int
    width: int
    index: bool
    short: bool
    numbered: bool


def read_text(file: File) -> Contents:
    """Read numbers with one line a sample; a first line without any number, or with the columns' numbers, is a header.

    A first column without a name, of numbers or texts that all differ, is an index of the rows, and is left out.

    Raises:
        InputError: a cell is no number, lines differ in length, or there are none.
        ResourceError: the numbers do not fit in memory.
    """
    refuse_member(file)
    with _parsing_text(file) as lines:
        heading = _read_heading(file, lines)
    _require_text_room(file, heading)
    names: list[str] = []

    def name(cell: str) -> float:
        names.append(cell)
        return 0.0

    with _parsing_text(file) as lines:
        rows = (line for line in itertools.islice(lines, heading.skipped, None) if line.strip())
        options: dict[str, Any] = {"converters": {0: name}, "encoding": None} if heading.index else {}
        try:
            x = np.loadtxt(rows, delimiter=heading.delimiter, comments=None, quotechar='"', ndmin=2, **options)
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            raise InputError(f"{file.label}: {_fault(file, heading) or str(error)[:200]}") from error
    notes: list[str] = []
    if heading.numbered:
        notes.append(f"the first line of {file.label} numbers the columns, so it was taken for their names")
    if heading.index:
        x, said = _without_index(file, x, names[-len(x) :], heading)
        notes.append(said)
    return Contents(x, notes=tuple(notes))


def _read_heading(file: File, lines: Iterable[str]) -> Heading:
    """Find the delimiter, the header and the first row."""
    numbered = enumerate(lines, 1)
    records = ((number, *_record(file, number, line, numbered)) for number, line in numbered if line.strip())
    number, ends, first = next(records, (0, 0, ""))
    if not first:
        raise InputError(f"{file.label} holds blank lines only; expected rows of numbers. Check what writes it.")
    delimiter = _delimiter(first, file.suffix)
    cells = _cells(file, number, first, delimiter)
    second_number, _, second = next(records, (0, 0, ""))
    following = _cells(file, second_number, second, delimiter) if second else []
    words = not any(map(_is_number, cells))
    numbers = bool(following) and not words and _are_numbers_of_columns(cells, following)
    if not (words or numbers):
        return Heading(delimiter, number - 1, len(cells), False, False, False)
    if not following:
        raise InputError(f"{file.label} holds a header and no rows; expected one line of numbers a sample.")
    short = words and len(following) == len(cells) + 1
    index = short or (cells[0].strip() in _UNNAMED and len(following) == len(cells) > 1)
    return Heading(delimiter, ends, len(following), index, short, numbers)


def _record(file: File, ends: int, line: str, more: Iterator[tuple[int, str]]) -> tuple[int, str]:
    """A line with those after it that a quoted cell goes on in, and before it the number of the last."""
    while line.count('"') % 2:
        following = next(more, None)
        if following is None or len(line) > MOST_CELL:
            raise InputError(
                f"{file.label}: a quote is opened at {line[:_SHOWN]!r} and not closed within {MOST_CELL} characters; expected "
                "an even number of quotes. Correct it there."
            )
        ends, line = following[0], line + following[1]
    return ends, line


def _delimiter(line: str, suffix: str) -> str | None:
    """Return the suffix's delimiter if the line has it, else the commonest in it, else None for blanks."""
    preferred = {".csv": ",", ".tsv": "\t"}.get(suffix, "")
    if preferred and preferred in line:
        return preferred
    best = max(",\t;", key=line.count)
    return best if best in line else None


def _cells(file: File, number: int, line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    try:
        cells = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))
    except csv.Error as error:
        raise InputError(
            f"{file.label}: line {number} cannot be read ({error}); expected rows of numbers. Correct it."
        ) from None
    if max(map(len, cells), default=0) > MOST_CELL:
        raise InputError(f"{file.label}: line {number} has a cell of more than {MOST_CELL} characters; expected numbers.")
    return cells


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _are_numbers_of_columns(cells: list[str], following: list[str]) -> bool:
    """Whether a first line counts the columns from 0 or 1 on, as pandas names them, and is no first row."""
    names = cells[1:] if cells[0].strip() in _UNNAMED else cells
    counted = [[str(i + start) for i in range(len(names))] for start in (0, 1)]
    if len(names) < 2 or [name.strip() for name in names] not in counted:
        return False
    # of two or three numbers a row could well begin so; a row of numbers with points tells that the first one is none
    return len(names) > 3 or len(names) < len(cells) or not all(cell.strip().lstrip("-").isdigit() for cell in following)


def _without_index(file: File, x: np.ndarray, names: list[str], heading: Heading) -> tuple[np.ndarray, str]:
    """Take names of rows out of a table, and say so; a first column of measurements stays."""
    numeric = all(map(_is_number, names))
    if len(set(names)) == len(names) or heading.short:
        shown = ", ".join(names[:3])[:_SHOWN]
        return x[:, 1:], (
            f"the first column of {file.label} has no name and is an index ({shown}, …), so it was left out; name it if it is "
            "a measurement"
        )
    if not numeric:
        row = next(i for i, name in enumerate(names) if not _is_number(name))
        raise InputError(
            f"{file.label}: the first column has no name and is no index, for a text is repeated, and row {row} holds "
            f"{names[row][:_SHOWN]!r}; expected numbers or an index. Remove the column."
        )
    x[:, 0] = [float(name) for name in names]
    return x, f"the first column of {file.label} has no name; it was kept, for its numbers are repeated, unlike an index"


def _fault(file: File, heading: Heading) -> str | None:
    """Say where the first cell is that is no number, or the first line of another length."""
    advice = "Correct it there; an empty cell is a missing value: fill it or remove the line."
    with _parsing_text(file) as lines:
        filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip() and number > heading.skipped)
        for number, line in filled:
            try:
                cells = line.split() if heading.delimiter is None else next(csv.reader([line], delimiter=heading.delimiter))
            except csv.Error as error:
                return f"line {number} cannot be read ({error}). {advice}"
            for column, cell in enumerate(cells[int(heading.index) :], 1 + int(heading.index)):
                if not _is_number(cell):
                    shown = repr(cell[:_SHOWN]) + "…" * (len(cell) > _SHOWN)
                    return f"line {number}, column {column} is {shown}; expected a number. {advice}"
            if len(cells) != heading.width:
                return f"line {number} has {len(cells)} columns; expected {heading.width} as before. {advice}"
    return None


def _require_text_room(file: File, heading: Heading) -> None:
    """Refuse text of more numbers than memory holds, by counting what parts them."""
    marks = (heading.delimiter or " ").encode()
    cells = 0
    with open(file.path, "rb") as stream:
        while block := stream.read(2**20):
            cells += block.count(marks) + block.count(b"\n") + block.count(b"\r")
    require_room((cells,), np.dtype(np.float64), file.label, file.memory)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, whose keys must differ: of two alike one value would be lost."""
    row = dict(pairs)
    if len(row) < len(pairs):
        repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {repeated[:_SHOWN]!r} stands twice in it")
    return row


def read_jsonl(file: File) -> Contents:
    """Read one JSON list of numbers a line, or one object a line whose values are put side by side by their keys.

    Raises:
        InputError: a line is neither, lines differ in length or in their keys, or there are none.
        ResourceError: the numbers do not fit in memory.
    """
    refuse_member(file)
    rows: list[np.ndarray] = []
    widths: dict[str, int] = {}
    with _parsing_text(file) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, object_pairs_hook=_unrepeated)
                named = row if isinstance(row, dict) else {"": row}
                parts = {key: np.ravel(np.asarray(part, dtype=np.float64)) for key, part in named.items()}
                if not parts:
                    raise ValueError("it is empty")
            except (ValueError, TypeError, OverflowError, RecursionError) as error:
                raise InputError(
                    f"{file.label}: line {number} is no JSON list of numbers, nor an object of such lists "
                    f"({str(error)[:200]}); expected one sample a line. Correct it there."
                ) from error
            found = {key: len(part) for key, part in parts.items()}
            widths = widths or found
            if found != widths:
                raise InputError(f"{file.label}: line {number} {_difference(found, widths)}. Correct it there.")
            rows.append(np.concatenate([parts[key] for key in widths]))
            require_room((len(rows), len(rows[0])), rows[0].dtype, file.label, file.memory // 2)
    if not rows:
        raise InputError(f"{file.label} holds blank lines only; expected one JSON list of numbers a line.")
    return Contents(np.stack(rows))


def _difference(found: dict[str, int], widths: dict[str, int]) -> str:
    """In what the keys of a line, or how many numbers are under each, differ from those of the first line."""
    if ("" in found) != ("" in widths):
        return "is a list and others are objects, or the other way round; expected all alike"
    for key in widths:
        if key not in found:
            return f"lacks the key {key[:_SHOWN]!r}; expected the keys of the first line"
    for key, width in found.items():
        if key not in widths:
            return f"has the key {key[:_SHOWN]!r}, which the first line has not; expected the keys of the first line"
        if width != widths[key]:
            under = f" under {key[:_SHOWN]!r}" if key else ""
            return f"has {width} numbers{under} and the first {widths[key]}; expected as many in every line"
    return "differs from the first"


@contextmanager
def _parsing_text(file: File) -> Iterator[Iterator[str]]:
    """The lines of a file, which must be text of lines that end."""
    try:
        with open(file.path, encoding="utf-8-sig") as stream:
            yield _lines(file, stream)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file.label} is not text in UTF-8 (byte {error.start} is {error.object[error.start]:#x}); "
            "expected lines of numbers. Save it again as UTF-8, or correct its suffix if it is of another format."
        ) from error


def _lines(file: File, stream: TextIO) -> Iterator[str]:
    while line := stream.readline(MOST_LINE):
        if len(line) == MOST_LINE and not line.endswith("\n"):
            raise InputError(f"{file.label} has a line of more than {MOST_LINE} characters; expected one sample a line.")
        yield line


DELIMITED = InputFormat("delimited text", (".csv", ".tsv"), (), read_text)
JSON_LINES = InputFormat("JSON lines", (".jsonl",), (), read_jsonl)


def plain_format(head: bytes) -> InputFormat | None:
    """The format of text without a suffix, by its first bytes; none if they are no text."""
    if b"\0" in head:
        return None
    return JSON_LINES if head.lstrip()[:1] in (b"{", b"[") else DELIMITED
