"""What the diagnosis's numbers are fitted to: simulated sets and what its own front end measures of them."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from topovae.benchmarks.diagnosis import appending
from topovae.benchmarks.simulated import simulate
from topovae.errors import InputError, UsageError
from topovae.homology.fitted import SCHEMA, document, place, standard_extreme
from topovae.homology.odds import log_odds
from topovae.runs.processes import in_processes
from topovae.version import __version__

FEWEST = 40
"""Fewer sets of a dimension and degree are not fitted."""

MOST_BOUNDED = 0.5
"""Shapes below minus it are not fitted, as maximum likelihood breaks down there: it follows from mathematics."""

PENALTY = 0.1
"""Of the squared slopes of a fit: it keeps them finite where nothing is missed. Weak, and not tuned."""


def observe_bars(seed: int) -> dict[str, Any]:
    """Draw the set of a seed and note what is known of it and what is measured.

    Returns:
        What is known of the set, and what `bars_of` says.
    """
    known = simulate(seed)
    told = {key: getattr(known, key) for key in ("space", "dimension", "map", "uneven", "noise", "outliers")}
    # over Z/3 bars of a space without torsion are those over Z/2
    primes = (2, 3) if known.betti[2] != known.betti[3] else (2,)
    betti = {str(prime): numbers for prime, numbers in known.betti.items()}
    return {"seed": seed, **told, "betti": betti, "drawn": len(known.x), **bars_of(known.x, seed, primes)}


def bars_of(x: np.ndarray, seed: int, primes: Sequence[int] = (2, 3)) -> dict[str, Any]:
    """Note the ratios death/birth of the bars of samples, on two numbers of landmarks.

    Args:
        x: (n, features) samples.
        seed: of the diagnosis.
        primes: fields.

    Returns:
        How many samples the largest component has, the dimension found, and, for each number of landmarks asked for (None:
        the usual one), by degree how many there were and the ranked ratios.
    """
    from topovae.data import Dataset
    from topovae.homology.cloud.cleaning import clean
    from topovae.homology.cloud.cloud import of_points
    from topovae.homology.cloud.components import components_of_points
    from topovae.homology.cloud.front import MEMORY, read_points
    from topovae.homology.cloud.presets import choose_preset
    from topovae.homology.complexes.budget import Budget
    from topovae.homology.complexes.passes import compute_homology

    data = Dataset.of(x.astype(np.float32))
    front = read_points(data, choose_preset(data, seed=seed), seed=seed)
    points = front.points[clean(front.points).kept]
    label = components_of_points(points, seed)
    points = points[label == 0]
    n = len(points)
    rng = np.random.default_rng([seed, 1])
    bars = []
    for asked in (None, int(0.75 * n) if n < 800 else int(np.exp(rng.uniform(np.log(60), np.log(300))))):
        cloud = of_points(points, front.denoiser.noise, asked, seed)
        dimension = cloud.dimension
        budget = Budget(MEMORY, None)
        homology = compute_homology(
            cloud.draw, dimension.value, primes=primes, max_dim=2, budget=budget, landmarks=asked, report=_silent
        )
        for prime, degree in homology.diagrams:
            landmarks, ratios = len(homology.landmarks[degree].distances), homology.ratios(prime, degree).tolist()
            bars.append({"asked": asked, "prime": prime, "degree": degree, "landmarks": landmarks, "ratios": ratios})
    return {"n": n, "found": dimension.value, "gap": dimension.gap, "components": int(label.max()) + 1, "bars": bars}


def observe_answers(seed: int) -> dict[str, Any]:
    """Draw the set of a seed, diagnose it, and note how sure each view of its largest component was, and whether it was right.

    Returns:
        What is known of the set, the number of components, and of each view its kind, the score and whether the best space is
        right; the same of the answer.
    """
    from topovae.homology.spaces.catalogue import catalogue, space_of
    from topovae.homology.verdict.analyze import analyze

    drawn = simulate(seed)
    told = {key: getattr(drawn, key) for key in ("space", "expression", "dimension", "map", "uneven", "noise", "outliers")}
    names = set()
    if drawn.expression is not None:
        expected = space_of(drawn.expression)
        names = {space.name for space in catalogue() if space.looks_like(expected)}
    found = analyze(drawn.x.astype(np.float32), seed=seed)
    views = [
        {
            "view": view.kind,
            "n": view.piece.cloud.size,
            "best": view.piece.candidates[0].name,
            "named": view.piece.recommendation.latent is not None,
            "score": view.piece.candidates[0].score * view.piece.cloud.verdicts.manifold,
            "right": view.piece.candidates[0].name in names,
        }
        for view in (found.outlooks[0].views if found.outlooks else ())
    ]
    answer = found.recommendation
    right = answer.name in names if names else answer.latent is None
    components = len(found.pieces)
    given = {"name": answer.name, "confidence": answer.confidence, "source": answer.source, "right": right}
    given["rests_on"] = found.outlooks[0].rests_on if found.outlooks else None
    return {"seed": seed, **told, "n": len(drawn.x), "components": components, "views": views, "answer": given}


def _silent(stage: str, share: float) -> None:
    """Report nothing."""


# ---------------------------------------------------------------- fits


def fit_laws(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Fit the laws of bars, those of noise and those of classes, by dimension and degree.

    Rows count whose data fall into one piece and show the dimension that they have.

    Args:
        rows: as of `observe_bars`.

    Raises:
        UsageError: there are too few.
    """
    kept = [row for row in rows if row.get("components") == 1 and row["found"] == row["dimension"]]
    keys = sorted({(row["dimension"], bars["degree"], prime) for row in kept for bars in row["bars"] for prime in (2, 3)})
    laws = [_law(*key, [row for row in kept if row["dimension"] == key[0]]) for key in keys]
    found = [law for law in laws if law is not None]
    if not found:
        raise UsageError(f"{len(kept)} sets in one piece and of the dimension that they show are too few; draw more --sets")
    counts, crowding = np.array([(one["landmarks"], row["n"] / one["landmarks"]) for row in kept for one in row["bars"]]).T
    ranges = {
        "landmarks": [int(counts.min()), int(counts.max())],
        "samples_a_landmark": [round(float(crowding.min()), 2), round(float(crowding.max()), 2)],
    }
    return {**ranges, "laws": found}


