"""What ripser takes for an edge and for a triangle: `python tests/benchmarks/ripser_cost.py [--landmarks 120,300,500]`.

For points on a torus, seed 1000, the seconds of one core and the growth of the peak memory of persistence in degree 1, over the
edges, and in degree 2, less what its edges take, over the triangles; beside them what the table of tuned numbers says.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"

from scipy.spatial.distance import cdist

from topovae.data import generate
from topovae.homology.calibration import tuned
from topovae.homology.cloud.landmarks import self_tuned
from topovae.homology.complexes.rips import enclosing_radius, persistence, simplices
from topovae.runs.processes import forget_peak, peak_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landmarks", default="120,300,500", help="numbers of landmarks, with commas between them")
    options = parser.parse_args()
    names = ("bytes_per_edge", "seconds_per_edge", "bytes_per_triangle", "seconds_per_triangle")
    print("landmarks", *names)
    for count in map(int, options.landmarks.split(",")):
        points = generate("torus", count, ambient=20, seed=1000).x
        distances, _ = self_tuned(cdist(points, points))
        edge_bytes, edge_seconds = cost(distances, 1, 8.0)
        edges, triangles = simplices(distances, min(4.0, enclosing_radius(distances)), 2)
        surface_bytes, surface_seconds = cost(distances, 2, 4.0)
        many = simplices(distances, min(8.0, enclosing_radius(distances)), 1)[0]
        a, b = edge_bytes / many, edge_seconds / many
        print(
            count,
            f"{a:.0f} {b:.2g} {(surface_bytes - a * edges) / triangles:.0f} {(surface_seconds - b * edges) / triangles:.2g}",
        )
    print("table", *map(tuned, names))


def cost(distances: object, degree: int, longest_edge: float) -> tuple[int, float]:
    """Peak bytes beyond those held before, and seconds, of persistence over Z/2."""
    forget_peak()
    before, started = peak_bytes(), time.perf_counter()
    persistence(distances, 2, degree, longest_edge)
    return peak_bytes() - before, time.perf_counter() - started


if __name__ == "__main__":
    main()
