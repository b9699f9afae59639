"""How `analyze --evidence` fares: right, abstained or wrong, and seconds, set by set.

    python tests/benchmarks/evidence.py torus:300:0.25-0 klein:300:0.25-0 mobius:prescribed.npz-0

Each argument is a space, then a number of samples and a standard deviation of noise in 50 dimensions or a file, then a seed.
Seconds are of this process alone, so that other work on the machine does not count; no limit but the doublings is set.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.synthetic.spaces import generate
from topovae.homology import analyze
from topovae.homology.spaces.catalogue import catalogue
from topovae.runs.evidence import Effort, compare, possible, weigh

DOUBLINGS = 4
"""As in the table of homology/DIAGNOSIS.md."""


def rows(source: str, seed: int) -> tuple[str, np.ndarray]:
    """Return the space of an argument, and its samples."""
    space, *rest = source.split(":")
    if len(rest) == 1:
        return space, np.load(rest[0])["x"]
    count, noise = rest
    return space, generate(space, int(count), ambient=50, noise=float(noise), seed=3000 + seed).x


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    for argument in arguments:
        source, seed = argument.rsplit("-", 1)
        space, x = rows(source, int(seed))
        document = analyze(x).to_dict()
        before = time.process_time()
        found = compare(
            Dataset.of(x), possible(document, catalogue()), effort=replace(Effort(), seconds=1e9, doublings=DOUBLINGS)
        )
        seconds = time.process_time() - before
        diagnosed, answer = document["recommendation"]["name"], weigh(document, found)["recommendation"]["name"]
        verdict = found.winner.name if found.decided else "abstained"
        reached = ", ".join(f"{trial.name} {trial.log_likelihood:.2f} ± {trial.spread:.2f}" for trial in found.trials)
        print(
            f"{argument}: {space}, diagnosed {diagnosed}, evidence {verdict}, answer {answer}, {seconds:.0f} s; {reached}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
