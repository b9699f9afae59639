"""MATLAB's files: their parser dies elsewhere, and what it finds is checked here."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from topovae.data.readers.find import read
from topovae.errors import InputError, ResourceError
from topovae.store import outside

N = 40
X = np.random.default_rng(0).normal(size=(N, 3))
COLUMNS = scipy.sparse.random(N, 5, 0.4, format="csc", random_state=0)


def saved(**variables: object) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables)
    return stream.getvalue()


SPARSE, DENSE = saved(x=COLUMNS), saved(x=X)
ROWS = SPARSE.find(COLUMNS.indices.astype("<i4").tobytes())
POINTERS = SPARSE.find(COLUMNS.indptr.astype("<i4").tobytes())
NUMBERS = DENSE.find(np.asfortranarray(X).tobytes("F"))


def patched(whole: bytes, place: int, value: int) -> bytes:
    return whole[:place] + struct.pack("<i", value) + whole[place + 4 :]


DAMAGED = {
    **{
        f"row {value}": (patched(SPARSE, ROWS + 8, value), f"is {value}; expected 0 to 39") for value in (N, 100_000, 2**30, -5)
    },
    "pointer too far": (patched(SPARSE, POINTERS + 8, 10**6), "a.mat"),
    "pointer back": (patched(SPARSE, POINTERS + 8, -5), "a.mat"),
    # numbers of types that index a table within the parser
    "unknown type of indices": (patched(SPARSE, ROWS - 8, 14), "a.mat"),
    "unknown type of numbers": (patched(DENSE, NUMBERS - 8, 0x209), "a.mat"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_an_input_error(name: str, tmp_path: Path) -> None:
    content, words = DAMAGED[name]
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "a.mat")


PARSERS = {
    "that dies": ("kill -SEGV $$", r"a\.mat cannot be read.*died of signal 11"),
    "without end": ("exec sleep 60", "did not end"),
}


@pytest.mark.parametrize(("does", "words"), PARSERS.values(), ids=PARSERS.keys())
def test_a_parser_that_fails_is_told(does: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mat").write_bytes(DENSE)
    (tmp_path / "python").write_text(f"#!/bin/sh\n{does}\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr(outside, "SECONDS", 0.1)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "a.mat")


def test_a_variable_larger_than_memory(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.zeros((2000, 2000))}, do_compression=True)
    with pytest.raises(ResourceError, match=r"a\.mat"):
        read(tmp_path / "a.mat", memory=2**20)


def mat73(path: Path, fill: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "w", userblock_size=512) as file:
        fill(file)
    with open(path, "r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file")
    return path


CLASSES = {"text": "double", "bytes": np.bytes_("double"), "a number": 5, "null": h5py.Empty("S1"), "list": ["double", "x"]}


@pytest.mark.parametrize("name", CLASSES)
def test_the_class_of_a_variable_in_any_type(name: str, tmp_path: Path) -> None:
    path = mat73(tmp_path / "a.mat", lambda f: f.create_dataset("x", data=X.T).attrs.__setitem__("MATLAB_class", CLASSES[name]))
    np.testing.assert_array_equal(read(path).load(), X)


def sparse73(rows: int = N, ir: np.ndarray = COLUMNS.indices, jc: np.ndarray = COLUMNS.indptr) -> Callable[[h5py.File], None]:
    def fill(file: h5py.File) -> None:
        group = file.create_group("x")
        group.attrs["MATLAB_sparse"] = np.uint64(rows)
        group["data"], group["ir"], group["jc"] = COLUMNS.data, ir.astype("u8"), jc.astype("u8")

    return fill


@pytest.mark.parametrize("value", [N, 100_000, 2**63 + 5])
def test_rows_outside_of_a_sparse_matrix(value: int, tmp_path: Path) -> None:
    ir = COLUMNS.indices.astype("u8")
    ir[3] = value
    with pytest.raises(InputError, match=f"is {value}; expected 0 to 39"):
        read(mat73(tmp_path / "a.mat", sparse73(ir=ir)))
    with pytest.raises(InputError, match="expected 0 to 9"):
        read(mat73(tmp_path / "b.mat", sparse73(rows=10)))
