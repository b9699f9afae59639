"""Coordinates of the data on a latent space, found without labels.

On the landmarks each factor of the cover gets what the data give. Circles that no element of the group reverses are maps to the
circle from H¹; spheres are eigenfunctions of the Laplacian; what the group reverses is odd on a double cover of the data, whose
class is that of the circles' turns or, where these do not decide it, the one whose odd eigenfunctions are those of a projective
space. One interval beside circles alone is the smoothest function across them. All other factors are left to training.

A point of a quotient C/G is given by any of its points on C. Neighbouring landmarks may be given on different sheets, so they
are carried to one sheet, along the edges, before a sample is placed among them.

References:
    Perea (2018), Multiscale projective coordinates via persistent cohomology of sparse filtrations.
    Scoccola, Gakhar, Bush, Schonsheck, Rask, Zhou and Perea (2023), Toroidal coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from topovae.data.dataset import Dataset
from topovae.errors import ResourceError
from topovae.homology.calibration import tuned
from topovae.homology.cloud.landmarks import assign
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.coordinates.actions import Action, Character
from topovae.homology.coordinates.bundles import (
    Spectrum,
    across,
    odd_angle,
    odd_lines,
    orthonormal,
    sign_classes,
    spectrum,
    stretch,
)
from topovae.homology.coordinates.spheres import fit_sphere, unit
from topovae.homology.features.circles import Circles, find_circles
from topovae.homology.spaces.invariants import betti_numbers
from topovae.homology.verdict.analysis import Analysis
from topovae.signature import Elementary, Signature
from topovae.store.documents import Brief

EIGENFUNCTIONS = int(tuned("eigenfunctions"))
SHARING = int(tuned("landmarks_sharing"))
POOR_SPHERE = tuned("poor_sphere")
LEAST_GAP, LEAST_RATIO = tuned("projective_gap"), tuned("projective_ratio")
PLAIN_EDGE = tuned("even_edge")
LANDMARKS_A_DIMENSION = int(tuned("landmarks_a_dimension"))
UNEXPLAINED = tuned("unexplained")
FULL_HEIGHT = tuned("full_height")

MOST_CLASSES = 3
"""Sums of more classes over Z/2 are not tried."""


@dataclass(frozen=True, repr=False)
class Coordinates(Brief):
    """Coordinates of all samples on the cover of a latent space.

    Attributes:
        points: (n, k) the factors' side by side: an angle in radians for S1, a height in [0, 1] for I, k numbers for R^k, a
            unit vector of d + 1 entries for S^d. Each sample's point is any of those that the group takes to each other. NaN
            where the data give none.
        source: in one sentence, how they were found.
        doubts: sentences that say where the data do not fit the latent space.
    """

    points: np.ndarray
    source: str
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """Coordinates of the landmarks on one factor, and how they change from sheet to sheet.

    Attributes:
        values: (m, e) values that may be averaged on one sheet.
        signs: (e, m, m) factor of each value carried from landmark j to the sheet of i; 0 where they are no neighbours.
        shift: (m, m) what is taken off a value on the way; 0 but for circles.
        read: makes coordinates (n, k) of averaged values (n, e).
        how: how it was found.
    """

    values: np.ndarray
    signs: np.ndarray
    shift: np.ndarray
    read: Callable[[np.ndarray], np.ndarray]
    how: str

    def at(self, index: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Place samples among landmarks.

        Args:
            index: (n, k) landmarks around each sample, nearest first.
            weights: (n, k) their shares.

        Returns:
            (n, width of the factor), on the sheet of the nearest landmark.
        """
        here = index[:, :1]
        signs = self.signs[:, here, index]
        carried = signs * self.values[index].transpose(2, 0, 1) - self.shift[here, index]
        shares = weights * (signs != 0)
        return self.read(((shares * carried).sum(-1) / shares.sum(-1)).T)


