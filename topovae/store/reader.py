"""Run files and reports on their way back."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from typing import Any

import h5py

from topovae.errors import InputError, RunFileError
from topovae.store.schema import (
    FORMAT_VERSION,
    FORMATS,
    REPORT_FORMAT,
    RUN_FORMAT,
    SPLITS,
    SWEEP_FORMAT,
    SWEEP_METRICS,
    Checkpoint,
    Header,
    Member,
    Provenance,
    Report,
    Run,
    Sweep,
    SweepRun,
)
from topovae.store.tree import read_array, read_arrays, read_metrics

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEADER = (
    *("topovae_version", "created", "command", "config", "seed"),
    *("data_path", "data_shape", "data_dtype", "data_sha256", "device", "versions"),
)
MEMBER = ("model/state", "metrics/history", "metrics/final", "latents")
SWEEP_COLUMNS = ("latent", "beta", "seed", "epochs", "best_epoch", "seconds")
CHECKPOINT = ("checkpoint/state", "optimizer", "rng")


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run file whole.

    Args:
        path: a file that `topovae train` wrote; what a later minor version added is passed over.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged, is something else, lacks a part, or comes from a newer topovae.
    """
    with opened(path) as file:
        _require_kind(file, "a run file", RUN_FORMAT)
        _require(file, ("split", *MEMBER), ("latent", *HEADER))
        has_analysis = "analysis/json" in file
        return Run(
            header=_read_header(file),
            split=read_arrays(file["split"]),
            model=_read_member(file),
            baseline=_read_member(file["baseline"]) if "baseline" in file else None,
            analysis=json.loads(file["analysis/json"][()]) if has_analysis else None,
            analysis_arrays=_read_optional(file, "analysis/coordinates") if has_analysis else {},
        )


def read_report(path: str | os.PathLike[str]) -> Report:
    """Read a diagnosis: a report, or the one that a run file carries.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged, holds no diagnosis, or comes from a newer topovae.
    """
    with opened(path) as file:
        kind = _require_kind(file, "a report", RUN_FORMAT, REPORT_FORMAT)
        if kind == RUN_FORMAT and "analysis/json" not in file:
            raise RunFileError(
                f"{_name(file)} is a run file without a diagnosis (its latent space was given, not found); "
                "make a report with `topovae analyze DATA -o REPORT.h5`."
            )
        _require(file, ("analysis/json",), HEADER)
        return Report(
            header=_read_header(file),
            analysis=json.loads(file["analysis/json"][()]),
            arrays=_read_optional(file, "analysis/coordinates"),
        )


