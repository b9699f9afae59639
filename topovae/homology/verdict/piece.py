"""The diagnosis of one connected piece of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import regime, tuned
from topovae.homology.cloud.cloud import Cloud
from topovae.homology.cloud.landmarks import Landmarks, assign
from topovae.homology.cloud.manifold import Verdicts, dimension_probabilities, orientation_by_classes
from topovae.homology.complexes.bars import ranked_ratios
from topovae.homology.complexes.budget import Budget
from topovae.homology.complexes.passes import Homology, compute_homology
from topovae.homology.complexes.rips import persistence
from topovae.homology.features.circles import LONGEST_EDGE
from topovae.homology.features.double_covers import Classes, Cover, cup_matrix, find_fewer_classes, observe_double_covers
from topovae.homology.features.nulls import Counted, betti_number, likelihoods
from topovae.homology.fitted import Law, law_of
from topovae.homology.spaces.catalogue import KnownSpace
from topovae.homology.verdict.candidates import Candidate, Recommendation
from topovae.homology.verdict.findings import observe
from topovae.homology.verdict.measured import Measured
from topovae.homology.verdict.scores import recommend
from topovae.store.documents import Brief

MOST_COVERED = 2
"""Double covers of more classes, 2^k − 1 of them, are left out."""

UNSEEN = 1
"""So many classes more than the significant ones are tried in products, on surfaces."""

SAME_BARS = tuned("same_bars")
COVERS_MARGIN = tuned("covers_margin")


@dataclass(frozen=True)
class Options:
    """What the homology of a piece is computed with; see `diagnosis.analyze`."""

    seed: int
    landmarks: int | None
    max_dim: int
    primes: tuple[int, ...]
    alpha: float
    budget: Budget
    catalogue: tuple[KnownSpace, ...]
    report: Callable[[str, float], None]


@dataclass(frozen=True, repr=False)
class Piece(Brief, Measured):
    """What was found of one connected piece: what was measured, and what it says.

    Attributes:
        candidates: best spaces, best first.
        recommendation: the answer.
    """

    candidates: tuple[Candidate, ...]
    recommendation: Recommendation


def diagnose(cloud: Cloud, options: Options) -> Piece:
    """Compute the homology of a piece and weigh it with its geometry."""
    dimension = cloud.dimension.value
    homology = compute_homology(
        cloud.draw,
        dimension,
        primes=options.primes,
        max_dim=options.max_dim,
        budget=options.budget,
        landmarks=options.landmarks,
        report=lambda stage, share: options.report(stage, 0.8 * share),
    )
    ratios = {key: homology.ratios(*key) for key in sorted(homology.diagrams, key=lambda key: key[1])}
    options.report("products and covers", 0.85)
    landmarks = {degree: len(chosen.distances) for degree, chosen in homology.landmarks.items()}
    laws = {(p, k): _law(cloud, k, landmarks[k], found, p, options.alpha) for (p, k), found in ratios.items()}
    significant = {key: betti_number(found, laws[key], options.alpha) for key, found in ratios.items()}
    products = _products(homology, dimension, significant)
    numbers = _proven(significant, ratios, products)
    proven = {key: number if number > significant[key] else 0 for key, number in numbers.items()}
    counted = {
        key: Counted(number, likelihoods(ratios[key], laws[key], len(options.primes), proven[key]))
        for key, number in numbers.items()
    }
    orientable, orientation = _orientation(cloud.verdicts, products, numbers, dimension)
    measured = Measured(
        cloud=cloud,
        homology=homology,
        betti={p: (1, *(number for (q, _), number in numbers.items() if q == p)) for p in options.primes},
        counted=counted,
        cup=products.cup,
        covers=() if products.classes is None else _covers(products.classes, cloud, ratios[2, 1], options.alpha),
        critical_ratios={k: law.critical_ratio(options.alpha) for (p, k), law in laws.items() if p == options.primes[0]},
        circles=_circles(homology, numbers, cloud, options),
        covering_radius=cloud.covering_radius(homology.landmarks[1]),
        orientable=orientable,
        orientation=orientation,
    )
    candidates, recommendation = recommend(observe(measured), cloud.verdicts, cloud.size, dimension, options.catalogue)
    return Piece(**vars(measured), candidates=candidates, recommendation=recommendation)


def _law(cloud: Cloud, degree: int, landmarks: int, ratios: np.ndarray, prime: int, alpha: float) -> Law:
    """Return the law of bars; where the dimension is in doubt, that which takes the most for noise."""
    found = cloud.dimension
    possible = (found.value,) if found.believed else tuple(dimension_probabilities(found))
    laws = [law_of(degree, one, landmarks, cloud.size, ratios, prime, pulled=cloud.pulled) for one in possible]
    return max(laws, key=lambda law: law.critical_ratio(alpha))


@dataclass(frozen=True)
class _Products:
    """Classes over Z/2 that live together on landmarks, and their products; nothing of curves."""

    landmarks: Landmarks | None = None
    classes: Classes | None = None
    cup: np.ndarray | None = None


def _products(homology: Homology, dimension: int, numbers: Mapping[tuple[int, int], int]) -> _Products:
    """Return the products of the significant classes, and of those that a product proves to be none of noise.

    A class that looks like noise is a loop not yet filled; its products vanish. On a surface whose tube is too thin for
    the landmarks, the class around it is as short, but its product with the other is not zero.
    """
    if dimension == 1 or (2, 1) not in numbers:
        return _Products()
    landmarks = homology.landmarks[min(regime(dimension).class_degree, max(homology.landmarks))]
    count = numbers[2, 1]
    extras = (UNSEEN, 0) if dimension == 2 and count else (0,)
    found = find_fewer_classes(landmarks.distances, [count + extra for extra in extras], LONGEST_EDGE)
    for extra, classes in zip(extras, found, strict=True):
        if classes is not None:
            cup = cup_matrix(classes)
            if not extra or cup[-1].any():
                return _Products(landmarks, classes, cup)
    return _Products()


def _orientation(
    verdicts: Verdicts, products: _Products, numbers: Mapping[tuple[int, int], int], dimension: int
) -> tuple[float | None, tuple[int, ...] | None]:
    """Return the probability that the space is orientable, by its classes or else by frames alone, and its class if not.

    Without a class of H¹ over Z/2 every space is orientable.
    """
    if dimension > 1 and numbers.get((2, 1)) == 0:
        return 1.0, None
    landmarks, classes, frames = products.landmarks, products.classes, verdicts.frames
    if landmarks is None or landmarks.points is None or classes is None or frames is None:
        return verdicts.orientable, None
    one, other = assign(frames.points, landmarks.points)[frames.ends].T
    return orientation_by_classes(frames, {name: cocycle[one, other] for name, cocycle in classes.combinations()})


def _proven(
    numbers: Mapping[tuple[int, int], int], ratios: Mapping[tuple[int, int], np.ndarray], products: _Products
) -> dict[tuple[int, int], int]:
    """Raise the Betti numbers to what a product that is not zero proves, in all fields where the bars are the same."""
    if products.cup is None or not products.cup.any():
        return dict(numbers)
    least = {1: len(products.cup), 2: 1}

    def proves(prime: int, degree: int) -> bool:
        over_two, own = ratios[2, degree], ratios[prime, degree]
        return bool(np.allclose(over_two[: least[degree]], own[: least[degree]], rtol=SAME_BARS))

    return {
        (prime, degree): max(number, least[degree]) if proves(prime, degree) else number
        for (prime, degree), number in numbers.items()
    }


def _covers(classes: Classes, cloud: Cloud, ratios: np.ndarray, alpha: float) -> tuple[Cover, ...]:
    """Return the double covers, where they are few and the classes live long enough for theirs to be told from noise."""
    if len(classes.cocycles) > MOST_COVERED:
        return ()
    # the noise of a cover is that of what it covers, twice
    law = law_of(1, cloud.dimension.value, 2 * len(classes.distances), 2 * cloud.size, ratios, 3, pulled=cloud.pulled)
    if classes.death < COVERS_MARGIN * law.critical_ratio(alpha) * classes.birth:
        return ()
    return tuple(observe_double_covers(classes, law, alpha))


def _circles(homology: Homology, numbers: Mapping[tuple[int, int], int], cloud: Cloud, options: Options) -> int:
    """Return the number of independent circles: of classes over an odd prime, which torsion of order 2 leaves alone."""
    odd = next((prime for prime in options.primes if prime > 2), None)
    if odd is not None:
        return numbers[odd, 1]
    distances = homology.landmarks[1].distances
    ratios = ranked_ratios(persistence(distances, 3, 1, LONGEST_EDGE).bars[1])
    law = law_of(1, cloud.dimension.value, len(distances), cloud.size, ratios, 3, pulled=cloud.pulled)
    return betti_number(ratios, law, options.alpha)
