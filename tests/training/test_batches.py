"""Batches: what is the same for samples in memory and samples that are streamed, and what streaming promises beside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset, RowSource
from topovae.errors import InputError
from topovae.training import batches as batching
from topovae.training.batches import Batches

CPU = torch.device("cpu")
N, SIDES = 2000, (6,)
ROWS = np.repeat(np.arange(N, dtype=np.float32)[:, None], *SIDES, axis=1)  # a sample says which row it is
INDEX = np.sort(np.random.default_rng(0).permutation(N)[:1600])
BLOCK = 50
SIZES = [1, 7, 64, 5000]


def hdf5(folder: Path, x: np.ndarray, **options: object) -> h5py.Dataset:
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("x", data=x, **options)
    return h5py.File(folder / "x.h5", "r")["x"]


def memmap(folder: Path, x: np.ndarray) -> np.ndarray:
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r")


SOURCES: dict[str, Callable[[Path], RowSource]] = {
    "memory": lambda folder: ROWS,
    "memory map": lambda folder: memmap(folder, ROWS),
    "HDF5": lambda folder: hdf5(folder, ROWS),
    "double precision": lambda folder: hdf5(folder, ROWS.astype(np.float64)),
    "chunks": lambda folder: hdf5(folder, ROWS, chunks=(7, 6)),
    "large chunks": lambda folder: hdf5(folder, ROWS, chunks=(300, 2), compression="gzip"),
}
INDICES = {
    "split": INDEX,
    "few": INDEX[::40],
    "one": INDEX[:1],
    "not in order": np.random.default_rng(1).permutation(INDEX),
}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 50 rows and pools of 400, so that 2000 rows are much."""
    row = 4 * ROWS[0].size
    monkeypatch.setattr(batching, "BLOCK_BYTES", BLOCK * row)
    monkeypatch.setattr(batching, "POOL_BYTES", 8 * BLOCK * row)


def streamed(x: RowSource = ROWS, index: np.ndarray = INDEX) -> Batches:
    batches = Batches(Dataset.of(x), index, CPU, limit=0)
    assert batches.resident is None
    return batches


