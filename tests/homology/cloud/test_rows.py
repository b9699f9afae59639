"""Reading a sample: smoothing over time in blocks, rows apart, and single samples beside smoothed ones."""

from __future__ import annotations

import numpy as np
import pytest
from support.rows import Rows

from topovae.data.dataset import Dataset
from topovae.errors import InputError
from topovae.homology.cloud import rows as samples
from topovae.homology.cloud.presets import Preset, smooth, stabilise
from topovae.homology.cloud.rows import prepare, read_sample, series

COUNTS = Preset("counts", "sqrt", 3.0)


def counts(n: int, p: int = 6) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.poisson(3 + 2 * np.sin(np.arange(n)[:, None] / 20 + np.arange(p))).astype(np.float64)


@pytest.mark.parametrize("numbers", [6, 6 * 37, 6 * 100, 2**22])
def test_blocks_do_not_show_in_a_smoothed_series(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "BLOCK_NUMBERS", numbers)
    x = counts(250)
    preparation = prepare((6,), "euclidean", COUNTS)
    rows, blocks = zip(*series(Dataset.of(x), preparation), strict=True)
    assert [r.start for r in rows] + [250] == [0] + [r.stop for r in rows]
    assert np.allclose(np.concatenate(blocks), smooth(stabilise(x), 3.0))


def test_a_series_is_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "BLOCK_NUMBERS", 6 * 500)
    data = Rows(counts(5000), most=500 + 2 * 9)
    x = read_sample(data, prepare((6,), "euclidean", COUNTS), 2**30, 0)[1]
    assert np.allclose(x, smooth(stabilise(counts(5000)), 3.0)[::6])


def test_rows_of_a_smoothed_series_are_kept_apart_where_there_are_enough() -> None:
    preparation = prepare((6,), "euclidean", COUNTS)
    assert len(read_sample(Dataset.of(counts(6000)), preparation, 2**30, 0)[1]) == 1000
    assert len(read_sample(Dataset.of(counts(700)), preparation, 2**30, 0)[1]) == 700
    pairs = read_sample(Dataset.of(counts(200_000, 2)), prepare((2,), "euclidean", COUNTS), 2**30, 0)[1]
    assert len(pairs) == samples.MOST_ROWS


def test_single_samples_lie_around_their_smoothed_places() -> None:
    x = np.random.default_rng(1).poisson(2.0, (4000, 6)).astype(np.float64)
    preparation = prepare((6,), "euclidean", COUNTS)
    assert np.allclose(preparation.apply(x).mean(0), preparation.apply_series(x).mean(0), atol=0.01)
    assert np.array_equal(preparation.apply(x[:1]), preparation.apply(x)[:1])


def test_without_a_preset_nothing_is_changed() -> None:
    x = np.random.default_rng(0).normal(size=(100, 6))
    preparation = prepare((6,), "euclidean")
    assert np.array_equal(preparation.apply(x), x)
    assert np.array_equal(preparation.apply_series(x), x)
    assert np.array_equal(read_sample(Dataset.of(x), preparation, 2**30, 0)[1], x)
    assert np.array_equal(np.concatenate([block for _, block in series(Dataset.of(x), preparation)]), x)


@pytest.mark.parametrize(("value", "words"), [(np.nan, "rows 41"), (np.inf, "rows 41"), (-2.0, "negative")])
def test_counts_that_cannot_be_are_refused(value: float, words: str) -> None:
    x = counts(300)
    x[41, 2] = value
    with pytest.raises(InputError, match=words):
        read_sample(Dataset.of(x), prepare((6,), "euclidean", COUNTS), 2**30, 0)[1]


@pytest.mark.parametrize("unit", [1e-200, 1e150])
def test_values_whose_squares_are_no_numbers_are_refused(unit: float) -> None:
    values = unit * np.random.default_rng(0).normal(size=(60, 3))
    with pytest.raises(InputError, match="in another unit"):
        read_sample(Dataset.of(values), prepare((3,), "euclidean", Preset("none")), 2**30, 0)
