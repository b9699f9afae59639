"""What is taken for counts, which window smooths them, and that counts of heading cells then are a circle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from support.counts import heading_cells

from topovae import analyze
from topovae.data.dataset import Dataset
from topovae.errors import InputError, UsageError
from topovae.homology.cloud.denoise import fit_denoiser
from topovae.homology.cloud.presets import Preset, choose_preset, choose_window, kernel, order_test, reach_of, smooth, stabilise
from topovae.homology.cloud.rows import prepare, read_sample
from topovae.homology.complexes.rips import persistence


def grid_cells(n: int, cells: int, mean: float, step: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, step, (n, 2)), axis=0)
    tuning = np.exp(2 * np.cos(walk[:, None] - rng.uniform(0, 2 * np.pi, (cells, 2)))) / np.i0(2.0)
    return rng.poisson(mean * tuning.prod(2)).astype(np.float64)


def image_like(rng: np.random.Generator) -> np.ndarray:
    blob = np.exp(-((np.arange(36) - rng.uniform(5, 30, (500, 1))) ** 2) / 30)
    return np.clip(np.round(320 * blob), 0, 255).astype(np.uint8)


COUNTS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "heading": lambda rng: heading_cells(800, 60, 1.0, 0.2, 1000)[0],
    "heading, busy": lambda rng: heading_cells(800, 60, 10.0, 0.2, 1000)[0],
    "heading, sparse": lambda rng: heading_cells(2000, 60, 0.3, 0.2, 1000)[0],
    "heading, no order": lambda rng: heading_cells(800, 60, 1.0, np.inf, 1000)[0],
    "grid": lambda rng: grid_cells(1000, 60, 1.0, 0.15, 1000),
    "overdispersed": lambda rng: rng.negative_binomial(2, 2 / (2 + 2 * heading_cells(800, 60, 2.0, 0.2, 3)[0])),
    "words": lambda rng: rng.poisson(rng.gamma(0.3, 1, (1, 100)), (500, 100)),
}
OTHERS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "real": lambda rng: rng.normal(size=(500, 20)),
    "images": lambda rng: rng.poisson(3, (200, 8, 8)),
    "flattened images": image_like,
    "labels": lambda rng: rng.integers(0, 10, (500, 20)),
    "binary": lambda rng: rng.integers(0, 2, (500, 20)),
    "grades": lambda rng: np.clip(np.round(rng.normal(3, 1, (500, 20))), 1, 5),
    "negative": lambda rng: rng.poisson(3, (500, 20)) - 3,
    "rounded, even noise": lambda rng: np.round(rng.normal(50, 5, (500, 20))),
    "rounded circle": lambda rng: np.round(
        10 + 8 * np.cos(rng.uniform(0, 7, (500, 1)) + np.linspace(0, 6, 20)) + rng.normal(0, 0.5, (500, 20))
    ),
    "ranks": lambda rng: np.argsort(rng.normal(size=(500, 20)), axis=1),
    "two columns": lambda rng: rng.poisson(3, (500, 2)),
    "constant": lambda rng: np.full((500, 20), 7),
    "not finite": lambda rng: np.full((500, 20), np.nan),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_recognised(name: str) -> None:
    preset = choose_preset(Dataset.of(COUNTS[name](np.random.default_rng(0))))
    assert (preset.name, preset.transform) == ("counts", "sqrt")
    assert all(preset.reasons)


@pytest.mark.parametrize("name", OTHERS)
def test_other_data_are_not_counts(name: str) -> None:
    preset = choose_preset(Dataset.of(OTHERS[name](np.random.default_rng(0))))
    assert (preset.name, preset.transform, preset.window) == ("none", "identity", 0.0)
    assert len(preset.reasons) == 1


@pytest.mark.parametrize("mean", [0.3, 1.0, 10.0])
def test_rows_in_no_order_are_not_smoothed(mean: float) -> None:
    windows = [choose_preset(Dataset.of(heading_cells(600, 40, mean, np.inf, seed)[0])).window for seed in range(10)]
    assert sum(window > 0 for window in windows) <= 1


@pytest.mark.parametrize("mean", [0.3, 1.0, 3.0])
def test_the_window_brings_rates_closer(mean: float) -> None:
    counts, walk = heading_cells(1500, 50, mean, 0.1, 0)
    window, _ = choose_window([counts])
    # against the mean counts of 25 bins of like heading
    order = np.argsort(walk)
    rates = np.empty_like(counts)
    rates[order] = smooth(np.vstack([counts[order]] * 3), 25)[1500:3000]
    loss = {w: float(((smooth(counts, w) - rates) ** 2).sum()) for w in (0.0, window / 3, window, 3 * window)}
    assert min(loss, key=lambda w: loss[w]) == window


def test_slow_and_sparse_series_get_wider_windows() -> None:
    def window(mean: float, step: float) -> float:
        return choose_window([heading_cells(1500, 50, mean, step, 1)[0]])[0]

    assert window(1.0, 0.05) > window(1.0, 0.2) > window(1.0, 1.0)
    assert window(0.3, 0.1) > window(3.0, 0.1) > 0


def test_the_order_test_keeps_its_level() -> None:
    rng = np.random.default_rng(0)
    p_values = [order_test([rng.poisson(2.0, (100, 5))], seed)[1] for seed in range(60)]
    assert 0.3 < np.mean(p_values) < 0.7
    assert np.mean(np.array(p_values) < 0.05) < 0.15


def test_smoothing_keeps_constants_and_ends() -> None:
    assert np.allclose(smooth(np.full((50, 3), 2.5), 4.0), 2.5)
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert smooth(x, 0.0) is x


def test_the_root_evens_out_the_noise() -> None:
    rng = np.random.default_rng(0)
    for mean in (2, 5, 30, 300):
        assert stabilise(rng.poisson(mean, 20000)).std() == pytest.approx(1.0, abs=0.06)


def test_presets_that_were_asked_for() -> None:
    counts = heading_cells(600, 40, 1.0, 0.2, 0)[0]
    assert choose_preset(Dataset.of(counts), "none").transform == "identity"
    assert choose_preset(Dataset.of(counts * 0.5), "counts").transform == "sqrt"
    with pytest.raises(UsageError, match="spikes"):
        choose_preset(Dataset.of(counts), "spikes")
    with pytest.raises(InputError, match="-1"):
        choose_preset(Dataset.of(counts - 1), "counts")
    assert Preset("counts", "sqrt", 2.0, ("why",)).to_dict() == {
        "name": "counts",
        "transform": "sqrt",
        "window": 2.0,
        "reasons": ["why"],
        "omitted": [],
        "outweighing": None,
    }


@pytest.mark.parametrize("seed", [0, 1])
def test_heading_cells_are_a_circle(seed: int) -> None:
    counts = heading_cells(3000, 50, 0.3, 0.2, seed)[0]
    data = Dataset.of(counts)
    x = read_sample(data, prepare((50,), "euclidean", choose_preset(data)), 2**30, 0)[1]

    def clarity(rows: np.ndarray) -> float:
        points = fit_denoiser(rows).transform(rows)[:400]
        bars = persistence(cdist(points, points), 3, 1).bars[1]
        ratios = np.sort(bars[:, 1] / bars[:, 0])
        return float(ratios[-1] / ratios[-2])

    assert clarity(x) > 1.5 > 1.3 > clarity(counts)


def beside_a_circle(column: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, len(column))
    return np.column_stack([np.cos(angle), column, np.sin(angle)])


OMITTED = {
    "nanoseconds": (beside_a_circle(1.7e18 + 5e6 * np.arange(500)), (1,)),
    "numbers of rows": (beside_a_circle(np.arange(500.0)), (1,)),
    "shuffled numbers": (beside_a_circle(np.random.default_rng(1).permutation(500.0 * np.arange(500))), ()),
    "sorted position": (np.column_stack([(t := np.linspace(0, 1, 500)), np.sin(3 * t), np.cos(3 * t)]), ()),
    "position beside constants": (np.column_stack([t, np.ones(500), np.zeros(500)]), ()),
    "images": (np.arange(500.0)[:, None, None] * np.array([[1, 0], [0, 0.001]]), ()),
}


@pytest.mark.parametrize(("x", "columns"), OMITTED.values(), ids=OMITTED.keys())
def test_clocks_are_omitted_by_number(x: np.ndarray, columns: tuple[int, ...]) -> None:
    preset = choose_preset(Dataset.of(x))
    assert preset.omitted == columns
    features = prepare(x.shape[1:], "euclidean", preset).apply(x)
    assert features.shape == (500, int(np.prod(x.shape[1:])) - len(columns))
    assert choose_preset(Dataset.of(x), "none").omitted == ()


OUTWEIGHING = {
    "noise of a thousand": (beside_a_circle(1000 * np.random.default_rng(2).normal(size=500)), 1),
    "a clock, and pressure in pascals": (
        np.column_stack([np.arange(500.0) * 1e9, beside_a_circle(1e5 + 1e3 * np.random.default_rng(3).normal(size=500))]),
        2,
    ),
    "columns alike": (beside_a_circle(np.random.default_rng(4).normal(size=500)), None),
    "one column and constants": (np.column_stack([t, np.ones(500), np.zeros(500)])[::-1].copy(), None),
    "images": (np.random.default_rng(6).normal(size=(500, 2, 2)) * np.array([[100, 1], [1, 1]]), None),
}


@pytest.mark.parametrize(("x", "column"), OUTWEIGHING.values(), ids=OUTWEIGHING.keys())
def test_a_column_that_outweighs_all_others_is_named(x: np.ndarray, column: int | None) -> None:
    assert choose_preset(Dataset.of(x)).outweighing == column
    said = " ".join(analyze(x).summary)
    assert (f"column {column} outweighs all others" in said) == (column is not None)


@pytest.mark.parametrize("preset", [Preset(), Preset("counts", "sqrt", 2.0, ("why",)), Preset(omitted=(0, 3), outweighing=2)])
def test_presets_are_read_back(preset: Preset) -> None:
    document = {"preset": preset.to_dict()}
    assert Preset.of(document) == preset
    del document["preset"]["omitted"]  # as files of before
    assert Preset.of(document) == replace(preset, omitted=())
    assert Preset.of({}) is Preset.of(None) is None


@pytest.mark.parametrize("window", [0.3, 1.0, 2.5, 10.0, 60.0])
def test_a_window_is_a_gaussian_cut_where_it_is_negligible_and_not_beyond(window: float) -> None:
    weights, reach = kernel(window), reach_of(window)
    assert len(weights) == 2 * reach + 1 and weights.sum() == pytest.approx(1)
    offsets = np.arange(-reach, reach + 1)
    np.testing.assert_allclose(weights / weights[reach], np.exp(-((offsets / window) ** 2) / 2), rtol=1e-9)
    assert weights[0] / weights[reach] < 0.02  # and one row less would not do
    assert np.exp(-(((reach - 1) / window) ** 2) / 2) > 1e-8 or reach == 1
