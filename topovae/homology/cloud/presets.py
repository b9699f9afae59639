"""Counts, such as spikes in bins of time: how they are recognised, and what evens out their noise.

The noise of a count grows with its mean, so that distances between rows of counts are ruled by the busiest
columns. 2√(x + 3/8) gives all of them the same noise. Where the rows follow each other in time, a window over
them averages noise away before any distance is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from topovae.data.dataset import Dataset
from topovae.errors import InputError, UsageError
from topovae.homology.calibration import tuned
from topovae.store.documents import Document

PRESETS = ("auto", "none", "counts")
WINDOWS = (0.0, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)
"""Standard deviations, in rows, of the windows that are tried: a grid, not tuned."""

TRUNCATE = tuned("window_reach")
LEVEL = tuned("order_level")
LEAST_ROWS = int(tuned("least_rows"))
CLOCK = tuned("clock_variance")

_WINDOWS_A_STRETCH = int(tuned("windows_a_stretch"))
_LEAST_COLUMNS, _LEAST_MAXIMUM = int(tuned("count_columns")), int(tuned("count_maximum"))
_PILED_HEIGHT, _PILED_SHARE, _PILED_ROWS = tuned("piled_height"), tuned("piled_share"), int(tuned("piled_rows"))
_PILED_COLUMNS = tuned("piled_columns")
_SLOPES = tuned("count_slope_least"), tuned("count_slope_most")
_DISPERSIONS = tuned("count_dispersion_least"), tuned("count_dispersion_most")
_SCATTER_BINS, _SCATTER_PAIRS = int(tuned("scatter_bins")), int(tuned("scatter_pairs"))
_SCATTER_SPREAD = tuned("scatter_spread")

_STRETCHES, _STRETCH_ROWS, _TEST_COLUMNS, _SHUFFLES = 4, 1000, 64, 199
"""What is read to tell counts, and the shuffles of the test of their order: limits on cost, not tuned."""


@dataclass(frozen=True)
class Preset(Document):
    """What a kind of data asks for before distances are taken.

    Attributes:
        name: `counts`, or `none` where nothing is asked for.
        transform: `sqrt` for 2√(x + 3/8), or `identity`.
        window: standard deviation, in rows, of the Gaussian window over successive rows; 0 for none.
        reasons: sentences that say why.
        omitted: columns that are no measurement but a clock or a number of rows.
        outweighing: a column whose variance all others together hardly have a hundredth of, so that distances are its alone.
    """

    name: str = "none"
    transform: str = "identity"
    window: float = 0.0
    reasons: tuple[str, ...] = ()
    omitted: tuple[int, ...] = ()
    outweighing: int | None = None

    @classmethod
    def of(cls, analysis: Mapping[str, Any] | None) -> Preset | None:
        """Return the preset in the JSON of a diagnosis, None where it has none."""
        found = (analysis or {}).get("preset")
        if found is None:
            return None
        return cls(**{**found, "reasons": tuple(found["reasons"]), "omitted": tuple(found.get("omitted", ()))})


def stabilise(x: np.ndarray) -> np.ndarray:
    """Return 2√(x + 3/8), whose noise has variance near 1 for Poisson counts of any mean.

    References:
        Anscombe (1948), The transformation of Poisson, binomial and negative-binomial data, section 2.

    Example:
        >>> counts = np.random.default_rng(0).poisson([[2.0, 50.0]], (4000, 2))
        >>> stabilise(counts).std(axis=0).round(1)
        array([1., 1.])
    """
    return 2 * np.sqrt(x + 0.375)


def smooth(x: np.ndarray, window: float) -> np.ndarray:
    """Return averages of successive rows (n, p) under a Gaussian window, renormalised at both ends.

    Args:
        x: rows in the order of time.
        window: standard deviation in rows; 0 leaves the rows as they are.
    """
    if window == 0:
        return x
    from scipy.ndimage import correlate1d

    weights = kernel(window)
    total = correlate1d(np.ones(len(x)), weights, mode="constant")
    return correlate1d(x, weights, axis=0, mode="constant") / total[:, None]


def kernel(window: float) -> np.ndarray:
    """Return the weights (2r + 1,) of the Gaussian window, which sum to 1."""
    reach = reach_of(window)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(window, 1e-9)) ** 2)
    return weights / weights.sum()


def reach_of(window: float) -> int:
    """Return how many rows before and after a row its window takes in."""
    return int(np.ceil(TRUNCATE * window))


def choose_preset(data: Dataset, preset: str = "auto", seed: int = 0) -> Preset:
    """Choose what to do before distances are taken, from a few stretches of successive rows.

    Args:
        data: the samples.
        preset: `auto`; `none`; or `counts`, which takes for granted that the data are counts.
        seed: seed of the shuffles that the test of the order draws.

    Raises:
        UsageError: there is no such preset.
        InputError: negative numbers cannot be counts.
    """
    if preset not in PRESETS:
        raise UsageError(f"The preset {preset!r} is not known; use one of {', '.join(PRESETS)}.")
    if preset == "none":
        return Preset(reasons=("asked for",))
    if data.n_samples < LEAST_ROWS:
        return Preset(reasons=("too few samples to tell",))
    stretches = _read_stretches(data)
    together = np.vstack(stretches)
    if not np.isfinite(together).all():  # the reader of the sample names the rows
        return Preset(reasons=("some values are not finite",))
    table = preset == "auto" and len(data.sample_shape) == 1
    omitted = _clocks(together) if table else ()
    outweighing = _outweighing(together, omitted) if table else None
    stretches = [np.delete(stretch, omitted, axis=1) for stretch in stretches]
    together = np.vstack(stretches)
    chosen = _choose(together, stretches, preset, len(data.sample_shape), seed)
    return replace(chosen, omitted=omitted, outweighing=outweighing)


def _clocks(together: np.ndarray) -> tuple[int, ...]:
    """Return the columns that only rise from row to row and hold nearly all of the variance; none if little would be left."""
    variances = together.var(0)
    rising = (np.diff(together, axis=0) > 0).min(axis=0)
    # one after another, the largest first, as each hides the next
    order = [int(column) for column in np.argsort(-variances, kind="stable") if rising[column]]
    found: list[int] = []
    for column in order:
        rest = np.delete(variances, [*found, column])
        if np.count_nonzero(rest) < 2 or variances[column] < CLOCK * rest.sum():
            break
        found.append(column)
    return tuple(sorted(found))


def _outweighing(together: np.ndarray, omitted: Sequence[int]) -> int | None:
    """Return the column that has so much of the variance as a clock must have, though it does not only rise."""
    variances = together.var(0)
    variances[list(omitted)] = 0
    largest = int(variances.argmax())
    rest = np.delete(variances, largest)
    return largest if rest.any() and variances[largest] >= CLOCK * rest.sum() else None


def _choose(together: np.ndarray, stretches: Sequence[np.ndarray], preset: str, axes: int, seed: int) -> Preset:
    """Choose what is done to the columns that measure something."""
    if preset == "counts":
        if (together < 0).any():
            raise InputError(
                f"The preset counts is for numbers that count something, and {together.min():g} is among the data. "
                "Give counts, or the preset none."
            )
        reason = "asked for"
        dispersion = max(_scatter(together)[1], 1e-3)
    else:
        found = _recognise(together, axes)
        if found.dispersion is None:
            return Preset(reasons=(found.reason,))
        reason, dispersion = found.reason, found.dispersion
    window, order = choose_window(stretches, dispersion, seed)
    roots = "square roots, 2√(x + 3/8), give all counts the same noise"
    return Preset("counts", "sqrt", window, (reason, roots, order))


def choose_window(stretches: Sequence[np.ndarray], dispersion: float = 1.0, seed: int = 0) -> tuple[float, str]:
    """Choose the window over time of least estimated risk; none where the rows are in no order.

    For counts x of rates λ and a linear smoother G, whose weight of a row for itself is g,

    .. math:: E‖Gx − λ‖² = E[‖Gx − x‖² + 2φ Σ g x − φ Σ x]

    is exact for Poisson counts (φ = 1); φ stands for their dispersion, and each column is divided by its mean.

    Args:
        stretches: arrays (n', p) of successive rows of counts.
        dispersion: variance of the counts at a given rate over that rate.
        seed: seed of the shuffles.

    Returns:
        Standard deviation of the window in rows, and a sentence that says why.

    References:
        Hudson (1978), A natural identity for exponential families with applications in multiparameter
        estimation, section 3; von Neumann (1941) for the ratio of successive differences.
    """
    ratio, p_value = order_test(stretches, seed)
    evidence = f"successive rows differ {ratio:.2f} times as much as shuffled ones (p = {p_value:.2g})"
    if p_value > LEVEL or ratio >= 1:
        return 0.0, f"{evidence}: no order in time, nothing is smoothed"
    mean = np.vstack(stretches).mean(0)
    stretches = [stretch[:, mean > 0] / np.sqrt(mean[mean > 0]) for stretch in stretches]
    weight = np.sqrt(mean[mean > 0])
    tried = [window for window in WINDOWS if window <= min(map(len, stretches)) / _WINDOWS_A_STRETCH]
    risks = [sum(_risk(stretch, weight, window, dispersion) for stretch in stretches) for window in tried]
    best = tried[int(np.argmin(risks))]
    if best == 0:
        return 0.0, f"{evidence}: a time series, but too fast to be smoothed"
    return best, f"{evidence}: a time series, smoothed by a Gaussian window of {best:g} rows, that of least estimated risk"


def _risk(scaled: np.ndarray, weight: np.ndarray, window: float, dispersion: float) -> float:
    """Return the estimated risk, up to a constant, of smoothing counts x = scaled · weight, over weight²."""
    from scipy.ndimage import correlate1d

    if window == 0:
        return 2 * dispersion * float((scaled / weight).sum())
    weights = kernel(window)
    own = weights.max() / correlate1d(np.ones(len(scaled)), weights, mode="constant")
    penalty = 2 * dispersion * float((own @ (scaled / weight)).sum())
    return float(((smooth(scaled, window) - scaled) ** 2).sum()) + penalty


def order_test(stretches: Sequence[np.ndarray], seed: int = 0) -> tuple[float, float]:
    """Compare differences of successive rows with those of shuffled rows.

    Returns:
        Mean squared difference of successive rows over that of shuffled ones, and the p-value of so small a
        ratio where the order means nothing.
    """
    rng = np.random.default_rng(seed)
    columns = rng.permutation(stretches[0].shape[1])[:_TEST_COLUMNS]
    parts = [stabilise(np.maximum(stretch[:, columns], 0)) for stretch in stretches]

    def change(rows: Sequence[np.ndarray]) -> float:
        return float(sum(np.square(np.diff(part, axis=0)).sum() for part in rows))

    found = change(parts)
    shuffled = np.array([change([rng.permutation(part) for part in parts]) for _ in range(_SHUFFLES)])
    if not shuffled.any():
        return 1.0, 1.0
    return found / float(shuffled.mean()), float((1 + (shuffled <= found).sum()) / (1 + _SHUFFLES))


@dataclass(frozen=True)
class _CountSigns:
    """Whether data are counts: their dispersion if so, and the reason for either."""

    reason: str
    dispersion: float | None = None


def _recognise(x: np.ndarray, axes: int) -> _CountSigns:
    """Decide whether rows (n, p) are counts."""
    if axes != 1:
        return _CountSigns("samples of several axes are taken for images, not for counts")
    if (x < 0).any() or (x != np.round(x)).any():
        return _CountSigns("not all values are whole and non-negative, so they are no counts")
    varying = x[:, np.ptp(x, axis=0) > 0]
    if varying.shape[1] < _LEAST_COLUMNS or varying.max(initial=0) < _LEAST_MAXIMUM:
        return _CountSigns("whole numbers, but too few columns or values for counts")
    top = varying.max(0)
    if (top <= 1).mean() > 0.5:
        return _CountSigns("most columns are binary, so they are no counts")
    # counts thin out towards their largest value; grey levels, grades and labels pile up there
    piled = (varying >= _PILED_HEIGHT * top).mean(0) > max(_PILED_SHARE, _PILED_ROWS / len(x))
    if (piled & (top > 1)).mean() > _PILED_COLUMNS:
        return _CountSigns("whole numbers that pile up at their largest value, as grey levels, grades and labels do: no counts")
    slope, dispersion = _scatter(varying)
    measured = f"the variance between like rows grows as mean^{slope:.2f} and is {dispersion:.2g} times the mean"
    if not _SLOPES[0] <= slope <= _SLOPES[1] or not _DISPERSIONS[0] <= dispersion <= _DISPERSIONS[1]:
        return _CountSigns(f"whole numbers, but {measured}, which is not as counts scatter")
    return _CountSigns(f"whole and non-negative, and {measured}: counts", dispersion)


def _scatter(x: np.ndarray) -> tuple[float, float]:
    """Return how counts of like rows scatter: the power of the mean that their variance grows with, and their ratio.

    For two Poisson counts of one rate and any sum a + b, the mean of (a − b)²/2 is (a + b)/2. Rows are paired
    by one half of the columns and compared in the other, so that being paired does not make them alike there.
    """
    from topovae.homology.cloud.neighbours import nearest

    halves = np.arange(x.shape[1]) % 2 == 0
    means, variances = [], []
    for half in (halves, ~halves):
        _, index = nearest(stabilise(np.maximum(x[:, half], 0)), 1)
        here, there = x[:, ~half], x[index[:, 0]][:, ~half]
        means.append(((here + there) / 2).ravel())
        variances.append(((here - there) ** 2 / 2).ravel())
    mean, variance = np.concatenate(means), np.concatenate(variances)
    order = np.argsort(mean[mean > 0], kind="stable")
    mean, variance = mean[mean > 0][order], variance[mean > 0][order]
    if len(mean) < _SCATTER_PAIRS:
        return 0.0, 0.0
    dispersion = float(variance.sum() / mean.sum())
    # bins of equal weight in log mean, ties together
    edges = np.unique(np.searchsorted(mean, np.geomspace(mean[0], mean[-1], _SCATTER_BINS + 1)[:-1]))
    size = np.diff(np.append(edges, len(mean)))
    centre = np.add.reduceat(mean, edges) / size
    spread = np.add.reduceat(variance, edges) / size
    usable = (size >= _SCATTER_PAIRS) & (spread > 0)
    if usable.sum() < 2 or centre[usable].max() < _SCATTER_SPREAD * centre[usable].min():
        return 0.0, dispersion
    slope = np.polyfit(np.log(centre[usable]), np.log(spread[usable]), 1, w=np.sqrt(size[usable]))[0]
    return float(slope), dispersion


def _read_stretches(data: Dataset) -> list[np.ndarray]:
    """Read a few stretches of successive rows, spread over the data, as (n', p) of float64."""
    n = data.n_samples
    length = int(np.clip(2**21 // max(1, data.n_features), 50, _STRETCH_ROWS))
    if n <= _STRETCHES * length:
        starts, length = [0], n
    else:
        starts = [int(start) for start in np.linspace(0, n - length, _STRETCHES)]
    blocks = [data.rows(np.arange(start, start + length)) for start in starts]
    return [np.asarray(block, dtype=np.float64).reshape(len(block), -1) for block in blocks]
