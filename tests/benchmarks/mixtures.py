"""Mixtures on data in several pieces: `python tests/benchmarks/mixtures.py [flat:circle,circle …] [--seeds 10:20]`.

2000 samples, equally many of each piece, in 20 dimensions with noise of standard deviation 0.05. `flat` circles are round
ones of radius 1 in random planes about random centres; `curved` pieces each go through a random smooth map of their own, with
a standard deviation of 0.5 a coordinate, so that the noise is a tenth of it. `topovae train --latent auto` sees no labels; a
Gaussian VAE is trained on the same split. The purity is that of the true pieces.
"""

from __future__ import annotations

import argparse
import os
import statistics
from typing import Any

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")

CASES = {
    "flat:circle,circle": "R2",
    "flat:circle,circle,circle": "R2",
    "curved:circle,circle": "R2",
    "curved:circle,circle,circle": "R2",
    "curved:sphere,circle": "R2,R3",
}
"""What is made, and the Gaussian latents that it is compared with."""

N, AMBIENT, NOISE = 2000, 20, 0.05


def make(case: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples (N, AMBIENT) of a case, and the piece of each."""
    kind, _, names = case.partition(":")
    spaces = names.split(",")
    x = np.concatenate([PIECES[kind](name, N // len(spaces), 1000 * seed + i) for i, name in enumerate(spaces)])
    return x.astype(np.float32), np.repeat(np.arange(len(spaces)), N // len(spaces))


def curved(space: str, n: int, seed: int) -> np.ndarray:
    """A piece through a random smooth map."""
    from topovae.data.synthetic.spaces import generate

    return generate(space, n, ambient=AMBIENT, noise=NOISE, seed=seed).x


def flat(space: str, n: int, seed: int) -> np.ndarray:
    """A round circle of radius 1 about a centre whose coordinates have a standard deviation of 0.5."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(-np.pi, np.pi, n)
    plane = np.linalg.qr(rng.normal(size=(AMBIENT, 2)))[0].T
    centre = 0.5 * rng.normal(size=AMBIENT)
    return np.stack([np.cos(angles), np.sin(angles)], 1) @ plane + centre + NOISE * rng.normal(size=(n, AMBIENT))


PIECES = {"flat": flat, "curved": curved}


def train(x: np.ndarray, latent: str, seed: int, epochs: int | None) -> tuple[Any, Any]:
    """A run of the defaults but for its length, and its data."""
    from topovae.data.dataset import Dataset
    from topovae.runs.plan import plan
    from topovae.runs.provenance import make_header
    from topovae.runs.session import train_run

    data = Dataset.of(x)
    planned = plan(data, latent, {"seed": seed, "epochs": epochs})
    header = make_header(data, planned.options.to_dict(), seed, "cpu", ())
    return train_run(data, planned.options, header, device="cpu", coordinates=planned.coordinates), data


def carry_out(case: str, gaussians: list[str], seed: int, epochs: int | None) -> dict[str, Any]:
    """One row: what auto chose, its ELBO and those of the Gaussians, the purity and the certificate."""
    import torch

    from topovae.errors import UsageError
    from topovae.evaluation.components import purity
    from topovae.homology.cloud.ground import survey
    from topovae.runs.evaluation import certify_member
    from topovae.runs.models import encode, load_model

    torch.set_num_threads(1)
    x, piece = make(case, seed)
    row: dict[str, Any] = {"case": case, "seed": seed}
    for latent in gaussians:
        row[latent] = train(x, latent, seed, epochs)[0].model.final["test"]["elbo"]
    try:
        run, data = train(x, "auto", seed, epochs)
    except UsageError as error:
        return row | {"latent": f"none ({error})", "elbo": float("nan"), "purity": 0.0, "verdict": "none"}
    found = encode(load_model(run.model), data).get("component", np.zeros(len(x)))
    judged = certify_member(run.model, data, survey(data, seed), seed=seed, device="cpu")["certificate"]
    verdicts = [one["verdict"] for one in judged.get("components", [judged])]
    test = run.split["test"]
    return row | {
        "latent": run.model.latent,
        "elbo": run.model.final["test"]["elbo"],
        "purity": purity(found[test], piece[test]),
        "verdict": judged["verdict"],
        "verdicts": verdicts,
        "reasons": judged["reasons"],
    }


def numbers(text: str) -> list[int]:
    """Seeds as 0,1,2 or 10:20."""
    first, _, last = text.partition(":")
    return list(range(int(first), int(last))) if last else [int(word) for word in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--seeds", default="10:20", type=numbers)
    parser.add_argument("--epochs", default=None, type=int)
    options = parser.parse_args()
    for case in options.cases:
        gaussians = CASES.get(case, "R2").split(",")
        rows = []
        for seed in options.seeds:
            row = carry_out(case, gaussians, seed, options.epochs)
            rows.append(row)
            others = " ".join(f"{name} {row[name]:.2f}" for name in gaussians)
            print(f"{case} seed {seed}: {row['latent']} elbo {row['elbo']:.2f}, {others}; purity {row['purity']:.4f}; ", end="")
            print(f"{row['verdict']} {row.get('verdicts', '')}", flush=True)
            if row["verdict"] != "homeomorphic":
                print("   ", *row.get("reasons", ()), sep="\n    ", flush=True)
        certified = sum(row["verdict"] == "homeomorphic" for row in rows)
        pure = sum(row["purity"] >= 0.99 for row in rows)
        print(f"== {case}: certified {certified}, purity 0.99 {pure} of {len(rows)}; ", end="")
        leads = {name: sorted(row["elbo"] - row[name] for row in rows) for name in gaussians}
        said = [f"lead over {name} median {statistics.median(lead):.2f}, least {lead[0]:.2f}" for name, lead in leads.items()]
        elbos = sorted(row["elbo"] for row in rows)
        print(f"elbo median {statistics.median(elbos):.2f}, least {elbos[0]:.2f}; {'; '.join(said)}", flush=True)


if __name__ == "__main__":
    main()
