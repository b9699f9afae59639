"""Fundamental domains: one point of each orbit, where the domain ends, and what its ends are glued to.

All follows from factors and group. Where the group moves every point of one factor, that factor is cut: a circle to an arc, a
sphere to a hemisphere. The other factors stay whole, and going over the cut is an isometry of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from topovae.signature import Element, Elementary, Isometry, Signature

TURN = 2 * np.pi


@dataclass(frozen=True)
class Cut:
    """Where the cover of a quotient is cut.

    Attributes:
        factor: number of the factor that is cut.
        order: of the group: a circle keeps one part in so many.
        seam: the isometry that takes the beginning of the arc to its end, or points of a hemisphere's rim to their antipodes.
    """

    factor: int
    order: int
    seam: Element

    def words(self, signature: Signature) -> str:
        """What the seam does to each factor, as the grammar spells it."""
        spelt = (g.spell(f) or "…" for g, f in zip(self.seam, signature.factors, strict=True))
        return f"<{','.join(spelt)}>"


def cut_of(signature: Signature) -> Cut | None:
    """The cut of a quotient; None for a product, and where no factor is moved at every point by all elements but the identity.

    Example:
        >>> from topovae.signature import parse
        >>> cut_of(parse("klein")).words(parse("klein")), cut_of(parse("S1xR"))
        ('<rot(1/2),flip>', None)
    """
    others = signature.group[1:]
    for number, factor in enumerate(signature.factors):
        if others and all(element[number].moves_every_point(factor) for element in others):
            return Cut(number, signature.order, min(others, key=lambda element: element[number].turn))
    return None


def spans(widths: Sequence[int]) -> list[slice]:
    """Columns of each factor."""
    edges = np.cumsum([0, *widths])
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def moved(factor: Elementary, isometry: Isometry, values: np.ndarray) -> np.ndarray:
    """Coordinates (n, w) on a factor after an isometry of it: angles in radians, heights in [0, 1], numbers, unit vectors."""
    if factor.is_circle:
        return isometry.sign * values + TURN * float(isometry.turn)
    if factor.kind == "I":
        return values if isometry.sign > 0 else 1 - values
    return isometry.sign * values


def into_domain(signature: Signature, cut: Cut, coordinates: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """The points of the same orbits (n, k) that lie in the fundamental domain.

    Args:
        signature: the quotient.
        cut: where it is cut.
        coordinates: (n, k) points of the cover.
        widths: columns of each factor.
    """
    places = spans(widths)
    images = []
    for element in signature.group:
        parts = zip(signature.factors, element, places, strict=True)
        images.append(np.hstack([moved(factor, g, coordinates[:, place]) for factor, g, place in parts]))
    orbit = np.stack(images)
    first = orbit[:, :, places[cut.factor].start]
    # On an arc, the first angle; on a hemisphere, the farthest along the first axis.
    chosen = np.mod(first, TURN).argmin(0) if signature.factors[cut.factor].is_circle else first.argmax(0)
    return orbit[chosen, np.arange(len(coordinates))]
