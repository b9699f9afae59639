"""Delimited text, and JSON lines.

pandas and polars read faster, and neither says in which line a cell is no number, nor refuses before the work what does not
fit in memory; the hand-written part is how a first line is understood, and NumPy reads the numbers.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO

import numpy as np

from topovae.data.readers.base import Column, Contents, File, InputFormat, describe_texts, refuse_member, require_room
from topovae.errors import InputError

MOST_CELL = 100_000
"""Characters of a name or a number at most: a limit on cost, below that of Python's csv; not tuned."""

MOST_LINE = 2**26
"""Characters of a line at most: a limit on cost, not tuned."""

LOOKED_AT = 1000
"""Rows in which a cell that holds something is sought, to tell texts from numbers: a limit on cost, not tuned."""

COUNTED_ROWS = 20
"""From so many rows on a first column without a name that counts them is an index: not tuned."""

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", "."})
"""Cells that stand for no number, in lower case."""

_COMMENTS = ("#", "%")
_SHOWN = 40
_UNNAMED = ("", "Unnamed: 0")
_BYTE_ORDER = (b"\xff\xfe", b"\xfe\xff")
_WORD = re.compile(r'"(?:[^"]|"")*"|\S+')
_COMMAS_FOR_POINTS = re.compile(r"\s*[-+]?\d+,\d+(?:[eE][-+]?\d+)?(?:[ \t]+[-+]?\d+(?:,\d+)?(?:[eE][-+]?\d+)?)+\s*")
_MARKED = re.compile(r"[-+−]?\d[\d.,']*[.,'][\d.,']*|−\d+")
_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}")
_ADVICE = "Correct it there; an empty cell is a missing value: fill it, remove the line, or drop such lines by --missing drop."


@dataclass(frozen=True)
class Heading:
    """What the first lines of delimited text say of the rest.

    Attributes:
        delimiter: between cells; None for blanks.
        skipped: lines before the first row, blank ones with them.
        width: cells of the first row.
        names: of all columns, "" for one without a name; empty if there is no header.
        texts: numbers of the columns that hold texts.
        index: the first column holds no measurements but names of the rows, or may: it has no name of its own.
        short: there is a name fewer than columns, as R writes names of rows.
        numbered: the names are numbers.
    """

    delimiter: str | None
    skipped: int
    width: int
    names: tuple[str, ...] = ()
    texts: tuple[int, ...] = ()
    index: bool = False
    short: bool = False
    numbered: bool = False

    @property
    def apart(self) -> tuple[int, ...]:
        """Numbers of the columns that are kept as texts."""
        return tuple(sorted({*self.texts, *((0,) if self.index else ())}))


class _Record(NamedTuple):
    """A row of cells, with the numbers of its first and last line."""

    number: int
    ends: int
    cells: list[str]


def read_text(file: File) -> Contents:
    """Read numbers with one line a sample; a first line without any number, or of numbers of columns, is a header.

    A first column without a name, of numbers or texts that all differ, is an index of the rows, and is left out, and so are
    columns of texts; lines that begin with # or % are comments.

    Raises:
        InputError: a cell is no number, lines differ in length, or there are none.
        ResourceError: the numbers do not fit in memory.
    """
    refuse_member(file)
    heading = _read_heading(file)
    _require_text_room(file, heading)
    x, apart, commas = _read_cells(file, heading)
    notes: list[str] = []
    if heading.numbered:
        notes.append(f"the first line of {file.label} numbers the columns, so it was taken for their names")
    if commas:
        notes.append(f"commas within the numbers of {file.label} were read as decimal points")
    measured = [column for column in range(heading.width) if column not in apart]
    others: list[Column] = []
    for place, values in apart.items():
        kept, said = _judge(file, heading, place, values)
        if kept is not None:
            x[:, place] = kept
            measured = sorted({*measured, place})
        else:
            others.append(Column(_name(heading, place), place, np.array(values, dtype=object)))
        if not {_name(heading, place), str(place)} & {*file.asked}:
            notes.append(said)
    if file.counted and not heading.names and len(measured) > 2 and _counts(x[:, 0]) and measured[0] == 0:
        others.append(Column("", 0, x[:, 0].copy()))
        measured = measured[1:]
        notes.append(
            f"the first column of {file.label} has no name and counts the rows, so it was left out; --columns can take "
            "it all the same"
        )
    if not measured:
        raise InputError(
            f"{file.label} holds no column of numbers; expected one line of numbers a sample. Check the delimiter."
        )
    whole = len(measured) == heading.width
    names = tuple(_name(heading, place) for place in measured) if heading.names else ()
    return Contents(
        x if whole else x[:, measured],
        notes=tuple(notes),
        names=names,
        places=() if whole else tuple(measured),
        others=tuple(others),
    )


