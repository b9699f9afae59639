"""Single bits flipped at random in the files of topovae: named by every command that reads them, or without effect?

    python tests/benchmarks/bitflips.py --n 1000 --seed 1

Each flip is read by every command of its kind of file. It is *named* where a command ends with an error that names the file,
*noted* where the numbers are the same and notes differ, *without effect* where the numbers and notes
are those of the whole file, and *silent* else; *crashed* where the command fails as no command should (exit code 1).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.tool import Tool

OUTCOMES = ("named", "noted", "without effect", "silent", "crashed")

Command = tuple[object, ...]


def make_files(tool: Tool) -> dict[str, tuple[Path, list[Command]]]:
    """One small file of each kind, and the commands that read it."""
    folder = tool.folder
    steps: list[Command] = [
        ("generate", "circle", "-n", 100, "--ambient", 4, "--noise", 0.05, "-o", "x.npz"),
        ("train", "x.npz", "--latent", "S1", "--hidden", "8", "--epochs", 3, "--baseline", "-o", "run.h5"),
        ("sweep", "x.npz", "--latents", "S1,R", "--betas", "1", "--seeds", 1, "--hidden", "8", "--epochs", 2, "-o", "sweep.h5"),
        ("analyze", "x.npz", "-o", "report.h5"),
        ("encode", "run.h5", "-i", "x.npz", "-o", "latents.h5"),
    ]
    for step in steps:
        made = tool(*step)
        if made.code:
            raise SystemExit(made.err)
    run = [
        ("inspect", "run.h5", "--json"),
        ("encode", "run.h5", "-i", "x.npz", "--format", "npy"),
        ("decode", "run.h5", "-i", "latents.h5", "--format", "npy"),
        ("sample", "run.h5", "-n", 4, "--format", "npy"),
        ("evaluate", "run.h5", "x.npz", "--json", "--iwae", 0, "--no-certificate"),
        ("train", "x.npz", "--latent", "S1", "--hidden", "8", "--epochs", 3, "--baseline", "-o", "run.h5", "--resume"),
    ]
    swept = ("sweep", "x.npz", "--latents", "S1,R", "--betas", "1", "--seeds", 1, "--hidden", "8", "--epochs", 2)
    return {
        "train": (folder / "run.h5", run),
        "sweep": (folder / "sweep.h5", [("inspect", "sweep.h5", "--json"), (*swept, "-o", "sweep.h5")]),
        "analysis": (folder / "report.h5", [("inspect", "report.h5", "--json")]),
        "latents": (folder / "latents.h5", [("decode", "run.h5", "-i", "latents.h5", "--format", "npy")]),
    }


def told(tool: Tool, path: Path, command: Command) -> tuple[int, bytes, str]:
    """Exit code, output and notes of a command, without what differs between two calls of it."""
    found = tool(*command)
    if command[0] != "train":
        return found.code, found.out, found.err
    from topovae.errors import RunFileError
    from topovae.store.reader import read_run

    try:
        weights = read_run(path).model.state  # what the resumed training leaves
    except RunFileError as error:
        return found.code, b"", found.err + str(error)
    digest = hashlib.sha256(b"".join(weights[name].tobytes() for name in sorted(weights))).digest()
    return found.code, digest, "".join(line for line in found.err.splitlines() if "trained in" not in line)


def flip(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with one bit of it turned."""
    position, bit = int(rng.integers(len(content))), int(rng.integers(8))
    return content[:position] + bytes([content[position] ^ (1 << bit)]) + content[position + 1 :]


def judge(whole: tuple[int, bytes, str], found: tuple[int, bytes, str], name: str) -> str:
    """One of `OUTCOMES`, for what a command tells of the file of that name."""
    if found[0] == 1:
        return "crashed"
    if found[0]:
        return "named" if name in found[2] else "crashed"
    if found[1] != whole[1]:
        return "silent"
    return "without effect" if found[2] == whole[2] else "noted"


def flips(tool: Tool, n: int, seed: int) -> Iterator[tuple[str, Command, str]]:
    """Kind of file, command and outcome, of each command on each of n flips shared out among the kinds by turns."""
    rng = np.random.default_rng(seed)
    files = make_files(tool)
    whole = {}
    for kind, (path, commands) in files.items():
        content = path.read_bytes()
        for command in commands:
            whole[kind, command] = told(tool, path, command)
            path.write_bytes(content)
    for number in range(n):
        kind = list(files)[number % len(files)]
        path, commands = files[kind]
        content = path.read_bytes()
        flipped = flip(content, rng)
        for command in commands:
            path.write_bytes(flipped)
            yield kind, command, judge(whole[kind, command], told(tool, path, command), path.name)
        path.write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    counts: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for kind, command, outcome in flips(Tool(Path(folder)), options.n, options.seed):
            counts[kind, str(command[0]), outcome] += 1
    print(f"{'file':10}{'command':10}" + "".join(f"{outcome:>16}" for outcome in OUTCOMES))
    for kind, command in dict.fromkeys(key[:2] for key in sorted(counts)):
        print(f"{kind:10}{command:10}" + "".join(f"{counts[kind, command, outcome]:16}" for outcome in OUTCOMES))


if __name__ == "__main__":
    main()
