"""What each part of the diagnosis does: the instruments' table with one part switched off at a time.

    python tests/benchmarks/ablation.py [--seeds 0:2] [--jobs 2]

A part is a function of the package that is replaced by one that finds nothing. The rows stand in homology/DIAGNOSIS.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from topovae.benchmarks.diagnosis import CONFIDENT, target_of
from topovae.benchmarks.instruments import INSTRUMENTS
from topovae.homology import analyze
from topovae.homology.cloud.cleaning import Cleaned
from topovae.runs.processes import in_processes

NOTHING = np.empty(0, dtype=int)

PARTS: Mapping[str, Mapping[str, Any]] = {
    "all parts": {},
    "no cleaning": {"verdict.analyze.clean": lambda points, rows=None: Cleaned(np.arange(len(points)), NOTHING, NOTHING)},
    "no core": {"verdict.views.find_core": lambda *_: None},
    "no peeling": {"verdict.views.landmark_angles": lambda *_: np.empty((0, 0))},
    "no directions of cones": {"verdict.views.directions_of_cone": lambda *_: None},
    "no order of rows": {"verdict.analyze.is_closed_path": lambda *_: False},
    "no branches": {"cloud.manifold.branching_share": lambda *_: 0.0},
    "no crossing sheets": {"cloud.tangents._crossed": lambda *_: 0.0},
}


def answer(task: tuple[str, str, int]) -> tuple[str, str]:
    """Diagnose an instrument with a part off, and say which part and how it went."""
    part, name, seed = task
    before: list[tuple[Any, str, Any]] = []
    for place, replacement in PARTS[part].items():
        module = import_module("topovae.homology." + place.rpartition(".")[0])
        attribute = place.rpartition(".")[2]
        before.append((module, attribute, getattr(module, attribute)))
        setattr(module, attribute, replacement)
    try:
        document = analyze(INSTRUMENTS[name].rows(seed), seed=seed).to_dict()
    finally:
        for module, attribute, value in before:
            setattr(module, attribute, value)
    best = document["recommendation"]
    if target_of(name).accepts(document):
        return part, "right"
    if best["latent"] is None:
        return part, "none"
    return part, "confident" if best["confidence"] >= CONFIDENT else "wrong"


def table(outcomes: Iterable[tuple[str, str]]) -> Iterable[str]:
    """Yield the lines of the table."""
    counts = Counter(outcomes)
    yield "| part off | right | none where a name was right | wrong name | of these ≥ 0.9 |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for part in PARTS:
        right, none, wrong, confident = (counts[part, word] for word in ("right", "none", "wrong", "confident"))
        yield f"| {part} | {right} | {none} | {wrong + confident} | {confident} |"


def main(write: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0:2")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    first, last = map(int, options.seeds.split(":"))
    tasks = [(part, name, seed) for part in PARTS for name in INSTRUMENTS for seed in range(first, last)]
    for line in table(list(in_processes(answer, tasks, options.jobs))):
        write(line)


if __name__ == "__main__":
    main()
