"""Several views of one piece of the data, and the one answer that they give together.

The samples as they are come first. Where noise has made them thick, or their dimension changes, their core is looked at too;
and where the core is a circle, what the circle leaves over; where they are a cone, its directions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from topovae.errors import ResourceError
from topovae.homology.calibration import tuned
from topovae.homology.cloud.cloud import of_points, subset
from topovae.homology.cloud.cones import directions_of_cone
from topovae.homology.cloud.cores import Core, Thickness, find_core, thickness
from topovae.homology.cloud.tangents import CLEAR_GAP, Dimension
from topovae.homology.complexes.budget import Budget
from topovae.homology.features.circles import landmark_angles
from topovae.homology.features.peeling import peel, spread_angles
from topovae.homology.verdict.candidates import Recommendation
from topovae.homology.verdict.piece import Options, Piece, diagnose

CORES = (1, 2)
"""Dimensions of the cores that are looked for."""

MOST_PULLED = 2000
"""The core is sought of so many samples at most: a limit on cost, not tuned."""

ALONE = tuned("alone_share")

EXTENDED = "the samples extend about their core, and not as noise does"


@dataclass(frozen=True)
class View:
    """What one way of looking at a piece says.

    Attributes:
        kind: `samples`, `core`, `peeled` or `directions`.
        piece: what was found.
        among_samples: whether the landmarks lie where the samples do.
    """

    kind: str
    piece: Piece
    among_samples: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the kind, the dimension, the Betti numbers and the answer."""
        piece = self.piece
        return {
            "view": self.kind,
            "dimension": piece.cloud.dimension.value,
            "betti": {str(prime): list(numbers) for prime, numbers in piece.betti.items()},
            "recommendation": piece.recommendation.to_dict(),
        }


@dataclass(frozen=True)
class Outlook:
    """All views of a piece, and what is concluded.

    Attributes:
        piece: the view that the answer rests on, with the answer.
        views: all of them, that of the samples first.
        reason: why this answer; empty where it is that of the samples alone.
        rests_on: the kind of view that the answer rests on.
    """

    piece: Piece
    views: tuple[View, ...]
    reason: str = ""
    rests_on: str = "samples"

    @property
    def anchor(self) -> Piece:
        """What was found where the landmarks lie among the samples, as those beside a circle do not."""
        (view,) = (view for view in self.views if view.kind == self.rests_on)
        return self.piece if view.among_samples else self.views[0].piece

    def to_dict(self) -> dict[str, Any]:
        """Return all views, which of them the answer rests on, and why."""
        return {"rests_on": self.rests_on, "reason": self.reason, "views": [view.to_dict() for view in self.views]}


def look(points: np.ndarray, noise: float, options: Options) -> Outlook:
    """Diagnose a piece by as many views as it takes.

    What is known of the samples is kept when the time is over, or an interrupt stops a further view.

    Args:
        points: (n, p) denoised samples.
        noise: standard deviation of the noise left in each coordinate.
        options: what the homology is computed with.
    """
    began = time.monotonic()
    whole = View("samples", diagnose(of_points(points, noise, options.landmarks, options.seed), _part(options, 0.0, 0.5)))
    homology = whole.piece.homology
    seconds = options.budget.seconds
    left = None if seconds is None else seconds - (time.monotonic() - began)
    if homology.stopped:
        return Outlook(whole.piece, (whole,))
    try:
        return _look_further(whole, points, replace(options, budget=Budget(options.budget.memory, left)))
    except KeyboardInterrupt:
        homology.stopped, homology.interrupted = "interrupted while other views were computed", True
    except ResourceError:
        homology.reasons += ("views beside that of the samples, as they would not fit in what is allowed",)
    return Outlook(whole.piece, (whole,))


def _look_further(whole: View, points: np.ndarray, options: Options) -> Outlook:
    """Add the views that may say more than the samples do, and conclude."""
    views = [whole]
    chosen = points[subset(len(points), MOST_PULLED, options.seed)]
    core = find_core(chosen, _lower(whole.piece), options.seed)
    conclusion = (whole, whole.piece.recommendation, "")
    if core is not None:
        views += _of_core(core, chosen, options)
        conclusion = _settle(views, thickness(chosen, core))
    if whole.piece.cloud.dimension.value == 2 and (conclusion[1].latent is None or not _circles(conclusion[0])):
        fading = _of_directions(chosen, options)
        views += fading
        conclusion = _unless_fading(conclusion, fading)
    view, answer, reason = conclusion
    cloud = replace(view.piece.cloud, size=len(points))
    return Outlook(replace(view.piece, cloud=cloud, recommendation=answer), tuple(views), reason, view.kind)