def find_coordinates(data: Dataset | ArrayLike, analysis: Analysis, signature: Signature, seed: int = 0) -> Coordinates:
    """Find coordinates of all samples on the cover of a latent space.

    Args:
        data: the Dataset or array (n, ...) that was analysed, or other samples of the same kind.
        analysis: its diagnosis.
        signature: the latent space C/G; a model in it is given by the space that it is homeomorphic to.
        seed: unused as yet: nothing here is random.
    """
    samples = Dataset.given(data)
    signature = signature.homeomorphic
    widths = [_width(factor) for factor in signature.factors]
    points = np.full((samples.n_samples, sum(widths)), np.nan)
    landmarks = analysis.skeleton.landmarks
    if landmarks.points is None:
        return Coordinates(points, "none: a distance matrix places no samples", ())
    search = Search(analysis, signature)
    search.add_circles()
    search.add_even_spheres()
    search.add_even_interval()
    for character in search.action.reversing:
        search.add_odd(character)
    parts, doubts = search.parts, tuple(dict.fromkeys([*_unlike(analysis, signature), *search.doubts]))
    starts = np.cumsum([0, *widths])
    for rows, places in analysis.skeleton.place_all(samples) if parts else ():
        index, weights = _shares(places, landmarks.points)
        for i, part in parts.items():
            points[rows, starts[i] : starts[i + 1]] = part.at(index, weights)
    return Coordinates(points, _source(parts, signature, len(landmarks.distances)), doubts)


def _width(factor: Elementary) -> int:
    """Return how many numbers give a point of a factor."""
    return 1 if factor.kind == "I" or factor.is_circle else factor.dim + (factor.kind == "S")


