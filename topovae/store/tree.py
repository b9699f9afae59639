"""Nested values as HDF5 groups and back: arrays, text, JSON and metrics, with checksums of all of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from topovae.errors import RunFileError
from topovae.store.checksums import CHECKSUMS, GROUP, Checksums, checksum, checksum_by_rows
from topovae.store.documents import finite
from topovae.store.texts import walk

TEXT = h5py.string_dtype("utf-8")
MISSING, LENGTH = "not_computed", "length"


def to_json(value: Any) -> str:
    """JSON text with sorted keys; NumPy values become plain ones, numbers that are not finite become null."""
    plain = finite(value)
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8 reaches Python as lone surrogates
        text = json.dumps(plain, sort_keys=True, allow_nan=False)
    return text


def text(value: str) -> str:
    """The string as HDF5 can hold it: UTF-8 without lone surrogates and without NUL."""
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def check_name(name: str) -> str:
    """The name, if it can name one dataset.

    Raises:
        ValueError: it is empty, "." or "..", or holds a slash or NUL.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} cannot name a dataset: no slash, not empty, not '.' or '..'")
    return name


class GroupWriter:
    """A group of a file that is being made; notes the checksum of all that is written into it.

    Args:
        group: where to write.
        checksums: of the whole file, which `seal` writes at the end.
        path: of the group, without a slash before or behind it.
    """

    def __init__(self, group: h5py.Group, checksums: Checksums, path: str = "") -> None:
        self._group, self._checksums, self._path = group, checksums, path
        self._own = checksums.setdefault(path, {})

    def create_group(self, name: str) -> GroupWriter:
        """Make a group in this one."""
        group = self._group.create_group(check_name(name))
        self._own[name] = GROUP
        return GroupWriter(group, self._checksums, f"{self._path}/{name}".strip("/"))

    def write_attribute(self, name: str, value: Any) -> None:
        """Write a number, a text or an array of them beside the group."""
        self._group.attrs[name] = value
        self._own[f"@{name}"] = checksum(value)

    def write_array(self, name: str, value: Any) -> None:
        """Write one array with its exact type and shape; text becomes UTF-8 strings.

        Raises:
            ValueError: the name or the type cannot be stored (objects, dates).
        """
        array = np.asarray(value)
        if array.dtype.kind == "U":
            strings = np.array([text(entry) for entry in array.ravel().tolist()], dtype=object).reshape(array.shape)
            self._group.create_dataset(check_name(name), data=strings, dtype=TEXT)
            self._own[name] = checksum(strings)
            return
        if array.dtype.kind not in "biufc":
            raise ValueError(f"array {name!r} of type {array.dtype} cannot be stored: numbers, booleans and text can")
        self._group.create_dataset(check_name(name), data=array)
        self._own[name] = checksum(array)

    def write_arrays(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Write a group of arrays, in sorted order so that equal content gives equal bytes."""
        group = self.create_group(name)
        for key in sorted(arrays):
            group.write_array(key, arrays[key])

    def write_metrics(self, name: str, value: Any) -> None:
        """Write a nested metric.

        A dict is a group; a number, a text or a regular list of one kind is a dataset; any other list is a group
        of "0", "1", … with the attribute `length`; None is absent and its name stands in the attribute
        `not_computed`.
        """
        if isinstance(value, Mapping):
            self.create_group(name)._write_entries({str(key): entry for key, entry in value.items()})
            return
        if isinstance(value, list | tuple) and not _is_regular(value):
            group = self.create_group(name)
            group.write_attribute(LENGTH, len(value))
            group._write_entries({str(index): entry for index, entry in enumerate(value)})
            return
        self.write_array(name, value)

    def _write_entries(self, entries: dict[str, Any]) -> None:
        missing = sorted(check_name(name) for name, entry in entries.items() if entry is None)
        if missing:
            self.write_attribute(MISSING, np.array([text(name) for name in missing], dtype=TEXT))
        for name in sorted(entries):
            if entries[name] is not None:
                self.write_metrics(name, entries[name])

    def seal(self) -> None:
        """Write the checksums of everything that was written; called once, on the root, at the end."""
        self._group.attrs[CHECKSUMS] = json.dumps(self._checksums, ensure_ascii=False)


def _is_regular(value: list[Any] | tuple[Any, ...]) -> bool:
    """Whether nested lists make one array without changing any entry's kind."""
    try:
        array = np.array(value)
    except ValueError:
        return False
    if array.dtype.kind not in "biufU":
        return False
    kinds = {type(entry.item() if isinstance(entry, np.generic) else entry) for entry in _leaves(value)}
    return len(kinds) <= 1 or kinds == {int, float}


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list | tuple | np.ndarray):
        return [leaf for entry in value for leaf in _leaves(entry)]
    return [value]