Conclusion = tuple[View, Recommendation, str]
"""The view that the answer rests on, the answer, and why."""


def _of_core(core: Core, chosen: np.ndarray, options: Options) -> list[View]:
    """Return the view of a core, and, where it is a circle, that of what it leaves over."""
    inner = View("core", diagnose(of_points(core.points, 0.0, None, options.seed, pulled=True), _part(options, 0.5, 0.7)))
    if core.dimension > 1 or _circles(inner) != 1:
        return [inner]
    around = landmark_angles(inner.piece.landmarks, 1)
    if not around.shape[1]:  # a class may have no whole lift
        return [inner]
    beside = peel(chosen, spread_angles(core.points, inner.piece.landmarks, around[:, 0]))
    peeled = diagnose(of_points(beside, 0.0, None, options.seed), _part(options, 0.7, 0.9))
    return [inner, View("peeled", peeled, among_samples=False)]


def _of_directions(chosen: np.ndarray, options: Options) -> list[View]:
    """Return the view of the directions from an apex, where the samples are a cone over a curve."""
    directions = directions_of_cone(chosen)
    curve = None if directions is None else find_core(directions, (1,), options.seed)
    if curve is None:
        return []
    piece = diagnose(of_points(curve.points, 0.0, None, options.seed, pulled=True), _part(options, 0.9, 1.0))
    return [View("directions", piece, among_samples=False)]


def _unless_fading(conclusion: Conclusion, fading: Sequence[View]) -> Conclusion:
    """Return a conclusion, or the circle that a cone's directions are, which the cone itself hides."""
    for view in fading:
        if view.piece.recommendation.latent == "S1":
            reason = "the samples are a cone: a circle whose amplitude fades to nothing, and the amplitude is divided out"
            return view, _less_sure(view.piece.recommendation), reason
    return conclusion


def _circles(view: View) -> int:
    """Return the Betti number of degree 1 over the first field."""
    numbers = next(iter(view.piece.betti.values()))
    return numbers[1]


def _part(options: Options, start: float, end: float) -> Options:
    """Return options that report a share of the work."""
    report: Callable[[str, float], None] = options.report
    return replace(options, report=lambda stage, share: report(stage, start + share * (end - start)))


def _lower(whole: Piece) -> tuple[int, ...]:
    """Return the dimensions of cores that would say more than the samples do."""
    named = whole.recommendation.latent is not None
    return tuple(d for d in CORES if d < whole.cloud.dimension.value + (not named))


def _settle(views: Sequence[View], thickness: Thickness) -> Conclusion:
    """Choose the view that the answer rests on."""
    by_kind = {view.kind: view for view in views}
    whole, inner = by_kind["samples"], by_kind["core"]
    samples, core = whole.piece.recommendation, inner.piece.recommendation
    circles = {kind: _circles(view) for kind, view in by_kind.items()}
    peeled = by_kind.get("peeled")
    # what is left over is noise where it has more dimensions than the estimate allows
    told = peeled if peeled and peeled.piece.recommendation.latent and peeled.piece.cloud.dimension.believed else None
    if told is not None and circles["peeled"] > circles["core"]:
        return told, told.piece.recommendation, "beside the circle there is another, too small to be seen before"
    if core.latent is None:
        return whole, samples, ""
    doubted = not whole.piece.cloud.dimension.believed and circles["samples"] == circles["core"]
    if samples.latent is None:
        if told is not None and thickness.structured:
            return told, _less_sure(told.piece.recommendation), EXTENDED
        # a dimension that is not believed is no sign that the samples extend about their core
        if peeled is None and thickness.structured and not doubted:
            return whole, samples, "the samples about their core are not as noise is"
        return inner, _less_sure(core), "the samples by themselves give no answer; their core does"
    if circles["samples"] == circles["core"]:
        # noise may fill a stretch evenly, but then what it leaves beside a circle is no space
        agreed = peeled is None or (told is not None and told.piece.recommendation.latent == samples.latent)
        clear = thickness.directions > 0 and _is_clear(whole.piece.cloud.dimension)
        if clear or (thickness.structured and agreed):
            return whole, samples, EXTENDED
        return inner, core, "the samples are thick about their core, as noise is"
    return whole, _less_sure(samples), "the samples and their core differ"


def _less_sure(answer: Recommendation) -> Recommendation:
    """Return an answer that one view alone gives."""
    return replace(answer, confidence=ALONE * answer.confidence)


def _is_clear(dimension: Dimension) -> bool:
    """Whether a dimension stands out from those beyond, which that of the whole space cannot."""
    return dimension.believed and CLEAR_GAP <= dimension.gap < np.inf
