"""Run files that can be worked with: what no checksum tells, as of a file that was edited and has none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import numpy as np

from topovae.errors import RunFileError
from topovae.runs.models import described
from topovae.store.reader import read_run
from topovae.store.schema import SPLITS, Arrays, Member, Run

NUMBERS, INTEGERS = "biuf", "iu"


def open_run(path: str | os.PathLike[str]) -> Run:
    """Read a run file whose weights, splits and models can be worked with.

    Args:
        path: a file that `topovae train` or `TopoVAE.save` wrote.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        RunFileError: it is damaged, comes from a newer topovae, or was edited; the place in it is named.
    """
    run = read_run(path)
    for problem in problems(run):
        raise RunFileError(
            f"{os.fspath(path)} is damaged or was edited: {problem}. Take it from a copy, or run the command that made it "
            "again."
        )
    return run


def problems(run: Run) -> Iterator[str]:
    """What is wrong with a run, with its place in the file: nothing in one that was trained.

    Args:
        run: as it was read.
    """
    yield from _of_split(run.split, run.header.data.shape[0] if run.header.data.shape else 0)
    for place, member in (("/", run.model), ("/baseline/", run.baseline)):
        if member is not None:
            yield from _of_member(place, member, run.split)


def _of_split(split: Arrays, n_samples: int) -> Iterator[str]:
    """Rows of each part are ascending and in the data, and no row is in two parts."""
    if set(split) != set(SPLITS):
        yield f"/split holds {', '.join(sorted(split)) or 'nothing'}, and it should be {', '.join(SPLITS)}"
        return
    taken: dict[int, str] = {}
    for name in SPLITS:
        rows = split[name]
        if rows.ndim != 1 or rows.dtype.kind not in INTEGERS:
            yield f"/split/{name} is no list of row numbers (shape {rows.shape}, type {rows.dtype})"
            return
        outside = rows[(rows < 0) | (rows >= n_samples)]
        if len(outside):
            yield f"/split/{name} names row {outside[0]}, and the data have rows 0 to {n_samples - 1}"
        if (np.diff(rows.astype(np.int64)) <= 0).any():
            yield f"/split/{name} is not in ascending order"
        for row in rows.tolist():
            if row in taken:
                yield f"/split/{name} and /split/{taken[row]} share row {row}"
                break
        taken |= dict.fromkeys(rows.tolist(), name)


def _of_member(place: str, member: Member, split: Arrays) -> Iterator[str]:
    """The model can be built, its weights fit it, and what is told of epochs or samples is told of each."""
    try:
        model = described(member.config)
    except RunFileError as error:
        yield f"{place}model@config: {error}"
        return
    if model.config.latent != member.latent:
        yield f"{place}@latent is {member.latent}, and {place}model@config has {model.config.latent}"
    shapes = {name: tuple(weights.shape) for name, weights in model.state_dict().items()}
    yield from _of_weights(f"{place}model/state", member.state, shapes)
    if member.checkpoint is not None:
        yield from _of_weights(f"{place}checkpoint/state", member.checkpoint.state, shapes)
    epochs = {column.shape for column in member.history.values()}
    if len(epochs) > 1 or any(column.dtype.kind not in NUMBERS for column in member.history.values()):
        yield f"{place}metrics/history holds what is no column of one number an epoch"
    for part, arrays in member.latents.items():
        for name, array in arrays.items():
            if array.dtype.kind not in NUMBERS or array.shape[:1] != split.get(part, np.empty(0)).shape:
                yield f"{place}latents/{part}/{name} has not one row of numbers for each sample of /split/{part}"


def _of_weights(place: str, weights: Arrays, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """They are finite numbers, of the names and shapes that the model has."""
    for name in sorted(weights.keys() ^ shapes.keys()):
        yield f"{place}/{name} is {'missing' if name in shapes else 'no part of the model'}"
    for name in sorted(weights.keys() & shapes.keys()):
        array = weights[name]
        if array.dtype.kind not in NUMBERS or not np.isfinite(array).all():
            yield f"{place}/{name} holds what is no finite number"
        elif array.shape != shapes[name]:
            yield f"{place}/{name} has the shape {array.shape}, and the model that the file describes has {shapes[name]}"
