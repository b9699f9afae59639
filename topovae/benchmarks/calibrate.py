"""What the diagnosis's numbers are fitted to: simulated sets and what its own front end measures of them."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from topovae.benchmarks.diagnosis import appending
from topovae.benchmarks.simulated import simulate
from topovae.errors import InputError, UsageError
from topovae.homology.fitted import circumstances, place, rest_of, standard_extreme
from topovae.runs.processes import in_processes
from topovae.version import __version__

if TYPE_CHECKING:
    from topovae.homology.cloud.cloud import Cloud

FEWEST = 40
"""Sets: fewer of a dimension and degree are not fitted, several for each of the ten numbers of a law. Not tuned."""

MOST_BOUNDED = 0.5
"""Shape of an extreme value, a pure number: from minus it down maximum likelihood breaks down (Smith 1985). Not tuned."""


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
        the usual one), by degree how many there were and the ranked ratios; and the same of their core, where they have one.
    """
    from topovae.data import Dataset
    from topovae.homology.cloud.cleaning import clean
    from topovae.homology.cloud.cloud import of_points, subset
    from topovae.homology.cloud.components import components_of_points
    from topovae.homology.cloud.cores import find_core
    from topovae.homology.cloud.front import read_points
    from topovae.homology.cloud.presets import choose_preset
    from topovae.homology.verdict.views import CORES, MOST_PULLED

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
        bars += [{"asked": asked, **one} for one in _bars(cloud, primes, asked)]
    chosen = points[subset(n, MOST_PULLED, seed)]
    core = find_core(chosen, CORES, seed)
    found = {
        "n": n,
        "found": cloud.dimension.value,
        "gap": cloud.dimension.gap,
        "components": int(label.max()) + 1,
        "bars": bars,
    }
    if core is None:
        return found
    pulled = list(_bars(of_points(core.points, 0.0, None, seed, pulled=True), primes, None))
    return {**found, "core": {"n": len(chosen), "dimension": core.dimension, "bars": pulled}}


def _bars(cloud: Cloud, primes: Sequence[int], asked: int | None) -> Iterator[dict[str, Any]]:
    """Yield, by field and degree, how many landmarks there were and the ranked ratios."""
    from topovae.data.dataset import MEMORY_BYTES
    from topovae.homology.complexes.budget import Budget
    from topovae.homology.complexes.passes import compute_homology

    budget = Budget(MEMORY_BYTES, None)
    homology = compute_homology(
        cloud.draw, cloud.dimension.value, primes=primes, max_dim=2, budget=budget, landmarks=asked, report=_silent
    )
    for prime, degree in homology.diagrams:
        landmarks, ratios = len(homology.landmarks[degree].distances), homology.ratios(prime, degree).tolist()
        yield {"prime": prime, "degree": degree, "landmarks": landmarks, "ratios": ratios}


def observe_answer(seed: int) -> dict[str, Any]:
    """Draw the set of a seed, diagnose it as users would, and note what was answered and on what grounds.

    Returns:
        What is known of the set; whether a name was given, and the right one, `none` being right where no one manifold
        describes the set; and, of the view that the answer rests on, its score, samples, dimension and whether it is a core.
    """
    from topovae.homology import analyze
    from topovae.homology.spaces.catalogue import catalogue, space_of

    drawn = simulate(seed)
    told = {key: getattr(drawn, key) for key in ("space", "map", "uneven", "noise", "outliers")}
    names = set()
    if drawn.expression is not None:
        expected = space_of(drawn.expression)
        names = {space.name for space in catalogue() if space.looks_like(expected)}
    found = analyze(drawn.x.astype(np.float32), seed=seed)
    answer, outlook = found.recommendation, found.outlooks[0]
    piece = outlook.piece
    return {
        "seed": seed,
        **told,
        "drawn": len(drawn.x),
        "answer": answer.name,
        "named": answer.latent is not None,
        "confidence": answer.confidence,
        "right": answer.name in names if names else answer.latent is None,
        "source": answer.source,
        "components": len(found.outlooks),
        "rests_on": outlook.rests_on,
        "views": {view.kind: view.piece.recommendation.name for view in outlook.views},
        "score": piece.candidates[0].score * piece.cloud.verdicts.manifold,
        "n": piece.cloud.size,
        "dimension": piece.cloud.dimension.value,
    }


def _silent(stage: str, share: float) -> None:
    """Report nothing."""


# ---------------------------------------------------------------- fits


