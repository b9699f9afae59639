"""What is in a run file, a report or any other HDF5 file, as plain values ready for JSON."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from topovae.errors import UsageError
from topovae.store.reader import opened, read_report, read_run, read_sweep, require_version
from topovae.store.schema import REPORT_FORMAT, RUN_FORMAT, SWEEP_FORMAT, Member
from topovae.store.tree import LENGTH, MISSING, read_array, read_metrics

SCHEMA = "topovae/inspection/1"
JSON_ATTRIBUTES = ("config", "versions")


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Summarise an HDF5 file.

    Args:
        path: a run file, a report, a sweep or another HDF5 file.

    Returns:
        `kind` ("run", "report", "sweep" or "hdf5"), `path`, `size_bytes`, what that kind has to say, and `datasets`:
        the name, shape and type of each.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged or from a newer topovae.
    """
    with opened(path) as file:
        kind = require_version(file)
        datasets = list_datasets(file)
    name, summarise = KINDS.get(kind, ("hdf5", _nothing))
    return {
        "schema": SCHEMA,
        "kind": name,
        "path": os.fspath(path),
        "size_bytes": os.path.getsize(path),
        **summarise(path),
        "datasets": datasets,
    }


def field(path: str | os.PathLike[str], name: str) -> Any:
    """Pull one field out of an HDF5 file.

    Args:
        path: the file.
        name: path of a dataset, a group or an attribute ("seed", "metrics/final/test/rms",
            "latents/test/index", "checkpoint/epoch"), continued into JSON text
            ("config/epochs", "analysis/json/betti/2").

    Returns:
        an array for a dataset with axes, a plain value for a scalar, nested dicts for a group.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged.
        UsageError: it has no such field.
    """
    with opened(path) as file:
        value: Any = file
        for part in name.strip("/").split("/"):
            choices = _entries(value)
            if part not in choices:
                raise _no_field(os.fspath(path), name, part, list(choices))
            value = choices[part]()
        return _plain(value)


def list_datasets(file: h5py.File) -> list[dict[str, Any]]:
    """Name, shape and type of every dataset, in sorted order."""
    found: list[dict[str, Any]] = []

    def visit(name: str, entry: h5py.Group | h5py.Dataset) -> None:
        if isinstance(entry, h5py.Dataset):
            kind = "text" if h5py.check_string_dtype(entry.dtype) else str(entry.dtype)
            found.append({"name": name, "shape": list(entry.shape or ()), "dtype": kind})

    file.visititems(visit)
    return sorted(found, key=lambda dataset: dataset["name"])


def _entries(value: Any) -> dict[str, Callable[[], Any]]:
    """The names below a value, each with a way to get at it; links come before attributes."""
    if isinstance(value, h5py.Group):
        below: dict[str, Callable[[], Any]] = {key: _attribute(value, key) for key in value.attrs}
        return below | {key: _link(value, key) for key in value}
    if isinstance(value, h5py.Dataset) and value.name == "/analysis/json":
        value = json.loads(value[()])
    if isinstance(value, dict):
        return {key: _constant(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return {str(index): _constant(entry) for index, entry in enumerate(value)}
    return {}


def _link(group: h5py.Group, key: str) -> Callable[[], Any]:
    return lambda: group[key]


def _attribute(group: h5py.Group, key: str) -> Callable[[], Any]:
    value = group.attrs[key]
    return _constant(json.loads(value) if key in JSON_ATTRIBUTES and isinstance(value, str) else value)


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _plain(value: Any) -> Any:
    if isinstance(value, h5py.Group):
        attributes = {key: _plain(_attribute(value, key)()) for key in value.attrs if key not in (MISSING, LENGTH)}
        if LENGTH in value.attrs or MISSING in value.attrs:
            return read_metrics(value)
        return attributes | {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, h5py.Dataset):
        if value.name == "/analysis/json":
            return json.loads(value[()])
        array = read_array(value)
        return array if array.ndim else array.item()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value


def _no_field(path: str, name: str, part: str, choices: list[str]) -> UsageError:
    near = difflib.get_close_matches(part, choices, n=3) or sorted(choices)[:8]
    advice = f"there is {', '.join(near)}" if near else "nothing lies below that"
    return UsageError(f"{path} has no field {name!r}: {part!r} was not found; {advice}.")


def _describe_run(path: str | os.PathLike[str]) -> dict[str, Any]:
    run = read_run(path)
    return {
        **run.header.to_dict(),
        **_describe_member(run.model),
        "split": {name: len(index) for name, index in run.split.items()},
        "recommendation": (run.analysis or {}).get("recommendation"),
        "baseline": _describe_member(run.baseline) if run.baseline else None,
    }


def _describe_report(path: str | os.PathLike[str]) -> dict[str, Any]:
    report = read_report(path)
    return {**report.header.to_dict(), "analysis": report.analysis}


def _describe_sweep(path: str | os.PathLike[str]) -> dict[str, Any]:
    sweep = read_sweep(path)
    return {**sweep.header.to_dict(), "runs": len(sweep.runs), "prepared_seeds": sorted(sweep.starts)}


def _describe_member(member: Member) -> dict[str, Any]:
    checkpoint = member.checkpoint
    return {
        "latent": member.latent,
        "model": member.config,
        "parameters": sum(int(np.size(array)) for array in member.state.values()),
        "epochs": max((len(column) for column in member.history.values()), default=0),
        "finished": checkpoint.finished if checkpoint else True,
        "best_epoch": checkpoint.best_epoch if checkpoint else None,
        "final": member.final,
    }


def _nothing(path: str | os.PathLike[str]) -> dict[str, Any]:
    return {}


KINDS: dict[str, tuple[str, Callable[[str | os.PathLike[str]], dict[str, Any]]]] = {
    RUN_FORMAT: ("run", _describe_run),
    REPORT_FORMAT: ("report", _describe_report),
    SWEEP_FORMAT: ("sweep", _describe_sweep),
}
