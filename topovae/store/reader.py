"""Run files and reports on their way back."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from topovae.errors import InputError, ResourceError, RunFileError
from topovae.store.schema import (
    FIRST_METRICS,
    FORMAT_VERSION,
    FORMATS,
    REPORT_FORMAT,
    REPRODUCTION_FORMAT,
    RUN_FORMAT,
    SPLITS,
    SWEEP_FORMAT,
    SWEEP_METRICS,
    Checkpoint,
    Header,
    Member,
    Provenance,
    Report,
    Reproduction,
    Run,
    Sweep,
    SweepRun,
)
from topovae.store.texts import require_sound
from topovae.store.tree import GroupReader

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEADER = (
    *("@topovae_version", "@created", "@command", "@config", "@seed"),
    *("@data_path", "@data_shape", "@data_dtype", "@data_sha256", "@device", "@versions"),
)
SWEEP_COLUMNS = ("latent", "beta", "seed", "epochs", "best_epoch", "seconds")


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run file whole.

    Args:
        path: a file that `topovae train` wrote; what a later minor version added is passed over.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged, is something else, lacks a part, or comes from a newer topovae.
    """
    with opened(path) as root:
        _require_kind(root, "a run file", RUN_FORMAT)
        root.require("split", *HEADER)
        analysis = root.group("analysis") if "analysis" in root.names else None
        if analysis is not None:
            analysis.require("json")
        return Run(
            header=_read_header(root),
            split=root.group("split").read_arrays(),
            model=_read_member(root),
            baseline=_read_member(root.group("baseline")) if "baseline" in root.names else None,
            analysis=None if analysis is None else analysis.read_json("json"),
            analysis_arrays={} if analysis is None else _read_optional(analysis, "coordinates"),
            sealed=root.is_sealed,
        )


def read_report(path: str | os.PathLike[str]) -> Report:
    """Read a diagnosis: a report, or the one that a run file carries.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged, holds no diagnosis, or comes from a newer topovae.
    """
    with opened(path) as root:
        kind = _require_kind(root, "a report", RUN_FORMAT, REPORT_FORMAT)
        if kind == RUN_FORMAT and "analysis" not in root.names:
            raise RunFileError(
                f"{root.file_name} is a run file without a diagnosis (its latent space was given, not found); "
                "make a report with `topovae analyze DATA -o REPORT.h5`."
            )
        root.require("analysis", *HEADER)
        analysis = root.group("analysis")
        analysis.require("json")
        return Report(
            header=_read_header(root),
            analysis=analysis.read_json("json"),
            arrays=_read_optional(analysis, "coordinates"),
            sealed=root.is_sealed,
        )


def read_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Read a sweep as far as it has come.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged, is something else, or comes from a newer topovae.
    """
    with opened(path) as root:
        _require_kind(root, "a sweep", SWEEP_FORMAT)
        root.require("runs", "starts", *HEADER)
        starts = {int(seed): group.read_arrays() for seed, group in root.group("starts").groups()}
        return Sweep(_read_header(root), _read_sweep_runs(root.group("runs")), starts, root.is_sealed)


def read_reproduction(path: str | os.PathLike[str]) -> Reproduction:
    """Read a reproduction as far as it has come.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged, is something else, or comes from a newer topovae.
    """
    with opened(path) as root:
        _require_kind(root, "a reproduction", REPRODUCTION_FORMAT)
        root.require("reproduction", *HEADER)
        group = root.group("reproduction")
        group.require("json")
        return Reproduction(_read_header(root), tuple(group.read_json("json")["trials"]), root.is_sealed)


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[GroupReader]:
    """The root of an HDF5 file for reading, with every failure in the block turned into one of ours.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is not HDF5, is cut short, or is damaged inside.
    """
    name = os.fspath(path)
    _check_signature(name)
    try:
        with h5py.File(name, "r") as file:
            _require_sound_texts(name)
            yield GroupReader.of_file(file)
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


class _Stored(NamedTuple):
    """A file of topovae's as its texts are read: they take no more memory than the file has bytes."""

    path: Path
    label: str
    memory: int


def _require_sound_texts(name: str) -> None:
    try:
        require_sound(_Stored(Path(name), name, os.path.getsize(name)))
    except InputError as error:
        raise RunFileError(str(error)) from None
    except ResourceError:
        raise RunFileError(
            f"{name} is damaged: its texts are said to take more memory than the file has bytes. Take it from a copy, or run "
            "the command that made it again."
        ) from None


