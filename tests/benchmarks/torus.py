"""The torus of the prescribed-topology paper: `python tests/benchmarks/torus.py [--seeds 0,1,2,3,4]`.

2000 points in 50 dimensions through a three-layer tanh map, noise 0.1. Published on that description, one core, 8000 full-batch
epochs of 68 s a model: test RMS Gaussian 0.198, torus 0.195 (0.205 with labels); geodesic stress 0.372, 0.263 (0.240).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from commands import run, run_json

PEER_SECONDS = 68.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data, one, both = (Path(folder) / name for name in ("x.npz", "one.h5", "both.h5"))
        for seed in parser.parse_args().seeds.split(","):
            run("generate", "torus", "-n", 2000, "--ambient", 50, "--noise", 0.1, "--seed", seed, "-o", data)
            alone, command = run_json("train", data, "--latent", "torus", "--threads", 1, "-o", one)
            _, whole = run("train", data, "--threads", 1, "--baseline", "-o", both)
            found, _ = run_json("evaluate", both)
            ours, gauss = found["test"], found["baseline"]["test"]
            rows.append((ours["rms"], gauss["rms"], ours["stress"], gauss["stress"], alone["seconds"], command, whole))
            print(
                f"seed {seed} {found['latent']}: rms {ours['rms']:.3f} (Gaussian {gauss['rms']:.3f}), "
                f"stress {ours['stress']:.3f} ({gauss['stress']:.3f}), kl {ours['kl']:.1f} ({gauss['kl']:.1f}); "
                f"training {alone['seconds']:.1f} s, the whole command {command:.1f} s, auto with baseline {whole:.1f} s",
                flush=True,
            )
    rms, rms_gauss, stress, stress_gauss, training, command, whole = map(statistics.median, zip(*rows, strict=True))
    print(
        f"medians: rms {rms:.3f} ({rms_gauss:.3f}), stress {stress:.3f} ({stress_gauss:.3f}); training {training:.1f} s (the "
        f"peer's {PEER_SECONDS:.0f} s: {PEER_SECONDS / training:.1f} times), the whole command {command:.1f} s, auto with "
        f"baseline {whole:.1f} s"
    )


if __name__ == "__main__":
    main()
