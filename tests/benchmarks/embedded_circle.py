"""The toy of embedding-reparametrisation: `python tests/benchmarks/embedded_circle.py [S1 R2 …] [--seeds 10:13]`.

2000 points, uniform on a circle, go without noise through a random net of one hidden layer of 100 rectified units to 100
dimensions, its weights uniform as Xavier's; the likelihood is Gaussian of the fixed deviation 0.01. Published ELBOs, whose
noise is not stated: 184 for a Gaussian VAE of one dimension, 197 with a learned embedding, 259 with an encoder of rotations,
357 for a Gaussian VAE of two dimensions.
"""

from __future__ import annotations

import argparse
import os

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")

N, HIDDEN, AMBIENT, NOISE = 2000, 100, 100, 0.01


def make(seed: int) -> np.ndarray:
    """Samples (N, AMBIENT) of a map of their own."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, N)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    hidden = np.maximum(circle @ xavier(rng, 2, HIDDEN), 0)
    return (hidden @ xavier(rng, HIDDEN, AMBIENT)).astype(np.float32)


def xavier(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Weights (rows, columns) that keep the variance of what goes through them."""
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def elbo(x: np.ndarray, latent: str, seed: int, epochs: int | None) -> float:
    """The test ELBO of a run of the defaults, nats."""
    import torch

    from topovae.data.dataset import Dataset
    from topovae.runs.plan import plan
    from topovae.runs.provenance import make_header
    from topovae.runs.session import train_run

    torch.set_num_threads(1)
    data = Dataset.of(x)
    planned = plan(data, latent, {"seed": seed, "noise": NOISE, "likelihood": "gaussian", "epochs": epochs})
    header = make_header(data, planned.options.to_dict(), seed, "cpu", ())
    run = train_run(data, planned.options, header, device="cpu", coordinates=planned.coordinates)
    return float(run.model.final["test"]["elbo"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("latents", nargs="*", default=["S1", "embedding(circle)", "R2"])
    parser.add_argument("--seeds", default="10:13")
    parser.add_argument("--epochs", default=None, type=int)
    options = parser.parse_args()
    for seed in range(*map(int, options.seeds.split(":"))):
        found = {latent: elbo(make(seed), latent, seed, options.epochs) for latent in options.latents}
        print(f"map {seed}: " + ", ".join(f"{latent} {value:.2f}" for latent, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
