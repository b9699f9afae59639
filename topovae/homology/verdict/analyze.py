"""The diagnosis from data to recommendation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from topovae.data.arrays import take
from topovae.data.dataset import HELD_SHARE, MEMORY_BYTES, Dataset
from topovae.errors import FewSamplesError, ResourceError, UsageError
from topovae.homology.cloud.cleaning import Cleaned, clean
from topovae.homology.cloud.cloud import of_distances
from topovae.homology.cloud.components import components_of_points
from topovae.homology.cloud.front import Front, read_points
from topovae.homology.cloud.graphs import DistanceSample, measure_distances
from topovae.homology.cloud.neighbours import nearest, using
from topovae.homology.cloud.presets import Preset, choose_preset
from topovae.homology.cloud.rows import LEAST_ROWS
from topovae.homology.complexes.budget import Budget
from topovae.homology.complexes.rips import check_prime
from topovae.homology.features.paths import MOST, is_closed_path
from topovae.homology.features.styles import Styles, find_styles
from topovae.homology.spaces import invariants as topology
from topovae.homology.spaces.catalogue import catalogue, find
from topovae.homology.verdict.analysis import Analysis, Skeleton
from topovae.homology.verdict.candidates import Recommendation, by_orbits, by_path
from topovae.homology.verdict.piece import Options, Piece, diagnose
from topovae.homology.verdict.settling import Growth, growth, is_sure, settling
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
    components: int = 1,
    memory: int = MEMORY_BYTES,
    time: float | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Analysis:
    """Diagnose which space the data lies on.

    Args:
        data: a Dataset, or an array (n, ...) of samples, held as `topovae.data.arrays.take` lists; with `distance_matrix`,
            (n, n) distances, or a sparse graph of the lengths between neighbours: a scipy matrix, or a table (e, 3) of edges
            i, j and length.
        seed: seed of every random choice.
        landmarks: number of landmarks; chosen by the number of samples when None.
        max_dim: highest degree of homology, 1 or 2.
        primes: fields Z/p.
        alpha: level of the test that a bar is noise.
        metric: `euclidean` or `cosine`.
        distance_matrix: whether the data is a distance matrix.
        preset: what the kind of data asks for before distances are taken: `counts`, `none`, or `auto` to find out.
        candidates: latent expressions to choose among; the whole catalogue when None.
        components: the samples are parted into so many at least, by gaps that would not count else, where there are such; not
            of distances.
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
    _check_options(landmarks, max_dim, primes, alpha, components, memory)
    report = progress or _silent
    report("read", 0.0)
    spaces = catalogue() if candidates is None else find(candidates)
    fields = tuple(dict.fromkeys(primes))
    options = Options(seed, landmarks, max_dim, fields, alpha, Budget(memory, time), spaces, report)
    with using(device):
        if distance_matrix:
            return _from_distances(measure_distances(data, seed, memory), options)
        return _from_samples(Dataset.given(take(data)).held(memory // HELD_SHARE), metric, preset, components, options)


def _silent(stage: str, share: float) -> None:
    """Report nothing."""


def _check_options(
    landmarks: int | None, max_dim: int, primes: Sequence[int], alpha: float, components: int, memory: int
) -> None:
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
    if components < 1:
        raise UsageError(f"{components} components are looked for; there is at least 1.")
    if memory < 2**26:
        raise ResourceError(f"{memory / 2**20:.0f} MiB of memory are allowed; a diagnosis needs at least 64 MiB.")


def _from_samples(data: Dataset, metric: str, preset: str, components: int, options: Options) -> Analysis:
    """Diagnose samples with features."""
    chosen = choose_preset(data, preset, options.seed)
    front = read_points(data, chosen, metric=metric, memory=options.budget.memory, seed=options.seed)
    options.report("denoise", 0.1)
    cleaned = clean(front.points, front.index)
    _require_different(len(front.points) - len(cleaned.repeats), len(front.points))
    points = front.points[cleaned.kept]
    label = components_of_points(points, options.seed, components)
    outlooks = [look(points[label == part], front.denoiser.noise, inner) for part, inner in _shares(label, options)]
    pieces = [outlook.piece for outlook in outlooks]
    options.report("groups and symmetries", 0.95)
    styles = find_styles(data, options.seed)
    skeleton = _skeleton(outlooks[0].anchor, front)
    component = _component(data.n_samples, front, cleaned, np.where(label < len(pieces), label, -1))
    analysis = Analysis(data.n_samples, data.n_features, tuple(pieces), skeleton, component)
    override = _orbits_instead(pieces, styles) or _path_instead(pieces, data, front)
    analysis = replace(analysis, override=override, preset=chosen, styles=styles, outlooks=tuple(outlooks), cleaned=cleaned)
    if len(pieces) > 1 or is_sure(analysis.recommendation):
        return analysis
    free = options.budget.seconds is None and not analysis.left_out
    grown = None
    if free and outlooks[0].rests_on == "samples":
        grown = _grown(points, pieces[0], options)
    return replace(analysis, settling=settling(pieces[0], analysis.recommendation, grown, _ways(data, chosen)))


def _component(n: int, front: Front, cleaned: Cleaned, label: np.ndarray) -> np.ndarray:
    """Return the component (n,) of all samples: of a repeat that of its twin; −1 of those set aside or not read."""
    found = np.full(n, -1)
    found[front.index[cleaned.kept]] = label
    if len(cleaned.repeats):
        places = np.flatnonzero(np.isin(front.index, cleaned.repeats))
        distances, twin = nearest(front.points[cleaned.kept], 1, front.points[places])
        found[front.index[places]] = np.where(distances[:, 0] == 0, label[twin[:, 0]], -1)
    return found


def _grown(points: np.ndarray, piece: Piece, options: Options) -> Growth | None:
    """Return how the deciding bar grows; None also where an interrupt comes first, which leaves the answer as it is."""
    options.report("what would settle it", 0.97)
    try:
        return growth(points, piece, options)
    except KeyboardInterrupt:
        return None


def _ways(data: Dataset, preset: Preset) -> list[str]:
    """Return what else than more samples may decide."""
    said = ["--evidence: trains on each space that is left possible, and compares"]
    if data.group is None:
        said.append("groups: where several rows show one thing in several states, a `group` array beside `x` says which")
    if preset.name == "counts":
        said.append("--preset none, if these are no counts")
    return said


def _require_different(different: int, read: int) -> None:
    """Refuse samples of which too few differ.

    Raises:
        InputError: says how many do.
    """
    if different < LEAST_ROWS:
        raise FewSamplesError(f"Only {different} of the {read} samples read differ; a diagnosis needs at least {LEAST_ROWS}.")


def _path_instead(pieces: Sequence[Piece], data: Dataset, front: Front) -> Recommendation | None:
    """Return a circle where the order of the rows shows one that homology did not see.

    Rows are looked at as they are too: a low-pass filter that takes noise from pictures also takes what tells a view from the
    opposite one.
    """
    if len(pieces) != 1 or pieces[0].recommendation.latent == "S1" or front.preparation.window:
        return None
    if len(front.index) > MOST or front.index[-1] - front.index[0] != len(front.index) - 1:
        return None
    raw = data.rows(front.index).reshape(len(front.index), -1).astype(float)
    return by_path() if is_closed_path(front.points) or is_closed_path(raw) else None


def _orbits_instead(pieces: Sequence[Piece], styles: Styles) -> Recommendation | None:
    """Return what groups and symmetries recommend, where homology has not seen the circles that they show."""
    answer = pieces[0].recommendation
    if len(pieces) == 1 and answer.latent is not None and topology.betti_numbers(parse(answer.latent), 3)[1] >= styles.circles:
        return None
    return by_orbits(styles)


def _from_distances(sample: DistanceSample, options: Options) -> Analysis:
    """Diagnose distances, of a matrix or of the shortest paths in a graph."""
    pieces = []
    for part, inner in _shares(sample.component, options):
        inside = sample.component == part
        distances = sample.distances[np.ix_(inside, inside)]
        pieces.append(diagnose(of_distances(distances, options.landmarks, options.seed, thinned=sample.thinned), inner))
    component = np.full(sample.n_samples, -1)
    component[sample.index] = np.where(sample.component < len(pieces), sample.component, -1)
    return Analysis(sample.n_samples, None, tuple(pieces), _skeleton(pieces[0], None), component)


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


def _skeleton(piece: Piece, front: Front | None) -> Skeleton:
    """Return what coordinates need, of the largest piece."""
    preparation, denoiser = (None, None) if front is None else (front.preparation, front.denoiser)
    return Skeleton(piece.landmarks, preparation, denoiser, piece.circles, piece.cloud.verdicts.frames)
