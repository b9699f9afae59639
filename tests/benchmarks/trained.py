"""Ordinary trainings on data that are not the latent space: `python tests/benchmarks/trained.py [--seeds 0,1] [--keep DIR]`.

1000 samples in 50 dimensions, noise 0.05: a circle with a whisker, a loop, a gap or an island, and a torus and a sphere with a
hole, each of 8 and 15 % (the whisker, loop and island 10 and 20 %), trained by the defaults with the latent space that they are
not. None may be certified homeomorphic. With `--sound` the spaces themselves are trained, which all may.
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

N, NOISE = 1000, 0.05
FAULTS = {
    "circle whisker": (0.1, 0.2),
    "circle loop": (0.1, 0.2),
    "circle island": (0.1, 0.2),
    "circle gap": (0.08, 0.15),
    "torus hole": (0.08, 0.15),
    "sphere hole": (0.08, 0.15),
}
SOUND = dict.fromkeys(("circle gap", "torus hole", "sphere hole", "klein sheet swap", "rp2 sheet swap"), (0.0,))


def main() -> None:
    import numpy as np
    import torch
    from support.faults import FAMILIES, sampled

    from topovae.data.dataset import Dataset
    from topovae.evaluation.certificate import certify
    from topovae.runs import models
    from topovae.runs.plan import plan
    from topovae.runs.provenance import make_header
    from topovae.runs.session import train_run
    from topovae.signature import parse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1", help="separated by commas")
    parser.add_argument("--sound", action="store_true", help="without faults")
    parser.add_argument("--keep", default="", help="a folder for data and latents (.npz) of each training")
    options = parser.parse_args()
    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    for seed in map(int, options.seeds.split(",")):
        for name, shares in (SOUND if options.sound else FAULTS).items():
            family = next(family for family in FAMILIES if str(family) == name)
            for share in shares:
                x, _ = sampled(family, share, N, NOISE, seed)
                data, start = Dataset.of(x.astype(np.float32)), time.perf_counter()
                planned = plan(data, family.latent, {"seed": seed})
                header = make_header(data, planned.options.to_dict(), seed, "cpu", ())
                run = train_run(data, planned.options, header, device="cpu", coordinates=planned.coordinates)
                model, seconds = models.load_model(run.model), time.perf_counter() - start
                latents = models.encode(model, data)["z"]
                if options.keep:
                    kept = Path(options.keep) / f"{name.replace(' ', '_')}_{share}_{seed}.npz"
                    np.savez(kept, x=x, latents=latents, latent=family.latent)
                found = certify(data, latents, parse(family.latent), seed=seed)
                counts[found.verdict] += 1
                print(f"{name} {share:.0%}, seed {seed}: {found.verdict}; {found.reasons[0]} ({seconds:.0f} s)", flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main()
