"""Names given to generated spaces: `python tests/benchmarks/names.py [--seeds 0,1,2] [--noise 0.05] [SPACE …]`."""

from __future__ import annotations

import argparse

from commands import run, run_json

SAME = {
    "annulus": "cylinder",
    "disk": "plane",
    "interval": "interval",
    "r2xs1": "S1xR2",
    "figure-eight": "none",
    "wedge": "none",
}
SPACES = ("circle", "cylinder", "torus", "sphere", "klein", "rp2", "mobius", "interval", "disk", "annulus", "r2xs1", "wedge")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spaces", nargs="*", default=SPACES)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--noise", default="0.05")
    options = parser.parse_args()
    seeds, right, asked = options.seeds.split(","), 0, 0
    for space in options.spaces:
        row = []
        for seed in seeds:
            words = ("generate", space, "-n", 2000, "--ambient", 50, "--noise", options.noise, "--seed", seed, "-o", "-")
            found, seconds = run_json("analyze", "-", stdin=run(*words)[0])
            best = found["recommendation"]
            good = best["name"] == SAME.get(space, space)
            right, asked = right + good, asked + 1
            row.append(f"{best['name']} {best['confidence']:.2f} {seconds:.0f}s" + ("" if good else " WRONG"))
        print(f"{space:14s}", " | ".join(row), flush=True)
    print(f"{right} of {asked} right (noise {options.noise}, seeds {options.seeds})")


if __name__ == "__main__":
    main()