def _read_cells(file: File, heading: Heading) -> tuple[np.ndarray, dict[int, list[str]], bool]:
    """The numbers (n, width), the texts of the columns kept apart, and whether commas stood for points."""
    apart: dict[int, list[str]] = {}

    def keep(place: int) -> Callable[[str], float]:
        def kept(cell: str) -> float:
            apart[place].append(cell)
            return 0.0

        return kept

    others = [column for column in range(heading.width) if column not in heading.apart]
    plain: dict[int, Callable[[str], float]] = {}
    ways = [plain] if not file.gaps else []
    if file.gaps or heading.delimiter != ",":
        ways.append({column: lambda cell: _number(cell, heading, file.gaps) for column in others})
    for way in ways:
        apart = {place: [] for place in heading.apart}
        converters = way | {place: keep(place) for place in heading.apart}
        options: dict[str, Any] = {"converters": converters, "encoding": None} if converters else {}
        try:
            with _parsing_text(file) as lines:
                rows = (line for _, line in _filled(itertools.islice(enumerate(lines, 1), heading.skipped, None)))
                x = np.loadtxt(rows, delimiter=heading.delimiter, comments=None, quotechar='"', ndmin=2, **options)
        except (InputError, UnicodeError):
            raise
        except ValueError as error:
            if way is not ways[-1]:
                continue
            raise InputError(f"{file.label}: {_fault(file, heading) or str(error)[:200]}") from error
        commas = way is not plain and heading.delimiter != "," and not file.gaps
        return x, {place: values[-len(x) :] for place, values in apart.items()}, commas
    raise AssertionError("there is a way to read cells")


def _read_heading(file: File) -> Heading:
    """Find the delimiter, the header and the first row."""
    with _parsing_text(file) as lines:
        comment = ""
        numbered = enumerate(lines, 1)
        first_line, number = "", 0
        for found, line in numbered:
            if line.strip().startswith(_COMMENTS):
                comment = line.strip().lstrip("#% \t")
            elif line.strip():
                number, first_line = found, line
                break
        if not first_line:
            raise InputError(f"{file.label} holds blank lines only; expected rows of numbers. Check what writes it.")
        start = _record(file, number, first_line, numbered)
        following_lines = [start[1]]
        rest = ((number, *_record(file, number, line, numbered)) for number, line in _filled(numbered))
        looked = list(itertools.islice(rest, LOOKED_AT))
        following_lines += [line for _, _, line in looked[:1]]
        delimiter = _delimiter(following_lines, file.suffix)
        first = _Record(number, start[0], _cells(file, number, start[1], delimiter))
        later = [_Record(number, ends, _cells(file, number, line, delimiter)) for number, ends, line in looked]
    return _understand(file, delimiter, first, later, comment)


def _understand(file: File, delimiter: str | None, first: _Record, later: list[_Record], comment: str) -> Heading:
    """Whether the first row is a header, and which columns hold texts."""
    following = later[0].cells if later else []
    blank = Heading(delimiter, first.number - 1, len(first.cells))
    kinds = [_is_text(cell, blank) for cell in first.cells]
    words = any(kinds) and not any(_is_number(cell, blank) for cell in first.cells)
    numbers = bool(following) and not words and _are_numbers_of_columns(first.cells, following)
    axis = bool(following) and not words and not numbers and _is_axis(first.cells, [row.cells for row in later[:5]], blank)
    if not (words or numbers or axis):
        texts = _text_columns(blank, [first, *later])
        for column, text in enumerate(kinds):
            # a text above numbers is a mistake, or one word in a header of numbers: not ours to tell
            if text and any(len(row.cells) > column and _is_number(row.cells[column], blank) for row in later):
                raise InputError(f"{file.label}: {_misplaced(first.number, column, first.cells[column])}")
        names = _cells(file, first.number, comment, delimiter) if comment else []
        names = names if len(names) == len(first.cells) else comment.split()
        known = tuple(name.strip() for name in names) if len(names) == len(first.cells) else ()
        return Heading(delimiter, first.number - 1, len(first.cells), known, texts)
    if not following:
        raise InputError(f"{file.label} holds a header and no rows; expected one line of numbers a sample.")
    short = words and len(following) == len(first.cells) + 1 and bool(following[-1].strip())
    names = [name.strip() for name in first.cells]
    names = ["", *names] if short else names + [""] * (len(following) == len(names) + 1 and not following[-1].strip())
    if len(names) != len(following):
        raise InputError(
            f"{file.label}: line {first.number} has {len(first.cells)} names, line {later[0].number} {len(following)} cells; "
            "expected a name for each column. Begin lines that are no rows with #, or correct the delimiter or decimal commas."
        )
    index = short or (names[0] in _UNNAMED and len(names) > 1)
    texts = tuple(column for column in _text_columns(blank, later) if column or not index)
    return Heading(delimiter, first.ends, len(names), tuple(names), texts, index, short, numbers or axis)