def read_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Read a sweep as far as it has come.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged, is something else, or comes from a newer topovae.
    """
    with opened(path) as file:
        _require_kind(file, "a sweep", SWEEP_FORMAT)
        metrics = tuple(f"{split}/{name}" for split in SPLITS for name in SWEEP_METRICS)
        _require(file, ("runs", "starts"), HEADER)
        _require(file["runs"], (*SWEEP_COLUMNS, *metrics), ())
        starts = {int(seed): read_arrays(group) for seed, group in file["starts"].items()}
        return Sweep(_read_header(file), _read_sweep_runs(file["runs"]), starts)


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """An HDF5 file for reading, with every failure in the block turned into one of ours.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is not HDF5, is cut short, or is damaged inside.
    """
    name = os.fspath(path)
    _check_signature(name)
    try:
        with h5py.File(name, "r") as file:
            yield file
    except (BlockingIOError, PermissionError) as error:
        raise InputError(f"cannot read {name}: another program holds it open for writing; close it and try again.") from error
    except MemoryError as error:
        raise RunFileError(f"{name} is damaged, or holds an array that does not fit into memory.") from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise RunFileError(
            f"{name} is damaged: HDF5 reports “{reason}”. It was cut short or changed after topovae wrote "
            "it; take it from a copy, or run the command that made it again."
        ) from error


def require_version(file: h5py.File) -> str:
    """The format that the file says it has ("" for a foreign file), once its version is one we know.

    Raises:
        RunFileError: the file comes from a newer topovae.
    """
    kind = file.attrs.get("format", "")
    if not isinstance(kind, str) or not kind.startswith("topovae/"):
        return ""
    version, writer = int(file.attrs["format_version"]), file.attrs.get("topovae_version", "unknown")
    if version > FORMAT_VERSION:
        raise RunFileError(
            f"{_name(file)} was made by a newer topovae (version {writer}): its format version is {version} "
            f"and this topovae reads up to {FORMAT_VERSION}; upgrade with `pip install --upgrade topovae`."
        )
    return kind


def _require_kind(file: h5py.File, wanted: str, *kinds: str) -> str:
    """The format of the file, once it is one of those wanted."""
    kind = require_version(file)
    if kind not in kinds:
        raise RunFileError(f"{_name(file)} is not {wanted}: {_what_else(file, kind)}.")
    return kind


def _check_signature(name: str) -> None:
    try:
        with open(name, "rb") as stream:
            start = stream.read(len(SIGNATURE))
    except FileNotFoundError as error:
        raise InputError(f"there is no file {name}; check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{name} is a folder; give the name of a run file in it.") from error
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}; check its permissions.") from error
    if start == SIGNATURE:
        return
    found = f"it begins with {start!r}" if start else "it is empty"
    raise RunFileError(
        f"{name} is damaged or not a run file: {found}, and HDF5 files begin with {SIGNATURE!r}. Give a file "
        "that `topovae train` wrote."
    )


def _name(file: h5py.File) -> str:
    return os.fsdecode(file.filename)


def _what_else(file: h5py.File, kind: str) -> str:
    if kind in FORMATS:
        return f"it is {FORMATS[kind]}"
    if kind:
        return f"it is of the format {kind!r}"
    names = ", ".join(sorted(file)[:5]) or "nothing"
    return f"it is an HDF5 file of another kind, which holds {names}; give a file that topovae wrote"


def _require(group: h5py.Group, paths: tuple[str, ...], attributes: tuple[str, ...]) -> None:
    place = group.name.rstrip("/")
    missing = [f"{place}/{path}" for path in paths if path not in group]
    missing += [f"{place or '/'}@{name}" for name in attributes if name not in group.attrs]
    if missing:
        raise RunFileError(
            f"{_name(group.file)} is damaged: it lacks {', '.join(missing)}. Take it from a copy, or run the "
            "command that made it again."
        )


def _read_optional(group: h5py.Group, path: str) -> dict[str, Any]:
    return read_arrays(group[path]) if path in group else {}


def _read_header(file: h5py.File) -> Header:
    values = {name: file.attrs[name] for name in HEADER}
    return Header(
        command=tuple(str(word) for word in values["command"]),
        config=json.loads(values["config"]),
        seed=int(values["seed"]),
        data=Provenance(
            path=str(values["data_path"]),
            shape=tuple(int(size) for size in values["data_shape"]),
            dtype=str(values["data_dtype"]),
            sha256=str(values["data_sha256"]),
        ),
        device=str(values["device"]),
        versions=json.loads(values["versions"]),
        created=str(values["created"]),
        topovae_version=str(values["topovae_version"]),
    )


def _read_member(group: h5py.Group) -> Member:
    """Read one model; the same layout at the root and in `baseline`."""
    _require(group, MEMBER, ("latent",))
    _require(group["model"], (), ("config",))
    latents = group["latents"]
    return Member(
        latent=str(group.attrs["latent"]),
        config=json.loads(group["model"].attrs["config"]),
        state=read_arrays(group["model/state"]),
        history=read_arrays(group["metrics/history"]),
        final=read_metrics(group["metrics/final"]),
        latents={name: read_arrays(latents[name]) for name in latents},
        checkpoint=_read_checkpoint(group) if "checkpoint" in group else None,
        samples=_read_optional(group, "samples"),
    )


def _read_sweep_runs(group: h5py.Group) -> tuple[SweepRun, ...]:
    columns = [read_array(group[name]).tolist() for name in SWEEP_COLUMNS]
    splits = {split: {name: read_array(group[split][name]).tolist() for name in SWEEP_METRICS} for split in SPLITS}
    found = []
    for i, row in enumerate(zip(*columns, strict=True)):
        metrics = {split: {name: _finite(values[i]) for name, values in known.items()} for split, known in splits.items()}
        found.append(SweepRun(**dict(zip(SWEEP_COLUMNS, row, strict=True)), metrics=metrics))
    return tuple(found)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _read_checkpoint(group: h5py.Group) -> Checkpoint:
    _require(group, CHECKPOINT, ())
    place = group["checkpoint"]
    _require(place, (), ("epoch", "finished", "best_epoch", "best_value"))
    return Checkpoint(
        epoch=int(place.attrs["epoch"]),
        finished=bool(place.attrs["finished"]),
        state=read_arrays(place["state"]),
        optimizer=read_arrays(group["optimizer"]),
        rng=read_arrays(group["rng"]),
        best_epoch=int(place.attrs["best_epoch"]),
        best_value=float(place.attrs["best_value"]),
    )
