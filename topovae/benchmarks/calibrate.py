"""What the diagnosis's numbers are fitted to: simulated sets and what its own front end measures of them."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from topovae.benchmarks.diagnosis import appending
from topovae.benchmarks.simulated import simulate
from topovae.errors import InputError, UsageError
from topovae.homology.fitted import LEVEL, SCHEMA
from topovae.runs.processes import in_processes
from topovae.version import __version__

LANDMARKS = (60, 120, 250, 500, 800)
SAMPLES_A_LANDMARK = (1.33, 2.0, 4.0, 8.0, 16.0)
"""Axes of the tables: what the diagnosis takes, from few samples to many."""

FEWEST = 40
"""Fewer sets of a dimension and degree are not fitted."""

PENALTY = 0.1
"""Of the squared slopes of a fit: it keeps them finite where nothing is missed. Weak, and not tuned."""


def observe_bars(seed: int) -> dict[str, Any]:
    """Draw the set of a seed and note what is known of it and what is measured.

    Returns:
        What is known of the set, and what `bars_of` says.
    """
    known = simulate(seed)
    told = {key: getattr(known, key) for key in ("space", "dimension", "betti", "map", "uneven", "noise", "outliers")}
    return {"seed": seed, **told, "drawn": len(known.x), **bars_of(known.x, seed)}


def bars_of(x: np.ndarray, seed: int) -> dict[str, Any]:
    """Note the ratios death/birth of the bars of samples, on two numbers of landmarks.

    Args:
        x: (n, features) samples.
        seed: of the diagnosis.

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
            cloud.draw, dimension.value, primes=(2,), max_dim=2, budget=budget, landmarks=asked, report=_silent
        )
        for _, degree in homology.diagrams:
            landmarks, ratios = len(homology.landmarks[degree].distances), homology.ratios(2, degree).tolist()
            bars.append({"asked": asked, "degree": degree, "landmarks": landmarks, "ratios": ratios})
    return {"n": n, "found": dimension.value, "gap": dimension.gap, "components": int(label.max()) + 1, "bars": bars}


def _silent(stage: str, share: float) -> None:
    """Report nothing."""


# ---------------------------------------------------------------- fits


