"""How many runs are certified homeomorphic: `python tests/benchmarks/matched.py [SPACE[:LATENT] ...] [--seeds 20:30]`.

2000 points of each space in 50 dimensions through a random smooth map, trained by the defaults, without labels; every run is
certified as `topovae evaluate` does. A latent after the space, as in `torus:S2`, is trained in place of the matching one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

LATENTS = {
    "circle": "S1",
    "cylinder": "S1xI",
    "torus": "S1xS1",
    "mobius": "mobius",
    "klein": "klein",
    "sphere": "S2",
    "rp2": "rp2",
    "so3": "so3",
}


@dataclass(frozen=True)
class Job:
    """One run."""

    space: str
    latent: str
    seed: int
    init: str
    encoder: str
    noise: float
    n: int


def carry_out(job: Job) -> dict[str, Any]:
    """Train and certify."""
    import torch

    from topovae.data.dataset import Dataset
    from topovae.data.synthetic.spaces import generate
    from topovae.evaluation.certificate import certify
    from topovae.runs import models
    from topovae.runs.plan import plan
    from topovae.runs.provenance import make_header
    from topovae.runs.session import train_run

    torch.set_num_threads(1)
    drawn = generate(job.space, job.n, ambient=50, noise=job.noise, seed=job.seed)
    data = Dataset.of(drawn.x, truth=drawn.truth, space=drawn.space)
    options = {"seed": job.seed, "init": job.init, "encoder": job.encoder}
    started = time.perf_counter()
    planned = plan(data, job.latent, options)
    ready = time.perf_counter()
    header = make_header(data, planned.options.to_dict(), job.seed, "cpu", ())
    run = train_run(data, planned.options, header, device="cpu", coordinates=planned.coordinates)
    trained = time.perf_counter()
    model = models.load_model(run.model)
    certificate = certify(data, models.encode(model, data)["z"], model.space.signature, seed=job.seed)
    return {
        "job": job,
        "verdict": certificate.verdict,
        "reason": certificate.reasons[0] if certificate.reasons else "",
        "start": planned.reasons,
        **{key: run.model.final["test"][key] for key in ("rms", "elbo", "stress")},
        "seconds": (ready - started, trained - ready, time.perf_counter() - trained),
    }


def numbers(text: str) -> list[int]:
    """Seeds as 0,1,2 or 20:30."""
    first, _, last = text.partition(":")
    return list(range(int(first), int(last))) if last else [int(word) for word in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="*", default=list(LATENTS))
    parser.add_argument("--seeds", default="20:30", type=numbers)
    parser.add_argument("--init", default="cohomology,random")
    parser.add_argument("--encoder", default="lift")
    parser.add_argument("--noise", default=0.05, type=float)
    parser.add_argument("--n", default=2000, type=int)
    parser.add_argument("--jobs", default=2, type=int)
    options = parser.parse_args()
    cases = list(product(options.spaces, options.encoder.split(","), options.init.split(",")))
    jobs = [
        Job(space.split(":")[0], space.partition(":")[2] or LATENTS[space], seed, init, encoder, options.noise, options.n)
        for space, encoder, init in cases
        for seed in options.seeds
    ]
    verdicts: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor(options.jobs) as pool:
        found = pool.map(carry_out, jobs)
        for space, encoder, init in cases:
            rows = list(take(found, len(options.seeds)))
            for row in rows:
                report(row)
                verdicts[init, row["verdict"]] += 1
            total = Counter(row["verdict"] for row in rows)
            rms, elbo = (statistics.median(row[key] for row in rows) for key in ("rms", "elbo"))
            print(f"== {space} {encoder} {init}: {dict(total)}; medians rms {rms:.3f}, elbo {elbo:.2f}", flush=True)
    print({f"{init} {verdict}": count for (init, verdict), count in sorted(verdicts.items())})


def take(rows: Iterator[dict[str, Any]], n: int) -> Iterator[dict[str, Any]]:
    """The next n rows."""
    for _ in range(n):
        yield next(rows)


def report(row: dict[str, Any]) -> None:
    """One line a run."""
    job, (plan_time, training, certifying) = row["job"], row["seconds"]
    stress = "-" if row["stress"] is None else f"{row['stress']:.3f}"
    print(
        f"{job.space} {job.latent} {job.encoder} {job.init} seed {job.seed}: {row['verdict']} ({row['reason']}); rms "
        f"{row['rms']:.3f} elbo {row['elbo']:.2f} stress {stress}; start {plan_time:.1f} s, training {training:.1f} s, "
        f"certificate {certifying:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
