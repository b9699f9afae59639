"""What an HDF5 file can lead to: other files, programs from outside, memory that is not there, chunks unpacked again."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from topovae.data.readers.find import read
from topovae.data.readers.hdf5 import MOST_DEPTH
from topovae.errors import InputError, ResourceError

X = np.random.default_rng(0).normal(size=(40, 3))


def made(path: Path, fill: Callable[[h5py.File], object], **options: Any) -> str:
    with h5py.File(path, "w", **options) as file:
        fill(file)
    return str(path)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the data, whose numbers nobody has given away."""
    made(tmp_path / "secret.h5", lambda f: f.create_dataset("x", data=X))
    X.tofile(tmp_path / "secret.bin")
    return tmp_path / "secret.bin"


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(X.shape, "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "x", X.shape)
    file.create_virtual_dataset("x", layout)


def external(file: h5py.File, name: str = "x") -> None:
    folder = Path(file.filename).parent
    file.create_dataset(name, X.shape, "f8", external=[(str(folder / "secret.bin"), 0, X.nbytes)])


def truth_outside(file: h5py.File) -> None:
    file["x"] = X
    external(file, "truth")


def link(target: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__setitem__("y", h5py.ExternalLink("secret.h5", target))


def soft_to_outside(file: h5py.File) -> None:
    link("/")(file)
    file["x"] = h5py.SoftLink("/y/x")


FOREIGN = {
    "external link": (link("/x"), "::y", "::y is a link to another file"),
    "in an external group": (link("/"), "::y/x", "::y is a link to another file"),
    "soft link through it": (soft_to_outside, "", "is a link to another file"),
    "external storage": (external, "", "::x has its numbers in another file"),
    "external storage of truth": (truth_outside, "", "::truth has its numbers in another file"),
    "virtual dataset": (virtual, "", "::x is put together of other files' arrays"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_lies_in_another_file_is_refused_by_name(name: str, tmp_path: Path, secret: Path) -> None:
    fill, member, words = FOREIGN[name]
    with pytest.raises(InputError, match=words):
        read(made(tmp_path / "a.h5", fill) + member)


def test_an_array_beside_a_link_is_read(tmp_path: Path, secret: Path) -> None:
    path = made(tmp_path / "a.h5", lambda f: (f.__setitem__("z", X), link("/x")(f)))
    np.testing.assert_array_equal(read(path).load(), X)


def test_a_filter_from_outside_is_refused_by_number(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((40, 3))
        plan.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)  # blosc, which HDF5 would look for among its plugins
        h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple(X.shape), plan)

    with pytest.raises(InputError, match="filter 32001"):
        read(made(tmp_path / "a.h5", fill))


def test_soft_links_in_a_circle_end(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")

    with pytest.raises(InputError, match="no array `a`"):
        read(made(tmp_path / "a.h5", fill) + "::a")


PLAIN: dict[str, Callable[[h5py.File], object]] = {
    "a named type": lambda f: f.__setitem__("t", np.dtype("f8")),
    "a named type in a group": lambda f: f.__setitem__("g/t", np.dtype([("a", "f8")])),
    "a null dataspace": lambda f: f.__setitem__("n", h5py.Empty("f8")),
    "a name that is no text": lambda f: f.__setitem__(b"\xff\xfe", X[:, 0].astype("S8")),
    "a group in itself": lambda f: f.create_group("g").__setitem__("again", f["g"]),
}


@pytest.mark.parametrize("name", PLAIN)
def test_other_objects_are_no_reason_to_fail(name: str, tmp_path: Path) -> None:
    path = made(tmp_path / "a.h5", lambda f: (f.__setitem__("only", X), PLAIN[name](f)))
    np.testing.assert_array_equal(read(path).load(), X)


@pytest.mark.parametrize("beside", ["x", "truth", "group"])
def test_a_null_dataspace_where_numbers_are_wanted(beside: str, tmp_path: Path) -> None:
    arrays = {"x": X, beside: h5py.Empty("f8")}
    path = made(tmp_path / "a.h5", lambda f: [f.__setitem__(name, value) for name, value in arrays.items()])
    with pytest.raises(InputError, match=beside):
        read(path)


def test_groups_nested_without_end_are_not_followed(tmp_path: Path) -> None:
    def nest(file: Any, depth: int) -> None:
        for _ in range(depth):
            file = file.create_group("g")
        file["y"] = X

    path = made(tmp_path / "deep.h5", lambda f: nest(f, MOST_DEPTH + 2))
    with pytest.raises(InputError, match="nested more than"):
        read(path)
    assert read(made(tmp_path / "a.h5", lambda f: nest(f, MOST_DEPTH - 1))).n_samples == len(X)


SIZES: dict[str, Callable[[h5py.File], object]] = {
    "never written": lambda f: f.create_dataset("x", (10**9, 10**5), "f4", chunks=(100, 100)),
    "wide": lambda f: f.create_dataset("x", (40, 3 * 10**9), "f4", chunks=(1, 10**6)),
    "wide chunks": lambda f: f.create_dataset("x", data=np.zeros((2**12, 2**9)), chunks=(2**12, 2**9), compression="gzip"),
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_judged_before_the_work(name: str, tmp_path: Path) -> None:
    path = made(tmp_path / "a.h5", SIZES[name])
    with pytest.raises(ResourceError):
        read(path, memory=2**24)


def test_no_chunk_is_unpacked_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks larger than HDF5's usual cache, read a few rows a time: each is fetched from the file once."""
    shape, chunk = (2**10, 2**13), (2**9, 2**12)  # 16 MiB a chunk, four of them

    def fill(file: h5py.File) -> None:
        dataset = file.create_dataset("x", shape, "f8", chunks=chunk, compression="gzip")
        for i in range(2):
            for j in range(2):
                packed = zlib.compress(np.full(chunk, 2.0 * i + j).tobytes(), 1)
                dataset.id.write_direct_chunk((i * chunk[0], j * chunk[1]), packed)

    data = read(made(tmp_path / "a.h5", fill))
    cache = data.x.id.get_access_plist().get_chunk_cache()
    assert cache[1] >= 2 * np.prod(chunk) * 8, "the chunks of one sample do not stay"
    assert cache[0] > 2, "chunks would push each other out"
    np.testing.assert_array_equal(data.rows([600, 0])[:, [0, -1]], [[2, 3], [0, 1]])


HEAP = b"GCOL"
"""How a heap of texts begins: version and 3 bytes, size, then objects: number, references and 4 bytes, size, bytes."""


@pytest.mark.parametrize(("size", "words"), [(0, "parser"), (2**40, "HDF5")], ids=["without end", "longer than all memory"])
def test_a_damaged_heap_of_texts_is_refused_before_its_library_hangs(size: int, words: str, tmp_path: Path) -> None:
    place = tmp_path / "a.h5"
    with h5py.File(place, "w") as file:
        file["x"] = np.eye(30)
        file["space"] = "circle"
    content = bytearray(place.read_bytes())
    at = content.index(HEAP) + 16 + 8
    content[at : at + 8] = size.to_bytes(8, "little")
    place.write_bytes(content)
    with pytest.raises((InputError, ResourceError), match=words):
        read(place, memory=2**28)


def test_texts_that_are_not_asked_for_may_be_of_any_kind(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.eye(30)
        file["x"].attrs["ragged"] = np.array([1, 2])
        ragged = file.create_dataset("ragged", (3,), dtype=h5py.vlen_dtype(np.int32))
        ragged[0] = [1, 2, 3]
        file.attrs.create("names", ["a", "bc"], dtype=h5py.string_dtype())
        file["none"] = h5py.Empty(h5py.string_dtype())
        file.create_dataset("references", (2,), dtype=h5py.ref_dtype)
    np.testing.assert_array_equal(read(tmp_path / "a.h5").load(), np.eye(30))
