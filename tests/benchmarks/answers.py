"""How often answers of each confidence are right, on simulated sets: the table in homology/DIAGNOSIS.md.

    python tests/benchmarks/answers.py [--seeds 100000:100150] [--most 500] [--jobs 2]

Sets are drawn as those that `topovae bench calibrate` fits to, of other seeds, and diagnosed as users would. `none` is right
where no one manifold describes the set.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from topovae.benchmarks.calibrate import observe_answer
from topovae.benchmarks.simulated import simulate
from topovae.runs.processes import in_processes

EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 1.01)
HARD = {
    "all": lambda row: True,
    "fewer than 200 samples": lambda row: row["drawn"] < 200,
    "200 to 800 samples": lambda row: 200 <= row["drawn"] < 800,
    "more": lambda row: row["drawn"] >= 800,
    "noise above 0.2": lambda row: row["noise"] > 0.2 and row["map"] != "counts",
    "counts": lambda row: row["map"] == "counts",
    "outliers": lambda row: row["outliers"] > 0,
}


def table(rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    """Yield the lines of the table: a kind of sets each, right answers of all by confidence."""
    heads = [f"{low:g} to {min(high, 1):g}" for low, high in itertools.pairwise(EDGES)]
    yield "| sets | asked | named | " + " | ".join(heads) + " |"
    yield "| --- |" + " ---: |" * (len(EDGES) + 1)
    for kind, belongs in HARD.items():
        chosen = [row for row in rows if belongs(row)]
        named = [row for row in chosen if row["named"]]
        bins = [[row["right"] for row in named if low <= row["confidence"] < high] for low, high in itertools.pairwise(EDGES)]
        shares = [f"{sum(right)} of {len(right)}" if right else "" for right in bins]
        yield f"| {kind} | {len(chosen)} | {len(named)} | " + " | ".join(shares) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="100000:100150")
    parser.add_argument("--most", type=int, default=5000, help="leave out sets of more samples")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    first, last = map(int, options.seeds.split(":"))
    seeds = [seed for seed in range(first, last) if len(simulate(seed).x) <= options.most]
    print("\n".join(table(list(in_processes(observe_answer, seeds, options.jobs)))))


if __name__ == "__main__":
    main()
