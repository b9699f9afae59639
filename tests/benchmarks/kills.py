"""A sweep or a training that is killed: `python tests/benchmarks/kills.py [--train] [--kills 10] [--engine local] [--seed 0]`.

The sweep runs undisturbed first. Then it runs anew and is killed with SIGKILL, all its processes at once, at random moments
spread over its progress; after each kill the same command goes on. Rows that were in the file at a kill must be in the last one
as they were, seconds included, which shows that they were not trained again, and the last table must be the undisturbed one.
Exits with 1 where that is not so. `--train` does likewise with one training of two models, which writes its file after every
epoch; at a kill the file must hold at least the epochs that it held before, and in the end the weights and the history of the
undisturbed one, bit for bit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from commands import TOOL

from topovae.errors import TopovaeError
from topovae.runs.sweep import MOST_MODELS
from topovae.store.reader import read_run, read_sweep
from topovae.store.schema import Member, Run, Sweep, SweepRun

ROOT = Path(__file__).parents[2]
LATENTS, BETAS, SEEDS = "torus,R2,R3", 7, 5


def start(path: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """The sweep, in a process group of its own; its table goes beside its file."""
    words = ["sweep", ROOT / "sample_data" / "torus.npz", "--latents", LATENTS, "--betas", f"0.01:10:log{BETAS}"]
    words += ["--seeds", SEEDS, "--epochs", options.epochs, "--jobs", options.jobs, "--engine", options.engine]
    command = [*TOOL, *map(str, words), "--json", "--quiet", "-o", str(path)]
    with path.with_suffix(".json").open("wb") as table:
        return subprocess.Popen(command, stdout=table, start_new_session=True)


def table_of(process: subprocess.Popen[bytes], path: Path) -> Any:
    """The table of a sweep that has ended by itself, without what depends on the clock and the file's name."""
    if process.wait():
        sys.exit(f"the sweep ended with code {process.returncode}")
    document = json.loads(path.with_suffix(".json").read_bytes())
    runs = [{name: value for name, value in run.items() if name != "seconds"} for run in document["runs"]]
    return document | {"runs": runs, "sweep": None}


def content(path: Path) -> Sweep | None:
    """What is in the file, None before it is written first."""
    try:
        return read_sweep(path)
    except TopovaeError:
        if path.exists():
            raise
        return None


def units(path: Path) -> int:
    """How many prepared seeds and runs are in the file; -1 before it is written first."""
    sweep = content(path)
    return -1 if sweep is None else len(sweep.starts) + len(sweep.runs)


def watch(process: subprocess.Popen[bytes], path: Path) -> list[tuple[float, int]]:
    """Seconds since the start of a sweep at each writing of its file, and the units that it then held."""
    began, course = time.perf_counter(), [(0.0, -1)]
    while process.poll() is None:
        if (found := units(path)) != course[-1][1]:
            course.append((time.perf_counter() - began, found))
        time.sleep(0.02)
    return course


def kill(process: subprocess.Popen[bytes], path: Path, moment: float, course: list[tuple[float, int]]) -> None:
    """Kill a sweep where the undisturbed one was at a moment: as long after the same writing of the file."""
    written, wanted = next((then, found) for then, found in reversed(course) if then <= moment)
    delay, loading = moment - written, units(path) >= wanted >= 0
    while process.poll() is None and units(path) < wanted:
        time.sleep(0.02)
    # A sweep that holds as much from the beginning needs its time to load first.
    time.sleep(delay + (course[1][0] if loading else 0.0))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


EAGER = "import topovae.runs.session as s; s.CHECKPOINT_SECONDS = 0.0; from topovae.__main__ import main; main()"
"""A checkpoint after every epoch, so that kills fall into the writing of one."""


