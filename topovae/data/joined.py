"""Two data sets as one, of which the second is for testing alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from topovae.data.dataset import Dataset, RowSource, Source
from topovae.errors import UsageError


class JoinedRows:
    """The rows of two sources, one after the other, read when they are asked for."""

    def __init__(self, first: RowSource, second: RowSource) -> None:
        self.parts, self.border = (first, second), int(first.shape[0])
        self.shape = (self.border + int(second.shape[0]), *first.shape[1:])
        self.dtype = np.result_type(first.dtype, second.dtype)

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        first = np.asarray(self.parts[0][start : min(stop, self.border)])
        second = np.asarray(self.parts[1][max(start - self.border, 0) : max(stop - self.border, 0)])
        if not len(second):
            return first
        return second if start >= self.border else np.concatenate([first, second])


def join_test(data: Dataset, test: Dataset) -> Dataset:
    """Samples to train on, and after them those to test on; truth, groups and labels where both have them.

    Args:
        data: for training and validation.
        test: for testing.

    Raises:
        UsageError: samples of one are of another shape than those of the other.
    """
    if data.sample_shape != test.sample_shape:
        raise UsageError(
            f"--test {test.place} holds samples of shape {test.sample_shape}, and {data.place} of shape {data.sample_shape}; "
            "give data of the same kind"
        )
    beside: dict[str, Any] = {}
    for name in ("truth", "group", "label"):
        pair = getattr(data, name), getattr(test, name)
        beside[name] = None if pair[0] is None or pair[1] is None else np.concatenate(pair)
    return replace(
        data,
        x=JoinedRows(data.x, test.x),
        chunk_rows=max(data.chunk_rows, test.chunk_rows),
        held_out=test.n_samples,
        source=_source(data.source, test.source),
        choices={**data.choices, "test": test.source.path if test.source else ""},
        **beside,
    )


def _source(data: Source | None, test: Source | None) -> Source | None:
    """The first file, told by the bytes of both."""
    if data is None or test is None:
        return None
    return Source(data.path, hashlib.sha256(f"{data.sha256} {test.sha256}".encode()).hexdigest())
