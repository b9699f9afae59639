"""Fingerprints of what the commands make of fixed seeds: two states of the code that print the same lines give the same arrays.

    python tests/benchmarks/fingerprints.py > before.txt    # then change the code
    python tests/benchmarks/fingerprints.py | diff before.txt -

Only the command line is used, so that any state of the code can be asked (PYTHONPATH chooses it). A line is the name of a
result and a digest: of every dataset of an HDF5 file by name, type, shape and bytes; of JSON by its text; both without times,
places and versions. The thread count is one, as sums in another order differ in their last bits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SAMPLES = Path(__file__).parents[2] / "sample_data"

LEFT_OUT = {"seconds", "created", "command", "topovae_version", "versions", "device", "run", "sweep", "path", "time"}
"""Names in JSON and HDF5 whose values are of the machine and the moment."""

SPACES = ("circle", "torus", "klein", "mobius", "sphere", "rp2", "so3", "cylinder", "swiss_roll", "embedded_torus")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", help="a folder to leave the files in")
    parser.add_argument("--only", default="", help="work on lines whose name starts so")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(options.keep or folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, make in WORK.items():
            if name.startswith(options.only):
                for line, digest in make(Tool(place, name)).items():
                    print(f"{name} {line} {digest}", flush=True)


class Tool:
    """Runs commands in a folder, in which every step has names of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def __call__(self, *words: object, seconds: float | None = None) -> bytes:
        """The stdout of a command; with `seconds` it is interrupted after so long."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "topovae", *map(str, words), "--quiet"]
        if seconds is not None:
            command = ["timeout", "-s", "INT", str(seconds), *command]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, check=False)
        if done.returncode != 0 and seconds is None:
            sys.exit(f"{' '.join(command)}: {done.stderr.decode()}")
        return done.stdout

    def file(self, ending: str) -> Path:
        return self.folder / f"{self.name}{ending}"

    def data(self, space: str, n: int, *more: object) -> Path:
        path = self.file(".npz")
        self("generate", space, "-n", n, "--ambient", 20, "--noise", 0.05, "--seed", 11, *more, "-o", path.name)
        return path


def of_file(path: Path) -> str:
    """The digest of an HDF5 file."""
    digest = hashlib.sha256()

    def visit(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset) and not LEFT_OUT & set(name.split("/")):
            value = np.asarray(entry[()])
            text = value.dtype.kind == "O"
            content = repr(_kept_text(value)) if text else f"{value.dtype}{value.shape}".encode() + value.tobytes()
            digest.update(name.encode() + (content.encode() if isinstance(content, str) else content))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return digest.hexdigest()[:16]


def _kept_text(value: np.ndarray) -> Any:
    text = value.item() if value.shape == () else value.tolist()
    try:
        return _kept(json.loads(text))
    except (TypeError, ValueError):
        return text


def of_json(text: bytes) -> str:
    """The digest of a JSON document."""
    return hashlib.sha256(json.dumps(_kept(json.loads(text)), sort_keys=True).encode()).hexdigest()[:16]


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kept(part) for key, part in value.items() if key not in LEFT_OUT}
    return [_kept(part) for part in value] if isinstance(value, list) else value


def generated(tool: Tool) -> dict[str, str]:
    found = {}
    for space in SPACES:
        path = tool.file(f"_{space}.h5")
        tool("generate", space, "-n", 60, "--seed", 5, "-o", path.name)
        found[space] = of_file(path)
    return found


def analysed(space: str, n: int, *options: object) -> Any:
    def make(tool: Tool) -> dict[str, str]:
        words = ("analyze", tool.data(space, n), *options, "--json", "-o", tool.file("_report.h5").name)
        return {"json": of_json(tool(*words)), "report": of_file(tool.file("_report.h5"))}

    return make


def counted(tool: Tool) -> Path:
    """Head-direction counts: cells with a bump of tuning, a walk over the circle."""
    rng = np.random.default_rng(3)
    angle = np.cumsum(rng.normal(0, 0.25, 1200))
    tuning = np.exp(3 * (np.cos(angle[:, None] - np.linspace(0, 2 * np.pi, 30, endpoint=False)) - 1))
    np.savez(tool.file(".npz"), x=rng.poisson(3 * tuning))
    return tool.file(".npz")


def analysed_counts(tool: Tool) -> dict[str, str]:
    return {"json": of_json(tool("analyze", counted(tool), "--json"))}


def analysed_distances(tool: Tool) -> dict[str, str]:
    points = np.load(tool.data("circle", 150))["x"].astype(float)
    np.save(tool.file(".npy"), np.linalg.norm(points[:, None] - points, axis=-1))
    return {"json": of_json(tool("analyze", tool.file(".npy"), "--distance-matrix", "--json"))}


def analysed_images(tool: Tool) -> dict[str, str]:
    return {"json": of_json(tool("analyze", SAMPLES / "rotated_digits.h5", "--json"))}


def trained(space: str, *options: object, n: int = 600) -> Any:
    def make(tool: Tool) -> dict[str, str]:
        run = tool.file("_run.h5")
        found = {"json": of_json(tool("train", tool.data(space, n), *options, "--json", "-o", run.name)), "run": of_file(run)}
        found["evaluate"] = of_json(tool("evaluate", run.name, tool.file(".npz").name, "--json"))
        tool("encode", run.name, "-i", tool.file(".npz").name, "-o", f"{tool.name}_z.h5", "--with-scale")
        tool("decode", run.name, "-i", f"{tool.name}_z.h5::z", "-o", f"{tool.name}_x.h5")
        tool("sample", run.name, "-n", 50, "-o", f"{tool.name}_s.h5")
        return found | {part: of_file(tool.file(f"_{part}.h5")) for part in "zxs"}

    return make


def trained_images(tool: Tool) -> dict[str, str]:
    words = ("train", SAMPLES / "turning_digit.h5", "--epochs", 2, "--json", "-o", tool.file(".h5").name)
    return {"json": of_json(tool(*words)), "run": of_file(tool.file(".h5"))}


def resumed(tool: Tool) -> dict[str, str]:
    words = ("train", tool.data("torus", 500), "--latent", "T2", "--epochs", 60, "--baseline", "-o", tool.file("_run.h5").name)
    tool(*words, seconds=12)
    tool(*words, "--resume")
    return {"run": of_file(tool.file("_run.h5"))}


def swept(jobs: int, seconds: float | None = None) -> Any:
    def make(tool: Tool) -> dict[str, str]:
        options = ("--betas", "0.1,1", "--seeds", 2, "--epochs", 4, "--jobs", jobs, "-o", tool.file("_sweep.h5").name)
        words = ("sweep", tool.data("cylinder", 400), "--latents", "S1xI,R2", *options)
        if seconds is not None:
            tool(*words, seconds=seconds)
        return {"json": of_json(tool(*words, "--json")), "sweep": of_file(tool.file("_sweep.h5"))}

    return make


WORK = {
    "generate": generated,
    "analyze-torus": analysed("torus", 1000),
    "analyze-klein": analysed("klein", 1200, "--seed", 4),
    "analyze-two": analysed("concentric-circles", 800),
    "analyze-counts": analysed_counts,
    "analyze-distances": analysed_distances,
    "analyze-images": analysed_images,
    "train-auto": trained("circle", "--epochs", 6, "--baseline"),
    "train-mobius": trained("mobius", "--latent", "mobius", "--epochs", 6, "--seed", 2),
    "train-rp2": trained("rp2", "--latent", "rp2", "--epochs", 4, n=900),
    "train-families": trained(
        "cylinder", "--latent", "S1xI", "--init", "random", "--posterior", "von-mises,beta", "--epochs", 4, "--noise", 0.3
    ),
    "train-cover": trained("klein", "--latent", "klein", "--encoder", "cover", "--divergence", "cover", "--epochs", 4),
    "train-images": trained_images,
    "resume": resumed,
    "sweep": swept(1),
    "sweep-jobs": swept(2),
    "sweep-resumed": swept(1, 14),
}


if __name__ == "__main__":
    main()
