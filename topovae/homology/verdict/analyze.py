"""The diagnosis from data to recommendation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from topovae.errors import InputError, ResourceError, UsageError
from topovae.homology.cloud.cleaning import clean
from topovae.homology.cloud.cloud import of_distances
from topovae.homology.cloud.components import COMPONENT_LANDMARKS, SAMPLES_PER_LANDMARK, components, components_of_points
from topovae.homology.cloud.front import MEMORY, Front, read_points
from topovae.homology.cloud.graphs import is_graph, read_graph, sample_graph
from topovae.homology.cloud.landmarks import farthest_points, self_tuned
from topovae.homology.cloud.neighbours import using
from topovae.homology.cloud.presets import choose_preset
from topovae.homology.cloud.rows import LEAST_ROWS, shape_of
from topovae.homology.complexes.budget import Budget
from topovae.homology.complexes.rips import check_distances, check_prime
from topovae.homology.features.styles import Styles, find_styles
from topovae.homology.spaces import invariants as topology
from topovae.homology.spaces.catalogue import catalogue, find
from topovae.homology.verdict.analysis import Analysis, Skeleton
from topovae.homology.verdict.candidates import Recommendation, by_orbits
from topovae.homology.verdict.piece import Options, Piece, diagnose
from topovae.homology.verdict.views import look
from topovae.signature import parse

Progress = Callable[[str, float], None]


def analyze(
    data: Any,
    *,
    seed: int = 0,
    landmarks: int | None = None,
    max_dim: int = 2,
    primes: Sequence[int] = (2, 3),
    alpha: float = 0.01,
    metric: str = "euclidean",
    distance_matrix: bool = False,
    preset: str = "auto",
    candidates: Sequence[str] | None = None,
    memory: int = MEMORY,
    time: float | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Analysis:
    """Diagnose which space the data lies on.

    Args:
        data: a Dataset, or an array (n, ...) of samples; with `distance_matrix`, (n, n) distances, or a sparse graph of
            the lengths between neighbours: a scipy matrix, or a table (e, 3) of edges i, j and length.
        seed: seed of every random choice.
        landmarks: number of landmarks; chosen by the number of samples when None.
        max_dim: highest degree of homology, 1 or 2.
        primes: fields Z/p.
        alpha: level of the test that a bar is noise.
        metric: `euclidean` or `cosine`.
        distance_matrix: whether the data is a distance matrix.
        preset: what the kind of data asks for before distances are taken: `counts`, `none`, or `auto` to find out.
        candidates: latent expressions to choose among; the whole catalogue when None.
        memory: bytes that may be used.
        time: seconds that the homology of a component may take; None for any.
        device: where neighbours are searched: `cpu`, or `cuda`.
        progress: called with the name of each stage and the share of the work that is done before it.

    Raises:
        UsageError: an option has no meaning.
        ExpressionError: a candidate is not in the latent grammar.
        InputError: the data cannot be used.
        ResourceError: the work would exceed `memory` or `time`, or there is no such device.
    """
    _check_options(landmarks, max_dim, primes, alpha, memory)
    report = progress or _silent
    report("read", 0.0)
    spaces = catalogue() if candidates is None else find(candidates)
    fields = tuple(dict.fromkeys(primes))
    options = Options(seed, landmarks, max_dim, fields, alpha, Budget(memory, time), spaces, report)
    with using(device):
        if distance_matrix:
            return _from_distances(data, options)
        return _from_samples(data, metric, preset, options)


def _silent(stage: str, share: float) -> None:
    """Report nothing."""


def _check_options(landmarks: int | None, max_dim: int, primes: Sequence[int], alpha: float, memory: int) -> None:
    if not primes:
        raise UsageError("No primes were given; homology needs at least one field, such as 2,3.")
    for prime in primes:
        check_prime(prime)
    if max_dim not in (1, 2):
        raise UsageError(f"The highest degree of homology is {max_dim}; it can be 1 or 2.")
    if not 0 < alpha < 1:
        raise UsageError(f"The level alpha is {alpha}; it must lie between 0 and 1, for example 0.01.")
    if landmarks is not None and landmarks < 20:
        raise UsageError(f"{landmarks} landmarks are too few to see any shape; use at least 20.")
    if memory < 2**26:
        raise ResourceError(f"{memory / 2**20:.0f} MiB of memory are allowed; a diagnosis needs at least 64 MiB.")


def _from_samples(data: Any, metric: str, preset: str, options: Options) -> Analysis:
    """Diagnose samples with features."""
    n_samples, sample_shape = shape_of(data)
    chosen = choose_preset(data, preset, options.seed)
    front = read_points(data, chosen, metric=metric, memory=options.budget.memory, seed=options.seed)
    options.report("denoise", 0.1)
    cleaned = clean(front.points)
    points = front.points[cleaned.kept]
    label = components_of_points(points, options.seed)
    outlooks = [look(points[label == part], front.denoiser.noise, inner) for part, inner in _shares(label, options)]
    pieces = [outlook.piece for outlook in outlooks]
    options.report("groups and symmetries", 0.95)
    styles = find_styles(data, options.seed)
    analysis = _conclude(pieces, n_samples, int(np.prod(sample_shape)), front)
    return replace(analysis, override=_orbits_instead(pieces, styles), preset=chosen, styles=styles)


def _orbits_instead(pieces: Sequence[Piece], styles: Styles) -> Recommendation | None:
    """Return what groups and symmetries recommend, where homology has not seen the circles that they show."""
    answer = pieces[0].recommendation
    if len(pieces) == 1 and answer.latent is not None and topology.betti_numbers(parse(answer.latent), 3)[1] >= styles.circles:
        return None
    return by_orbits(styles)


def _from_graph(data: Any, options: Options) -> Analysis:
    """Diagnose a graph of edge lengths, by the shortest paths between points spread over it."""
    sample = sample_graph(read_graph(data, options.budget.memory), options.seed, memory=options.budget.memory)
    label = np.zeros(len(sample.distances), dtype=int)
    for part, places in enumerate(sample.pieces()):
        label[places] = part
    pieces = []
    for part, inner in _shares(label, options):
        inside = sample.distances[np.ix_(label == part, label == part)]
        pieces.append(diagnose(of_distances(inside, options.landmarks, options.seed, thinned=True), inner))
    return _conclude(pieces, sample.n_samples, None, None)


def _from_distances(data: Any, options: Options) -> Analysis:
    """Diagnose a distance matrix, or a graph."""
    if is_graph(data):
        return _from_graph(data, options)
    n, shape = shape_of(data)
    if len(shape) != 1 or shape[0] != n:
        raise InputError(f"A distance matrix must be square; this data has the shape {(n, *shape)}.")
    if n < LEAST_ROWS:
        raise InputError(f"The distance matrix holds {n} samples; a diagnosis needs at least {LEAST_ROWS}.")
    if 24 * n * n > options.budget.memory:
        raise ResourceError(
            f"A distance matrix of {n} samples takes about {24 * n * n / 2**30:.1f} GiB to work on, and "
            f"{options.budget.memory / 2**30:.1f} GiB are allowed. Give the samples, fewer of them, or more memory."
        )
    distances = data if isinstance(data, np.ndarray) else data.load()
    check_distances(distances)
    if not distances.any():
        raise InputError(f"All {n} samples are equal, at distance zero: there is no space to diagnose.")
    distances = np.asarray(distances, dtype=np.float64)
    distances = (distances + distances.T) / 2
    label = _components_of_distances(distances, options.seed)
    pieces = [
        diagnose(of_distances(distances[np.ix_(label == part, label == part)], options.landmarks, options.seed), inner)
        for part, inner in _shares(label, options)
    ]
    return _conclude(pieces, n, None, None)


def _components_of_distances(distances: np.ndarray, seed: int) -> np.ndarray:
    """Return the component (n,) of each sample of a distance matrix (n, n), 0 being the largest."""
    index = farthest_points(distances, min(COMPONENT_LANDMARKS, len(distances) // SAMPLES_PER_LANDMARK), seed)
    tuned, _ = self_tuned(distances[np.ix_(index, index)])
    owner = distances[:, index].argmin(1)
    return components(tuned, np.bincount(owner, minlength=len(index)))[owner]


def _shares(label: np.ndarray, options: Options) -> list[tuple[int, Options]]:
    """Return the components large enough to be diagnosed, each with options that report its share of the work.

    The largest component is there even where it is small: what is too small has no answer of its own.
    """
    sizes = np.bincount(label)
    parts = [part for part in range(len(sizes)) if part == 0 or sizes[part] >= LEAST_ROWS]
    starts = np.concatenate([[0.0], np.cumsum(sizes[parts]) / sizes[parts].sum()])

    def within(start: float, end: float) -> Progress:
        return lambda stage, share: options.report(stage, 0.15 + 0.8 * (start + share * (end - start)))

    return [
        (part, replace(options, report=within(start, end)))
        for part, start, end in zip(parts, starts[:-1], starts[1:], strict=True)
    ]


def _conclude(pieces: Sequence[Piece], n_samples: int, n_features: int | None, front: Front | None) -> Analysis:
    """Put the result together; coordinates come from the largest piece."""
    largest = pieces[0]
    preparation, denoiser = (None, None) if front is None else (front.preparation, front.denoiser)
    skeleton = Skeleton(largest.landmarks, preparation, denoiser, largest.circles)
    return Analysis(n_samples=n_samples, n_features=n_features, pieces=tuple(pieces), skeleton=skeleton)