def _law(dimension: int, degree: int, prime: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the law of one dimension and degree over one field, None where there are too few rows."""
    if len(rows) < FEWEST:
        return None
    bars = [(row, one) for row in rows for one in _over(prime, row["bars"]) if one["degree"] == degree]
    places = np.array([place(one["landmarks"], row["n"] / one["landmarks"]) for row, one in bars])
    number = np.array([dict(enumerate(row["betti"][str(prime)])).get(degree, 0) for row, _ in bars])
    ratios = np.log([one["ratios"] for _, one in bars])
    noise = fit_extremes(places, ratios[np.arange(len(bars)), number])
    # a line for each class of each set: ratios are sorted, so that the rank is the place
    at, rank = np.nonzero(np.arange(ratios.shape[1]) < number[:, None])
    terms = np.column_stack([places[at], np.log(rank + 1), np.log(number[at])])
    classes = np.linalg.lstsq(terms, ratios[at, rank], rcond=None)[0]
    # the scale of a logistic law from its standard deviation
    spread = np.std(ratios[at, rank] - terms @ classes) * np.sqrt(3) / np.pi
    return {
        "dimension": dimension,
        "degree": degree,
        "prime": prime,
        "sets": len(rows),
        "noise": np.round(noise.slopes, 4).tolist(),
        "scale": round(noise.scale, 4),
        "shape": round(noise.shape, 4),
        "classes": np.round(classes, 4).tolist(),
        "most_classes": int(number.max()),
        "spread": round(float(spread), 4),
    }


def _over(prime: int, bars: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the bars over a field; those over Z/2 where they are the same."""
    measured = {one["prime"] for one in bars}
    yield from (one for one in bars if one["prime"] == (prime if prime in measured else 2))


@dataclass(frozen=True)
class Extremes:
    """Generalised extreme-value laws of a common scale and shape, whose location is linear.

    Attributes:
        slopes: (k,) coefficients of the location.
        scale: of all.
        shape: of all, 0 (Gumbel) or less (bounded above).
    """

    slopes: np.ndarray
    scale: float
    shape: float

    def quantile(self, alpha: float) -> float:
        """Return how far above the location is exceeded with probability `alpha`."""
        return self.scale * standard_extreme(alpha, self.shape)


def fit_extremes(terms: np.ndarray, values: np.ndarray) -> Extremes:
    """Fit extreme-value laws by maximum likelihood.

    Args:
        terms: (n, k) of the location.
        values: (n,) observed.

    References:
        Coles (2001), An introduction to statistical modeling of extreme values, sections 3.3 and 6.1.
    """
    from scipy.optimize import minimize
    from scipy.stats import genextreme

    def law_of(x: np.ndarray) -> Extremes:
        return Extremes(x[:-2], float(np.exp(x[-2])), -MOST_BOUNDED / (1 + float(np.exp(x[-1]))))

    def loss(x: np.ndarray) -> float:
        law = law_of(x)
        # scipy's shape has the other sign; what lies beyond the bound costs a finite lot, so that the search finds its way
        logs = genextreme.logpdf((values - terms @ law.slopes) / law.scale, -law.shape) - np.log(law.scale)
        return -float(np.clip(logs, -1e3, None).sum())

    start = np.linalg.lstsq(terms, values, rcond=None)[0]
    spread = max(float((values - terms @ start).std()), 1e-3)
    x = np.array([*start, np.log(spread), 0.0])
    for _ in range(3):  # the simplex is begun anew, as it may shrink too early
        x = minimize(loss, x, method="Nelder-Mead", options={"maxiter": 4000, "maxfev": 4000}).x
    return law_of(x)


def fit_logistic(terms: np.ndarray, outcomes: np.ndarray, signs: Sequence[int] | None = None) -> np.ndarray:
    """Fit the log odds of outcomes as a linear function of terms, with a weak penalty on the slopes.

    One more of either outcome, at the mean of the terms, keeps them finite where all are alike.

    Args:
        terms: (n, k); a first column of ones is the intercept, and not penalised.
        outcomes: (n,) yes or no.
        signs: (k,) that coefficients may have, 0 for either; None for either of all.

    Returns:
        Coefficients (k,).
    """
    from scipy.optimize import minimize

    free = np.all(terms == 1, axis=0)
    terms = np.vstack([terms, [terms.mean(0)] * 2])
    outcomes = np.concatenate([outcomes, [True, False]])

    def loss(x: np.ndarray) -> float:
        score = terms @ x
        return float(np.logaddexp(0, np.where(outcomes, -score, score)).sum() + PENALTY * (x[~free] ** 2).sum())

    bounds = [(0.0 if sign > 0 else None, 0.0 if sign < 0 else None) for sign in signs or [0] * len(free)]
    return np.asarray(minimize(loss, np.zeros(len(free)), method="L-BFGS-B", bounds=bounds).x)


def fit_confidence(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Fit how often an answer is right to how sure the decision was, for names and for `none`.

    Those of the samples as they are count, of sets in one piece.

    Args:
        rows: as of `observe_answers`.

    Raises:
        UsageError: there are too few.
    """
    views = [(row, view) for row in rows if row.get("components") == 1 for view in row["views"] if view["view"] == "samples"]
    if len(views) < FEWEST:
        raise UsageError(f"{len(views)} sets in one piece are too few; draw more --sets")
    found = {}
    for kind, named in (("named", True), ("none", False)):
        chosen = [(row, view) for row, view in views if view["named"] == named]
        scores = np.array([view["score"] if named else 1 - view["score"] for _, view in chosen])
        # a right `none` is one where no space is right
        right = np.array([view["right"] if named else row["expression"] is None for row, view in chosen])
        found[kind] = np.round(fit_logistic(np.column_stack([np.ones(len(chosen)), log_odds(scores)]), right), 4).tolist()
    return found


# ---------------------------------------------------------------- the work


@dataclass(frozen=True)
class Stage:
    """A part of the file of fitted numbers.

    Attributes:
        name: its key there.
        observe: what is measured of the set of a seed, as a row; of a module's top level, so that another process can find it.
        key: what such a row has, and no other.
        fit: what is fitted to rows.
    """

    name: str
    observe: Callable[[int], dict[str, Any]]
    key: str
    fit: Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]


BARS = Stage("bars", observe_bars, "bars", fit_laws)
ANSWERS = Stage("answers", observe_answers, "views", fit_confidence)


def observe_all(
    stage: Stage, seeds: Sequence[int], jobs: int, save: str | None, minutes: float | None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of seeds, those of a file first; new ones are added to it.

    Args:
        stage: what they are for.
        seeds: of the sets.
        jobs: number of processes.
        save: file of JSON lines, or None.
        minutes: after so many no more rows are waited for; None for any.

    Raises:
        InputError: the file holds something else.
        OutputError: the file cannot be written.
    """
    known = {row["seed"]: row for row in (saved_rows(save, stage.key) if save else ())}
    yield from (known[seed] for seed in seeds if seed in known)
    began = time.monotonic()
    rows = in_processes(stage.observe, [seed for seed in seeds if seed not in known], jobs)
    with contextlib.closing(rows), contextlib.ExitStack() as stack:
        append = stack.enter_context(appending(save)) if save else _forget
        for row in rows:
            append(row)
            yield row
            if minutes is not None and time.monotonic() - began > 60 * minutes:
                return


def _forget(row: Mapping[str, Any]) -> None:
    """Keep nothing."""


def saved_rows(path: str, key: str) -> list[dict[str, Any]]:
    """Read rows that have a key from a file of JSON lines; none where there is no file. A last line that was cut is left out.

    Raises:
        InputError: the file holds something else.
    """
    try:
        with open(path, encoding="utf-8") as file:
            *whole, _ = file.read().split("\n")
        rows = [json.loads(line) for line in whole if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON lines: {error}; choose another --save") from None
    if not all(isinstance(row, dict) and {"seed", key} <= row.keys() for row in rows):
        raise InputError(f"{path} holds other things than such rows of `topovae bench calibrate`; choose another --save")
    return rows


def document_of(stage: Stage, rows: Sequence[Mapping[str, Any]], command: str, commit: str) -> dict[str, Any]:
    """Return the file of fitted numbers with a part of it fitted anew, and how that came about.

    Args:
        stage: what is fitted.
        rows: to what.
        command: the line that repeats it.
        commit: of the code that measured the rows.
    """
    seeds = sorted(row["seed"] for row in rows)
    provenance = {
        "command": command,
        "seeds": [seeds[0], seeds[-1] + 1],
        "sets": len(rows),
        "commit": commit,
        "version": __version__,
        "created": datetime.now(UTC).date().isoformat(),
    }
    return {**document(), "schema": SCHEMA, stage.name: {"provenance": provenance, **stage.fit(rows)}}


def written(document: Mapping[str, Any]) -> str:
    """Write a document as JSON whose lists of numbers take a line each."""
    return re.sub(r"\n\s+(?=-?\d)|(?<=\d)\n\s+(?=\])", " ", json.dumps(document, indent=1)) + "\n"
