"""Files of topovae whose texts are damaged: their library dies, hangs or claims memory, in a process of its own."""

from __future__ import annotations

import contextlib
import re
import struct
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.mutations import own_kinds
from support.places import ROOT

from topovae.errors import RunFileError
from topovae.runs.integrity import open_run
from topovae.store import outside
from topovae.store.inspect import describe, field
from topovae.store.reader import read_report, read_run, read_sweep
from topovae.store.texts import MOST_DEPTH, walk

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


OWN = {kind.name: kind for kind in own_kinds()}
USES: dict[str, Callable[[Path], object]] = {
    "run.h5": open_run,
    "sealed-run.h5": open_run,
    "sweep.h5": read_sweep,
    "report.h5": read_report,
}


@pytest.mark.parametrize("name", OWN)
def test_damaged_files_of_ours_are_read_or_refused(name: str, tmp_path: Path) -> None:
    """`tests/benchmarks/fuzz.py --own` goes on for longer."""
    path = tmp_path / name
    path.write_bytes(OWN[name].content)
    assert describe(path)["datasets"] and USES[name](path)
    for seed in range(8):
        path.write_bytes(OWN[name].damaged(np.random.default_rng(seed)))
        with contextlib.suppress(RunFileError):
            describe(path)
            USES[name](path)


def test_each_object_is_found_once_and_no_link_is_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b/x"] = 1.0
        file["a/y"] = file["a/b/x"]
        file["a/b/back"] = file["a"]
        file["soft"], file["elsewhere"] = h5py.SoftLink("/a"), h5py.ExternalLink("b.h5", "/x")
        found = dict(walk(file))
        assert {name for name in found if not isinstance(found[name], h5py.Dataset)} == {"a", "a/b"}
        assert [name for name in found if isinstance(found[name], h5py.Dataset)] in (["a/b/x"], ["a/y"])


def test_groups_are_entered_as_deep_as_is_said(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file
        for _ in range(3000):
            group["x"], group = 1.0, group.create_group("g")
    began = time.process_time()
    names = [dataset["name"] for dataset in describe(tmp_path / "a.h5")["datasets"]]
    assert names == sorted("g/" * depth + "x" for depth in range(MOST_DEPTH + 1))
    assert time.process_time() - began < 5
