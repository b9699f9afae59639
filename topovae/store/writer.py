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
    Run,
    Sweep,
)
from topovae.store.tree import TEXT, check_name, text, to_json, write_array, write_arrays, write_metrics

# Pinned: the default differs between versions of HDF5, and every R, Julia and Matlab in use reads "earliest".
LIBVER = ("earliest", "v110")

Content = TypeVar("Content", Run, Report, Sweep)


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


def _write(path: str | os.PathLike[str], kind: str, content: Content, fill: Callable[[h5py.File, Content], None]) -> None:
    """Write the header and what `fill` puts below it."""
    # Built in memory first: HDF5 reports a full disk late, and sometimes only as a corrupted process.
    image = io.BytesIO()
    with h5py.File(image, "w", libver=LIBVER) as file:
        _write_header(file, kind, content.header)
        fill(file, content)

    def copy(stream: BinaryIO) -> None:
        stream.write(image.getbuffer())

    write_atomic(path, copy)


def _fill_run(file: h5py.File, run: Run) -> None:
    write_arrays(file, "split", run.split)
    if run.analysis is not None:
        _write_analysis(file, run.analysis, run.analysis_arrays)
    _write_member(file, run.model)
    if run.baseline is not None:
        _write_member(file.create_group("baseline"), run.baseline)


def _fill_report(file: h5py.File, report: Report) -> None:
    _write_analysis(file, report.analysis, report.arrays)


def _fill_sweep(file: h5py.File, sweep: Sweep) -> None:
    runs, group = sweep.runs, file.create_group("runs")
    group.create_dataset("latent", data=[text(run.latent) for run in runs], shape=(len(runs),), dtype=TEXT)
    for name, kind in (("beta", np.float64), ("seed", np.int64), ("epochs", np.int64), ("best_epoch", np.int64)):
        write_array(group, name, np.array([getattr(run, name) for run in runs], dtype=kind))
    write_array(group, "seconds", np.array([run.seconds for run in runs], dtype=np.float64))
    for split in SPLITS:
        # None becomes NaN.
        columns = {name: np.array([run.metrics[split][name] for run in runs], dtype=np.float64) for name in SWEEP_METRICS}
        write_arrays(group, split, columns)
    starts = file.create_group("starts")
    for seed in sorted(sweep.starts):
        write_arrays(starts, str(seed), sweep.starts[seed])


def _write_header(file: h5py.File, kind: str, header: Header) -> None:
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
        file.attrs[name] = value


def _write_analysis(file: h5py.File, analysis: Json, arrays: Arrays) -> None:
    group = file.create_group("analysis")
    group.create_dataset("json", data=to_json(analysis), dtype=TEXT)
    write_arrays(group, "coordinates", arrays)


def _write_member(group: h5py.Group, member: Member) -> None:
    """Write one model; the same layout at the root and in `baseline`."""
    group.attrs["latent"] = member.latent
    model = group.create_group("model")
    model.attrs["config"] = to_json(member.config)
    write_arrays(model, "state", member.state)
    metrics = group.create_group("metrics")
    write_arrays(metrics, "history", member.history)
    write_metrics(metrics, "final", member.final)
    latents = group.create_group("latents")
    for name in sorted(member.latents):
        write_arrays(latents, check_name(name), member.latents[name])
    write_arrays(group, "samples", member.samples)
    if member.checkpoint is not None:
        _write_checkpoint(group, member.checkpoint)


def _write_checkpoint(group: h5py.Group, checkpoint: Checkpoint) -> None:
    place = group.create_group("checkpoint")
    place.attrs["epoch"] = np.int64(checkpoint.epoch)
    place.attrs["finished"] = bool(checkpoint.finished)
    place.attrs["best_epoch"] = np.int64(checkpoint.best_epoch)
    place.attrs["best_value"] = np.float64(checkpoint.best_value)
    write_arrays(place, "state", checkpoint.state)
    write_arrays(group, "optimizer", checkpoint.optimizer)
    write_arrays(group, "rng", checkpoint.rng)