class GroupReader:
    """A group of a file; whatever is read of it is compared with its checksum first, where the file has them.

    What other programs or later versions put in beside has no checksum, and is given as it is.

    Args:
        group: what to read.
        checksums: of the whole file; empty for a file without.
        path: of the group, without a slash before or behind it.

    Raises:
        RunFileError: something that was written into the group is not there.
    """

    def __init__(self, group: h5py.Group, checksums: Checksums, path: str = "") -> None:
        self._group, self._checksums, self.path = group, checksums, path
        self.names, self.attributes = frozenset(group), frozenset(group.attrs)
        self._known = checksums.get(path, {})
        self.require(*self._known)

    @classmethod
    def of_file(cls, file: h5py.File) -> GroupReader:
        """The root of a file with the checksums that it holds.

        Raises:
            RunFileError: something is not there.
            ValueError: the checksums are damaged themselves.
        """
        return cls(file, json.loads(file.attrs[CHECKSUMS]) if CHECKSUMS in file.attrs else {})

    @property
    def is_sealed(self) -> bool:
        """Whether the file has checksums."""
        return bool(self._checksums)

    @property
    def file_name(self) -> str:
        """Of the file."""
        return os.fsdecode(self._group.file.filename)

    def place(self, name: str) -> str:
        """How the schema names what lies in this group: `model/state/<name>`, `model@config`."""
        return f"{self.path}{'/' if self.path and not name.startswith('@') else ''}{name}"

    def groups(self) -> Iterator[tuple[str, GroupReader]]:
        """The groups in this one by name."""
        for name in sorted(self.names):
            if self.is_group(name):
                yield name, self.group(name)

    def group(self, path: str) -> GroupReader:
        """A group in this one, or deeper.

        Raises:
            KeyError, TypeError: there is no such group.
            RunFileError: something in it is not there.
        """
        found = self
        for name in path.split("/"):
            found._require_own(name)
            found = GroupReader(found._group[name], self._checksums, found.place(name))
        return found

    def list_datasets(self) -> list[dict[str, Any]]:
        """Name, shape and type of every dataset in the group and below it, as `walk` finds them, in sorted order."""
        found = []
        for name, entry in walk(self._group):
            if isinstance(entry, h5py.Dataset):
                kind = "text" if h5py.check_string_dtype(entry.dtype) else str(entry.dtype)
                found.append({"name": name, "shape": list(entry.shape or ()), "dtype": kind})
        return sorted(found, key=lambda dataset: dataset["name"])

    def read_attribute(self, name: str) -> Any:
        """A number, a text or an array of them beside the group."""
        return self._checked(f"@{name}", self._group.attrs[name])

    def read_array(self, name: str) -> np.ndarray:
        """The array as it was written."""
        # The library's low-level opening: one call for a dataset, where its `group[name]` asks what lies there.
        self._require_own(name)
        dataset = h5py.Dataset(h5py.h5d.open(self._group.id, name.encode()))
        plan = dataset.id.get_create_plist()
        if plan.get_external_count() or plan.get_layout() == h5py.h5d.VIRTUAL:
            raise self._damaged(f"/{self.place(name)} has its numbers in another file, which topovae never writes")
        if dataset.shape is None:
            raise self._damaged(f"/{self.place(name)} is null, and holds no array")
        found = np.asarray(dataset[()])
        if found.dtype.kind in "OS":
            found = np.asarray(dataset.asstr()[()], dtype=np.str_)
        return self._checked(name, found)

    def read_json(self, name: str) -> dict[str, Any]:
        """The JSON object in a dataset, or in an attribute as "@name"."""
        value = self.read_attribute(name[1:]) if name.startswith("@") else self.read_array(name).item()
        try:
            return dict(json.loads(value))
        except (TypeError, ValueError):
            raise self._damaged(f"/{self.place(name)} is no JSON object") from None

    def read_arrays(self) -> dict[str, np.ndarray]:
        """Every dataset of the group; groups in it belong to a later version and are passed over."""
        return {name: self.read_array(name) for name in sorted(self.names) if not self.is_group(name)}

    def read_metrics(self) -> Any:
        """The nested metric that `GroupWriter.write_metrics` wrote, with plain Python values."""
        values = {name: array.tolist() for name, array in self.read_arrays().items()}
        values |= {name: group.read_metrics() for name, group in self.groups()}
        if MISSING in self.attributes:
            values |= {str(name): None for name in self.read_attribute(MISSING)}
        if LENGTH in self.attributes:
            return [values[str(index)] for index in range(int(self.read_attribute(LENGTH)))]
        return values

    def is_group(self, name: str) -> bool:
        """Whether what bears this name is a group, and no dataset."""
        if name in self._known:
            return self._known[name] == GROUP
        return self._group.get(name, getclass=True) is not h5py.Dataset

    def require(self, *names: str) -> None:
        """Make sure that something lies in the group.

        Args:
            names: of groups and datasets, and of attributes as "@name".

        Raises:
            RunFileError: one of them does not.
        """
        missing = [name for name in names if name.lstrip("@") not in (self.attributes if name.startswith("@") else self.names)]
        if missing:
            raise self._damaged(f"it lacks {', '.join(f'/{self.place(name)}' for name in missing)}")

    def _require_own(self, name: str) -> None:
        """Refuse a link, which may lead out of the file.

        Raises:
            RunFileError: what bears this name is one.
        """
        if isinstance(self._group.get(name, getlink=True), h5py.ExternalLink | h5py.SoftLink):
            raise self._damaged(f"/{self.place(name)} is a link, which topovae never writes")

    def check_rows(self, path: str) -> None:
        """Compare a dataset of numbers in this group or deeper with its checksum, without holding it in memory.

        Args:
            path: of a dataset with one axis or more.

        Raises:
            RunFileError: the checksum differs.
        """
        folder, _, name = path.rpartition("/")
        group = self.group(folder) if folder else self
        if name in group._known and group._known[name] != checksum_by_rows(group._group[name]):
            raise group._differs(name)

    def _checked(self, name: str, value: Any) -> Any:
        if name in self._known and self._known[name] != checksum(value):
            raise self._differs(name)
        return value

    def _differs(self, name: str) -> RunFileError:
        return self._damaged(
            f"/{self.place(name)} is not what topovae wrote there, by its checksum (if it was changed on purpose, remove the "
            f"attribute `{CHECKSUMS}`)"
        )

    def _damaged(self, problem: str) -> RunFileError:
        return RunFileError(
            f"{self.file_name} is damaged: {problem}. Take it from a copy, or run the command that made it again."
        )
