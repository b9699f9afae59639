"""The certificate on maps known to be homeomorphisms or not: `python tests/benchmarks/certificate.py [--seeds 20,21,22]`.

2000 points in 50 dimensions through a random smooth map, noise 0.1 on odd seeds and 0.05 on even ones; the latents are a map of
the truth, jittered by 0.05 radians. Printed are the verdicts that are not right, and for each space how many good maps were
certified, undecided and rejected, and bad ones likewise. The thresholds were chosen on seeds from 1000 on.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from support.maps import CASES, Case, draw, jittered

from topovae.evaluation.certificate import HOMEOMORPHIC, NOT, UNDECIDED, certify
from topovae.signature import parse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="20,21,22")
    parser.add_argument("--spaces", default="", help="only these data, separated by commas")
    parser.add_argument("-n", type=int, default=2000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    counts: Counter[tuple[str, bool, str]] = Counter()
    seconds = []
    wanted = options.spaces.split(",") if options.spaces else list(dict.fromkeys(case.data for case in CASES))
    for space in wanted:
        for seed in map(int, options.seeds.split(",")):
            x, truth = draw(space, options.n, 0.1 if seed % 2 else 0.05, seed)
            for case in (case for case in CASES if case.data == space):
                start = time.perf_counter()
                found = certify(x, jittered(case.latent, case.map(truth), 0.05, seed), parse(case.latent))
                seconds.append(time.perf_counter() - start)
                counts[space, case.good, found.verdict] += 1
                report(case, seed, found.verdict, found.reasons)
        print(row(space, counts), flush=True)
    whole: Counter[tuple[str, bool, str]] = Counter()
    for (_, good, verdict), count in counts.items():
        whole["all", good, verdict] += count
    print(row("all", whole))
    print(f"{sum(seconds) / len(seconds):.1f} s a certificate, {max(seconds):.1f} s at most")


def report(case: Case, seed: int, verdict: str, reasons: tuple[str, ...]) -> None:
    if verdict != (HOMEOMORPHIC if case.good else NOT):
        print(f"  seed {seed}, {'good' if case.good else 'bad'} {case}: {verdict} ({'; '.join(reasons[:2])})", flush=True)


def row(space: str, counts: Counter[tuple[str, bool, str]]) -> str:
    parts = []
    for good, name in ((True, "good"), (False, "bad")):
        certified, unsure, rejected = (counts[space, good, verdict] for verdict in (HOMEOMORPHIC, UNDECIDED, NOT))
        parts.append(f"{name}: {certified} certified, {unsure} undecided, {rejected} rejected")
    return f"{space:10s} " + "; ".join(parts)


if __name__ == "__main__":
    main()