def start_training(path: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """The training, as far as its file has come."""
    words = ["train", path.parent / "x.npy", "--latent", "R2", "--baseline", "--epochs", options.epochs, "--batch-size", 32]
    command = [sys.executable, "-c", EAGER, *map(str, words), "--seed", "5", "--quiet", "-o", str(path), "--resume"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def finish_training(path: Path, options: argparse.Namespace) -> Run:
    """What a training leaves that nothing kills any more."""
    if code := start_training(path, options).wait():
        sys.exit(f"the training ended with code {code}")
    return read_run(path)


def members(run: Run) -> list[Member]:
    """The model of a run, and its baseline as soon as there is one."""
    return [member for member in (run.model, run.baseline) if member is not None]


def epochs_of(path: Path) -> int:
    """How many epochs of both models a file holds; 0 before it is written first."""
    if not path.exists():
        return 0
    return sum(member.checkpoint.epoch for member in members(read_run(path)) if member.checkpoint is not None)


def wait_for_writings(process: subprocess.Popen[bytes], path: Path, count: int) -> None:
    """Wait until the file has been replaced so many times, each a new inode."""
    known = path.stat().st_ino if path.exists() else None
    while count and process.poll() is None:
        found = path.stat().st_ino if path.exists() else None
        count, known = count - (found != known), found
        time.sleep(0.0005)


def kill_training(options: argparse.Namespace) -> bool:
    """Kill a training again and again; whether nothing was lost."""
    moments, epochs, killed, lost = random.Random(options.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", np.random.default_rng(0).random((90, 3), dtype=np.float32))
        whole = finish_training(Path(folder) / "whole.h5", options)
        path = Path(folder) / "killed.h5"
        for i in range(options.kills):
            process = start_training(path, options)
            writings = moments.randint(0, 4)
            wait_for_writings(process, path, writings)
            time.sleep(moments.uniform(0.0, 0.02 if writings else 3.0))  # of none, at any moment from the start on
            process.kill()
            killed += process.wait() == -signal.SIGKILL
            found = epochs_of(path)
            lost, epochs = lost + (found < epochs), found
            print(f"kill {i + 1}: code {process.returncode}, {epochs} epochs in the file", flush=True)
        last = finish_training(path, options)
        left = sorted({file.name for file in Path(folder).iterdir()} - {"x.npy", "whole.h5", "killed.h5"})
    pairs = list(zip(members(whole), members(last), strict=True))
    same = all(
        arrays.keys() == others.keys() and all(np.array_equal(arrays[name], others[name], equal_nan=True) for name in arrays)
        for one, other in pairs
        for arrays, others in ((one.state, other.state), (one.history, other.history))
    )
    print(f"killed {killed} of {options.kills} times: {lost} times epochs were lost; weights and history equal: {same}")
    print(f"files left behind: {left or 'none'}")
    return same and not lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--train", action="store_true", help="kill a training, in place of a sweep")
    options = parser.parse_args()
    if options.train:
        sys.exit(not kill_training(options))
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        began, path = time.perf_counter(), Path(folder) / "whole.h5"
        process = start(path, options)
        course = watch(process, path)
        whole, undisturbed = table_of(process, path), time.perf_counter() - began
        print(f"undisturbed: {undisturbed:.0f} s, {len(course) - 1} writings, {len(whole['runs'])} runs", flush=True)
        began, path = time.perf_counter(), Path(folder) / "killed.h5"
        saved: dict[tuple[str, float, int], SweepRun] = {}
        lost = 0
        for i in range(options.kills):
            moment = course[-1][0] * (i + moments.random()) / options.kills
            process = start(path, options)
            kill(process, path, moment, course)
            found = content(path)
            rows = {} if found is None else {run.key: run for run in found.runs}
            gone = sum(rows.get(key) != run for key, run in saved.items())
            lost, saved = lost + gone, rows
            seeds = 0 if found is None else len(found.starts)
            how = "killed" if process.returncode == -signal.SIGKILL else f"had ended with code {process.returncode}"
            place = f"where the undisturbed one was after {moment:.0f} s"
            print(f"kill {i + 1}: {how} {place}; {seeds} seeds and {len(rows)} runs in the file, {gone} lost", flush=True)
        last = table_of(start(path, options), path)
        final = {run.key: run for run in read_sweep(path).runs}
        lost += sum(final.get(key) != run for key, run in saved.items())
        left = sorted(file.name for file in Path(folder).iterdir() if file.suffix not in {".h5", ".json"})
        spent = time.perf_counter() - began
    print(f"killed {options.kills} times: {spent:.0f} s; finished runs lost: {lost}; table equal: {last == whole}")
    print(f"at most {options.jobs} groups of {MOST_MODELS} runs were running at a kill; files left behind: {left or 'none'}")
    sys.exit(0 if lost == 0 and last == whole else 1)


if __name__ == "__main__":
    main()
