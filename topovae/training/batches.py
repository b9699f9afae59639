"""Batches of a split, on the device where they are needed: from memory when the data fit there, else from their file.

Data that do not fit are streamed. A file is read fast where it is read in long pieces, and gradient descent wants rows from
everywhere: so blocks of neighbouring rows are drawn at random, many of them make a pool, and batches are drawn from the whole
pool. A background thread reads the next pool while the present one is used.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from topovae.data.dataset import Dataset

RESIDENT_BYTES = 2**30
"""Data of at most this size are kept in memory as one tensor; larger data are streamed."""

DEVICE_SHARE = 0.5
"""Share of the free memory of a CUDA device up to which data are kept there, in place of `RESIDENT_BYTES`."""

BLOCK_BYTES = 2**20
"""Neighbouring rows of this size are read together: enough for a disk, and little beside a pool."""

POOL_BYTES = 2**27
"""Size of the rows that batches are drawn from; two pools are in memory at a time."""

Piece = tuple[Tensor, Tensor]
"""Positions within the split (m,) and their samples (m, *sample_shape)."""

Result = TypeVar("Result")


class Batches:
    """Batches of a split on a device: gathered there when the data fit in memory, streamed from the file when not.

    Args:
        data: all samples.
        index: (n,) rows of the split; in ascending order, as splits are, they are streamed fastest.
        device: where batches are wanted.
        limit: bytes of the split, in single precision, up to which it is kept on the device; None for `RESIDENT_BYTES` on the
            CPU and `DEVICE_SHARE` of what is free on a CUDA device.

    Attributes:
        resident: (n, *sample_shape) on the device, or None for data that are streamed.
    """

    def __init__(self, data: Dataset, index: np.ndarray, device: torch.device, limit: int | None = None) -> None:
        self.data, self.index, self.device = data, index, device
        self.resident: Tensor | None = None
        if len(index) * self._row_bytes <= (_room(device) if limit is None else limit):
            self.resident = torch.empty((len(index), *data.sample_shape), device=device)
            for start, stop in self._blocks(POOL_BYTES // 8):
                self.resident[start:stop] = torch.as_tensor(data.rows(index[start:stop]))

    def __len__(self) -> int:
        return len(self.index)

    def take(self, positions: Tensor) -> Tensor:
        """Samples at positions within the split, (B, *sample_shape)."""
        if self.resident is not None:
            return self.resident[positions.to(self.device)]
        rows = self.data.rows(self.index[positions.cpu().numpy()])
        return torch.as_tensor(rows, dtype=torch.float32).to(self.device)

    def in_order(self, size: int = 512) -> Iterator[Tensor]:
        """All samples in the split's order; batches may be views of more, so do not write to them.

        Raises:
            InputError: the file is damaged there.
        """
        if self.resident is not None:
            yield from self.resident.split(size)
            return
        pieces = [partial(self._read, [block], None) for block in self._blocks(POOL_BYTES // 8)]
        for _, x in _regroup(self._on_device(_ahead(pieces)), size):
            yield x

    def shuffled(self, size: int) -> Iterator[Piece]:
        """All samples once with their positions, in an order drawn from the global random state when iteration begins.

        Resident samples come in any order with equal probability. Streamed ones are mixed within pools of blocks from all over
        the file: two samples of one block come in the same pool. Batches may be views, so do not write to them.

        Raises:
            InputError: the file is damaged there.
        """
        if self.resident is not None:
            for positions in torch.randperm(len(self)).split(size):
                yield positions, self.take(positions)
            return
        pools = self._draw_pools()
        # Everything random is drawn here: the caller draws from the same state while the thread reads.
        seeds = torch.randint(2**62, (len(pools),)).tolist()
        pieces = [partial(self._read, pool, seed) for pool, seed in zip(pools, seeds, strict=True)]
        yield from _regroup(self._on_device(_ahead(pieces)), size)

    @property
    def _row_bytes(self) -> int:
        return self.data.n_features * 4

    def _blocks(self, size: int) -> list[tuple[int, int]]:
        """Ranges of positions whose rows are neighbours in the file, of about `size` bytes there."""
        step = self.data.block_rows(size)
        if (self.index[1:] >= self.index[:-1]).all():
            cuts = np.searchsorted(self.index, np.arange(0, self.data.n_samples, step))
        else:
            cuts = np.arange(0, len(self), step)
        edges = np.unique([0, *cuts, len(self)]).tolist()
        return list(itertools.pairwise(edges))

    def _draw_pools(self) -> list[list[tuple[int, int]]]:
        """All blocks in random order, dealt to pools of about equal sizes; within a pool in the order of the file."""
        blocks = np.asarray(self._blocks(BLOCK_BYTES)).reshape(-1, 2)
        blocks = blocks[torch.randperm(len(blocks)).numpy()]
        count = -(-len(self) * self._row_bytes // POOL_BYTES)
        last = np.cumsum(blocks[:, 1] - blocks[:, 0]) - 1
        pool = last * count // max(1, len(self))
        return [sorted(map(tuple, blocks[pool == i].tolist())) for i in np.unique(pool)]

    def _read(self, blocks: Sequence[tuple[int, int]], seed: int | None, halted: threading.Event) -> Piece:
        """The samples of some blocks, in the host's memory: mixed by a seed, or in order for None."""
        count = sum(stop - start for start, stop in blocks)
        order = np.arange(count)
        if seed is not None:
            order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()
        positions = torch.empty(count, dtype=torch.int64)
        x = torch.empty((count, *self.data.sample_shape), pin_memory=self.device.type == "cuda")
        into, numbers, done = x.numpy(), positions.numpy(), 0
        for start, stop in blocks:
            if halted.is_set():
                break
            places = order[done : done + stop - start]
            into[places] = self.data.rows(self.index[start:stop])
            numbers[places] = np.arange(start, stop)
            done += stop - start
        return positions, x

    def _on_device(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        for positions, x in pieces:
            yield positions, x.to(self.device, non_blocking=True)


def _room(device: torch.device) -> int:
    """Bytes up to which a split is kept on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * DEVICE_SHARE)
    return RESIDENT_BYTES


class _ReadAhead(threading.Thread, Generic[Result]):
    """Work done by a thread of its own, which ends with it; its error is raised where the result is asked for."""

    def __init__(self, work: Callable[[threading.Event], Result], halted: threading.Event) -> None:
        super().__init__(name="topovae-reader", daemon=True)
        self._work, self._halted = work, halted
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._results.append(self._work(self._halted))
        except BaseException as error:
            self._error = error

    def result(self) -> Result:
        """Wait for the end; what was found is handed over, not kept."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._results.pop()


def _ahead(works: Sequence[Callable[[threading.Event], Result]]) -> Iterator[Result]:
    """Results in order, each found by a background thread while the one before it is used.

    However the iteration ends, no thread outlives it: the work is asked to stop through the event and waited for.
    """
    halted = threading.Event()
    task: _ReadAhead[Result] | None = None
    try:
        for work in [*works, None]:
            found = None if task is None else task.result()
            task = None if work is None else _ReadAhead(work, halted)
            if found is not None:
                yield found
    finally:
        halted.set()
        if task is not None:
            task.join()


def _regroup(pieces: Iterable[Piece], size: int) -> Iterator[Piece]:
    """Batches of one size, the last one perhaps smaller, from pieces of any sizes."""
    held: list[Piece] = []
    missing = size
    for positions, x in pieces:
        begin = 0
        while begin < len(positions):
            end = min(begin + missing, len(positions))
            held.append((positions[begin:end], x[begin:end]))
            missing -= end - begin
            begin = end
            if missing == 0:
                yield _joined(held)
                held, missing = [], size
    if held:
        yield _joined(held)


def _joined(parts: Sequence[Piece]) -> Piece:
    if len(parts) == 1:
        return parts[0]
    positions, samples = zip(*parts, strict=True)
    return torch.cat(positions), torch.cat(samples)
