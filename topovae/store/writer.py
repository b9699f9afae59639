"""Run files and reports on their way to disk."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import BinaryIO, TypeVar

import h5py
import numpy as np

from topovae.store.atomic import write_atomic
from topovae.store.schema import (
    FORMAT_VERSION,
    REPORT_FORMAT,
    REPRODUCTION_FORMAT,
    RUN_FORMAT,
    SPLITS,
    SWEEP_FORMAT,
    SWEEP_METRICS,
    Arrays,
    Checkpoint,
    Header,
    Json,
    Member,
    Report,
    Reproduction,
    Run,
    Sweep,
)
from topovae.store.tree import TEXT, GroupWriter, text, to_json

# Pinned: the default differs between versions of HDF5, and every R, Julia and Matlab in use reads "earliest".
LIBVER = ("earliest", "v110")

Content = TypeVar("Content", Run, Report, Sweep, Reproduction)


def write_run(path: str | os.PathLike[str], run: Run) -> None:
    """Write a run file atomically; equal runs give equal bytes.

    Args:
        path: the file, replaced in one step.
        run: what it shall hold.

    Raises:
        OutputError: the place cannot be written; the file that was there is untouched.
        ValueError: a name holds a slash, or an array has a type that cannot be stored.
    """
    _write(path, RUN_FORMAT, run, _fill_run)


def write_report(path: str | os.PathLike[str], analysis: Json, arrays: Arrays, header: Header) -> None:
    """Write a diagnosis atomically.

    Args:
        path: the file, replaced in one step.
        analysis: the JSON document of `topovae analyze`.
        arrays: arrays that go with it.
        header: how it was made.

    Raises:
        OutputError: the place cannot be written; the file that was there is untouched.
    """
    _write(path, REPORT_FORMAT, Report(header, analysis, arrays), _fill_report)


def write_sweep(path: str | os.PathLike[str], sweep: Sweep) -> None:
    """Write a sweep atomically, as far as it has come.

    Args:
        path: the file, replaced in one step.
        sweep: what it shall hold.

    Raises:
        OutputError: the place cannot be written; the file that was there is untouched.
    """
    _write(path, SWEEP_FORMAT, sweep, _fill_sweep)


def write_reproduction(path: str | os.PathLike[str], found: Reproduction) -> None:
    """Write a reproduction atomically, as far as it has come.

    Args:
        path: the file, replaced in one step.
        found: what it shall hold.

    Raises:
        OutputError: the place cannot be written; the file that was there is untouched.
    """
    _write(path, REPRODUCTION_FORMAT, found, _fill_reproduction)


def _write(path: str | os.PathLike[str], kind: str, content: Content, fill: Callable[[GroupWriter, Content], None]) -> None:
    """Write the header, what `fill` puts below it, and the checksums of both."""
    # Built in memory first: HDF5 reports a full disk late, and sometimes only as a corrupted process.
    image = io.BytesIO()
    with h5py.File(image, "w", libver=LIBVER) as file:
        root = GroupWriter(file, {})
        _write_header(root, kind, content.header)
        fill(root, content)
        root.seal()

    def copy(stream: BinaryIO) -> None:
        stream.write(image.getbuffer())

    write_atomic(path, copy)


def _fill_run(root: GroupWriter, run: Run) -> None:
    root.write_arrays("split", run.split)
    if run.analysis is not None:
        _write_analysis(root, run.analysis, run.analysis_arrays)
    _write_member(root, run.model)
    if run.baseline is not None:
        _write_member(root.create_group("baseline"), run.baseline)


def _fill_report(root: GroupWriter, report: Report) -> None:
    _write_analysis(root, report.analysis, report.arrays)


def _fill_sweep(root: GroupWriter, sweep: Sweep) -> None:
    runs, group = sweep.runs, root.create_group("runs")
    group.write_array("latent", np.array([run.latent for run in runs], dtype=np.str_))
    for name, kind in (("beta", np.float64), ("seed", np.int64), ("epochs", np.int64), ("best_epoch", np.int64)):
        group.write_array(name, np.array([getattr(run, name) for run in runs], dtype=kind))
    group.write_array("seconds", np.array([run.seconds for run in runs], dtype=np.float64))
    for split in SPLITS:
        # None becomes NaN.
        columns = {name: np.array([run.metrics[split][name] for run in runs], dtype=np.float64) for name in SWEEP_METRICS}
        group.write_arrays(split, columns)
    starts = root.create_group("starts")
    for seed in sorted(sweep.starts):
        starts.write_arrays(str(seed), sweep.starts[seed])


def _fill_reproduction(root: GroupWriter, found: Reproduction) -> None:
    root.create_group("reproduction").write_array("json", to_json({"trials": list(found.trials)}))


def _write_header(root: GroupWriter, kind: str, header: Header) -> None:
    attributes = {
        "format": kind,
        "format_version": np.int64(FORMAT_VERSION),
        "topovae_version": header.topovae_version,
        "created": header.created,
        "command": np.array([text(word) for word in header.command], dtype=TEXT),
        "config": to_json(header.config),
        "seed": int(header.seed),
        "data_path": text(header.data.path),
        "data_shape": np.array(header.data.shape, dtype=np.int64),
        "data_dtype": header.data.dtype,
        "data_sha256": header.data.sha256,
        "device": text(header.device),
        "versions": to_json(header.versions),
    }
    for name, value in attributes.items():
        root.write_attribute(name, value)


def _write_analysis(root: GroupWriter, analysis: Json, arrays: Arrays) -> None:
    group = root.create_group("analysis")
    group.write_array("json", to_json(analysis))
    group.write_arrays("coordinates", arrays)


def _write_member(group: GroupWriter, member: Member) -> None:
    """Write one model; the same layout at the root and in `baseline`."""
    group.write_attribute("latent", member.latent)
    model = group.create_group("model")
    model.write_attribute("config", to_json(member.config))
    model.write_arrays("state", member.state)
    metrics = group.create_group("metrics")
    metrics.write_arrays("history", member.history)
    metrics.write_metrics("final", member.final)
    latents = group.create_group("latents")
    for name in sorted(member.latents):
        latents.write_arrays(name, member.latents[name])
    group.write_arrays("samples", member.samples)
    if member.checkpoint is not None:
        _write_checkpoint(group, member.checkpoint)


def _write_checkpoint(group: GroupWriter, checkpoint: Checkpoint) -> None:
    place = group.create_group("checkpoint")
    place.write_attribute("epoch", np.int64(checkpoint.epoch))
    place.write_attribute("finished", np.bool_(checkpoint.finished))
    place.write_attribute("best_epoch", np.int64(checkpoint.best_epoch))
    place.write_attribute("best_value", np.float64(checkpoint.best_value))
    place.write_arrays("state", checkpoint.state)
    group.write_arrays("optimizer", checkpoint.optimizer)
    group.write_arrays("rng", checkpoint.rng)
