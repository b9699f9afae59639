"""How well the start of an interval beside circles follows the true heights: `python tests/benchmarks/intervals.py`.

Cylinders through harsh maps (`convergence.py`): rank correlation of the start's heights with the true ones, for each seed. The
constant that it sets: `--energies 5,10,14,20,40`.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from convergence import draw
from matched import numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="200:208", type=numbers)
    parser.add_argument("--energies", default="", help="times that a gradient along circles counts, with commas")
    options = parser.parse_args()

    from scipy.stats import spearmanr

    import topovae
    from topovae.homology.coordinates import bundles
    from topovae.homology.coordinates.search import find_coordinates
    from topovae.signature import parse

    latent = parse("S1xI")
    energies = [float(word) for word in options.energies.split(",") if word] or [bundles.ACROSS]
    for seed in options.seeds:
        data = draw("cylinder", seed)
        analysis = topovae.analyze(data)
        for energy in energies:
            bundles.ACROSS = energy
            heights = find_coordinates(data, analysis, latent).points[:, 1]
            agreement = abs(spearmanr(heights, data.truth[:, 1]).statistic)
            print(f"seed {seed}, energy along circles {energy:g} times: {agreement:.3f}", flush=True)


if __name__ == "__main__":
    main()
