"""Training by several processes: their parts make the batch, and their steps are those of one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from support.tool import Tool

from topovae.data.synthetic.spaces import generate
from topovae.distributions.draws import Noise, drawing_from, sampling
from topovae.errors import UsageError
from topovae.training.distributed import Team


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("batch", [7, 10, 128])
def test_parts_make_the_batch(size: int, batch: int) -> None:
    x, positions = torch.randn(batch, 3), torch.arange(batch)
    parts = [Team(rank, size).part(x, positions) for rank in range(size)]
    assert torch.equal(torch.cat([own for own, _ in parts]), x)
    assert torch.cat([places for _, places in parts]).tolist() == list(range(batch))


def test_of_a_batch_of_few_samples_every_process_takes_all() -> None:
    x = torch.randn(2, 3)
    assert all(torch.equal(Team(rank, 3).part(x)[0], x) for rank in range(3))


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("batch", [2, 3, 10, 11])
def test_means_of_parts_are_those_of_the_batch(size: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda values: None)  # each process's share, to be summed below
    x = torch.randn(batch, 3)
    shares = []
    for rank in range(size):
        team = Team(rank, size)
        (own,) = team.part(x)
        shares.append(team.mean([own.mean(0), own.square().mean()]))
    sums = [torch.stack(values).sum(0) for values in zip(*shares, strict=True)]
    torch.testing.assert_close(sums, [x.mean(0), x.square().mean()])


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("rows", [1, 4])
def test_processes_draw_their_rows_of_what_one_would_draw(size: int, rows: int) -> None:
    batch = 11

    def drawn(team: Team, n: int) -> list[torch.Tensor]:
        torch.manual_seed(5)
        with drawing_from(Noise(team.draw)), sampling():
            return [torch.randn(n * rows, 2), torch.rand(n * rows), torch.randint(100, (4,))]

    whole = Team(0, 1)
    whole.part(torch.empty(batch))
    expected = drawn(whole, batch)
    teams = [Team(rank, size) for rank in range(size)]
    found = [drawn(team, len(team.part(torch.empty(batch))[0])) for team in teams]
    for k in (0, 1):
        assert torch.equal(torch.cat([one[k] for one in found]), expected[k])
    # Choices of samples are everybody's.
    assert all(torch.equal(one[2], expected[2]) for one in found)


COUNTING = """
import os, runpy
from topovae.runs import plan

made = plan.diagnose_train

def counted(*given, **named):
    open("diagnosed." + os.environ["RANK"], "w").close()
    return made(*given, **named)

plan.diagnose_train = counted
runpy.run_module("topovae", run_name="__main__")
"""


@pytest.mark.slow
def test_one_process_diagnoses_for_all(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=generate("circle", 300, ambient=8, noise=0.05, seed=3).x)
    # each process counts the diagnoses that it makes, in a file of its own
    (tmp_path / "counting.py").write_text(COUNTING)
    words = ["train", "x.npz", "--epochs", "1", "--threads", "1", "--device", "cpu", "-o", "run.h5", "--json"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "counting.py"]
    done = subprocess.run([*launcher, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["latent"] == "S1"
    assert [path.name for path in tmp_path.glob("diagnosed.*")] == ["diagnosed.0"]


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=generate("torus", 300, ambient=12, noise=0.05, seed=3).x)
    # 240 samples in batches of 100, so that the last one is smaller.
    words = ["train", "x.npz", "--latent", "S1xS1", "--init", "random", "--epochs", "6", "--json"]
    words += ["--device", "cpu", "--batch-size", "100", "--baseline", "--seed", "4", "--threads", "1", "-o"]
    alone = Tool(tmp_path)(*words, "one.h5").json()
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "topovae"]
    done = subprocess.run([*launcher, *words, "two.h5"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert alone["test"]["elbo"] == pytest.approx(json.loads(done.stdout)["test"]["elbo"], abs=1e-4)
    with h5py.File(tmp_path / "one.h5") as one, h5py.File(tmp_path / "two.h5") as two:
        for place in ("metrics/history", "baseline/metrics/history"):
            for name, curve in one[place].items():
                np.testing.assert_allclose(two[place][name][()], curve[()], rtol=1e-4, err_msg=f"{place}/{name}")


def test_more_processes_than_cuda_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(
        UsageError, match=r"2 processes or more .* finds 1 CUDA device; start one for each, or use --device cpu"
    ):
        Team.join(torch.device("cuda"))
