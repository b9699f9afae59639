"""`topovae sweep`: one command from data to a comparison, which survives kills."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from topovae.store.reader import read_sweep

SMALL = ("--epochs", 3, "--batch-size", 32, "--hidden", 8, "--seeds", 2)
# Every run is a group of its own, so that a kill falls between groups.
SINGLE = ("-c", "import topovae.runs.sweep; topovae.runs.sweep.MOST_MODELS = 1; from topovae.__main__ import main; main()")


def timeless(document: Any) -> Any:
    runs = [{name: value for name, value in run.items() if name != "seconds"} for run in document["runs"]]
    return document | {"runs": runs, "sweep": None}


def test_one_command_trains_compares_and_draws(tool: Any, circle: Path) -> None:
    words = ("sweep", circle, "--latents", "circle,(S1xI)/<rot(1/2),flip>", "--betas", "0.1,1", *SMALL, "-o", "s.h5")
    made = tool(*words, "--plot", "fronts.png", "--json")
    document = made.json()
    assert document["schema"] == "topovae/sweep/1" and document["sweep"] == "s.h5"
    assert [(r["latent"], r["beta"], r["seed"]) for r in document["runs"]] == [
        (latent, beta, seed) for latent in ("S1", "(S1xI)/<rot(1/2),flip>") for beta in (0.1, 1) for seed in (0, 1)
    ]
    fields = {"rms", "nll", "kl", "elbo", "stress", "seconds", "epochs", "best_epoch", "diverged", "train", "valid"}
    assert all(fields <= run.keys() for run in document["runs"])
    for setting in document["summary"]:
        alike = [r["rms"] for r in document["runs"] if (r["latent"], r["beta"]) == (setting["latent"], setting["beta"])]
        assert setting["rms"]["mean"] == pytest.approx(np.mean(alike))
        assert setting["rms"]["sd"] == pytest.approx(np.std(alike, ddof=1))
    assert [winner["beta"] for winner in document["winners"]] == [0.1, 1]
    assert (tool.folder / "fronts.png").read_bytes().startswith(b"\x89PNG")
    assert "8 runs" in made.err and "fronts.png" in made.err

    began = (tool.folder / "s.h5").stat().st_ino
    again = tool(*words)
    assert again.code == 0 and b"best validation ELBO" in again.out and b"mobius" in again.out and "±".encode() in again.out
    assert (tool.folder / "s.h5").stat().st_ino == began, "a finished sweep was written again"
    described = tool("inspect", "s.h5", "--json").json()
    assert (described["kind"], described["runs"], described["prepared_seeds"]) == ("sweep", 8, [0, 1])
    assert tool("inspect", "s.h5", "--field", "runs/beta").json() == [0.1, 0.1, 1, 1] * 2


@pytest.mark.slow
def test_a_sweep_killed_again_and_again_gives_the_same_table(tool: Any, squares: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("sweep", squares, "--latents", "R2,I", "--betas", "0.1:10:log3", *SMALL, "--seed", 4, "--json", "-o")
    with monkeypatch.context() as single:
        single.setattr("topovae.runs.sweep.MOST_MODELS", 1)
        whole = tool(*words, "whole.h5").json()
    reached, path = [], tool.folder / "killed.h5"
    for kill in range(2):
        process, until = tool.start(*words, path, program=SINGLE), time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if path.exists() and len(read_sweep(path).runs) >= 4 * kill + 1:
                break
            time.sleep(0.01)
        process.kill()
        process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0)
        reached.append(len(read_sweep(path).runs))
    assert reached == sorted(reached) and 0 < reached[0] < 12
    process = tool.start(*words, path, program=SINGLE)
    last, problem = process.communicate(timeout=120)
    assert process.returncode == 0, problem
    assert timeless(json.loads(last)) == timeless(whole)
    assert {run.seed for run in read_sweep(path).runs} == {4, 5}
    assert sorted(p.name for p in tool.folder.iterdir()) == ["killed.h5", "whole.h5"], "a killed writer left a file"


def worker_of(process: int) -> int | None:
    """A worker of Ray that has a task and descends from a process, on a system with /proc."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(b"ray::_work") and process in ancestors(int(folder.name)):
                return int(folder.name)
    return None


def ancestors(process: int) -> list[int]:
    found = []
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(process)
    return found