def fit_laws(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Fit the laws of spurious bars, and how often classes are missed, by dimension and degree.

    Rows count whose data fall into one piece and show the dimension that they have.

    Args:
        rows: as of `observe_bars`.

    Raises:
        UsageError: there are too few.
    """
    kept = [row for row in rows if row.get("components") == 1 and row["found"] == row["dimension"]]
    keys = sorted({(row["dimension"], bars["degree"]) for row in kept for bars in row["bars"]})
    laws = [_law(*key, [row for row in kept if row["dimension"] == key[0]]) for key in keys]
    found = [law for law in laws if law is not None]
    if not found:
        raise UsageError(f"{len(kept)} sets in one piece and of the dimension that they show are too few; draw more --sets")
    return {"landmarks": list(LANDMARKS), "samples_a_landmark": list(SAMPLES_A_LANDMARK), "laws": found}


def _law(dimension: int, degree: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the tables of one dimension and degree, None where there are too few rows."""
    if len(rows) < FEWEST:
        return None
    bars = [(row, one) for row in rows for one in row["bars"] if one["degree"] == degree]
    place = np.array([_place(one["landmarks"], row["n"] / one["landmarks"]) for row, one in bars])
    number = np.array([_number(row["betti"], degree) for row, _ in bars])
    ratios = np.log([one["ratios"] for _, one in bars])
    spurious = ratios[np.arange(len(bars)), number]
    slopes, scale = fit_gumbel(place, spurious)
    critical = place @ slopes - scale * np.log(-np.log1p(-LEVEL))
    some = number > 0
    least = ratios[np.flatnonzero(some), number[some] - 1]
    missed = fit_logistic(place[some], least < critical[some], falling=True)
    depth = np.concatenate([spurious - critical, least - critical[some]])
    rise = fit_logistic(depth[:, None], np.arange(len(depth)) >= len(bars))
    grid = np.array([[_place(m, q) for q in SAMPLES_A_LANDMARK] for m in LANDMARKS])
    return {
        "dimension": dimension,
        "degree": degree,
        "sets": len(rows),
        "location": np.round(grid @ slopes, 4).tolist(),
        "scale": round(scale, 4),
        "width": round(float(1 / rise[0]), 4),
        "missed": np.round(1 / (1 + np.exp(-(grid @ missed))), 4).tolist(),
    }


def _place(landmarks: float, samples_a_landmark: float) -> tuple[float, float, float]:
    """Return the terms of a fit: 1 and the logarithms, of the landmarks centred."""
    return 1.0, np.log(landmarks / 200), np.log(samples_a_landmark)


def _number(betti: Sequence[int], degree: int) -> int:
    return betti[degree] if degree < len(betti) else 0


def fit_gumbel(terms: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit Gumbel laws of a common scale, whose location is linear, by maximum likelihood.

    Args:
        terms: (n, k) of the location.
        values: (n,) observed.

    Returns:
        Coefficients (k,) of the location, and the scale.
    """
    from scipy.optimize import minimize

    start = np.linalg.lstsq(terms, values, rcond=None)[0]
    spread = max(float((values - terms @ start).std()), 1e-3)

    def loss(x: np.ndarray) -> float:
        z = (values - terms @ x[:-1]) * np.exp(-x[-1])
        return float(np.mean(x[-1] + z + np.exp(np.clip(-z, None, 50))))

    found = minimize(
        loss, np.array([*start, np.log(spread * np.sqrt(6) / np.pi)]), method="Nelder-Mead", options={"maxiter": 4000}
    )
    return found.x[:-1], float(np.exp(found.x[-1]))


def fit_logistic(terms: np.ndarray, outcomes: np.ndarray, falling: bool = False) -> np.ndarray:
    """Fit the log odds of outcomes as a linear function of terms, with a weak penalty on the slopes.

    Args:
        terms: (n, k); a first column of ones is the intercept, and not penalised.
        outcomes: (n,) yes or no.
        falling: whether no slope may be positive.

    Returns:
        Coefficients (k,).
    """
    from scipy.optimize import minimize

    free = np.all(terms == 1, axis=0)

    def loss(x: np.ndarray) -> float:
        score = terms @ x
        return float(np.logaddexp(0, np.where(outcomes, -score, score)).sum() + PENALTY * (x[~free] ** 2).sum())

    bounds = [(None, 0.0 if falling and not one else None) for one in free]
    return np.asarray(minimize(loss, np.zeros(terms.shape[1]), method="L-BFGS-B", bounds=bounds).x)


# ---------------------------------------------------------------- the work


def observe_all(seeds: Sequence[int], jobs: int, save: str | None, minutes: float | None) -> Iterator[dict[str, Any]]:
    """Yield the rows of seeds, those of a file first; new ones are added to it.

    Args:
        seeds: of the sets.
        jobs: number of processes.
        save: file of JSON lines, or None.
        minutes: after so many no more rows are waited for; None for any.

    Raises:
        InputError: the file holds something else.
        OutputError: the file cannot be written.
    """
    known = {row["seed"]: row for row in (saved_rows(save) if save else ())}
    yield from (known[seed] for seed in seeds if seed in known)
    began = time.monotonic()
    rows = in_processes(observe_bars, [seed for seed in seeds if seed not in known], jobs)
    with contextlib.closing(rows), contextlib.ExitStack() as stack:
        append = stack.enter_context(appending(save)) if save else _forget
        for row in rows:
            append(row)
            yield row
            if minutes is not None and time.monotonic() - began > 60 * minutes:
                return


def _forget(row: Mapping[str, Any]) -> None:
    """Keep nothing."""


def saved_rows(path: str) -> list[dict[str, Any]]:
    """Read rows from a file of JSON lines; none where there is no file. A last line that was cut is left out.

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
    if not all(isinstance(row, dict) and {"seed", "bars"} <= row.keys() for row in rows):
        raise InputError(f"{path} holds other things than rows of `topovae bench calibrate`; choose another --save")
    return rows


def document_of(fit: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], command: str, commit: str) -> dict[str, Any]:
    """Return the file of fitted numbers, with how it came about.

    Args:
        fit: as of `fit_laws`.
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
    return {"schema": SCHEMA, "bars": {"provenance": provenance, **fit}}


def written(document: Mapping[str, Any]) -> str:
    """Write a document as JSON whose lists of numbers take a line each."""
    return re.sub(r"\n\s+(?=-?\d)|(?<=\d)\n\s+(?=\])", " ", json.dumps(document, indent=1)) + "\n"
