"""Names given to sets of pictures: `python tests/benchmarks/picture_names.py [--mnist FOLDER] [--seeds 20,21,22] [SET …]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from images import CASES, MNIST, Images, Source

from topovae.data.dataset import Dataset
from topovae.data.synthetic.spaces import generate
from topovae.homology import analyze
from topovae.signature import parse


def generated(space: str) -> Callable[[Source, int], Images]:
    def draw(source: Source, seed: int) -> Images:
        sample = generate(space, 2000, seed=seed)
        return sample.x, sample.group

    return draw


SETS: dict[str, tuple[Callable[[Source, int], Images], bool, str | None]] = {
    "one digit rotated, 800": (CASES["rotated 1x800"].draw, False, "S1"),
    "100 digits x 30 rotations, groups": (CASES["rotated 100x30"].draw, True, "S1xR2"),
    "100 digits x 30 rotations, no groups": (CASES["rotated 100x30"].draw, False, "S1xR2"),
    "one digit shifted, 800": (CASES["shifted 1x800"].draw, False, "S1xS1"),
    "10 digits x 300 shifts, groups": (CASES["shifted 10x300"].draw, True, "S1xS1xR2"),
    "100 digits x 30 shifts, no groups": (CASES["shifted 100x30"].draw, False, "S1xS1xR2"),
    "plain digits, 2000": (CASES["plain 2000"].draw, False, None),
    "klein-circles": (generated("klein-circles"), False, "klein"),
    "klein-filters": (generated("klein-filters"), False, "klein"),
    "fourier": (generated("fourier"), False, "S1xS1"),
}
"""How to draw a set, whether its groups are given, and its latent space; None where no circle may be claimed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--mnist", type=Path, default=MNIST)
    parser.add_argument("--seeds", default="20,21,22")
    options = parser.parse_args()
    right = asked = 0
    for name in options.sets:
        draw, grouped, expected = SETS[name]
        row = []
        for seed in map(int, options.seeds.split(",")):
            images, group = draw(Source(options.mnist), seed)
            started = time.perf_counter()
            found = analyze(Dataset.of(images, group=group if grouped else None), seed=seed)
            best, seconds = found.recommendation, time.perf_counter() - started
            if expected is None:
                factors = () if best.latent is None else parse(best.latent).factors
                good = not any(factor.is_circle for factor in factors) and not any(s.closed for s in found.symmetries)
            else:
                good = best.latent is not None and parse(best.latent) == parse(expected)
            right, asked = right + good, asked + 1
            row.append(f"{best.name} {best.confidence:.2f} by {best.source} {seconds:.0f} s{'' if good else ' WRONG'}")
        print(f"{name:38s}", " | ".join(row), flush=True)
    print(f"{right} of {asked} right (seeds {options.seeds})")


if __name__ == "__main__":
    main()
