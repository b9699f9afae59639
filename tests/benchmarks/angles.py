"""How good the angles are that a network learns of turning pictures, when it stops as it has converged, and after all steps.

    python tests/benchmarks/angles.py [--seeds 0,1,2]

The resultant is |mean exp(i (angle − truth))|, within groups where exemplars have zeros of their own; 1 is perfect.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.readers.find import read
from topovae.data.splits import split_data
from topovae.model.networks import choose_network
from topovae.training import equivariance

CONVERGED = equivariance.CONVERGED
SAMPLES = Path(__file__).parents[2] / "sample_data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    seeds = [int(word) for word in parser.parse_args().seeds.split(",")]
    for name in ("turning_digit.h5", "rotated_digits.h5"):
        data = read(str(SAMPLES / name))
        for level in (CONVERGED, 0.0):
            equivariance.CONVERGED = level
            for seed in seeds:
                started = time.process_time()
                angles, misfit = learned(data, seed)
                seconds = time.process_time() - started
                how = "all steps" if level == 0 else "until converged"
                print(
                    f"{name} {how}, seed {seed}: resultant {resultant(data, angles):.5f}, misfit {misfit:.5f}, {seconds:.1f} s"
                )


def learned(data: Dataset, seed: int) -> tuple[np.ndarray, float]:
    """Angles of all pictures in radians, (n,), and the network's misfit."""
    network, train = choose_network(data.sample_shape), split_data(data, seed).train
    angles, misfit = equivariance.learn_angles(data, train, ["rotation"], network, torch.device("cpu"), seed)
    return angles[:, 0], misfit


def resultant(data: Dataset, angles: np.ndarray) -> float:
    """The mean over groups, for the better of the two senses of turning."""
    assert data.truth is not None
    group = np.zeros(len(angles)) if data.group is None else data.group
    found = [
        np.mean([abs(np.exp(1j * (angles - sense * data.truth[:, 0])[group == one]).mean()) for one in np.unique(group)])
        for sense in (1, -1)
    ]
    return float(max(found))


if __name__ == "__main__":
    main()
