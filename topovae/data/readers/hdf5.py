"""HDF5, and h5ad in it: arrays that lie in the file itself, found by name, else listed; what leads out of it is refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from topovae.data.dataset import REAL_KINDS
from topovae.data.readers.base import TEXT, Contents, Entry, File, InputFormat, choose, parsing, require_room
from topovae.data.readers.sparse import SparseRows
from topovae.errors import InputError, ResourceError
from topovae.store.checksums import CHECKSUMS
from topovae.store.texts import FILTERS, MOST_DEPTH, require_sound

MOST_OBJECTS = 10_000
"""So many arrays and groups of a file are listed at most: a limit on cost, not tuned."""

MOST_LINKS = 16
"""So many links are followed from one to the next: a limit on cost, not tuned."""

MOST_UNPACKED = 2000
"""An array that takes more than so many times its file is refused: deflate packs a thousandfold at most."""

_OFFERED = 12

CHUNKS_SHARE = 4
"""The chunks that rows lie in may take one part in so many of the memory: they are kept, to be unpacked once."""


def read_hdf5(file: File) -> Contents:
    """Open the wanted dataset or sparse matrix of an HDF5 file, and what lies beside it.

    Raises:
        InputError: the file is damaged, holds no such array, or the array lies in another file.
        ResourceError: it is too large to be read.
    """
    return choose_hdf5(file, _hdf5_entry)


@dataclass(frozen=True)
class Place:
    """Where an object of an HDF5 file hangs.

    Attributes:
        file: what is read.
        group: holds it.
        key: its name there, bytes if it is no text.
        name: its whole name, for people.
    """

    file: File
    group: Any
    key: str | bytes
    name: str

    def below(self, group: Any, key: str | bytes) -> Place:
        """The place of a member of this group."""
        word = key if isinstance(key, str) else key.decode(errors="surrogateescape")
        return Place(self.file, group, key, f"{self.name}/{word}".lstrip("/"))

    def node(self) -> Any:
        """The object, once nothing leads out of the file.

        Raises:
            InputError: its numbers lie in another file, or are unpacked by a program that is not HDF5's own.
            KeyError: there is none, or it is behind links without end.
        """
        import h5py

        group, key = self._target()
        node = group[_raw(key)]
        if isinstance(node, h5py.Dataset):
            self._require_own(node)
        return node

    def _target(self) -> tuple[Any, str | bytes]:
        """The group and the name at the end of links within the file."""
        import h5py

        group, key = self.group, self.key
        for _ in range(MOST_LINKS):
            links, raw = group.id.links, _raw(key)
            if not links.exists(raw):
                raise KeyError(self.name)
            kind = links.get_info(raw).type
            if kind == h5py.h5l.TYPE_HARD:
                return group, key
            if kind != h5py.h5l.TYPE_SOFT:
                raise self._foreign("is a link to another file")
            path = links.get_val(raw).decode(errors="surrogateescape")
            group, key = follow(group.file if path.startswith("/") else group, path, self.file)
        raise KeyError(f"{self.name} is behind links without end")

    def _require_own(self, dataset: Any) -> None:
        import h5py

        plan = dataset.id.get_create_plist()
        if plan.get_external_count():
            raise self._foreign("has its numbers in another file (external storage)")
        if plan.get_layout() == h5py.h5d.VIRTUAL:
            raise self._foreign("is put together of other files' arrays (a virtual dataset)")
        for number in range(plan.get_nfilters()):
            if (code := plan.get_filter(number)[0]) not in FILTERS:
                raise InputError(
                    f"{self.file.label}::{self.name} is packed by the filter {code}, which is not one of HDF5's own "
                    f"({', '.join(FILTERS.values())}); expected one of these. Write it again, for instance with gzip."
                )

    def _foreign(self, found: str) -> InputError:
        return InputError(
            f"{self.file.label}::{self.name} {found}; expected numbers in this file, which alone its SHA-256 covers. Copy "
            "them into it."
        )

    def rows(self, axis: int = 0) -> Any:
        """The dataset, which keeps the chunks that its rows lie in, so that each is unpacked once.

        Args:
            axis: of its rows.

        Raises:
            InputError: as `node`.
            ResourceError: it claims far more than the file can hold, or the chunks of a row are too large to keep.
        """
        import h5py

        dataset = self.node()
        size, shape, chunks = dataset.dtype.itemsize, dataset.shape, dataset.chunks
        claimed, held = prod(shape) * size, os.path.getsize(self.file.path)
        if claimed > max(MOST_UNPACKED * held, self.file.memory):
            raise ResourceError(
                f"{self.file.label}::{self.name} is said to take {claimed / 2**30:.3g} GiB, and the file takes {held} bytes: "
                "nearly nothing of it was ever written. Write the samples, or make the array as long as there are samples."
            )
        if chunks is None:
            return dataset
        blocks = [-(-side // chunk) for side, chunk in zip(shape, chunks, strict=True)]
        across = prod(blocks) // blocks[axis]
        kept = across * prod(chunks) * size
        if kept > self.file.memory // CHUNKS_SHARE:
            raise ResourceError(
                f"{self.file.label}::{self.name} lies in chunks of {chunks}: those of one sample take {kept / 2**20:.0f} MiB "
                f"unpacked, and {self.file.memory // CHUNKS_SHARE / 2**20:.0f} MiB are allowed. Write it again in chunks of "
                "fewer samples, or allow more memory."
            )
        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        access.set_chunk_cache(max(521, 2 * across + 1), max(2**20, kept), 0.75)
        del dataset  # an open dataset would keep the cache it has
        group, key = self._target()
        return h5py.Dataset(h5py.h5d.open(group.id, _raw(key), access))

    def values(self) -> np.ndarray:
        """The dataset in memory.

        Raises:
            InputError: as `node`.
            ResourceError: it is too large.
        """
        dataset = self.node()
        if dataset.shape is None:
            return np.empty(0, dataset.dtype)
        require_room(dataset.shape, dataset.dtype, f"{self.file.label}::{self.name}", self.file.memory)
        values: np.ndarray = dataset[()]
        return values


def _raw(key: str | bytes) -> bytes:
    """A name as HDF5 has it, which need not be text."""
    return key if isinstance(key, bytes) else key.encode(errors="surrogateescape")


def follow(group: Any, path: str, file: File) -> tuple[Any, str]:
    """The group that a path ends in, and the last name, without leaving the file.

    Raises:
        InputError: a part of it is a link to another file.
        KeyError: a part of it is missing or no group.
    """
    import h5py

    *folders, last = [part for part in path.split("/") if part not in ("", ".")] or [""]
    name = ""
    for folder in folders[: MOST_DEPTH + 1]:
        name = f"{name}/{folder}".lstrip("/")
        group = Place(file, group, folder, name).node()
        if not isinstance(group, h5py.Group):
            raise KeyError(f"{name} is no group")
    if len(folders) > MOST_DEPTH:
        raise KeyError(f"groups are nested more than {MOST_DEPTH} deep")
    return group, last


class Arrays(Mapping[str, Entry]):
    """The arrays of a file: one that is asked for by name is looked up, and groups are listed only where all are wanted.

    Args:
        root: the open file.
        file: what is read.
        describe: says what an object is as an array, None if it is none.
    """

    def __init__(self, root: Any, file: File, describe: Callable[[Place, Any], Entry | None]) -> None:
        self.root, self.file, self.describe = root, file, describe
        self._listed: dict[str, Entry] | None = None

    def __getitem__(self, name: str) -> Entry:
        group, key = follow(self.root, name, self.file)
        if not key or name.startswith("#"):
            raise KeyError(name)
        place = Place(self.file, group, key, name)
        found = self.describe(place, place.node())
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Entry]:
        if self._listed is None:
            self._listed = dict(self._walk())
        return self._listed

    def _walk(self) -> Iterator[tuple[str, Entry]]:
        import h5py

        waiting, seen = [(Place(self.file, self.root, "/", ""), self.root, 0)], 0
        known = {h5py.h5o.get_info(self.root.id).addr}
        while waiting:
            above, group, depth = waiting.pop()
            groups = []
            for key in group:
                place = above.below(group, key)
                if place.name.startswith("#") or group.id.links.get_info(_raw(key)).type != h5py.h5l.TYPE_HARD:
                    continue
                seen += 1
                if seen > MOST_OBJECTS or depth > MOST_DEPTH:
                    raise InputError(
                        f"{self.file.label} holds more than {MOST_OBJECTS} arrays and groups, or groups nested more than "
                        f"{MOST_DEPTH} deep, and no array `x` at the top. Name the array that is meant, as in "
                        f"{self.file.label}::GROUP/NAME."
                    )
                node = group[_raw(key)]
                address = h5py.h5o.get_info(node.id).addr
                if address in known:
                    continue
                known.add(address)
                entry = self.describe(place, node)
                if entry is not None:
                    yield place.name, entry
                elif isinstance(node, h5py.Group):
                    groups.append((place, node, depth + 1))
            waiting += reversed(groups)


def choose_hdf5(file: File, describe: Callable[[Place, Any], Entry | None]) -> Contents:
    """Open the wanted array of a file that is HDF5 inside, and what lies beside it.

    Args:
        file: what is read.
        describe: says what an object of the file is as an array, None if it is none.

    Raises:
        InputError: the file is damaged, or holds no such array.
        ResourceError: the array is too large to be read.
    """
    import h5py

    require_sound(file)
    with parsing(file, HDF5.name):
        # stays open, for reading, as long as a dataset of it is in use
        root = h5py.File(file.path, "r")
        sealed = _sealed(describe, root) if CHECKSUMS in root.attrs else describe
        contents = choose(file, Arrays(root, file, sealed))
        folder = follow(root, file.member or "", file)[0]
        texts = [attribute(owner, "space") for owner in (folder, root)]
    found = next((text for text in texts if isinstance(text, str)), None)
    return contents._replace(space=contents.space or found)


def _sealed(describe: Callable[[Place, Any], Entry | None], file: Any) -> Callable[[Place, Any], Entry | None]:
    """Describe the arrays of a file that topovae wrote: they are compared with their checksums when they are opened."""
    from topovae.store.tree import GroupReader

    root = GroupReader.of_file(file)

    def sealed(place: Place, node: Any) -> Entry | None:
        entry = describe(place, node)
        if entry is None or not entry.shape or entry.dtype.kind not in REAL_KINDS:
            return entry

        def opening() -> Any:
            root.check_rows(place.name)
            return entry.open()

        return replace(entry, open=opening)

    return sealed


def attribute(node: Any, name: str, most: int = 1) -> Any:
    """An attribute of at most so many values; None if there is none such. Bytes become text."""
    if name not in node.attrs:
        return None
    shape = node.attrs.get_id(name).shape
    if shape is None or len(shape) > 1 or prod(shape) > most:
        return None
    value = node.attrs[name]
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _hdf5_entry(place: Place, node: Any) -> Entry | None:
    """Describe a dataset, or a group that stands for a sparse matrix; other groups and named types are none."""
    import h5py

    if isinstance(node, h5py.Group):
        return _categorical_entry(place, node) or _sparse_entry(place, node)
    return dense_entry(place, node) if isinstance(node, h5py.Dataset) else None


def dense_entry(place: Place, dataset: Any) -> Entry:
    """Describe a dataset."""
    import h5py

    shape = (0,) if dataset.shape is None else tuple(dataset.shape)  # a null dataspace holds nothing
    try:
        dtype = dataset.dtype
    except TypeError:  # a type that NumPy has none for
        return Entry(shape, np.dtype("V"), lambda: None)
    if h5py.check_string_dtype(dtype) is not None:
        return Entry(shape, TEXT, lambda: _texts(place.values()))
    return Entry(shape, dtype, place.rows if prod(shape) and shape else place.values)


def _texts(values: Any) -> np.ndarray:
    plain = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in np.ravel(values)]
    return np.array(plain, dtype=object).reshape(np.shape(values))


def _categorical_entry(place: Place, group: Any) -> Entry | None:
    """Describe a column of categories as anndata stores it: codes, and the texts that they stand for."""
    import h5py

    if attribute(group, "encoding-type") != "categorical":
        return None
    codes, categories = (place.below(group, name) for name in ("codes", "categories"))
    stored = codes.node()
    if not isinstance(stored, h5py.Dataset) or not stored.shape:
        raise ValueError(f"{place.name} is said to hold categories, and codes is no array in it")

    def open_texts() -> np.ndarray:
        texts = np.append(_texts(categories.values()), "")  # the code -1 is a gap
        return texts[np.asarray(codes.values(), dtype=np.int64)]

    return Entry(tuple(stored.shape), TEXT, open_texts)


def _sparse_entry(place: Place, group: Any) -> Entry | None:
    """Describe a sparse matrix as anndata stores it: `encoding-type`, earlier `h5sparse_format`."""
    encoding = str(attribute(group, "encoding-type") or attribute(group, "h5sparse_format")).removesuffix("_matrix")
    if encoding not in ("csr", "csc"):
        return None
    shape = attribute(group, "shape", most=8)
    return sparse_entry(
        place, group, ("data", "indices", "indptr"), attribute(group, "h5sparse_shape", most=8) if shape is None else shape,
        of_columns=encoding == "csc",
    )  # fmt: skip


def sparse_entry(place: Place, group: Any, names: tuple[str, str, str], shape: Any, of_columns: bool) -> Entry:
    """Describe a group of entries, indices and pointers.

    Args:
        place: of the group.
        group: holds them.
        names: theirs, in this order.
        shape: of the matrix, as the file says it.
        of_columns: they are compressed columns, to be turned into rows in memory; else rows, which stay on disk.

    Raises:
        ValueError: one of the three is no dataset.
    """
    import h5py

    data, indices, indptr = (place.below(group, name) for name in names)
    parts = [part.node() for part in (data, indices, indptr)]
    if not all(isinstance(part, h5py.Dataset) and part.shape for part in parts):
        raise ValueError(f"{place.name} is said to be a sparse matrix, and {', '.join(names)} are not all arrays in it")

    def open_rows() -> SparseRows:
        return SparseRows(data.rows(), indices.rows(), indptr.values(), shape)

    def open_columns() -> SparseRows:
        require_room((claimed[0] + 1,), np.dtype(np.int64), f"{place.file.label}::{place.name}, its rows", place.file.memory)
        return SparseRows.of_columns(data.values(), indices.values(), indptr.values(), shape)

    claimed = tuple(int(side) for side in np.ravel(shape)) if shape is not None else ()
    return Entry(claimed, parts[0].dtype, open_columns if of_columns else open_rows)


def read_h5ad(file: File) -> Contents:
    """Open the wanted array of an AnnData file, its X where none is named, and say what else there is.

    Raises:
        InputError: as `read_hdf5`.
        ResourceError: as `read_hdf5`.
    """
    import h5py

    contents = read_hdf5(file)
    if file.member is not None:
        return contents
    with parsing(file, H5AD.name), h5py.File(file.path, "r") as root:
        groups = [name for name in ("obsm", "layers") if root.get(name, getclass=True, getlink=True) is h5py.HardLink]
        found = [f"{name}/{key}" for name in groups if isinstance(root[name], h5py.Group) for key in root[name]][:_OFFERED]
    if not found:
        return contents
    said = f"X of {file.label} was taken; it also holds {', '.join(found)}: choose as in {file.label}::{found[0]}"
    return contents._replace(notes=(*contents.notes, said))


HDF5 = InputFormat(
    "HDF5", (".h5", ".hdf5", ".nwb"), (b"\x89HDF\r\n\x1a\n",), read_hdf5, "arrays by path, fields of a table as columns"
)
H5AD = InputFormat("h5ad", (".h5ad",), (), read_h5ad, "arrays by path, as obsm/X_pca and layers/raw")
