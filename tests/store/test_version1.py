"""Files that topovae wrote before its modules moved: they still load, evaluate and go on.

`version1/run.h5` is a run of `circle.csv` interrupted after 5 of 12 epochs, `version1/sweep.h5` a finished sweep of it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.places import ROOT

from topovae.cli.train import check_same
from topovae.data.readers.find import read
from topovae.model import networks
from topovae.runs.models import encode, load_model
from topovae.runs.options import TrainOptions
from topovae.runs.provenance import make_header
from topovae.runs.session import train_run
from topovae.runs.sweep import SweepOptions, check_same_sweep, run_sweep
from topovae.store.reader import read_run, read_sweep

FILES = ROOT / "tests" / "store" / "version1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FILES, tmp_path / "version1"))


def test_an_interrupted_run_goes_on_where_it_would_have_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From weights and by a learning rate that were the default ones of its time."""
    monkeypatch.setattr(networks, "SHARPNESS", 1.0)
    data, before = read(folder / "circle.csv"), read_run(folder / "run.h5")
    assert before.model.checkpoint is not None and before.model.checkpoint.epoch == 5
    options = TrainOptions("S1", hidden="8", epochs=12, batch_size=32, baseline=True)
    check_same(before, options, data)
    path = str(folder / "run.h5")
    resumed = train_run(data, options, before.header, path, device="cpu", resumed=before)
    header = make_header(data, options.to_dict(), 0, "cpu", ())
    options = replace(options, learning_rate=4e-3)
    whole = train_run(data, options, header, device="cpu", analysis=before.analysis, coordinates=before.analysis_arrays)
    for name, weights in whole.model.state.items():
        # the file was written on another processor, which may round the first epochs otherwise
        np.testing.assert_allclose(resumed.model.state[name], weights, rtol=1e-4, atol=1e-6)
    located = encode(load_model(read_run(path).model), data)["z"]
    assert located.shape == (data.n_samples, 1) and np.isfinite(located).all()


def test_a_finished_sweep_loads_and_has_nothing_left_to_do(folder: Path) -> None:
    data, before = read(folder / "circle.csv"), read_sweep(folder / "sweep.h5")
    options = SweepOptions(("S1", "R2"), (1.0,), (0,), {"hidden": "8", "epochs": 3})
    check_same_sweep(before, options, data)
    after = run_sweep(data, options, before.header, device="cpu", resumed=before)
    assert [run.to_dict() for run in after.runs] == [run.to_dict() for run in before.runs]
