"""Matched latents of image orbits against R^k at equal KL: `python tests/benchmarks/orbits.py [sample|rotated|shifted]`.

`sample` is sample_data/rotated_digits.h5; `rotated` and `shifted` are made from MNIST (`--mnist FOLDER`) as in the
prescribed-topology paper, with 50 exemplars a digit in place of its 500: digits 4 and 7 turned 180 times (R2xS1), digits 3, 4
and 7 shifted cyclically 100 times (R2xT2). Split by exemplar: no exemplar of the test split is seen in training. Each latent is
trained at several beta; the Gaussian's RMS and stress are read off its own fronts at the KL of the other, so that both spend
the same number of nats.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from commands import run, run_json

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data" / "rotated_digits.h5"
LATENTS = {"sample": "S1xR2", "rotated": "R2xS1", "shifted": "R2xT2"}
DIGITS = {"rotated": ("4,7", 180), "shifted": ("3,4,7", 100)}


def make_data(name: str, mnist: Path, exemplars: int, folder: Path) -> Path:
    """The file of a set of images."""
    if name == "sample":
        return SAMPLE
    path = folder / "x.h5"
    digits, copies = DIGITS[name]
    images, labels = (mnist / f"train-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
    images, labels = (next(p.parent.glob(p.name + "*")) for p in (images, labels))
    words = ["--images", images, "--labels", labels, "--classes", digits, "--exemplars", exemplars, "--copies", copies]
    run("generate", name, *words, "--seed", 0, "-o", path)
    return path


def at_equal_kl(ours: Sequence[dict[str, Any]], gauss: Sequence[dict[str, Any]], key: str) -> str:
    """Pairs of a metric, of the matched latent and of the Gaussian's front at the same KL, where they overlap."""
    front = sorted((row["kl"], row[key]) for row in gauss if row[key] is not None)
    if not front:
        return "not compared"
    kl, value = np.array(front).T
    pairs = [
        f"kl {row['kl']:.1f}: {row[key]:.3f} against {np.interp(row['kl'], kl, value):.3f}"
        for row in ours
        if kl[0] <= row["kl"] <= kl[-1]
    ]
    return "; ".join(pairs) or "nowhere"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", nargs="?", default="sample", choices=LATENTS)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--betas", default="0.5,1,2,4")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--exemplars", type=int, default=50, help="of each digit")
    parser.add_argument("--mnist", type=Path, default=ROOT.parent / "shared" / "data" / "mnist")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = make_data(options.set, options.mnist, options.exemplars, Path(folder))
        for seed in options.seeds.split(","):
            ours, gauss = [], []
            for beta in options.betas.split(","):
                words = ["--latent", LATENTS[options.set], "--baseline", "--beta", beta, "--epochs", options.epochs]
                found, seconds = run_json("train", data, *words, "--seed", seed, "-o", Path(folder) / "run.h5")
                test, other = found["test"], found["baseline"]["test"]
                ours.append(test)
                gauss.append(other)
                circles = ", ".join(f"{c['within_groups']:.3f} ({c['circular_correlation']:.3f})" for c in test["recovery"])
                names = (found["latent"], found["baseline"]["latent"])
                both = ", ".join(
                    f"{name} kl {row['kl']:.2f} rms {row['rms']:.3f} stress {row['stress']}"
                    for name, row in zip(names, (test, other), strict=True)
                )
                print(
                    f"seed {seed} beta {beta}: {both}; angles within exemplars (pooled) {circles}; {seconds:.0f} s", flush=True
                )
            for key in ("rms", "stress"):
                print(f"seed {seed} {key} at equal KL, where the fronts overlap: {at_equal_kl(ours, gauss, key)}", flush=True)


if __name__ == "__main__":
    main()