def _text_columns(heading: Heading, rows: list[_Record]) -> tuple[int, ...]:
    """Numbers of the columns whose first cell that holds something is no number, or none of whose cells does."""
    found = []
    for column in range(len(rows[0].cells)):
        cells = (row.cells[column] for row in rows if len(row.cells) > column)
        told = next((cell for cell in cells if cell.strip().lower() not in MISSING), "")
        # a gap in an only row is one of a number; a column without anything is none
        if (told and _is_text(told, heading)) or (not told and not _names_gap(rows, column)):
            found.append(column)
    return tuple(found)


def _names_gap(rows: list[_Record], column: int) -> bool:
    """Whether a column says of its gaps that they are missing numbers."""
    return any(len(row.cells) > column and row.cells[column].strip() for row in rows)


def _is_text(cell: str, heading: Heading) -> bool:
    """Whether a cell holds a text, and neither a number nor a gap, nor a number written otherwise than ours."""
    plain = cell.strip()
    return not (
        _is_number(cell, heading) or plain.lower() in MISSING or (_MARKED.fullmatch(plain) and not _DATE.fullmatch(plain))
    )


def _name(heading: Heading, place: int) -> str:
    return heading.names[place] if heading.names else ""


def _counts(column: np.ndarray) -> bool:
    """Whether numbers count their rows, from 0 or 1 on."""
    return len(column) >= COUNTED_ROWS and column[0] in (0, 1) and bool((np.diff(column) == 1).all())


def _judge(file: File, heading: Heading, place: int, values: list[str]) -> tuple[np.ndarray | None, str]:
    """What becomes of a column kept apart: its numbers, if it is one of measurements after all, and what to say."""
    shown = ", ".join(list(dict.fromkeys(value for value in values if value.strip()))[:3])[:_SHOWN]
    if place == 0 and heading.index:
        if len(set(values)) == len(values) or heading.short:
            return None, (
                f"the first column of {file.label} has no name and is an index ({shown}, …), so it was left out; name it if it "
                "is a measurement"
            )
        if all(_is_number(value, heading) for value in values):
            kept = np.array([_number(value, heading, False) for value in values])
            return kept, (
                f"the first column of {file.label} has no name; it was kept, for its numbers are repeated, unlike an index"
            )
    return None, describe_texts(file, _name(heading, place), place, values)


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


