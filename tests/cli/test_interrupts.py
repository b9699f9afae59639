"""Kills and interrupts: the run file stays readable, and `--resume` ends where the uninterrupted run ends, bit for bit."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from topovae.store.checksums import CHECKSUMS
from topovae.store.reader import read_run

# A checkpoint after every epoch, so that a kill may fall into the writing of one.
EAGER = (
    "-c",
    "import topovae.runs.session; topovae.runs.session.CHECKPOINT_SECONDS = 0.0; from topovae.__main__ import main; main()",
)
EPOCHS = 24
KILLS = 10
OPTIONS = ("--latent", "R2", "--baseline", "--epochs", EPOCHS, "--batch-size", 32, "--seed", 5)


def contents(path: Path, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every dataset and attribute of an HDF5 file, arrays as (dtype, shape, bytes)."""
    found: dict[str, Any] = {}

    def plain(value: Any) -> Any:
        array = np.asarray(value)
        return array.tolist() if array.dtype.kind == "O" else (str(array.dtype), array.shape, array.tobytes())

    def visit(name: str, entry: h5py.Group | h5py.Dataset) -> None:
        found.update({f"{name}@{key}": plain(value) for key, value in entry.attrs.items()})
        if isinstance(entry, h5py.Dataset):
            found[name] = plain(entry[()])

    with h5py.File(path, "r") as file:
        visit("", file)
        file.visititems(visit)
    # the checksums of what is left out differ with it, and the others say no more than the values do
    return {name: value for name, value in found.items() if name not in {f"@{key}" for key in (*without, CHECKSUMS)}}


def assert_same(one: Path, other: Path, without: tuple[str, ...]) -> None:
    first, second = contents(one, without), contents(other, without)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert len(first) > 100


def wait_for_checkpoints(process: subprocess.Popen[bytes], path: Path, count: int) -> None:
    """Wait until the process has replaced the file so many times, each a new inode."""
    known, until = path.stat().st_ino if path.exists() else None, time.monotonic() + 60
    while count and process.poll() is None and time.monotonic() < until:
        found = path.stat().st_ino if path.exists() else None
        count, known = count - (found != known), found
        time.sleep(0.001)


@pytest.fixture(scope="module")
def whole(session_tool: Any, squares: Path) -> Path:
    """The run that nothing interrupts."""
    path = session_tool.folder / "whole.h5"
    made = session_tool("train", squares, *OPTIONS, "-o", path)
    assert made.code == 0, made.err
    return path


@pytest.mark.slow
def test_two_equal_commands_give_equal_files(session_tool: Any, circle: Path, run: Path) -> None:
    kept = session_tool.folder / "kept.h5"
    shutil.move(run, kept)
    words = ("--latent", "S1", "--baseline", "--epochs", "12", "--seed", 3, "-o", "run.h5")
    again = session_tool.process("train", circle, *words)
    assert again.code == 0, again.err
    assert_same(kept, run, without=("created",))


@pytest.mark.slow
def test_a_run_killed_ten_times_ends_where_the_whole_one_ends(tool: Any, squares: Path, whole: Path) -> None:
    path, moments = tool.folder / "killed.h5", random.Random(0)
    reached: list[tuple[int, bool]] = []
    for kill in range(KILLS):
        process = tool.start("train", squares, *OPTIONS, "-o", path, "--resume", program=EAGER)
        if kill > 1:  # the first two die at any moment, most likely before training begins
            wait_for_checkpoints(process, path, moments.randint(1, 8))
        time.sleep(moments.uniform(0.0, 1.0 if kill < 2 else 0.02))
        process.kill()
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        if path.exists():
            run = read_run(path)
            assert run.model.checkpoint is not None
            epochs = [m.checkpoint.epoch for m in (run.model, run.baseline) if m is not None and m.checkpoint is not None]
            reached.append((sum(epochs), run.baseline is not None))
            assert all(len(column) == epochs[0] for column in run.model.history.values())
    assert reached == sorted(reached), "a kill lost epochs that a checkpoint held"
    assert len(reached) >= 5 and len(set(reached)) >= 4 and reached[-1][0] > 4, reached
    last = tool.process("train", squares, *OPTIONS, "-o", path, "--resume")
    assert last.code == 0, last.err
    assert_same(path, whole, without=("created", "command"))
    assert [p.name for p in tool.folder.iterdir()] == ["killed.h5"], "a killed writer left a file that nothing swept up"


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"])
def test_an_interrupt_keeps_the_last_epoch(tool: Any, squares: Path, whole: Path, number: int, code: int) -> None:
    path = tool.folder / "run.h5"
    process = tool.start("train", squares, *OPTIONS, "-o", path, program=EAGER)
    wait_for_checkpoints(process, path, 6)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert b"Traceback" not in err and out == b""
    assert b"interrupted" in err and b"--resume" in err
    checkpoint = read_run(path).model.checkpoint
    assert checkpoint is not None and checkpoint.epoch > 0, "what was done since the first checkpoint is lost"

    refused = tool("train", squares, *OPTIONS, "-o", path)
    assert refused.code == 3 and "--resume" in refused.err
    last = tool("train", squares, *OPTIONS, "-o", path, "--resume")
    assert last.code == 0, last.err
    assert_same(path, whole, without=("created", "command"))


def test_an_interrupt_of_a_diagnosis(tool: Any) -> None:
    np.save(tool.folder / "x.npy", np.random.default_rng(0).random((20_000, 30), dtype=np.float32))
    process = tool.start("analyze", "x.npy", "--json", "-o", "report.h5")
    # On a busy machine Python itself may take a second to start, and ends by the signal until it has.
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err and b"interrupted" in err
    assert not (tool.folder / "report.h5").exists()


def test_resume_of_a_finished_run_changes_nothing(tool: Any, squares: Path, whole: Path) -> None:
    path = tool.folder / "again.h5"
    shutil.copy(whole, path)
    again = tool("train", squares, *OPTIONS, "-o", path, "--resume", "--json")
    assert again.json()["latent"] == "R2"
    assert_same(path, whole, without=())
