"""The sets of the prescribed-topology paper: `python tests/benchmarks/prescribed.py [torus cylinder mobius] [--seeds 0:10]`.

2000 points in 50 dimensions through a three-layer tanh map, noise 0.1 (Möbius band 0.05), the latent space given, no labels.
Published on that description, one core, 8000 full-batch epochs in 68 s a model, without labels (with them): test RMS torus
0.195 (0.205), cylinder 0.178 (0.184), Möbius band 0.208 (0.164); geodesic stress 0.263 (0.240), 0.106 (0.076), 0.235 (0.090).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from commands import run, run_json
from matched import numbers

NOISE = {"torus": 0.1, "cylinder": 0.1, "mobius": 0.05}
PEER_SECONDS = 68.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="*", default=list(NOISE))
    parser.add_argument("--seeds", default="0:10", type=numbers)
    options = parser.parse_args()
    for space in options.spaces:
        rows = []
        for seed in options.seeds:
            with tempfile.TemporaryDirectory() as folder:
                data, model = Path(folder) / "x.npz", Path(folder) / "run.h5"
                run("generate", space, "-n", 2000, "--ambient", 50, "--noise", NOISE[space], "--seed", seed, "-o", data)
                words = ("--latent", space, "--threads", 1, "--baseline", "--seed", seed)
                found, command = run_json("train", data, *words, "-o", model)
            ours, gauss = found["test"], found["baseline"]["test"]
            rows.append((ours["rms"], ours["stress"], gauss["rms"], gauss["stress"], found["seconds"] / 2))
            print(
                f"{space} seed {seed}: rms {ours['rms']:.3f} (Gaussian {gauss['rms']:.3f}), stress {ours['stress']:.3f} "
                f"({gauss['stress']:.3f}); {found['seconds']:.1f} s for both models, the whole command {command:.1f} s",
                flush=True,
            )
        columns = list(zip(*rows, strict=True))
        rms, stress, rms_gauss, stress_gauss, seconds = map(statistics.median, columns)
        print(
            f"== {space}: medians rms {rms:.3f} ({rms_gauss:.3f}), stress {stress:.3f} ({stress_gauss:.3f}); worst rms "
            f"{max(columns[0]):.3f}, stress {max(columns[1]):.3f}; {seconds:.1f} s a model ({PEER_SECONDS / seconds:.0f} times "
            "faster than the peer's)",
            flush=True,
        )


if __name__ == "__main__":
    main()
