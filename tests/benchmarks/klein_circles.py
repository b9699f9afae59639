"""Klein-Circles as published: `python tests/benchmarks/klein_circles.py [--seeds 0,1,2] [--n 100000] [--epochs 50]
[--device cuda]`.

Pictures of a circle on a Klein bottle, 30 x 30, split 80/10/10, encoder 900-1024-512-128-32, batches of 1024, beta 1, Bernoulli
likelihood. Published (KleinVAE / Euclidean): −ELBO 76.7 / 32.0, reconstruction NLL 62.2 / 20.5, mean H1/H2 bottleneck distance
0.126 / 0.188. About ten minutes a run on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from commands import run, run_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--n", default=100_000, type=int)
    parser.add_argument("--epochs", default=50, type=int)
    parser.add_argument("--latent", default="klein")
    parser.add_argument("--init", default="cohomology")
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--keep", type=Path, help="folder for data and run files, instead of a temporary one")
    options = parser.parse_args()
    for seed in options.seeds.split(","):
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.keep or Path(temporary)
            data, model = folder / f"x{seed}.h5", folder / f"run{seed}.h5"
            run("generate", "klein-circles", "-n", options.n, "--seed", seed, "-o", data)
            words = ["--latent", options.latent, "--init", options.init, "--likelihood", "bernoulli", "--network", "mlp"]
            words += ["--hidden", "1024,512,128,32", "--batch-size", 1024, "--epochs", options.epochs, "--seed", seed]
            found, seconds = run_json(
                "train", data, *words, "--threads", options.threads, "--device", options.device, "-o", model
            )
            checked, evaluating = run_json("evaluate", model, "--iwae", 0)
        test = found["test"]
        print(
            f"seed {seed} {found['latent']}: −ELBO {-test['elbo']:.2f}, NLL {test['nll']:.2f}, KL {test['kl']:.2f}, stress "
            f"{test['stress']}; mean H1/H2 bottleneck {checked['persistence']['mean_h1_h2_bottleneck']}; "
            f"{checked['certificate']['verdict']} {checked['certificate']['reasons'][:1]}; training {seconds:.0f} s, "
            f"evaluating {evaluating:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
