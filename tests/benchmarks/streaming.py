"""Training on data that do not fit in memory: `python tests/benchmarks/streaming.py [--rows 10000000] [--features 50]`.

Makes a table of single precision on a torus, contiguous in an HDF5 file; trains on it with the command, whose greatest resident
memory is printed; then measures samples a second of the training loop with the training split in memory and with the split
streamed, in processes of their own that take turns. Two epochs are trained and the second is timed, validation included.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from commands import run_json

LATENT, HIDDEN = "T2", (128, 128)
NOISE = 0.1
ROWS_AT_ONCE = 250_000
WAYS = ("resident", "streamed")
GIB = 2**30


def make_file(path: Path, rows: int, features: int) -> None:
    """A torus in `features` dimensions with noise, as the array `x`, float32 (rows, features)."""
    rng = np.random.default_rng(0)
    frame = rng.standard_normal((4, features), dtype=np.float32) / 2
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (rows, features), np.float32)
        for start in range(0, rows, ROWS_AT_ONCE):
            count = min(ROWS_AT_ONCE, rows - start)
            a, b = rng.random((2, count), dtype=np.float32) * np.float32(2 * np.pi)
            torus = np.stack([np.cos(a), np.sin(a), np.cos(b), np.sin(b)], 1)
            x[start : start + count] = torus @ frame + NOISE * rng.standard_normal((count, features), dtype=np.float32)


def train_once(path: str, way: str, batch_size: int) -> dict[str, float]:
    """Samples of the training split a second, and the greatest resident memory in bytes, of training in this process."""
    import torch

    from topovae.data.dataset import Dataset
    from topovae.data.moments import moments
    from topovae.data.splits import split_data
    from topovae.model.networks import NetworkConfig
    from topovae.model.vae import ModelConfig, build_model
    from topovae.runs.processes import peak_bytes
    from topovae.training import batches
    from topovae.training.config import TrainingConfig
    from topovae.training.loop import Trainer

    torch.set_num_threads(1)
    data = Dataset.of(h5py.File(path, "r")["x"])
    split = split_data(data, 0)
    size = len(split.train) * data.n_features * 4
    batches.RESIDENT_BYTES = size if way == "resident" else size - 1  # the validation split is in memory both ways
    mean, std = moments(data, split.train[: 2**17])
    config = ModelConfig(LATENT, data.sample_shape, NetworkConfig("mlp", hidden=HIDDEN))
    model = build_model(config, torch.as_tensor(mean), std, 0)
    trainer = Trainer(model, data, split, TrainingConfig(epochs=2, batch_size=batch_size))
    ends: list[float] = []
    trainer.run(lambda state: ends.append(time.perf_counter()))
    return {"rate": len(split.train) / (ends[1] - ends[0]), "peak_bytes": peak_bytes()}


def measure(path: Path, way: str, batch_size: int) -> dict[str, float]:
    """`train_once` in a process of its own."""
    words = [sys.executable, __file__, "--file", str(path), "--way", way, "--batch-sizes", str(batch_size)]
    return json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--batch-sizes", default="1024,8192")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the file is made (4 bytes a number), else a temporary folder")
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = [int(size) for size in options.batch_sizes.split(",")]
    if options.way:
        print(json.dumps(train_once(options.file, options.way, sizes[0])))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "x.h5"
        make_file(path, options.rows, options.features)
        words: list[object] = [
            "--latent",
            LATENT,
            "--network",
            "mlp",
            "--hidden",
            ",".join(map(str, HIDDEN)),
            "--init",
            "random",
        ]
        words += ["--epochs", 1, "--batch-size", sizes[-1], "-o", Path(folder) / "run.h5"]
        found, seconds = run_json("train", path, *words)
        # Of all processes that have ended so far, which is this one.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(
            f"topovae train, {options.rows} x {options.features} ({path.stat().st_size / GIB:.2f} GiB), one epoch: "
            f"{seconds:.0f} s in all, test ELBO {found['test']['elbo']:.2f}, peak {peak / GIB:.2f} GiB",
            flush=True,
        )
        for size in sizes:
            ratios = []
            for turn in range(options.rounds):
                ways = WAYS if turn % 2 == 0 else WAYS[::-1]
                rates = {way: measure(path, way, size) for way in ways}
                resident, streamed = (rates[way]["rate"] for way in WAYS)
                ratios.append(streamed / resident)
                print(
                    f"batches of {size}: in memory {resident:.0f} samples/s ({rates['resident']['peak_bytes'] / GIB:.2f} GiB), "
                    f"streamed {streamed:.0f} ({rates['streamed']['peak_bytes'] / GIB:.2f} GiB), ratio {ratios[-1]:.2f}",
                    flush=True,
                )
            print(f"batches of {size}: median ratio {statistics.median(ratios):.2f}", flush=True)


if __name__ == "__main__":
    main()
