"""A map onto a latent space, component by component: of a space in one piece there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from topovae.latent import LatentSpace, Space
from topovae.signature import Signature


@dataclass(frozen=True)
class OnComponent:
    """What lies on one component.

    Attributes:
        number: of the component.
        space: the component.
        rows: (m,) which of the samples lie on it.
        coordinates: (m, space.coordinate_dim) where.
    """

    number: int
    space: LatentSpace
    rows: np.ndarray
    coordinates: np.ndarray

    def name(self, space: Space) -> str:
        """The component in words; of a space in one piece the space itself."""
        if len(space.spaces) == 1:
            return self.space.signature.canonical
        return f"component {self.number} ({self.space.signature}, {len(self.rows)} samples)"


def shares(space: Space, coordinates: np.ndarray) -> Iterator[OnComponent]:
    """The components that samples lie on, in their order; one without samples is left out.

    Args:
        space: the latent space.
        coordinates: (n, space.coordinate_dim).
    """
    points = torch.as_tensor(np.asarray(coordinates))
    component = space.component(points).numpy()
    for number, (part, own) in enumerate(zip(space.spaces, space.split(points), strict=True)):
        rows = np.flatnonzero(component == number)
        if len(rows):
            yield OnComponent(number, part, rows, own[torch.as_tensor(rows)].numpy())


def plainly(part: OnComponent) -> tuple[np.ndarray, Signature]:
    """Coordinates (m, k) and space of what lies on a component, for those who know its expression alone.

    A map that was learned is in the model and not in the expression, so points are given where it leads.
    """
    signature = part.space.signature
    if not signature.has_topology:
        return part.coordinates, signature
    return part.space.unroll(torch.as_tensor(part.coordinates, dtype=torch.float64)).numpy(), signature.homeomorphic


def purity(component: np.ndarray, piece: np.ndarray) -> float:
    """The share of samples that belong to the most frequent piece of their component, in [0, 1].

    Args:
        component: (n,) where the model puts each sample.
        piece: (n,) the piece of the data that it belongs to.

    Example:
        >>> purity(np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0]))
        0.75
    """
    pairs = [np.unique(piece[component == k], return_counts=True)[1].max() for k in np.unique(component)]
    return float(sum(pairs) / len(component))
