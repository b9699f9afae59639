"""Delimited text, and JSON lines."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from topovae.data.readers.base import Contents, File, InputFormat, refuse_member
from topovae.errors import InputError


def read_text(file: File) -> Contents:
    """Read numbers with one line a sample; a first line without any number is a header.

    Raises:
        InputError: a cell is no number, lines differ in length, or there are none.
    """
    refuse_member(file)
    with _parsing_text(file), open(file.path, encoding="utf-8-sig") as lines:
        first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise InputError(f"{file.label} holds blank lines only; expected rows of numbers. Check what writes it.")
    delimiter = _delimiter(first, file.suffix)
    header = not any(map(_is_number, _cells(first, delimiter)))
    with _parsing_text(file), open(file.path, encoding="utf-8-sig") as lines:
        body = (line for line in lines if line.strip())
        rows = itertools.islice(body, int(header), None)
        start = next(rows, None)
        if start is None:
            raise InputError(f"{file.label} holds a header and no rows; expected one line of numbers a sample.")
        try:
            x = np.loadtxt(itertools.chain([start], rows), delimiter=delimiter, comments=None, quotechar='"', ndmin=2)
        except ValueError as error:
            raise InputError(f"{file.label}: {_fault(file.path, delimiter, header) or error}") from error
    return Contents(x)


def _delimiter(line: str, suffix: str) -> str | None:
    """Return the suffix's delimiter if the line has it, else the commonest in it, else None for blanks."""
    preferred = {".csv": ",", ".tsv": "\t"}.get(suffix, "")
    if preferred and preferred in line:
        return preferred
    best = max(",\t;", key=line.count)
    return best if best in line else None


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _fault(path: Path, delimiter: str | None, header: bool) -> str | None:
    """Say where the first cell is that is no number, or the first line of another length."""
    advice = "Correct it there; an empty cell is a missing value: fill it or remove the line."
    width = None
    with open(path, encoding="utf-8-sig") as lines:
        filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        for number, line in itertools.islice(filled, int(header), None):
            cells = _cells(line, delimiter)
            width = width or len(cells)
            for column, cell in enumerate(cells, 1):
                if not _is_number(cell):
                    return f"line {number}, column {column} is {cell[:40]!r}; expected a number. {advice}"
            if len(cells) != width:
                return f"line {number} has {len(cells)} columns; expected {width} as before. {advice}"
    return None


def read_jsonl(file: File) -> Contents:
    """Read one JSON list of numbers a line, or one object a line whose values are put side by side.

    Raises:
        InputError: a line is neither, lines differ in length, or there are none.
    """
    refuse_member(file)
    rows = []
    with _parsing_text(file), open(file.path, encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                parts = list(row.values()) if isinstance(row, dict) else [row]
                rows.append(np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in parts]))
            except (ValueError, TypeError) as error:
                raise InputError(
                    f"{file.label}: line {number} is no JSON list of numbers, nor an object of such lists ({error}); "
                    "expected one sample a line. Correct it there."
                ) from error
            if len(rows[-1]) != len(rows[0]):
                raise InputError(
                    f"{file.label}: line {number} has {len(rows[-1])} numbers and the first {len(rows[0])}; expected as "
                    "many in every line. Correct it there."
                )
    if not rows:
        raise InputError(f"{file.label} holds blank lines only; expected one JSON list of numbers a line.")
    return Contents(np.stack(rows))


@contextmanager
def _parsing_text(file: File) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file.label} is not text in UTF-8 (byte {error.start} is {error.object[error.start]:#x}); "
            "expected lines of numbers. Save it again as UTF-8, or correct its suffix if it is of another format."
        ) from error


DELIMITED = InputFormat("delimited text", (".csv", ".tsv"), (), read_text)
JSON_LINES = InputFormat("JSON lines", (".jsonl",), (), read_jsonl)


def plain_format(head: bytes) -> InputFormat | None:
    """The format of text without a suffix, by its first bytes; none if they are no text."""
    if b"\0" in head:
        return None
    return JSON_LINES if head.lstrip()[:1] in (b"{", b"[") else DELIMITED
