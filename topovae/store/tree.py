"""Nested values as HDF5 groups and back: arrays, text, JSON and metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from topovae.store.documents import finite

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


def write_array(group: h5py.Group, name: str, value: Any) -> None:
    """Write one array with its exact type and shape; text becomes UTF-8 strings.

    Raises:
        ValueError: the name or the type cannot be stored (objects, dates).
    """
    array = np.asarray(value)
    if array.dtype.kind == "U":
        strings = np.array([text(entry) for entry in array.ravel().tolist()], dtype=object)
        group.create_dataset(check_name(name), data=strings.reshape(array.shape), dtype=TEXT)
        return
    if array.dtype.kind not in "biufc":
        raise ValueError(f"array {name!r} of type {array.dtype} cannot be stored: numbers, booleans and text can")
    group.create_dataset(check_name(name), data=array)


def read_array(dataset: h5py.Dataset) -> np.ndarray:
    """The array as it was written."""
    if h5py.check_string_dtype(dataset.dtype) is None:
        return np.asarray(dataset[()])
    return np.asarray(dataset.asstr()[()], dtype=np.str_)


def write_arrays(parent: h5py.Group, name: str, arrays: Mapping[str, Any]) -> None:
    """Write a group of arrays, in sorted order so that equal content gives equal bytes."""
    group = parent.create_group(check_name(name))
    for key in sorted(arrays):
        write_array(group, key, arrays[key])


def read_arrays(group: h5py.Group) -> dict[str, np.ndarray]:
    """Every dataset of a group; groups in it belong to a later version and are passed over."""
    return {name: read_array(entry) for name, entry in group.items() if isinstance(entry, h5py.Dataset)}


def write_metrics(parent: h5py.Group, name: str, value: Any) -> None:
    """Write a nested metric.

    A dict is a group; a number, a text or a regular list of one kind is a dataset; any other list is a group
    of "0", "1", … with the attribute `length`; None is absent and its name stands in the attribute
    `not_computed`.
    """
    if isinstance(value, Mapping):
        _write_entries(parent.create_group(check_name(name)), {str(key): entry for key, entry in value.items()})
        return
    if isinstance(value, list | tuple) and not _is_regular(value):
        group = parent.create_group(check_name(name))
        group.attrs[LENGTH] = len(value)
        _write_entries(group, {str(index): entry for index, entry in enumerate(value)})
        return
    write_array(parent, name, value)


def _write_entries(group: h5py.Group, entries: dict[str, Any]) -> None:
    missing = sorted(check_name(name) for name, entry in entries.items() if entry is None)
    if missing:
        group.attrs[MISSING] = np.array([text(name) for name in missing], dtype=TEXT)
    for name in sorted(entries):
        if entries[name] is not None:
            write_metrics(group, name, entries[name])


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


def read_metrics(entry: h5py.Group | h5py.Dataset) -> Any:
    """The nested metric that `write_metrics` wrote, with plain Python values."""
    if isinstance(entry, h5py.Dataset):
        return read_array(entry).tolist()
    values = {name: read_metrics(child) for name, child in entry.items()}
    values |= {str(name): None for name in entry.attrs.get(MISSING, ())}
    if LENGTH in entry.attrs:
        return [values[str(index)] for index in range(int(entry.attrs[LENGTH]))]
    return values