def require_version(root: GroupReader) -> str:
    """The format that the file says it has ("" for a foreign file), once its version is one we know.

    Raises:
        RunFileError: the file comes from a newer topovae.
    """
    kind = root.read_attribute("format") if "format" in root.attributes else ""
    if not isinstance(kind, str) or not kind.startswith("topovae/"):
        return ""
    root.require("@format_version", "@topovae_version")
    version, writer = int(root.read_attribute("format_version")), root.read_attribute("topovae_version")
    if version > FORMAT_VERSION:
        raise RunFileError(
            f"{root.file_name} was made by a newer topovae (version {writer}): its format version is {version} "
            f"and this topovae reads up to {FORMAT_VERSION}; upgrade with `pip install --upgrade topovae`."
        )
    return kind


def _require_kind(root: GroupReader, wanted: str, *kinds: str) -> str:
    """The format of the file, once it is one of those wanted."""
    kind = require_version(root)
    if kind not in kinds:
        raise RunFileError(f"{root.file_name} is not {wanted}: {_what_else(root, kind)}.")
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


def _what_else(root: GroupReader, kind: str) -> str:
    if kind in FORMATS:
        return f"it is {FORMATS[kind]}"
    if kind:
        return f"it is of the format {kind!r}"
    names = ", ".join(sorted(root.names)[:5]) or "nothing"
    return f"it is an HDF5 file of another kind, which holds {names}; give a file that topovae wrote"


def _read_optional(group: GroupReader, name: str) -> dict[str, Any]:
    return group.group(name).read_arrays() if name in group.names else {}


def _read_header(root: GroupReader) -> Header:
    values = {name: root.read_attribute(name) for name in (place.lstrip("@") for place in HEADER)}
    return Header(
        command=tuple(str(word) for word in values["command"]),
        config=root.read_json("@config"),
        seed=int(values["seed"]),
        data=Provenance(
            path=str(values["data_path"]),
            shape=tuple(int(size) for size in values["data_shape"]),
            dtype=str(values["data_dtype"]),
            sha256=str(values["data_sha256"]),
        ),
        device=str(values["device"]),
        versions=root.read_json("@versions"),
        created=str(values["created"]),
        topovae_version=str(values["topovae_version"]),
    )


def _read_member(group: GroupReader) -> Member:
    """Read one model; the same layout at the root and in `baseline`."""
    group.require("model", "metrics", "latents", "@latent")
    model, metrics, latents = (group.group(name) for name in ("model", "metrics", "latents"))
    model.require("state", "@config")
    metrics.require("history", "final")
    return Member(
        latent=str(group.read_attribute("latent")),
        config=model.read_json("@config"),
        state=model.group("state").read_arrays(),
        history=metrics.group("history").read_arrays(),
        final=metrics.group("final").read_metrics(),
        latents={name: split.read_arrays() for name, split in latents.groups()},
        checkpoint=_read_checkpoint(group) if "checkpoint" in group.names else None,
        samples=_read_optional(group, "samples"),
    )


def _read_sweep_runs(group: GroupReader) -> tuple[SweepRun, ...]:
    group.require(*SWEEP_COLUMNS, *SPLITS)
    columns = [group.read_array(name).tolist() for name in SWEEP_COLUMNS]
    splits: dict[str, dict[str, list[float]]] = {}
    for split in SPLITS:
        metrics = group.group(split)
        metrics.require(*FIRST_METRICS)
        absent = [math.nan] * len(columns[0])
        splits[split] = {name: metrics.read_array(name).tolist() if name in metrics.names else absent for name in SWEEP_METRICS}
    found = []
    for i, row in enumerate(zip(*columns, strict=True)):
        values = {split: {name: _finite(column[i]) for name, column in known.items()} for split, known in splits.items()}
        found.append(SweepRun(**dict(zip(SWEEP_COLUMNS, row, strict=True)), metrics=values))
    return tuple(found)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _read_checkpoint(group: GroupReader) -> Checkpoint:
    group.require("optimizer", "rng")
    place = group.group("checkpoint")
    place.require("state", "@epoch", "@finished", "@best_epoch", "@best_value")
    return Checkpoint(
        epoch=int(place.read_attribute("epoch")),
        finished=bool(place.read_attribute("finished")),
        state=place.group("state").read_arrays(),
        optimizer=group.group("optimizer").read_arrays(),
        rng=group.group("rng").read_arrays(),
        best_epoch=int(place.read_attribute("best_epoch")),
        best_value=float(place.read_attribute("best_value")),
    )