@pytest.mark.skipif(find_spec("ray") is None, reason='Ray is not installed (pip install "topovae[ray]")')
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the worker in /proc")
def test_a_ray_sweep_of_which_a_worker_is_killed_gives_the_same_table(tool: Any, squares: Path) -> None:
    tool.environment.pop("RAY_ADDRESS", None)
    words = ("sweep", squares, "--latents", "R2,I", "--betas", "0.1,1,10", *SMALL, "--epochs", 60, "--jobs", 2, "--json", "-o")
    process = tool.start(*words, "local.h5", program=SINGLE)
    local, problem = process.communicate(timeout=300)
    assert process.returncode == 0, problem
    process, path = tool.start(*words, "ray.h5", "--engine", "ray", program=SINGLE), tool.folder / "ray.h5"
    killed, until = None, time.monotonic() + 120
    while killed is None and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
        if path.exists() and read_sweep(path).runs:
            killed = worker_of(process.pid)
    assert killed is not None, process.communicate(timeout=60)
    os.kill(killed, signal.SIGKILL)
    assert len(read_sweep(path).runs) < 12
    found, problem = process.communicate(timeout=300)
    assert process.returncode == 0, problem
    assert timeless(json.loads(found)) == timeless(json.loads(local))


def test_without_ray_nothing_is_begun(tool: Any, squares: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topovae.runs.engines.find_spec", lambda name: None if name == "ray" else find_spec(name))
    refused = tool("sweep", squares, "--latents", "R", "--engine", "ray")
    assert (refused.code, refused.out) == (2, b"") and 'pip install "topovae[ray]"' in refused.err
    assert list(tool.folder.iterdir()) == []


def test_an_interrupt_keeps_the_finished_groups(tool: Any, squares: Path) -> None:
    process = tool.start(
        *("sweep", squares, "--latents", "R2", "--betas", "0.1,1", "--epochs", 100, "--seeds", 9, "-o", "s.h5"), program=SINGLE
    )
    path, until = tool.folder / "s.h5", time.monotonic() + 60
    while not (path.exists() and read_sweep(path).runs) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"") and b"the same command goes on" in err and b"Traceback" not in err
    assert 0 < len(read_sweep(path).runs) < 18


def test_truth_of_another_file_is_compared_and_remembered(tool: Any, circle: Path) -> None:
    known = np.load(circle)
    np.save(tool.folder / "x.npy", known["x"])
    np.save(tool.folder / "truth.npy", known["truth"])
    words = ("sweep", "x.npy", "--latents", "S1", "--betas", 1, *SMALL, "--json", "-o", "s.h5")
    told = ("--truth", "truth.npy", "--truth-space", "S1")
    found = tool(*words, *told).json()
    beside = tool("sweep", circle, *words[2:-1], "beside.h5").json()
    assert [run["stress"] for run in found["runs"]] == [run["stress"] for run in beside["runs"]]
    assert all(run["stress"] is not None and run["mig"] is None for run in found["runs"])
    other = tool(*words)
    assert other.code == 4 and "truth (was truth.npy, now None)" in other.err
    unfit = tool("sweep", circle, *words[2:-1], "t.h5", "--truth", "truth.npy", "--truth-space", "S1xS1")
    assert unfit.code == 2 and "needs (200, 2)" in unfit.err and tool(*words[:-1], "t.h5", "--truth", "truth.npy").code == 2


def test_what_must_not_be_lost_is_not_overwritten(tool: Any, squares: Path, circle: Path) -> None:
    words = ("sweep", squares, "--latents", "R", "--betas", 1, *SMALL, "-o")
    assert tool(*words, "s.h5").code == 0
    kept = (tool.folder / "s.h5").read_bytes()
    other = tool("sweep", squares, "--latents", "R", "--betas", 2, *SMALL, "-o", "s.h5")
    assert other.code == 4 and "betas (was [1.0], now [2.0])" in other.err
    np.save(tool.folder / "other.npy", np.random.default_rng(1).random((90, 3), dtype=np.float32))
    foreign = tool("sweep", "other.npy", "--latents", "R", "--betas", 1, *SMALL, "-o", "s.h5")
    assert foreign.code == 4 and "other data" in foreign.err
    assert (tool.folder / "s.h5").read_bytes() == kept
    held = circle.read_bytes()
    refused = tool(*words, circle)
    assert refused.code == 3 and "no sweep" in refused.err and circle.read_bytes() == held


@pytest.mark.parametrize(
    "words, said",
    [
        (("--latents", "S1x"), "latent expression"),
        (("--latents", "R", "--betas", "1:2"), "--betas"),
        (("--latents", "R", "--plot", "fronts.txt"), "fronts.txt"),
        (("--latents", "R", "--engine", "dask"), "--engine dask"),
    ],
)
def test_what_has_no_meaning_is_refused(tool: Any, squares: Path, words: tuple[str, ...], said: str) -> None:
    refused = tool("sweep", squares, *words)
    assert refused.code == 2 and said in refused.err and refused.out == b""
    assert "internal error" not in refused.err and list(tool.folder.iterdir()) == []
