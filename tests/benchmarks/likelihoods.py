"""Likelihoods beside the Gaussian one, on data as instruments give them: counts of spikes, and pictures with shocks.

    python tests/benchmarks/likelihoods.py FOLDER [FOLDER ...] [--only hd_low_rate] [--likelihoods gaussian,poisson]

A folder holds NAME.npy and NAME.truth.npy of one seed each. Each line is one training on the circle: the held-out
log-likelihood, nats a row, and how well the angle is found again on the held-out rows and on all (1: up to a turn and a
reflection). The log-likelihood is the importance-weighted bound of 64 samples; of counts, the Gaussian is given the mass
of the unit interval around each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from topovae import TopoVAE
from topovae.evaluation.truth import circular_agreement
from topovae.model.likelihoods import Stated
from topovae.model.likelihoods.gaussian import GaussianLikelihood
from topovae.model.vae import VAE

DATA = {"hd_low_rate": ("gaussian", "poisson", "negative-binomial"), "shocked_turntable": ("gaussian", "student")}
SAMPLES = 64


class UnitIntervals(GaussianLikelihood):
    """The mass that a Gaussian likelihood gives to the unit interval around each whole number, in place of its density."""

    @classmethod
    def of(cls, trained: GaussianLikelihood) -> UnitIntervals:
        """The same noise and units."""
        return cls(trained.shift, trained.scale, Stated(noise=float(trained.noise.detach())))

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        """log of the mass of a row, (B,)."""
        deviation = (x - self.mean(decoded)).double()
        low, high = ((deviation + side) / self.noise.double() for side in (-0.5, 0.5))
        # both from the lower tail, where differences keep their digits
        swapped = low > 0
        low, high = torch.where(swapped, -high, low), torch.where(swapped, -low, high)
        upper, lower = torch.special.log_ndtr(high), torch.special.log_ndtr(low)
        return (upper + torch.log1p(-torch.exp(lower - upper))).sum(1)


@torch.no_grad()
def held_out(model: VAE, x: np.ndarray, seed: int) -> float:
    """The bound on the log-likelihood of rows, nats a row."""
    torch.manual_seed(seed)
    return float(model.log_likelihood(torch.as_tensor(x, dtype=torch.float32), SAMPLES).double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--only", choices=DATA)
    parser.add_argument("--likelihoods", default="")
    options = parser.parse_args()
    for name in [options.only] if options.only else DATA:
        for folder in options.folders:
            x, truth = np.load(folder / f"{name}.npy"), np.load(folder / f"{name}.truth.npy")
            for likelihood in options.likelihoods.split(",") if options.likelihoods else DATA[name]:
                fitted = TopoVAE(latent="S1", likelihood=likelihood, device="cpu").fit(x)
                test = fitted.run_.split["test"]
                angles = fitted.transform(x)[:, 0]
                model = fitted.model_
                if likelihood == "gaussian" and (x == np.round(x)).all():
                    model.likelihood = UnitIntervals.of(model.likelihood)
                bound = held_out(model, x[test], fitted.seed_)
                on_test, on_all = circular_agreement(angles[test], truth[test]), circular_agreement(angles, truth)
                told = f"log p {bound:.2f} nats, angle {on_test:.4f} held out, {on_all:.4f} of all rows"
                print(f"{name} {folder.name} {likelihood}: {told}", flush=True)


if __name__ == "__main__":
    main()