def _filled(numbered: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor comments."""
    return ((number, line) for number, line in numbered if line.strip() and not line.lstrip().startswith(_COMMENTS))


def _delimiter(lines: list[str], suffix: str) -> str | None:
    """The delimiter of the first lines: one that both have equally often, the suffix's before others; None for blanks.

    A comma may be a decimal point, so that a semicolon or a tab comes before it.
    """
    unquoted = [_strip_quoted(line) for line in lines]
    if all(_COMMAS_FOR_POINTS.fullmatch(line) for line in unquoted[-1:]) and not {";", "\t"} & set(unquoted[-1]):
        return None
    preferred = {".tsv": "\t;,"}.get(suffix, ";\t,")
    counts = {mark: [line.count(mark) for line in unquoted] for mark in preferred}
    # R leaves out the name above names of rows, and some programs end each row with a delimiter
    even = (mark for mark, found in counts.items() if min(found) and found[-1] - found[0] in (0, 1))
    some = (mark for mark, found in counts.items() if max(found))
    found = next(even, None) or next(some, None)
    # one column of numbers under a title with a comma, or numbers between blanks
    return found


def _strip_quoted(line: str) -> str:
    return re.sub(r'"(?:[^"]|"")*"', "q", line)


def _cells(file: File, number: int, line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        cells = [cell.strip('"') for cell in _WORD.findall(line)]
    else:
        try:
            cells = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))
        except csv.Error as error:
            raise InputError(
                f"{file.label}: line {number} cannot be read ({error}); expected rows of numbers. Correct it."
            ) from None
    if max(map(len, cells), default=0) > MOST_CELL:
        raise InputError(f"{file.label}: line {number} has a cell of more than {MOST_CELL} characters; expected numbers.")
    return cells


def _number(cell: str, heading: Heading, gaps: bool) -> float:
    """The number of a cell, with a comma for its point where commas do not part cells; NaN for a gap if that may be.

    Raises:
        ValueError: it is none.
    """
    plain = cell.strip()
    if gaps and plain.lower() in MISSING:
        return float("nan")
    return float(plain if heading.delimiter == "," else plain.replace(",", "."))


def _is_number(cell: str, heading: Heading) -> bool:
    try:
        _number(cell, heading, False)
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
    points = [cell.strip() for cell in following if not cell.strip().lstrip("-").isdigit()]
    return len(names) > 3 or len(names) < len(cells) or (bool(points) and all(map(_is_point_number, points)))


def _is_point_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_axis(cells: list[str], rows: list[list[str]], heading: Heading) -> bool:
    """Whether a first line holds the numbers of an axis, as wavelengths: evenly spaced, or below a name or a blank, and rising
    or falling where the rows are not."""
    lead = 0 if _is_number(cells[0], heading) else 1
    numbers = _numbers(cells[lead:], heading)
    later = [_numbers(row[lead:], heading) for row in rows]
    if len(numbers) < 4 or not _is_monotone(numbers) or any(map(_is_monotone, later)):
        return False
    steps = np.diff(numbers)
    return bool(lead) or bool(np.allclose(steps, steps[0], rtol=1e-6, atol=0.0))


def _numbers(cells: list[str], heading: Heading) -> np.ndarray:
    """The numbers of cells; none if one of them is no number."""
    return np.array([_number(cell, heading, False) for cell in cells] if all(_is_number(c, heading) for c in cells) else [])


def _is_monotone(numbers: np.ndarray) -> bool:
    steps = np.diff(numbers)
    return len(numbers) > 1 and bool((steps > 0).all() or (steps < 0).all())


def _fault(file: File, heading: Heading) -> str | None:
    """Say where the first cell is that is no number, or the first line of another length."""
    with _parsing_text(file) as lines:
        for number, line in _filled(itertools.islice(enumerate(lines, 1), heading.skipped, None)):
            cells = _cells(file, number, line, heading.delimiter)
            for column, cell in enumerate(cells):
                gap = file.gaps and cell.strip().lower() in MISSING
                if column not in heading.apart and not gap and not _is_number(cell, heading):
                    return _misplaced(number, column, cell)
            if len(cells) != heading.width:
                return f"line {number} has {len(cells)} columns; expected {heading.width} as before. {_ADVICE}"
    return None


def _misplaced(number: int, column: int, cell: str) -> str:
    shown = repr(cell[:_SHOWN]) + "…" * (len(cell) > _SHOWN)
    return f"line {number}, column {column + 1} is {shown}; expected a number. {_ADVICE}"


def _require_text_room(file: File, heading: Heading) -> None:
    """Refuse text of more numbers than memory holds, by counting what parts them."""
    marks = (heading.delimiter or " ").encode()
    cells = held = 0
    with open(file.path, "rb") as stream:
        while block := stream.read(2**20):
            cells += block.count(marks) + block.count(b"\n") + block.count(b"\r")
            held += len(block)
    require_room((cells + held * bool(heading.apart) // 8,), np.dtype(np.float64), file.label, file.memory)


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
    called = [(key, range(count)) for key, count in widths.items() if key]
    names = tuple(f"{key}.{i}" if len(places) > 1 else key for key, places in called for i in places)
    return Contents(np.stack(rows), names=names)


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
        with open(file.path, "rb") as raw:
            encoding = "utf-16" if raw.read(2) in _BYTE_ORDER else "utf-8-sig"
        with open(file.path, encoding=encoding) as stream:
            yield _lines(file, stream)
    except UnicodeError as error:
        raise InputError(
            f"{file.label} is not text in UTF-8 ({_unreadable(error)}); "
            "expected lines of numbers. Save it again as UTF-8, or correct its suffix if it is of another format."
        ) from error


def _unreadable(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is {error.object[error.start]:#x}"
    return str(error)[:_SHOWN]


def _lines(file: File, stream: TextIO) -> Iterator[str]:
    while line := stream.readline(MOST_LINE):
        if len(line) == MOST_LINE and not line.endswith("\n"):
            raise InputError(f"{file.label} has a line of more than {MOST_LINE} characters; expected one sample a line.")
        yield line


DELIMITED = InputFormat("delimited text", (".csv", ".tsv", ".txt", ".dat"), (), read_text, "columns")
JSON_LINES = InputFormat("JSON lines", (".jsonl",), (), read_jsonl, "columns, named by keys")


def plain_format(head: bytes) -> InputFormat | None:
    """The format of text without a suffix, by its first bytes; none if they are no text."""
    if head.startswith(_BYTE_ORDER):
        return DELIMITED
    if b"\0" in head:
        return None
    return JSON_LINES if head.lstrip()[:1] in (b"{", b"[") else DELIMITED
