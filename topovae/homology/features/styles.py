"""Circles that homology of the pooled samples does not see: data whose samples differ by more than they turn.

Rotated images of many things are a circle for each thing, and the things are as far apart as the circles are wide. Two
findings show the circle all the same: homology within groups, and symmetries of the set of images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from topovae.data.dataset import Dataset
from topovae.data.images import channels_last
from topovae.homology.calibration import tuned
from topovae.homology.features.orbits import (
    MOST_GROUPS,
    TORUS_SAMPLES,
    OrbitFinding,
    Style,
    latent_of,
    measure_style,
    within_groups,
)
from topovae.homology.features.symmetry import QUERIES, REFERENCES, Symmetry, find_symmetries
from topovae.signature import parse
from topovae.store.documents import Document

SURE = tuned("style_sure")

STYLE_ROWS = 4000
"""Samples read for the dimension across orbits."""


@dataclass(frozen=True)
class Styles(Document):
    """What groups and symmetries say.

    Attributes:
        orbits: homology within groups; None where there are no groups to speak of.
        symmetries: what a set of images is closed under; empty for other data.
        style: what the orbits differ by; None where no circle was found.
    """

    keys: ClassVar = ("orbits", "symmetries", "style")

    orbits: OrbitFinding | None = None
    symmetries: tuple[Symmetry, ...] = ()
    style: Style | None = None

    @property
    def sure_orbits(self) -> OrbitFinding | None:
        """The groups' homology where it is a circle or a torus."""
        found = self.orbits
        return found if found is not None and found.kind != "none" and found.probability >= SURE else None

    @property
    def sure_symmetries(self) -> tuple[Symmetry, ...]:
        """The symmetries found that make circles."""
        return tuple(symmetry for symmetry in self.symmetries if symmetry.circle and symmetry.probability >= SURE)

    @property
    def latent(self) -> str | None:
        """The latent space of the orbits and of what they differ by, the groups' finding first; None for no circle."""
        return latent_of(self.sure_orbits or self.sure_symmetries, 0 if self.style is None else self.style.dimension)

    @property
    def circles(self) -> int:
        """How many circles an orbit is a product of; 0 where none was found."""
        return 0 if self.latent is None else sum(factor.is_circle for factor in parse(self.latent).factors)


def find_styles(data: Dataset, seed: int) -> Styles:
    """Look within the groups that the data carry, and for symmetries where the samples are images.

    Args:
        data: the samples, with their groups where they have any.
        seed: of the samples read.
    """
    group, images = data.group, len(data.sample_shape) in (2, 3)
    if group is None and not images:
        return Styles()
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(data.n_samples)[: max(STYLE_ROWS, QUERIES + REFERENCES)])
    rows = channels_last(data.rows(some))
    orbits: OrbitFinding | None = None
    if group is not None:
        index = _members(group, rng)
        orbits = within_groups(channels_last(data.rows(index)), group[index], seed)
    found = Styles(orbits, find_symmetries(rows, seed) if images else ())
    if found.circles == 0:
        return found
    grouping = None if group is None or found.sure_orbits is None else group[some]
    return replace(found, style=measure_style(rows, grouping, found.sure_symmetries, seed))


def _members(group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the rows, ascending, of the samples of some groups."""
    labels = rng.permutation(np.unique(group))[:MOST_GROUPS]
    parts = [rng.permutation(np.flatnonzero(group == label))[:TORUS_SAMPLES] for label in labels]
    return np.sort(np.concatenate(parts))