def fit_laws(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Fit the laws of bars, those of noise and those of classes, by dimension and degree, of samples and of their cores.

    Sets count that fall into one piece and show the dimension that they have, and cores of that dimension.

    Args:
        rows: as of `observe_bars`.

    Raises:
        UsageError: there are too few.
    """
    whole = [row for row in rows if row.get("components") == 1]
    kept: dict[bool, list[Mapping[str, Any]]] = {
        False: [row for row in whole if row["found"] == row["dimension"]],
        True: [{**row, **row["core"]} for row in whole if row.get("core", {}).get("dimension") == row["dimension"]],
    }
    seen = [(pulled, row, one) for pulled, group in kept.items() for row in group for one in row["bars"]]
    keys = sorted({(pulled, row["dimension"], one["degree"], prime) for pulled, row, one in seen for prime in (2, 3)})
    laws = [_law(*key, [row for row in kept[key[0]] if row["dimension"] == key[1]]) for key in keys]
    found = [law for law in laws if law is not None]
    if not found:
        raise UsageError(
            f"{len(kept[False])} sets in one piece and of the dimension that they show are too few; draw more --sets"
        )
    counts, crowding = np.array([(one["landmarks"], row["n"] / one["landmarks"]) for _, row, one in seen]).T
    ranges = {
        "landmarks": [int(counts.min()), int(counts.max())],
        "samples_a_landmark": [round(float(crowding.min()), 2), round(float(crowding.max()), 2)],
    }
    return {**ranges, "laws": found}


def _law(pulled: bool, dimension: int, degree: int, prime: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the law of one dimension and degree over one field, None where there are too few rows."""
    if len(rows) < FEWEST:
        return None
    bars = [(row, one) for row in rows for one in _over(prime, row["bars"]) if one["degree"] == degree]
    rests = np.array([rest_of(np.array(one["ratios"])) for _, one in bars])
    counts = [(one["landmarks"], row["n"] / one["landmarks"]) for row, one in bars]
    places = np.array([place(*count, rest) for count, rest in zip(counts, rests, strict=True)])
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
        "pulled": pulled,
        "dimension": dimension,
        "degree": degree,
        "prime": prime,
        "sets": len(rows),
        "rests": [round(float(rests.min()), 4), round(float(rests.max()), 4)],
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


TERMS = {"named": 4, "none": 3}
"""So many terms are fitted: not the dimension for `none`, as all simulated sets that are no manifold are curves."""


def fit_confidence(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Fit the log odds that names are right, and that `none` is, linear in what `fitted.circumstances` says.

    Answers count that rest on the homology of the samples, of data in one piece: the few that rest on another view fit nothing.

    Args:
        rows: as of `observe_answer`.

    Raises:
        UsageError: there are too few.
    """
    from sklearn.linear_model import LogisticRegression

    kept = [row for row in rows if (row["components"], row["source"], row["rests_on"]) == (1, "homology", "samples")]
    kinds = {"named": [row for row in kept if row["named"]], "none": [row for row in kept if not row["named"]]}
    fitted = {}
    for kind, group in kinds.items():
        right = np.array([row["right"] for row in group], dtype=int)
        if len(group) < FEWEST or not 0 < right.sum() < len(right):
            raise UsageError(f"{len(group)} answers, of which {right.sum()} are right, are too few; draw more --sets")
        terms = np.array([circumstances(_score(row), row["n"], row["dimension"])[: TERMS[kind]] for row in group])
        # a weak penalty keeps the fit finite where terms hardly vary
        fit = LogisticRegression(C=10.0, fit_intercept=False, max_iter=1000).fit(terms, right)
        fitted[kind] = np.round(fit.coef_[0], 3).tolist()
    sizes = [row["n"] for row in kept]
    return {"samples": [min(sizes), max(sizes)], "answers": len(kept), **fitted}


def _score(row: Mapping[str, Any]) -> float:
    """How sure the decision was."""
    return float(row["score"] if row["named"] else 1 - row["score"])


# ---------------------------------------------------------------- the work


def observe_all(
    observe: Callable[[int], dict[str, Any]], seeds: Sequence[int], jobs: int, save: str | None, minutes: float | None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of seeds, those of a file first; new ones are added to it.

    Args:
        observe: gives the row of a seed, `observe_bars` or `observe_answer`.
        seeds: of the sets.
        jobs: number of processes.
        save: file of JSON lines, or None.
        minutes: after so many no more rows are waited for; None for any.

    Raises:
        InputError: the file holds something else.
        OutputError: the file cannot be written.
    """
    known = {row["seed"]: row for row in (saved_rows(save, KEYS[observe.__name__]) if save else ())}
    yield from (known[seed] for seed in seeds if seed in known)
    began = time.monotonic()
    rows = in_processes(observe, [seed for seed in seeds if seed not in known], jobs)
    with contextlib.closing(rows), contextlib.ExitStack() as stack:
        append = stack.enter_context(appending(save)) if save else _forget
        for row in rows:
            append(row)
            yield row
            if minutes is not None and time.monotonic() - began > 60 * minutes:
                return


def _forget(row: Mapping[str, Any]) -> None:
    """Keep nothing."""


KEYS = {"observe_bars": "bars", "observe_answer": "answer"}
"""What a row holds beside its seed, by what observed it."""


def saved_rows(path: str, key: str = "bars") -> list[dict[str, Any]]:
    """Read rows from a file of JSON lines; none where there is no file. A last line that was cut is left out.

    Args:
        path: of the file.
        key: what each row must hold beside its seed.

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
        raise InputError(f"{path} holds other things than rows of `topovae bench calibrate`; choose another --save")
    return rows


def section_of(fit: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], command: str, commit: str) -> dict[str, Any]:
    """Return a part of the file of fitted numbers, with how it came about.

    Args:
        fit: as of `fit_laws` or `fit_confidence`.
        rows: what was fitted to.
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
    return {"provenance": provenance, **fit}


def written(document: Mapping[str, Any]) -> str:
    """Write a document as JSON whose lists of numbers take a line each."""
    return re.sub(r"\n\s+(?=-?\d)|(?<=\d)\n\s+(?=\])", " ", json.dumps(document, indent=1)) + "\n"
