"""Published point clouds of measured data: `python tests/benchmarks/javaplex.py FOLDER`.

FOLDER is src/matlab/for_distribution/tutorial_examples of a clone of https://github.com/appliedtopology/javaplex. It holds
6040 conformations of cyclo-octane in 24 coordinates (Martin et al. 2010: a sphere and a Klein bottle that meet in two
circles), and the densest 30 % of high-contrast patches of photographs (Carlsson et al. 2008: a circle by densities of 300
neighbours, by those of 15 three circles, two of which meet the third) and of range pictures (Adams and Carlsson 2009: a
circle). None of them was used to choose anything here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from commands import run_json

PUBLISHED = {
    "pointsCycloOctane": [1, 1, 2],
    "pointsOpticalDct_k300": [1, 1],
    "pointsOpticalDct_k15": [1, 5],
    "pointsRange": [1, 1],
}
"""Betti numbers over Z/2."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, published in PUBLISHED.items():
        found, seconds = run_json("analyze", folder / f"{name}.mat")
        named = found["recommendation"]
        print(
            f"{name}: Betti numbers over Z/2 {found['betti']['2']} (published {published}), {named['name']} with confidence "
            f"{named['confidence']:.2f}; {found['n_samples']} samples, {seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
