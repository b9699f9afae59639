"""Files of topovae whose texts are damaged: their library dies, hangs or claims memory, in a process of its own."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from support.places import ROOT

from topovae.errors import RunFileError
from topovae.store import outside
from topovae.store.inspect import describe, field
from topovae.store.reader import read_report, read_run

HEAP = b"GCOL"
"""How a heap of texts begins: version and 3 bytes, size, then objects: number, references and 4 bytes, size, bytes."""

TYPE = re.compile(rb"\x19\x01\x01\0\x10\0{3}")
"""The type of a text of any length: version and class, what varies (1: texts), padding, bytes of a value."""

READERS: dict[str, Callable[[Path], object]] = {
    "read_run": read_run,
    "read_report": read_report,
    "describe": describe,
    "field": lambda path: field(path, "seed"),
}


def of_no_length(content: bytearray) -> None:
    """The first object of each heap takes no place, so that the next one begins within it."""
    for heap in re.finditer(HEAP, content):
        content[heap.start() + 24 : heap.start() + 32] = bytes(8)


def of_no_kind(content: bytearray) -> None:
    """What varies in length is said to be neither a text nor a list."""
    for kind in list(TYPE.finditer(content)):
        content[kind.start() + 1] = 0x6C


def enormous(content: bytearray) -> None:
    """Each text is said to have 2 GiB: its length stands before the place of its heap."""
    for heap in re.finditer(HEAP, content):
        for value in list(re.finditer(re.escape(struct.pack("<Q", heap.start())), content)):
            content[value.start() - 4 : value.start()] = (2**31).to_bytes(4, "little")


DAMAGES = {"of no length": of_no_length, "of no kind": of_no_kind, "enormous": enormous}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_texts_are_an_error(damage: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "SECONDS", 1)
    content = bytearray((ROOT / "tests" / "store" / "version1" / "run.h5").read_bytes())
    DAMAGES[damage](content)
    path = tmp_path / "run.h5"
    path.write_bytes(content)
    with pytest.raises(RunFileError, match=r"run\.h5 .*damaged"):
        READERS[reader](path)
