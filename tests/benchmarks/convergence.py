"""Whether default trainings have converged, and matched latents lead: `python tests/benchmarks/convergence.py [SPACE ...]`.

2000 points of a torus of revolution, a cylinder and a Moebius band through a random map of 50 dimensions, a new one for each
seed, that bends more than `topovae generate`'s; noise 0.1 (band 0.05). For each the matched latent and planes at several betas
are trained by the defaults. Printed are test ELBO, KL, RMS and stress, and how many nats lower the plane's reconstruction is at
the matched latent's KL, by the line through its neighbours. `--again` trains as long once more and prints what that gains.

The constants that it sets: `--sharpness 1,2,4,8 --rates 2e-3,4e-3,8e-3,16e-3 --epochs 77 --seeds 100:103`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from itertools import product
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from matched import numbers

LATENTS = {"torus": "S1xS1", "cylinder": "S1xI", "mobius": "mobius"}
NOISE = {"torus": 0.1, "cylinder": 0.1, "mobius": 0.05}
N, AMBIENT, WIDTHS, SLOPE = 2000, 50, (30, 40), 0.2


def draw(space: str, seed: int) -> Any:
    """A data set with its truth; the published description of the prescribed-topology experiments, with a steeper map."""
    from topovae.data.dataset import Dataset

    rng = np.random.default_rng([seed, len(space)])
    t, u, h = rng.uniform(-np.pi, np.pi, N), rng.uniform(-np.pi, np.pi, N), rng.uniform(0, 1, N)
    if space == "torus":
        ring = 2 + 0.8 * np.cos(u)
        points, truth = (ring * np.cos(t), ring * np.sin(t), 0.8 * np.sin(u)), (t, u)
    elif space == "cylinder":
        points, truth = (np.cos(t), np.sin(t), h), (t, h)
    else:
        k = h - 0.5
        points, truth = (np.cos(2 * t), np.sin(2 * t), k**2, np.cos(t) * k, np.sin(t) * k), (t, h)
    x = np.stack(points, 1)
    x = np.tanh(0.8 * x @ rng.standard_normal((x.shape[1], WIDTHS[0])))
    x = 0.5 * x @ rng.standard_normal(WIDTHS)
    x = np.tanh(0.3 * np.where(x > 0, x, SLOPE * x) @ rng.standard_normal((WIDTHS[1], AMBIENT)))
    x += NOISE[space] * rng.standard_normal(x.shape)
    return Dataset.of(x.astype(np.float32), truth=np.stack(truth, 1), space=LATENTS[space])


def train(data: Any, latent: str, seed: int, **options: Any) -> Any:
    """A trained run, and the seconds that it took."""
    from topovae.runs.plan import plan
    from topovae.runs.provenance import make_header
    from topovae.runs.session import train_run

    started = time.perf_counter()
    planned = plan(data, latent, {"seed": seed, **options})
    header = make_header(data, planned.options.to_dict(), seed, "cpu", ())
    run = train_run(data, planned.options, header, device="cpu", coordinates=planned.coordinates)
    return run.model, time.perf_counter() - started


def at_kl(planes: Sequence[dict[str, float]], kl: float) -> float:
    """The planes' reconstruction, −log p(x | z) in nats, at a KL: on the line through the two whose KL are nearest."""
    (a, b) = sorted(planes, key=lambda plane: abs(plane["kl"] - kl))[:2]
    return a["nll"] + (b["nll"] - a["nll"]) * (kl - a["kl"]) / (b["kl"] - a["kl"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="*", default=list(LATENTS))
    parser.add_argument("--seeds", default="0:10", type=numbers)
    parser.add_argument("--betas", default="0.7,1,1.4")
    parser.add_argument("--epochs", type=int, help="instead of the default")
    parser.add_argument("--sharpness", default="", help="of decoders, with commas")
    parser.add_argument("--rates", default="", help="learning rates, with commas")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()

    import torch

    from topovae.model import networks

    torch.set_num_threads(1)
    sharpness = [float(word) for word in options.sharpness.split(",") if word] or [networks.SHARPNESS]
    rates = [float(word) for word in options.rates.split(",") if word] or [None]
    for networks.SHARPNESS, rate in product(sharpness, rates):
        led = {"ELBO": 0, "stress": 0}
        for space, seed in product(options.spaces, options.seeds):
            data, asked = draw(space, seed), {"epochs": options.epochs, "learning_rate": rate}
            model, seconds = train(data, LATENTS[space], seed, **asked)
            ours = model.final["test"]
            planes = [train(data, "R2", seed, beta=float(beta), **asked)[0] for beta in options.betas.split(",")]
            plane = next(p for p, beta in zip(planes, options.betas.split(","), strict=True) if float(beta) == 1)
            flat = plane.final["test"]
            lead = at_kl([p.final["test"] for p in planes], ours["kl"]) - ours["nll"]
            led["ELBO"] += lead > 0
            led["stress"] += ours["stress"] < flat["stress"]
            gained = ""
            if options.again:
                epochs = 2 * len(model.history["valid_loss"])
                more, _ = train(data, LATENTS[space], seed, epochs=epochs, learning_rate=rate)
                gained = (
                    f"; as long again gains {min(model.history['valid_loss']) - min(more.history['valid_loss']):.2f} (valid), "
                )
                gained += f"{more.final['test']['elbo'] - ours['elbo']:.2f} (test)"
            print(
                f"{space} seed {seed} sharpness {networks.SHARPNESS:g} rate {rate}: ELBO {ours['elbo']:.2f} (plane "
                f"{flat['elbo']:.2f}), KL {ours['kl']:.2f} ({flat['kl']:.2f}), lead at equal KL {lead:.2f}, rms "
                f"{ours['rms']:.4f} ({flat['rms']:.4f}), stress {ours['stress']:.3f} ({flat['stress']:.3f}); {seconds:.0f} s, "
                f"{model.config['end']}{gained}",
                flush=True,
            )
        n = len(options.spaces) * len(options.seeds)
        print(
            f"== of {n} the matched latent leads in ELBO at equal KL in {led['ELBO']}, in stress in {led['stress']}", flush=True
        )


if __name__ == "__main__":
    main()
