"""The certificate on maps with a fault of known share: `python tests/benchmarks/faults.py [--seeds 100] [--families ...]`.

The limits were chosen on seeds 0 to 4 of half of the families (`tuned` in tests/support/faults.py); what is claimed is measured
on seeds from 100 on and all families.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

SHARES, SIZES, NOISES = (0.0, 0.02, 0.04, 0.08, 0.15), (100, 300, 600, 2000), (0.02, 0.1)

Job = tuple[str, float, int, float, int]
"""Family, share, number of samples, noise, seed."""


def main() -> None:
    from support.faults import FAMILIES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="100", help="separated by commas")
    parser.add_argument("--families", default="all", help="`all`, `tuned`, or names separated by commas")
    parser.add_argument("--quick", action="store_true", help="300 and 600 samples, noise 0.1, shares 0, 0.04 and 0.15")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="print reasons where the verdict is not the right one")
    options = parser.parse_args()
    wanted = options.families.split(",")
    families = [str(f) for f in FAMILIES if wanted == ["all"] or str(f) in wanted or (f.tuned and wanted == ["tuned"])]
    shares, sizes, noises = ((0.0, 0.04, 0.15), (300, 600), (0.1,)) if options.quick else (SHARES, SIZES, NOISES)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    counts: Counter[tuple[str, float, int, str]] = Counter()
    seconds: dict[int, list[float]] = {n: [] for n in sizes}
    with ProcessPoolExecutor(options.jobs) as pool:
        for family in families:
            jobs = list(product([family], shares, sizes, noises, seeds))
            for job, (verdict, reasons, spent) in zip(jobs, pool.map(judge, jobs), strict=True):
                _, share, n, noise, seed = job
                counts[family, share, n, verdict] += 1
                seconds[n].append(spent)
                if options.verbose and (verdict != "homeomorphic") == (share == 0):
                    print(f"  {family} {share:.0%}, n {n}, noise {noise}, seed {seed}: {verdict} {reasons[:2]}", flush=True)
            print(table(family, [family], shares, sizes, counts), flush=True)
    print(table("all", families, shares, sizes, counts))
    for n, spent in seconds.items():
        print(f"n {n}: {sum(spent) / len(spent):.2f} s a certificate, {max(spent):.2f} s at most")


def judge(job: Job) -> tuple[str, Sequence[str], float]:
    """Verdict, reasons and seconds of one certificate."""
    import torch
    from support.faults import FAMILIES, encoded

    from topovae.evaluation.certificate import certify
    from topovae.signature import parse

    torch.set_num_threads(1)
    name, share, n, noise, seed = job
    family = next(family for family in FAMILIES if str(family) == name)
    x, latents = encoded(family, share, n, noise, seed)
    start = time.perf_counter()
    found = certify(x, latents, parse(family.latent))
    return found.verdict, found.reasons, time.perf_counter() - start


def table(
    name: str,
    families: Sequence[str],
    shares: Sequence[float],
    sizes: Sequence[int],
    counts: Counter[tuple[str, float, int, str]],
) -> str:
    """How many were certified, undecided and rejected, a row a share, a column a number of samples."""
    lines = [f"{name:24s} " + "".join(f"n {n:<14d}" for n in sizes)]
    for share in shares:
        cells = []
        for n in sizes:
            each = (
                sum(counts[f, share, n, verdict] for f in families)
                for verdict in ("homeomorphic", "undecided", "not homeomorphic")
            )
            cells.append(f"{'/'.join(map(str, each)):16s}")
        lines.append(f"  share {share:4.0%}             " + "".join(cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
