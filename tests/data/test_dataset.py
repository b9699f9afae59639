"""A data set gives the same rows whatever it reads from, and never reads more than it must."""

import h5py
import numpy as np
import pytest
from support.rows import Counted

from topovae.data.dataset import Dataset, RowSource
from topovae.errors import InputError

N = 57
SHAPES = {"features": (N, 3), "images": (N, 4, 5), "colour": (N, 4, 5, 3)}


class Slices:
    """A source that can only be sliced by rows, and remembers how."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape, self.dtype, self.asked = array, array.shape, array.dtype, []

    def __getitem__(self, rows: slice) -> np.ndarray:
        self.asked.append((rows.start, rows.stop))
        return self.array[rows]


def memmap(array, folder):
    np.save(folder / "x.npy", array)
    return np.load(folder / "x.npy", mmap_mode="r")


def hdf5(array, folder, **options):
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("x", data=array, **options)
    return h5py.File(folder / "x.h5", "r")["x"]


SOURCES = {
    "memory": lambda array, folder: array,
    "fortran": lambda array, folder: np.asfortranarray(array),
    "big-endian": lambda array, folder: array.astype(array.dtype.newbyteorder(">")),
    "memmap": memmap,
    "contiguous HDF5": hdf5,
    "chunked HDF5": lambda array, folder: hdf5(array, folder, chunks=(8, *array.shape[1:]), compression="gzip"),
    "one chunk of all": lambda array, folder: hdf5(array, folder, chunks=array.shape),
    "slices alone": lambda array, folder: Slices(array),
}
INDICES = {
    "shuffled": np.random.default_rng(0).permutation(N),
    "repeated": np.array([5, 5, 56, 0, 5]),
    "negative": np.array([-1, 3, -57]),
    "few": [7, 2],
    "none": np.array([], dtype=np.int64),
    "mask": np.arange(N) % 3 == 0,
}


def numbers(shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_chunks_and_load_agree_with_the_array(source, shape, tmp_path):
    array = numbers(SHAPES[shape])
    data = Dataset.of(SOURCES[source](array, tmp_path))
    assert (data.n_samples, data.sample_shape, data.n_features) == (N, array.shape[1:], array[0].size)
    for name, index in INDICES.items():
        rows = data.rows(index)
        assert rows.dtype == np.float32 and rows.dtype.isnative, name
        np.testing.assert_array_equal(rows, array[np.asarray(index, dtype=None if len(index) else int)], name)
    for size in (1, 1000, 10**9):
        parts = list(data.chunks(size))
        assert [i for rows, _ in parts for i in range(rows.start, rows.stop)] == list(range(N))
        np.testing.assert_array_equal(np.concatenate([block for _, block in parts]), array)
    np.testing.assert_array_equal(data.load(), array)


@pytest.mark.parametrize("size", [100, 400, 4000])
def test_chunks_are_no_larger_than_asked(size):
    data = Dataset.of(Slices(numbers((N, 20))))
    assert all(block.nbytes <= max(size, 80) for _, block in data.chunks(size))
    assert next(data.chunks(size))[1].nbytes == max(80, size - size % 80)


def test_chunks_fall_on_the_chunks_of_the_file(tmp_path):
    data = Dataset.of(hdf5(numbers((N, 3)), tmp_path, chunks=(8, 3)))
    assert [rows.start for rows, _ in data.chunks(12 * 20)] == [0, 16, 32, 48]


def test_rows_reads_only_blocks_that_hold_them():
    source = Slices(np.zeros((10_000, 1000), dtype=np.float32))  # a block of one MiB is 262 rows
    Dataset.of(source).rows(np.array([9000, 3, 5, 9100]))
    assert sum(stop - start for start, stop in source.asked) <= 2 * 262


@pytest.mark.parametrize(
    ("dtype", "given"),
    [
        ("bool", "f4"),
        ("u1", "f4"),
        ("i8", "f4"),
        ("f2", "f4"),
        ("f4", "f4"),
        ("f8", "f8"),
        ("longdouble", "f8"),
    ],
)
def test_only_double_precision_stays_double(dtype, given):
    data = Dataset.of(np.ones((3, 2), dtype=dtype))
    assert data.dtype == data.rows([0]).dtype == data.load().dtype == np.dtype(given)


@pytest.mark.parametrize("source", SOURCES)
def test_held_samples_are_the_same_in_the_same_blocks(source, tmp_path):
    data = Dataset.of(SOURCES[source](numbers((N, 3)), tmp_path), group=np.arange(N) // 2)
    held = data.held()
    assert type(held.x) is np.ndarray
    np.testing.assert_array_equal(held.load(), data.load())
    assert (held.x.dtype, held.dtype, held.group is data.group) == (data.x.dtype, data.dtype, True)
    for size in (1, 200, 10**9):
        assert held.block_rows(size) == data.block_rows(size)
        assert [rows for rows, _ in held.chunks(size)] == [rows for rows, _ in data.chunks(size)]


def test_samples_are_taken_with_what_stands_beside_them():
    index = np.array([5, 0, 5])
    data = Dataset.of(Slices(numbers((N, 3))), truth=np.arange(N), group=np.arange(N) // 2, space="S1")
    taken = data.take(index)
    np.testing.assert_array_equal(taken.load(), data.rows(index))
    assert (taken.truth[:, 0].tolist(), taken.group.tolist(), taken.space) == ([5, 0, 5], [2, 0, 2], "S1")
    assert Dataset.of(numbers((N, 3))).take(index).group is None


def test_samples_are_held_where_they_fit_and_read_once():
    source = Counted(numbers((N, 3)))
    held = Dataset.of(source).held(12 * N)
    for _ in range(2):
        held.load()
        held.rows(np.arange(0, N, 2))
    assert (source.count == 1).all()
    large = Dataset.of(source)
    assert large.held(12 * N - 1) is large
    assert held.held() is held


@pytest.mark.parametrize("index", [[N], [-N - 1], [0.5], np.ones(3, dtype=bool), [[0]]])
@pytest.mark.parametrize("source", [np.asarray, Slices])
def test_rows_that_are_not_there_are_refused(source, index):
    with pytest.raises(IndexError):
        Dataset.of(source(numbers((N, 3)))).rows(index)


def test_rows_and_load_are_copies():
    array = numbers((N, 3))
    data = Dataset.of(array)
    data.rows(np.arange(N))[:] = 0
    data.load()[:] = 0
    assert array.any()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(30), "one column"),
        (np.zeros((30, 1)), "one column"),
        (np.zeros((30, 1, 1)), "one column"),
        (np.zeros((2, 2, 2, 2, 2)), "5 axes"),
        (np.zeros((0, 3)), "without any number"),
        (np.zeros((30, 0)), "without any number"),
        (np.float64(3), "one column"),
        (np.zeros((30, 2), dtype=complex), "real numbers"),
        (np.full((30, 2), "a"), "real numbers"),
        (np.full((30, 2), None), "real numbers"),
        (np.zeros((30, 2), dtype="datetime64[s]"), "real numbers"),
        (np.zeros(30, dtype=[("a", "f4"), ("b", "f4")]), "real numbers"),
    ],
)
def test_what_is_no_table_of_samples_is_refused(array, words):
    with pytest.raises(InputError, match=words) as caught:
        Dataset.of(array)
    assert "expected" in str(caught.value)


def test_truth_becomes_columns_and_groups_become_whole_numbers():
    data = Dataset.of(np.zeros((3, 2)), truth=[1, 2, 3], group=["b", "a", "b"], space="S1")
    assert data.truth.shape == (3, 1)
    assert data.group.tolist() == [1, 0, 1] and data.group.dtype == np.int64
    assert Dataset.of(np.zeros((3, 2)), group=np.array([[4.0], [4.0], [9.0]])).group.tolist() == [4, 4, 9]


@pytest.mark.parametrize(
    "beside",
    [
        {"truth": np.zeros((2, 2))},
        {"truth": np.zeros((3, 2, 2))},
        {"truth": 1.0},
        {"truth": ["a", "b", "c"]},
        {"group": [1, 2]},
        {"group": [0.5, 1, 2]},
        {"group": [np.nan, 1, 2]},
        {"group": np.zeros((3, 2), dtype=int)},
    ],
)
def test_truth_and_groups_that_do_not_fit_are_refused(beside):
    with pytest.raises(InputError, match=next(iter(beside))):
        Dataset.of(np.zeros((3, 2)), **beside)


def test_a_source_that_fails_is_an_input_error():
    class Broken(Slices):
        def __getitem__(self, rows: slice) -> np.ndarray:
            raise OSError("bad sector")

    source: RowSource = Broken(np.zeros((30, 2)))
    for action in (lambda data: data.rows([1]), lambda data: data.load(), lambda data: data.held()):
        with pytest.raises(InputError, match="bad sector"):
            action(Dataset.of(source))


@pytest.mark.parametrize("shape", [(30,), (30, 1), (2, 2, 2, 2, 2), (0, 3), (30, 0)])
def test_what_is_given_is_taken_in_any_shape(shape):
    data = Dataset.given(np.zeros(shape))
    assert (data.n_samples, data.sample_shape) == (shape[0], shape[1:] or (1,))
    assert Dataset.given(data) is data


@pytest.mark.parametrize("array", [np.float64(3), np.full((30, 2), "a"), np.full((30, 2), None), np.zeros((3, 2), complex)])
def test_what_is_given_must_be_real_numbers(array):
    with pytest.raises(InputError, match="Data must be an array of real numbers, one sample a row"):
        Dataset.given(array)