def _shares(places: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the landmarks (n, k), of points (m, q), around each place (n, q), nearest first, and their shares in it.

    The bandwidth is each place's own: where one sample lies must not depend on which others are placed with it.
    """
    distances, index = nearest(landmarks, SHARING, places)
    bandwidth = np.maximum(distances[:, [distances.shape[1] // 2]], 1e-300)
    return index, np.exp(-((distances / bandwidth) ** 2)) + 1e-12


def _source(parts: dict[int, Part], signature: Signature, m: int) -> str:
    """Say how the coordinates were found."""
    if not parts:
        return "none: the data give no coordinates for this latent space"
    found = ", ".join(f"{signature.factors[i]} by {part.how}" for i, part in sorted(parts.items()))
    left = len(signature.factors) - len(parts)
    return f"{m} landmarks: {found}" + (f"; {left} of {len(signature.factors)} factors left to training" if left else "")


def _unlike(analysis: Analysis, signature: Signature) -> list[str]:
    """Say where the data's components and first Betti numbers are not those of the latent space."""
    doubts = []
    if analysis.components > 1:
        doubts.append(f"the data fall into {analysis.components} components, and the coordinates are those of the largest")
    for prime, numbers in analysis.betti.items():
        expected = _rank(signature, prime)
        if expected not in (numbers[1], None):
            doubts.append(f"the data show {numbers[1]} classes in H1 over Z/{prime}, and {signature} has {expected}")
    return doubts


def _rank(signature: Signature, prime: int) -> int | None:
    """Return the rank of a latent space's H1 over Z/prime; None where that takes too long."""
    try:
        return betti_numbers(signature, prime)[1]
    except ResourceError:
        return None


class Search:
    """A search for coordinates of the landmarks.

    Attributes:
        parts: what was found, by the number of the factor.
        doubts: what was not, in sentences.
        circles: the circles of the quotient.
    """

    def __init__(self, analysis: Analysis, signature: Signature) -> None:
        self.analysis, self.signature = analysis, signature
        self.action = Action(signature)
        self.landmarks = analysis.skeleton.landmarks
        self.distances = self.stretched = self.landmarks.distances
        self.parts: dict[int, Part] = {}
        self.doubts: list[str] = []
        self.circles: Circles | None = None
        self.taken: list[np.ndarray] = []

    def add_circles(self) -> None:
        """Add the circles that no element reverses: the angles of the quotient's circles in the basis of their lattice."""
        turning = self.action.turning
        found = find_circles(self.distances, len(turning), self.analysis.skeleton.circles)
        count = 0 if found is None else found.potentials.shape[1]
        if count < len(turning):
            self.doubts.append(
                f"the data show {count} of {len(turning)} circles of the latent space, the rest is left to training"
            )
        if found is None:
            return
        if found.winding != 1:
            self.doubts.append(
                f"the circular coordinates wind {found.winding} times along the data's own loops, whose strands lie close "
                "(opposite views of an object may look alike), so they are not used: the circles are left to training"
            )
            return
        basis = np.array(self.action.lattice, dtype=float)
        if count < len(turning) and not np.array_equal(basis, np.diag(np.diag(basis))):
            return
        self.circles = found = self._oriented(found)
        edges = self.distances <= found.scale
        self.stretched = stretch(self.distances, _steps(found), edges, self.signature.dim)
        for i, turns in zip(turning, basis[:count, :count].T, strict=False):
            angles = 2 * np.pi * (found.potentials @ turns)[:, None]
            shift = 2 * np.pi * np.tensordot(turns, found.turns, 1)
            self.parts[i] = Part(angles, edges[None].astype(float), shift, _turned, "cohomology")

    def _oriented(self, found: Circles) -> Circles:
        """Choose the basis of the circles in which those that reverse orientation are the ones of the latent space.

        Any other basis fits the circles as well, but not what the group reverses along them.
        """
        wanted = self.action.coefficients(self.action.orientation)
        frames = self.analysis.skeleton.frames
        places = self.landmarks.points
        if wanted is None or not wanted.any() or len(wanted) != len(found.turns) or frames is None or places is None:
            return found
        one, other = assign(frames.points, places)[frames.ends].T

        def misfit(classes: np.ndarray) -> float:
            return frames.ratio(np.tensordot(classes, found.turns[:, one, other], 1) % 2 == 1)

        choices = [np.array(choice) for choice in product((0, 1), repeat=len(wanted)) if any(choice)]
        change = basis_change(min(choices, key=misfit), wanted)
        return replace(found, turns=np.tensordot(change, found.turns, 1), potentials=found.potentials @ change.T)

    def add_even_spheres(self) -> None:
        """Add the spheres that no element reverses, by eigenfunctions that circles do not explain."""
        spheres = self._spheres(self.action.factors_of(self.action.trivial))
        constant = np.zeros(0 if self.circles is None else len(self.circles.turns))
        self._add_spheres(spheres, self.distances, np.ones_like(self.distances), self._waves(constant))

    def add_even_interval(self) -> None:
        """Add an interval that no element reverses, beside circles alone, by the smoothest function across them.

        Of several, or beside spheres, that function mixes them: those are left to training.
        """
        factors, turning, circles = self.signature.factors, self.action.turning, self.circles
        flat = [i for i in range(len(factors)) if i not in turning]
        count = 0 if circles is None else len(circles.turns)
        if [factors[i].kind for i in flat] != ["I"] or flat[0] not in self.action.factors_of(self.action.trivial):
            return
        if count < len(turning):
            return
        edges = np.ones_like(self.distances, dtype=bool) if circles is None else self.distances <= circles.scale
        steps = np.zeros((0, *edges.shape)) if circles is None else _steps(circles)
        values = _heights(across(self.distances, steps, edges)[:, None])
        signs = edges.astype(float)
        self.parts[flat[0]] = Part(values, signs[None], _still(signs), _from_middle, "the smoothest function across circles")

    def add_odd(self, character: Character) -> None:
        """Add the factors that the group reverses by some signs."""
        coefficients = self.action.coefficients(character)
        if coefficients is None:
            self._add_projective(character)
        elif self.circles is None or len(self.circles.turns) < len(coefficients):
            self.doubts.append("the data show too few circles to be turned, and what is reversed meanwhile is left to training")
        else:
            crossings = np.tensordot(coefficients, self.circles.turns, 1)
            signs = np.where(crossings % 2 == 1, -1.0, 1.0) * (self.distances <= self.circles.scale)
            base = self._waves(coefficients / 2)
            members = self.action.factors_of(character)
            self._add_spheres(self._spheres(members), self.stretched, signs, base)
            self._add_angles(members, signs)
            self._add_lines(members, signs, base)

    def _add_projective(self, character: Character) -> None:
        """Add the factors of a character that turns do not decide, by the class over Z/2 that gives its sphere best."""
        members = self.action.factors_of(character)
        spheres = self._spheres(members)
        if not spheres:
            self.doubts.append("no sphere tells the sheets of this quotient, and what it reverses is left to training")
            return
        d = self.signature.factors[spheres[0]].dim
        signs = self._projective_class(d)
        if signs is None:
            self.doubts.append(f"no class in H1 over Z/2 has the spectrum of RP{d}, whose coordinates are left to training")
            return
        self.taken.append(signs)
        self._add_spheres(spheres, self.stretched, signs, np.zeros((len(signs), 0)))
        self._add_angles(members, signs)
        if spheres[0] in self.parts:
            self._add_lines(members, signs, self.parts[spheres[0]].values)

    def _projective_class(self, d: int) -> np.ndarray | None:
        """Return the class, as signs (m, m), with the widest gap after its d + 1 lowest odd eigenvalues, or None."""
        even = spectrum(self.stretched, self.distances <= PLAIN_EDGE, 2).values[1]
        best, widest = None, LEAST_GAP
        expected = _rank(self.signature, 2)
        count = MOST_CLASSES if expected is None else min(expected + 1, MOST_CLASSES)
        for signs in sign_classes(self.distances, count):
            values = spectrum(self.stretched, signs, d + 2).values
            gap = values[d + 1] / max(values[d], 1e-300)
            fresh = not any(np.array_equal(signs, other) for other in self.taken)
            if fresh and gap > widest and values[0] >= LEAST_RATIO * even:
                best, widest = signs.astype(float), gap
        return best

    def _spheres(self, members: Iterable[int]) -> list[int]:
        """Return the factors among some that are spheres of dimension 2 or more and small enough for the landmarks."""
        factors = self.signature.factors
        return [
            i for i in members if factors[i].kind == "S" and 1 < factors[i].dim < len(self.distances) // LANDMARKS_A_DIMENSION
        ]

    def _waves(self, offset: np.ndarray) -> np.ndarray:
        """Return functions (m, b) of the circles: cosines and sines of some whole waves around each plus `offset`."""
        if self.circles is None:
            return np.ones((len(self.distances), 1))
        waves = np.array(list(product((0, -1, 1), repeat=len(offset)))) + offset
        phases = 2 * np.pi * self.circles.potentials @ waves.T
        return np.hstack([np.cos(phases), np.sin(phases)])

    def _add_spheres(self, spheres: Iterable[int], distances: np.ndarray, signs: np.ndarray, base: np.ndarray) -> None:
        """Add spheres by eigenfunctions, of a graph with signs, that functions of the base (m, b) do not explain."""
        for i in spheres:
            d = self.signature.factors[i].dim
            count = max(EIGENFUNCTIONS, d + 1)
            functions = _unexplained(spectrum(distances, signs, count + base.shape[1]), base)[:, :count]
            sphere = fit_sphere(functions, d) if functions.shape[1] > d else None
            if sphere is None:
                self.doubts.append(f"no eigenfunctions of the data make a sphere S{d}, and it is left to training")
                continue
            points, residual = sphere
            if residual > POOR_SPHERE:
                self.doubts.append(f"the eigenfunctions of the data are far from a sphere S{d} (residual {residual:.2f})")
            self.parts[i] = Part(points, _alike(signs, d + 1), _still(signs), unit, "eigenfunctions")

    def _add_angles(self, members: Iterable[int], signs: np.ndarray) -> None:
        """Add the first of some circles that are reversed, by an odd class."""
        circles = [i for i in members if self.signature.factors[i].is_circle]
        mirror = self.action.mirror(circles[0]) if circles else None
        angle = None if mirror is None else odd_angle(self.distances, signs)
        if angle is not None and mirror is not None:
            points = np.column_stack([np.cos(angle), np.sin(angle)])
            carried = np.stack([np.abs(signs), signs])
            self.parts[circles[0]] = Part(points, carried, _still(signs), _angle_from(np.pi * float(mirror)), "odd cohomology")
        left = sum(i not in self.parts for i in circles)
        if left:
            self.doubts.append(
                f"{left} of the circles that are reversed show no odd class of their own, and are left to training"
            )

    def _add_lines(self, members: Iterable[int], signs: np.ndarray, base: np.ndarray) -> None:
        """Add intervals and lines that are reversed, by odd eigenfunctions that functions of the base do not explain."""
        flat = [i for i in members if self.signature.factors[i].kind in "IR"]
        count = sum(self.signature.factors[i].dim for i in flat)
        if not 0 < count < len(self.distances) // LANDMARKS_A_DIMENSION:
            return
        lines = odd_lines(spectrum(self.stretched, signs, EIGENFUNCTIONS + count), base, count)
        for i in flat:
            factor = self.signature.factors[i]
            own, lines = lines[:, : factor.dim], lines[:, factor.dim :]
            values, read = (_heights(own), _from_middle) if factor.kind == "I" else (own, _same)
            self.parts[i] = Part(values, _alike(signs, factor.dim), _still(signs), read, "odd eigenfunctions")


def _steps(circles: Circles) -> np.ndarray:
    """Return how far (k, m, m) each edge goes around each circle, in turns."""
    f = circles.potentials.T
    return f[:, None, :] - f[:, :, None] - circles.turns


def _alike(signs: np.ndarray, count: int) -> np.ndarray:
    """Return the same signs (m, m) for several values (count, m, m)."""
    return np.broadcast_to(signs, (count, *signs.shape))


def _still(signs: np.ndarray) -> np.ndarray:
    """Return the shift of coordinates that are not shifted."""
    return np.zeros_like(signs)


def _heights(functions: np.ndarray) -> np.ndarray:
    """Straighten the first odd eigenfunction of an interval, a sine, to its coordinate in [−1/2, 1/2]."""
    return np.arcsin(np.clip(functions / np.quantile(np.abs(functions), FULL_HEIGHT), -1, 1)) / np.pi


def _turned(values: np.ndarray) -> np.ndarray:
    return values % (2 * np.pi)


def _angle_from(middle: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: (middle + np.arctan2(values[:, 1:], values[:, :1])) % (2 * np.pi)


def _from_middle(values: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + values, 0.0, 1.0)


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _unexplained(found: Spectrum, base: np.ndarray) -> np.ndarray:
    """Return the eigenfunctions (m, k) of which functions of the base explain less than half."""
    explained = ((orthonormal(base).T @ found.functions) ** 2).sum(0) / len(found.functions)
    return found.functions[:, explained < UNEXPLAINED]


def basis_change(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return an integer matrix A of determinant ±1 with expected · A ≡ found mod 2, both non-zero (c,)."""
    first, second = int(np.flatnonzero(found)[0]), int(np.flatnonzero(expected)[0])
    size = len(found)
    to_found, to_expected = np.eye(size, dtype=int), np.eye(size, dtype=int)
    to_found[first], to_expected[second] = found, expected
    exchange = np.eye(size, dtype=int)
    exchange[[first, second]] = exchange[[second, first]]
    back = np.rint(np.linalg.inv(to_expected)).astype(int)
    return back @ exchange @ to_found
