"""What one pass over the data must find, whatever the chunks."""

import numpy as np
import pytest

from topovae.data.checks import Columns, check
from topovae.data.dataset import Dataset, Source
from topovae.errors import InputError

CHUNKS = [1, 700, 2**24]


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("size_bytes", CHUNKS)
@pytest.mark.parametrize("shape", [(100, 7), (60, 4, 5), (40, 3, 4, 2)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "?"])
def test_moments_are_those_of_the_whole_array(size_bytes, shape, dtype):
    x = (numbers(*shape) * 20 + 100).astype(dtype) if dtype != "?" else numbers(*shape) > 0
    found = check(Dataset.of(x), size_bytes=size_bytes)
    wide = x.astype(np.float64)
    assert found.mean.shape == found.std.shape == shape[1:]
    np.testing.assert_allclose(found.mean, wide.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.std, wide.std(0), rtol=1e-12)
    assert found.n_samples == shape[0]
    assert found.warnings == () or x.dtype == bool  # so few bits repeat


@pytest.mark.parametrize("size_bytes", CHUNKS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_spread_survives_a_large_offset(size_bytes, dtype):
    """The textbook formula, mean of squares less square of mean, loses all digits here."""
    offset = 1e9 if dtype == "f8" else 1e5
    x = (numbers(500, 3) + offset).astype(dtype)
    found = check(Dataset.of(x), size_bytes=size_bytes)
    np.testing.assert_allclose(found.std, x.astype(np.longdouble).std(0).astype(float), rtol=1e-9)


@pytest.mark.parametrize("size_bytes", CHUNKS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_bad_numbers_are_named_and_counted(size_bytes, value):
    x = numbers(50, 4)
    x[3, 1] = x[3, 2] = x[49, 0] = value
    with pytest.raises(InputError) as caught:
        check(Dataset.of(x, source=Source("bad.npy", "")), size_bytes=size_bytes)
    message = str(caught.value)
    for words in (
        "2 of the 50",
        "bad.npy",
        "row 3 (columns 1, 2)",
        "row 49 (column 0)",
        "NaN",
        "expected",
        "Remove",
    ):
        assert words in message


def test_many_bad_rows_are_not_all_named():
    x = numbers(50, 4)
    x[::2] = np.nan
    with pytest.raises(InputError, match=r"25 of the 50.*row 8 \(columns 0, 1, 2, 3\); …") as caught:
        check(Dataset.of(x))
    assert "row 10" not in str(caught.value)


def test_a_pixel_is_named_by_its_place_in_the_image():
    x = numbers(30, 4, 5)
    x[7, 2, 3] = np.nan
    with pytest.raises(InputError, match=r"row 7 \(column \(2, 3\)\)"):
        check(Dataset.of(x))


def test_too_few_samples():
    with pytest.raises(InputError, match=r"19 samples.*at least 20"):
        check(Dataset.of(numbers(19, 4)))
    assert check(Dataset.of(numbers(20, 4))).n_samples == 20
    with pytest.raises(InputError, match="at least 500"):
        check(Dataset.of(numbers(499, 4)), minimum=500)


@pytest.mark.parametrize("size_bytes", CHUNKS)
def test_constant_columns_are_named(size_bytes):
    x = numbers(50, 9)
    x[:, [2, 5]] = 0.1, -3
    found = check(Dataset.of(x), size_bytes=size_bytes)
    assert found.constant.tolist() == [2, 5]
    assert "2 of the 9 columns are constant (2, 5)" in found.warnings[0]
    x[17, 5] += 1e-12
    assert check(Dataset.of(x), size_bytes=size_bytes).constant.tolist() == [2]


def test_many_constant_columns_are_not_all_named():
    x = numbers(50, 9)
    x[:, :8] = 1
    assert "8 of the 9 columns are constant (0, 1, 2, 3, 4, …)" in check(Dataset.of(x)).warnings[0]


def test_samples_all_equal():
    with pytest.raises(InputError, match="All 50 samples"):
        check(Dataset.of(np.ones((50, 3))))


@pytest.mark.parametrize("size_bytes", CHUNKS)
def test_duplicates_are_named(size_bytes):
    x = numbers(50, 3)
    x[5, 0] = 0.0
    x[[9, 40]] = x[5]
    x[9, 0] = -0.0
    x[41] = x[0]
    x[42] = x[1] + [0, 0, 1e-14]
    found = check(Dataset.of(x), size_bytes=size_bytes)
    assert found.duplicates.tolist() == [9, 40, 41]
    assert "3 of the 50 samples" in found.warnings[0]
    assert "row 9 repeats row 5, row 40 repeats row 5, row 41 repeats row 0" in found.warnings[0]


def test_a_summary_is_plain_data():
    x = numbers(50, 3)
    x[:, 1], x[1] = 2, x[0]
    x[1, 1] = 2
    found = check(Dataset.of(x))
    assert isinstance(found, Columns) and len(found.warnings) == 2
    assert found.duplicates.tolist() == [1]


def test_the_data_are_read_once_and_in_chunks():
    class Slices:
        shape, dtype = (1000, 8), np.dtype("f4")

        def __init__(self):
            self.asked = []

        def __getitem__(self, rows):
            self.asked.append(rows.stop - rows.start)
            return numbers(rows.stop, 8)[rows].astype("f4")

    source = Slices()
    check(Dataset.of(source), size_bytes=3200)
    assert sum(source.asked) == 1000 and max(source.asked) == 100
