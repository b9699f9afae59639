"""Factors that lie in space: their points in three dimensions, for pictures that can be turned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from topovae.viz.charts import rotation_vectors, width_of
from topovae.viz.domains import cut_of, spans
from topovae.viz.latents import LatentPart

TURN_STEPS = 73
"""Points of a circle that is drawn around a solid: one every five degrees, not tuned."""


@dataclass(frozen=True)
class Solid:
    """A factor as it lies in space.

    Attributes:
        points: (n, 3).
        lines: curves of it, (m, 3) each, which show its shape where no points are.
        note: what is one though it is drawn apart; "" where nothing is.
    """

    points: np.ndarray
    lines: tuple[np.ndarray, ...] = ()
    note: str = ""


def _itself(points: np.ndarray) -> np.ndarray:
    return points


def _meridians() -> tuple[np.ndarray, ...]:
    """Great circles through the axes of a unit sphere."""
    turn = np.linspace(0, 2 * np.pi, TURN_STEPS)
    circle = np.column_stack([np.cos(turn), np.sin(turn), np.zeros(TURN_STEPS)])
    return tuple(np.roll(circle, shift, axis=1) for shift in range(3))


SOLIDS: dict[tuple[str, int, bool], tuple[Callable[[np.ndarray], np.ndarray], bool, str]] = {
    ("R", 3, False): (_itself, False, ""),
    ("S", 2, False): (_itself, True, ""),
    ("S", 2, True): (_itself, True, "opposite points of the rim are one"),
    ("S", 3, True): (rotation_vectors, True, "opposite points of the surface are one"),
}
"""By kind, dimension and whether a group cuts the factor: how it lies in space, whether in a unit ball, and what is one."""


def solids_of(part: LatentPart) -> list[Solid]:
    """The factors of a component that lie in space, with its `chosen` points; none where the plane shows all.

    Args:
        part: of a latent space.

    Raises:
        UsageError: its columns do not fit the factors.
    """
    cut, shown, found = cut_of(part.signature), part.shown[part.chosen], list[Solid]()
    places = spans([width_of(factor, part.models) for factor in part.signature.factors])
    for number, factor in enumerate(part.signature.factors):
        values = shown[:, places[number]]
        model = part.models.get(factor.kind)
        if model is not None:
            points = model.embedded(values)
            if points.shape[1] == 3:
                found.append(Solid(points, tuple(model.embedded(line) for line in model.lines)))
            continue
        place = SOLIDS.get((factor.kind, factor.dim, cut is not None and cut.factor == number))
        if place is not None:
            into, is_ball, note = place
            found.append(Solid(into(values), _meridians() if is_ball else (), note))
    return found
