"""Clouds without a loop: `python tests/benchmarks/contractible.py [--trials 100] [--seed 0] [-n 2000]`.

Gaussian clouds, uniform cubes and blobs (a Gaussian stretched by axes from 1 to 3) in 2 to 20 dimensions. The answer must be
contractible: a Euclidean space, or none with no class of degree 1.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from topovae.homology import analyze
from topovae.signature import parse

KINDS = ("gaussian", "cube", "blob")


def cloud(kind: str, dimension: int, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "cube":
        return rng.random((n, dimension))
    axes = np.ones(dimension) if kind == "gaussian" else rng.uniform(1, 3, dimension)
    return rng.normal(size=(n, dimension)) * axes


def trial(task: tuple[str, int, int, int]) -> tuple[tuple[str, int, int, int], str, int, int, bool]:
    found = analyze(cloud(*task), seed=task[-1])
    answer = found.recommendation
    flat = answer.latent is None or all(factor.kind != "S" for factor in parse(answer.latent).factors)
    loops = max(numbers[1] for numbers in found.betti.values())
    return task, answer.name, found.components, loops, flat and loops == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    tasks = [(KINDS[i % 3], 2 + (i // 3) % 19, options.n, options.seed + i) for i in range(options.trials)]
    right, named = 0, 0
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for (kind, dimension, _, seed), name, components, loops, good in pool.map(trial, tasks):
            right, named = right + good, named + (name == f"R{dimension}" or (dimension == 2 and name == "plane"))
            if not good or name == "none":
                says = f"{components} components, {loops} loops"
                print(f"{kind} in dimension {dimension}, seed {seed}: {name} ({says})" + ("" if good else " WRONG"), flush=True)
    print(f"{right} of {len(tasks)} contractible, never a loop; {named} with the right dimension")


if __name__ == "__main__":
    main()
