"""Soft verdicts from local geometry: has the space an edge, can it be oriented, is it a manifold at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from topovae.homology.calibration import REGIMES, regime, tuned
from topovae.homology.cloud.branches import branching_share
from topovae.homology.cloud.planes import onto_planes
from topovae.homology.cloud.tangents import (
    BOUNDARY_NEIGHBOURS,
    LARGEST_DIMENSION,
    Dimension,
    FrameGraph,
    boundary_share,
    frame_graph,
    frame_size,
)
from topovae.homology.odds import _below, _below_log, logistic

Class = tuple[int, ...]


SURFACE_LIMIT = max(dimension for dimension, row in REGIMES.items() if row.boundary)
"""Boundary and orientation are judged in data of at most this dimension."""


FLAT_ROUNDS = int(tuned("flat_rounds"))
ORIENTATION = tuned("orientation_ratio"), tuned("orientation_width")
CLASS_FLOOR, CLASS_WIDTH = tuned("twist_floor"), tuned("twist_width")
UNDETERMINED = tuned("undetermined")
UNFIT = tuned("unfit"), tuned("unfit_width")
UNSTEADY = tuned("unsteady"), tuned("unsteady_width")
CROSSED = tuned("crossed_share"), tuned("crossed_width")
THIN = tuned("thin_share"), tuned("thin_width")
BRANCHES = tuned("branching_points"), tuned("branching_width")
SURE_BEYOND, LEAST_SURE, SURER = tuned("sure_beyond"), tuned("least_sure"), tuned("sure_more")
SURE_GAP, SURE_WIDTH = tuned("sure_gap"), tuned("sure_width")


@dataclass(frozen=True)
class Verdicts:
    """Probabilities that local geometry gives.

    Attributes:
        closed: that there is no boundary; None where not judged.
        orientable: that the space is orientable; None where not judged, or where tangent frames cannot tell.
        manifolds: that the data are a manifold, by what was found instead if they are not.
        frames: tangent frames, which classes of degree 1 can be compared with; None where there are none.
    """

    closed: float | None = None
    orientable: float | None = None
    manifolds: Mapping[str, float] = field(default_factory=dict)
    frames: FrameGraph | None = None

    @property
    def manifold(self) -> float:
        """Probability that the data are a manifold."""
        return float(np.prod(list(self.manifolds.values())))

    @property
    def doubt(self) -> str | None:
        """What speaks most against a manifold, None where they look like one."""
        if self.manifold > 0.5:
            return None
        return min(self.manifolds, key=lambda found: self.manifolds[found])


def evenly(dimension: Dimension) -> dict[str, float]:
    """Return the probabilities that the dimension is the same everywhere, and at all scales, by what is found if it is not."""
    return {
        "the dimension changes from place to place": float(_below(dimension.thin, *THIN)),
        "sheets cross or meet": float(_below(dimension.crossed, *CROSSED)),
        "the dimension changes with the scale": float(_below(1 - dimension.steady, *UNSTEADY)),
    }


def judge(averaged: np.ndarray, dimension: Dimension) -> Verdicts:
    """Judge boundary and orientation by tangent planes; in dimension 1 whether curves branch, as homology shows the rest.

    Args:
        averaged: (n, p) points averaged over neighbours.
        dimension: their intrinsic dimension.
    """
    manifolds = evenly(dimension)
    if dimension.value == 1:
        manifolds["curves branch"] = float(_below(branching_share(averaged), *BRANCHES))
    limits = regime(dimension.value).boundary
    if limits is None:
        return Verdicts(manifolds=manifolds)
    k = frame_size(dimension)
    flat = onto_planes(averaged, dimension.value, k, FLAT_ROUNDS)  # for these two readings only: it harms homology
    share = boundary_share(flat, dimension.value, min(BOUNDARY_NEIGHBOURS, len(flat) // 4))
    closed = _below_log(share, *limits)
    frames = frame_graph(flat, dimension.value, k)
    if frames is None:
        return Verdicts(closed, None, manifolds)
    ratio = frames.ratio()
    manifolds["tangent planes of neighbours do not fit together"] = float(_below(ratio, *UNFIT))
    orientable = _below_log(ratio, *ORIENTATION) if ratio <= UNDETERMINED else None
    return Verdicts(closed, orientable, manifolds, frames)


def orientation_by_classes(frames: FrameGraph, flips: Mapping[Class, np.ndarray]) -> tuple[float, Class | None]:
    """Find the class of orientation among those that there are.

    The first Stiefel-Whitney class is one of H¹ over Z/2: frames can be oriented alike all over but for the flips of
    exactly one of them, the zero class where the space is orientable.

    Args:
        frames: tangent frames.
        flips: for each non-zero class the edges (e,) across which it changes.

    Returns:
        The probability that the space is orientable, and the class of orientation where it is not.
    """
    ratios = {name: frames.ratio(flip) for name, flip in flips.items()}
    plain, best = frames.ratio(), min(ratios, key=lambda name: ratios[name])
    orientable = logistic(np.log((ratios[best] + CLASS_FLOOR) / (plain + CLASS_FLOOR)) / CLASS_WIDTH)
    return orientable, best if orientable < 0.5 else None


def dimension_probabilities(dimension: Dimension) -> dict[int, float]:
    """Return how sure the dimension is, from its gap; the rest goes to its neighbours.

    Beyond the dimensions that a gap can show there is only the estimate, which is taken as it is. Where gap and estimate
    disagree, all dimensions from the one to the other are as probable.
    """
    if not dimension.believed:
        held = range(max(1, round(dimension.interval[0])), dimension.value + 1)
        return dict.fromkeys(held, 1 / len(held))
    if dimension.value > LARGEST_DIMENSION:
        return {dimension.value: SURE_BEYOND}
    sure = LEAST_SURE + SURER * logistic(np.log(dimension.gap / SURE_GAP) / SURE_WIDTH)
    rest = (1 - sure) / 2
    return {dimension.value: sure, dimension.value - 1: rest, dimension.value + 1: rest}