def epoch(batches: Batches, size: int, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(seed)
    return list(batches.shuffled(size))


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "topovae-reader"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("source", SOURCES)
def test_an_epoch_is_every_sample_once_in_batches_of_one_size(source: str, index: str, size: int, tmp_path: Path) -> None:
    rows = INDICES[index]
    batches = streamed(SOURCES[source](tmp_path), rows)
    drawn = epoch(batches, size)
    assert [len(x) for _, x in drawn] == [len(part) for part in torch.arange(len(rows)).split(size)]
    positions, x = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    assert sorted(positions.tolist()) == list(range(len(rows)))
    assert x.dtype == torch.float32 and np.array_equal(x.numpy(), ROWS[rows[positions.numpy()]])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("source", SOURCES)
def test_streamed_samples_in_order_equal_resident_ones(source: str, index: str, size: int, tmp_path: Path) -> None:
    data, rows = Dataset.of(SOURCES[source](tmp_path)), INDICES[index]
    resident, stream = Batches(data, rows, CPU), Batches(data, rows, CPU, limit=0)
    assert resident.resident is not None and stream.resident is None and len(resident) == len(stream) == len(rows)
    for x, y in zip(resident.in_order(size), stream.in_order(size), strict=True):
        assert torch.equal(x, y) and x.dtype == y.dtype == torch.float32
    positions = torch.randint(len(rows), (30,))
    assert torch.equal(resident.take(positions), stream.take(positions))
    assert torch.equal(torch.cat(list(stream.in_order(size))), torch.as_tensor(ROWS[rows]))


@pytest.mark.parametrize("limit", [0, None])
def test_equal_random_states_give_equal_epochs_and_others_do_not(limit: int | None) -> None:
    batches = Batches(Dataset.of(ROWS), INDEX, CPU, limit)
    one, again, other = epoch(batches, 64), epoch(batches, 64), epoch(batches, 64, seed=1)
    assert all(torch.equal(p, q) and torch.equal(x, y) for (p, x), (q, y) in zip(one, again, strict=True))
    assert not torch.equal(torch.cat([p for p, _ in one]), torch.cat([p for p, _ in other]))


def test_what_the_caller_draws_meanwhile_is_repeated_too() -> None:
    def noise() -> Iterator[float]:
        torch.manual_seed(3)
        for _, x in streamed().shuffled(64):
            yield torch.randn(len(x)).sum().item()
        yield torch.rand(()).item()

    assert list(noise()) == list(noise())


def test_the_order_does_not_depend_on_what_the_caller_draws_meanwhile() -> None:
    quiet = torch.cat([p for p, _ in epoch(streamed(), 64)])
    torch.manual_seed(0)
    drawing = [positions for positions, _ in streamed().shuffled(64) if torch.randn(100).numel()]
    assert torch.equal(quiet, torch.cat(drawing))


def test_batches_mix_rows_from_far_apart() -> None:
    """A batch of 64 from a pool of 8 random blocks spans most of the file, and hardly any two rows in it are neighbours."""
    spans, places, neighbours = [], [], []
    for _, x in epoch(streamed(), 64):
        row = x[:, 0].numpy()
        spans.append(np.ptp(row) / N)
        places.append(len(np.unique(row // BLOCK)))
        neighbours.append((np.abs(np.diff(row)) == 1).mean())
    assert np.mean(spans) > 0.7 and np.mean(places) > 7 and np.mean(neighbours) < 0.05


def test_rows_of_a_block_meet_others_in_every_epoch() -> None:
    partners = []
    for seed in range(6):
        first = torch.cat([p for p, _ in epoch(streamed(), 64, seed)])[:300]
        partners.append(frozenset((INDEX[first.numpy()] // BLOCK).tolist()))
    assert len(set(partners)) == 6


def test_no_more_than_two_pools_are_read_ahead() -> None:
    class Counting:
        shape, dtype, most = ROWS.shape, ROWS.dtype, 0

        def __getitem__(self, rows: slice) -> np.ndarray:
            self.most += rows.stop - rows.start
            return ROWS[rows]

    source = Counting()
    batches = streamed(source).shuffled(10)
    next(batches)
    for thread in readers():
        thread.join()
    assert source.most <= 2 * 10 * BLOCK  # pools hold eight blocks or so of which four fifths are wanted
    batches.close()


@pytest.mark.parametrize("begin", [lambda b: b.shuffled(10), lambda b: b.in_order(10)])
def test_the_thread_ends_with_the_iteration(begin: Callable[[Batches], Iterator[object]]) -> None:
    whole = begin(streamed())
    for _ in whole:
        pass
    assert not readers()
    abandoned = begin(streamed())
    next(abandoned)
    del abandoned
    assert not readers()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_thread_ends_when_the_consumer_fails(error: type[BaseException]) -> None:
    def consume() -> None:
        for _ in streamed().shuffled(10):
            raise error

    with pytest.raises(error) as raised:
        consume()
    del raised
    assert not readers()


@pytest.mark.slow
def test_a_thread_that_reads_stops_before_the_end_of_its_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is abandoned does not keep the process waiting for a slow disk."""
    read, first, let = [], threading.Event(), threading.Event()

    class Slow:
        shape, dtype = ROWS.shape, ROWS.dtype

        def __getitem__(self, rows: slice) -> np.ndarray:
            if threading.current_thread() in readers() and len(read) >= 8:
                first.set()
                let.wait(20)
            read.append(rows.start)
            return ROWS[rows]

    batches = streamed(Slow()).shuffled(10)
    next(batches)
    assert first.wait(20)
    before = len(read)
    threading.Timer(0.2, let.set).start()
    batches.close()
    assert not readers() and len(read) <= before + 1


class Damaged:
    """A source whose later rows cannot be read."""

    shape, dtype = ROWS.shape, ROWS.dtype

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getitem__(self, rows: slice) -> np.ndarray:
        if rows.stop > N // 2:
            raise self.error
        return ROWS[rows]


@pytest.mark.parametrize("begin", [lambda b: b.shuffled(10), lambda b: b.in_order(10)])
def test_an_error_of_the_reader_reaches_the_caller(begin: Callable[[Batches], Iterator[object]]) -> None:
    error = RuntimeError("the cable was pulled")
    with pytest.raises(RuntimeError) as raised:
        list(begin(streamed(Damaged(error))))
    assert raised.value is error
    with pytest.raises(InputError, match="damaged or was"):
        list(begin(streamed(Damaged(OSError("bad sector")))))
    assert not readers()


def test_the_limit_decides_where_samples_are(monkeypatch: pytest.MonkeyPatch) -> None:
    size, data = ROWS[INDEX].nbytes, Dataset.of(ROWS)
    assert Batches(data, INDEX, CPU, limit=size).resident is not None
    assert Batches(data, INDEX, CPU, limit=size - 1).resident is None
    monkeypatch.setattr(batching, "RESIDENT_BYTES", size - 1)
    assert Batches(data, INDEX, CPU).resident is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("limit", [0, None])
def test_batches_come_on_the_device(limit: int | None) -> None:
    device = torch.device("cuda")
    batches = Batches(Dataset.of(ROWS), INDEX, device, limit)
    drawn = epoch(batches, 64)
    assert all(x.device.type == "cuda" and not p.is_cuda for p, x in drawn)
    for positions, x in drawn:
        assert np.array_equal(x.cpu().numpy(), ROWS[INDEX[positions.numpy()]])
    assert torch.equal(torch.cat(list(batches.in_order(100))).cpu(), torch.as_tensor(ROWS[INDEX]))
    assert torch.equal(batches.take(torch.arange(9)).cpu(), torch.as_tensor(ROWS[INDEX[:9]]))
