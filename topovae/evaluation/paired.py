"""Whether one model is better than another on the same samples, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from topovae.evaluation.metrics import SampleTerms
from topovae.store.documents import Document

LEVEL = 0.95
"""Confidence of intervals: the usual one, not tuned."""


@dataclass(frozen=True)
class PairedDifference(Document):
    """The mean of differences by sample, the first model's value less the second's.

    Args:
        mean: of the differences, nats a sample.
        low, high: its confidence interval at `LEVEL`; None of a single sample or group.
    """

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PairedComparison(Document):
    """Two models on the same samples.

    Args:
        samples: how many.
        groups: how many groups they come in, each of which counts as one draw; None where every sample is one.
        level: confidence of the intervals.
        differences: "elbo", "iwae", "nll" and "kl" to how the first model differs; None of what one of them has not.
    """

    samples: int
    groups: int | None
    level: float
    differences: Mapping[str, PairedDifference | None]


def compare_terms(first: SampleTerms, second: SampleTerms, group: np.ndarray | None = None) -> PairedComparison:
    """How the terms of one model differ from those of another on the same samples.

    Args:
        first, second: of n samples.
        group: (n,) labels of samples that are no draws of their own, such as turns of one image; None where there are none.
    """
    pairs = {name: (getattr(first, name), getattr(second, name)) for name in ("elbo", "iwae", "nll")}
    pairs["kl"] = (first.kl.sum(1), second.kl.sum(1))
    groups = None if group is None else len(np.unique(group))
    return PairedComparison(len(first.nll), groups, LEVEL, {name: _difference(*pair, group) for name, pair in pairs.items()})


def _difference(a: np.ndarray | None, b: np.ndarray | None, group: np.ndarray | None) -> PairedDifference | None:
    if a is None or b is None:
        return None
    return PairedDifference(float((a - b).mean()), *(mean_interval(a - b, group) or (None, None)))


def mean_interval(values: ArrayLike, group: np.ndarray | None = None) -> tuple[float, float] | None:
    r"""A confidence interval of a mean at `LEVEL`, by Student's t; None of a single value or group.

    .. math:: \bar d \pm t_{G-1} \sqrt{\frac{G}{G-1} \sum_{g} \Big(\sum_{i \in g} (d_i - \bar d)\Big)^2} \Big/ n

    Values of one group may depend on each other, and where each is its own group this is the usual interval.

    Args:
        values: (n,).
        group: (n,) labels; None where each value is a draw of its own.

    References:
        Liang and Zeger, Longitudinal data analysis using generalized linear models (1986): the robust
            variance, here of a mean.

    Example:
        >>> low, high = mean_interval([1.0, 2.0, 3.0])
        >>> round(low, 3), round(high, 3)
        (-0.484, 4.484)
    """
    from scipy.stats import t

    d = np.asarray(values, dtype=np.float64)
    _, label = np.unique(np.arange(len(d)) if group is None else group, return_inverse=True)
    groups = int(label.max()) + 1
    if groups < 2:
        return None
    sums = np.bincount(label, d - d.mean())
    error = float(np.sqrt(groups / (groups - 1) * np.square(sums).sum()) / len(d))
    reach = float(t.ppf((1 + LEVEL) / 2, groups - 1)) * error
    return float(d.mean()) - reach, float(d.mean()) + reach
