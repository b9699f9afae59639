"""What is in a run file, a report or any other HDF5 file, as plain values ready for JSON."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from topovae.errors import UsageError
from topovae.store.reader import opened, read_report, read_reproduction, read_run, read_sweep, require_version
from topovae.store.schema import REPORT_FORMAT, REPRODUCTION_FORMAT, RUN_FORMAT, SWEEP_FORMAT, Member
from topovae.store.tree import LENGTH, MISSING, GroupReader

SCHEMA = "topovae/inspection/1"
JSON_ATTRIBUTES = ("config", "versions")
TEXTS = ("analysis/json", "reproduction/json")
"""Datasets whose text is JSON."""


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Summarise an HDF5 file.

    Args:
        path: a run file, a report, a sweep, a reproduction or another HDF5 file.

    Returns:
        `kind` ("run", "report", "sweep", "reproduction" or "hdf5"), `path`, `size_bytes`, whether it has `checksums`, what
        that kind has to say, and `datasets`: the name, shape and type of each.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged or from a newer topovae.
    """
    with opened(path) as root:
        kind, sealed = require_version(root), root.is_sealed
        datasets = root.list_datasets()
    name, summarise = KINDS.get(kind, ("hdf5", _nothing))
    return {
        "schema": SCHEMA,
        "kind": name,
        "path": os.fspath(path),
        "size_bytes": os.path.getsize(path),
        "checksums": sealed,
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
    with opened(path) as root:
        value: Any = root
        for part in name.strip("/").split("/"):
            choices = _entries(value)
            if part not in choices:
                raise _no_field(os.fspath(path), name, part, list(choices))
            value = choices[part]()
        return _plain(value)


def _entries(value: Any) -> dict[str, Callable[[], Any]]:
    """The names below a value, each with a way to get at it; links come before attributes."""
    if isinstance(value, GroupReader):
        below: dict[str, Callable[[], Any]] = {key: partial(_attribute, value, key) for key in value.attributes}
        return below | {key: partial(_link, value, key) for key in value.names}
    if isinstance(value, dict):
        return {key: partial(_plain, entry) for key, entry in value.items()}
    if isinstance(value, list):
        return {str(index): partial(_plain, entry) for index, entry in enumerate(value)}
    return {}


def _link(group: GroupReader, key: str) -> Any:
    if group.is_group(key):
        return group.group(key)
    if group.place(key) in TEXTS:
        return group.read_json(key)
    array = group.read_array(key)
    return array if array.ndim else array.item()


def _attribute(group: GroupReader, key: str) -> Any:
    value = group.read_attribute(key)
    return json.loads(value) if key in JSON_ATTRIBUTES and isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if isinstance(value, GroupReader):
        attributes = {key: _plain(_attribute(value, key)) for key in value.attributes - {MISSING, LENGTH}}
        if value.attributes & {MISSING, LENGTH}:
            return value.read_metrics()
        return attributes | {key: _plain(_link(value, key)) for key in value.names}
    return value.tolist() if isinstance(value, np.generic) else value


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


def _describe_reproduction(path: str | os.PathLike[str]) -> dict[str, Any]:
    found = read_reproduction(path)
    return {**found.header.to_dict(), "trials": len(found.trials)}


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
    REPRODUCTION_FORMAT: ("reproduction", _describe_reproduction),
}
