"""Which component of a mixture each sample starts on: what the diagnosis found, or what a user says."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topovae.data.dataset import Dataset
from topovae.errors import FewSamplesError, UsageError
from topovae.homology.cloud.rows import LEAST_ROWS
from topovae.homology.verdict.analyze import analyze
from topovae.signature import Latent, Signature

if TYPE_CHECKING:
    from topovae.homology.verdict.analysis import Analysis
    from topovae.homology.verdict.piece import Piece

UNKNOWN = -1

LANDMARKS = 400
"""Landmarks that a component is placed among at most, and half as many as its samples. A quarter of them, as the diagnosis
takes, were too few for a sphere of 800 samples: an error of 79 degrees at the 90 % quantile, with 400 landmarks 25
(`python tests/benchmarks/mixtures.py curved:sphere,circle --seeds 14`)."""


def recommended_latents(analysis: Mapping[str, Any]) -> list[str]:
    """The spaces of the pieces that the data fall into, the largest first; none where a piece has none, or there is one alone.

    Args:
        analysis: JSON of a diagnosis.
    """
    found = [part["recommendation"]["latent"] for part in analysis.get("parts", ())]
    return [] if None in found else found


def assign(latent: Latent, analysis: Analysis, rows: np.ndarray, data: Dataset, seed: int) -> np.ndarray:
    """The component (n,) that each sample starts on, −1 where that is not known; of a single space all are on it.

    Args:
        latent: the latent space.
        analysis: diagnosis of some samples.
        rows: (m,) which of the n samples these are.
        data: all samples.
        seed: of further diagnoses.
    """
    if len(latent.components) == 1:
        return np.zeros(data.n_samples, dtype=np.int64)
    numbers, component = parted(latent, analysis, data.take(rows), seed)
    found = np.full(data.n_samples, UNKNOWN)
    found[rows] = np.array([*numbers, UNKNOWN])[component]  # the last is that of the unknown, −1
    return found


def parted(latent: Latent, analysis: Analysis, data: Dataset, seed: int) -> tuple[list[int], np.ndarray]:
    """The pieces of the samples that the components of a latent space fit best.

    Where the latent space has more components than the diagnosis finds pieces, narrower gaps part the samples further for as
    long as there are components: whoever asks for three circles knows what no gap shows. What is parted wrongly, such as one
    circle into arcs, fits worse.

    Args:
        latent: the latent space.
        analysis: diagnosis of the samples.
        data: the samples.
        seed: of further diagnoses.

    Returns:
        The component of each piece, −1 for those that are too many, and the piece of each sample, −1 for those in none.
    """
    found = [analysis]
    while len(found[-1].pieces) < len(latent.components):
        finer = analyze(data, seed=seed, max_dim=1, components=len(found[-1].pieces) + 1)
        if len(finer.pieces) <= len(found[-1].pieces):
            break
        found.append(finer)
    matched = [match(one.pieces, latent.components) for one in found]
    best = int(np.argmax([fit for _, fit in matched]))  # of those that fit as well, the one that is parted least
    return matched[best][0], found[best].component


@dataclass(frozen=True)
class ComponentSamples:
    """The samples of one component.

    Attributes:
        rows: (m,) which they are.
        data: these samples.
        train: places among them of those in the training split.
        analysis: diagnosis of the latter; None where there are too few.
        name: of the component in sentences; empty where there is one alone.
    """

    rows: np.ndarray
    data: Dataset
    train: np.ndarray
    analysis: Analysis | None
    name: str = ""


def parts_of(
    latent: Latent, components: np.ndarray, data: Dataset, train: np.ndarray, analysis: Analysis, seed: int
) -> list[ComponentSamples]:
    """The samples of each component, with a diagnosis of their own.

    Args:
        latent: the latent space.
        components: (n,) component of each sample, −1 where that is not known.
        data: all samples.
        train: rows of the training split.
        analysis: its diagnosis, which is that of the component where there is one alone.
        seed: of the diagnoses.
    """
    if len(latent.components) == 1:
        return [ComponentSamples(np.arange(data.n_samples), data, train, analysis)]
    found = []
    for number, space in enumerate(latent.components):
        rows = np.flatnonzero(components == number)
        places = np.flatnonzero(np.isin(rows, train))
        name = f" of component {number} ({space}, {len(places)} samples)"
        own, samples = None, data.take(rows) if len(rows) else data
        with contextlib.suppress(FewSamplesError):
            # As for a single space: loops and frames are all that is needed.
            marks = min(LANDMARKS, len(places) // 2)
            own = analyze(data.take(rows[places]), seed=seed, max_dim=1, landmarks=marks) if len(places) >= LEAST_ROWS else None
        found.append(ComponentSamples(rows, samples, places, own, name))
    return found


def match(pieces: Sequence[Piece], components: Sequence[Signature]) -> tuple[list[int], float]:
    """The component for each piece of the data by which all samples together score best, −1 for pieces that are too many; and
    their mean score, 0 for samples of the latter."""
    from scipy.optimize import linear_sum_assignment

    sizes = np.array([piece.cloud.size for piece in pieces])
    scores = [{one.latent: one.score for one in piece.candidates} for piece in pieces]
    gain = np.array([[own.get(space.homeomorphic.canonical, 0.0) for space in components] for own in scores])
    gain *= sizes[:, None] / sizes.sum()
    found = [UNKNOWN] * len(pieces)
    chosen = linear_sum_assignment(gain, maximize=True)
    for piece, component in zip(*chosen, strict=True):
        found[piece] = int(component)
    return found, float(gain[chosen].sum())


def check_components(latent: Latent, given: np.ndarray, n: int) -> np.ndarray:
    """The table that a user gives, as the component (n,) of each sample.

    Args:
        latent: the latent space.
        given: one number a sample, −1 where it is not known.
        n: samples in the data.

    Raises:
        UsageError: it does not fit the data or the latent space, or has too few samples of a component.
    """
    found, count = labels_of(given, n), len(latent.components)
    over = np.flatnonzero(found >= count)
    if len(over):
        raise UsageError(
            f"--components: sample {over[0]} (from 0) has the component {found[over[0]]}, and {latent} has components 0 to "
            f"{count - 1}; expected one of these, or -1 where it is not known"
        )
    sizes = np.bincount(found[found >= 0], minlength=count)
    few = np.flatnonzero(sizes < LEAST_ROWS)
    if len(few):
        raise UsageError(
            f"--components: component {few[0]} of {latent} has {sizes[few[0]]} samples, and a component needs at least "
            f"{LEAST_ROWS} to be started from; give it more, or leave it out of --latent and say -1 for its samples"
        )
    return found


def labels_of(given: np.ndarray, n: int) -> np.ndarray:
    """A table of components as whole numbers (n,).

    Args:
        given: one number a sample, −1 where it is not known.
        n: samples in the data.

    Raises:
        UsageError: it is no such table.
    """
    flat = np.asarray(given).reshape(-1)
    if len(flat) != n:
        raise UsageError(f"--components holds {len(flat)} numbers, and there are {n} samples; give one for each")
    wrong = np.flatnonzero((flat != np.rint(flat)) | (flat < UNKNOWN))
    if len(wrong):
        raise UsageError(
            f"--components: sample {wrong[0]} (from 0) has the component {flat[wrong[0]]:g}; expected whole numbers from 0, or "
            "-1 where it is not known"
        )
    return flat.astype(np.int64)


def check_alone(label: np.ndarray, number: int) -> None:
    """Whether a component can be trained by itself.

    Args:
        label: (n,) the component of each sample.
        number: the one that is asked for.

    Raises:
        UsageError: it has too few samples.
    """
    size, known = int((label == number).sum()), np.unique(label[label >= 0])
    if size < LEAST_ROWS:
        raise UsageError(
            f"--component {number}: it has {size} samples, and a training needs at least {LEAST_ROWS}; the data have the "
            f"components {', '.join(map(str, known))}"
        )


def check_enough(latent: Latent, n_train: int) -> None:
    """Whether there are enough samples for the components of a latent space.

    Raises:
        UsageError: there are not.
    """
    count = len(latent.components)
    if count > 1 and count * LEAST_ROWS > n_train:
        raise UsageError(
            f"{latent} has {count} components, and {n_train} samples to train on are too few for them: a component needs at "
            f"least {LEAST_ROWS}; give more samples, or fewer components"
        )
