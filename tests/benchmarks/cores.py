"""What cores, their thickness and branches look like on generated spaces: the table behind their rows of calibration.py.

    python tests/benchmarks/cores.py [--seeds 1000:1002] [--noise 0.05,0.1,0.2]

A line is a set: for planes of dimension 1 and 2 through a share of the samples, the dimension that the points on them have and
its gap; for a core that is found how the samples lie about it; for curves the share of points at which they branch.
"""

from __future__ import annotations

import argparse

from topovae.data import Dataset, generate
from topovae.homology.cloud.branches import branching_share
from topovae.homology.cloud.cleaning import clean
from topovae.homology.cloud.cores import LARGE, MIDDLE, SMALL, find_core, thickness
from topovae.homology.cloud.front import read_points
from topovae.homology.cloud.planes import onto_planes
from topovae.homology.cloud.presets import choose_preset
from topovae.homology.cloud.tangents import intrinsic_dimension

SPACES = (
    "circle",
    "interval",
    "figure-eight",
    "disk",
    "cylinder",
    "annulus",
    "mobius",
    "torus",
    "klein",
    "sphere",
    "so3",
    "r2xs1",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000:1002")
    parser.add_argument("--noise", default="0.05,0.1,0.2")
    parser.add_argument("-n", type=int, default=1500)
    options = parser.parse_args()
    first, last = map(int, options.seeds.split(":"))
    for space in SPACES:
        for noise in map(float, options.noise.split(",")):
            for seed in range(first, last):
                data = Dataset.of(generate(space, options.n, ambient=50, noise=noise, seed=seed).x)
                points = read_points(data, choose_preset(data, seed=seed), seed=seed).points
                kept = clean(points).kept
                print(f"{space} {noise:g} seed {seed}:", *_facts(points[kept], seed), sep="  ", flush=True)


def _facts(points, seed):
    """Yield what is seen of points, in words."""
    for dimension in (1, 2):
        for share in (SMALL, MIDDLE, LARGE):
            found = intrinsic_dimension(onto_planes(points, dimension, int(share * len(points))), 0.0, seed)
            yield f"d{dimension} {share:g}: {found.value} (gap {min(found.gap, 999):.0f})"
    core = find_core(points, (1, 2), seed)
    if core is not None:
        about = thickness(points, core)
        yield f"core {core.dimension}, extends in {about.directions}, kurtosis {about.kurtosis:.2f}"
        if core.dimension == 1:
            yield f"branches at {branching_share(points):.3f}"


if __name__ == "__main__":
    main()
