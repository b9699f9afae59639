"""S1xR2 against R3 on rotated digits, at equal KL: `python tests/benchmarks/rotated_digits.py [--seeds 0,1,2]`.

Split by exemplar: no exemplar of the test split is seen in training. Each latent is trained at several beta; the Gaussian's RMS
is read off its own reconstruction-KL front at the KL of the other, so that both spend the same number of nats.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from commands import run_json

SAMPLE = Path(__file__).parents[2] / "sample_data" / "rotated_digits.h5"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--betas", default="0.5,1,2,4")
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    for seed in options.seeds.split(","):
        ours, gauss = [], []
        for beta in options.betas.split(","):
            with tempfile.TemporaryDirectory() as folder:
                words = ["--latent", "S1xR2", "--baseline", "--beta", beta, "--epochs", options.epochs, "--seed", seed]
                found, seconds = run_json("train", SAMPLE, *words, "-o", Path(folder) / "run.h5")
            test, other = found["test"], found["baseline"]["test"]
            ours.append((test["kl"], test["rms"]))
            gauss.append((other["kl"], other["rms"]))
            circle = test["recovery"][0]
            print(
                f"seed {seed} beta {beta}: S1xR2 kl {test['kl']:.2f} rms {test['rms']:.2f}, "
                f"R3 kl {other['kl']:.2f} rms {other['rms']:.2f}; angle within exemplars {circle['within_groups']:.3f}, "
                f"pooled {circle['circular_correlation']:.3f}; {seconds:.0f} s",
                flush=True,
            )
        kl, rms = np.array(sorted(gauss)).T
        pairs = [(k, r, float(np.interp(k, kl, rms))) for k, r in ours if kl[0] <= k <= kl[-1]]
        text = "; ".join(f"kl {k:.1f}: {r:.2f} against {g:.2f}" for k, r, g in pairs)
        print(f"seed {seed} at equal KL, where the fronts overlap: {text or 'nowhere'}", flush=True)


if __name__ == "__main__":
    main()
