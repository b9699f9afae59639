"""Whatever is written comes back exactly, and equal content gives equal bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from topovae.errors import UsageError
from topovae.store.inspect import describe, field
from topovae.store.reader import read_report, read_run
from topovae.store.schema import Checkpoint, Header, Member, Provenance, Run
from topovae.store.writer import write_report, write_run

HEADER = Header(
    command=("topovae", "train", "données.npy", "-o", "run.h5"),
    config={"epochs": 3, "latent": "auto", "note": "Müller ∈ S¹", "nested": {"beta": [0.5, 1]}, "none": None},
    seed=2**63 + 7,
    data=Provenance("données.npy", (200, 5), "float32", "ab" * 32),
    device="cpu",
    versions={"numpy": "2.0"},
    created="2026-01-02T03:04:05Z",
    topovae_version="0.1.0",
)

CHECKPOINT = Checkpoint(
    epoch=2,
    finished=False,
    state={"encoder.0.weight": np.ones((2, 3), np.float32)},
    optimizer={"0.exp_avg": np.zeros((2, 3), np.float32), "0.step": np.array(7.0)},
    rng={"torch": np.arange(9, dtype=np.uint8)},
    best_epoch=1,
    best_value=-3.5,
)

ARRAYS = {
    "zero_d": np.array(1.5),
    "empty": np.zeros((0, 3), np.float32),
    "flags": np.array([True, False]),
    "flag": np.array(True),
    "int64": np.arange(3),
    "uint64": np.array([2**64 - 1], np.uint64),
    "float32": np.linspace(0, 1, 5, dtype=np.float32),
    "float64": np.array([np.nan, np.inf, -0.0, 5e-324]),
    "big_endian": np.arange(3, dtype=">f4"),
    "strided": np.arange(12.0).reshape(3, 4).T,
    "complex": np.array([1 + 2j]),
    "names": np.array([["é", ""], ["∈", "long name"]]),
    "encoder.0.weight": np.ones((2, 2)),
    "naïve name": np.zeros(1),
}

FINAL: dict[str, Any] = {
    "test": {
        "rms": 0.25,
        "iwae": None,
        "n": 20,
        "kl_per_factor": [1.0, 2.0],
        "good": True,
        "verdict": "homeo",
    },
    "certificate": {
        "winding": [[1, 0], [0, 1]],
        "reasons": ["a", "ü"],
        "degree": None,
        "none": [],
        "empty": {},
    },
    "ragged": [[1.0], [2.0, 3.0]],
    "mixed": [True, 1, "x", None, {"a": 1.5}],
    "partly": [1.0, None],
    "numbers": [1, 2.5],
    "text": "",
    "baseline": None,
}

MEMBERS = {
    "plain": Member("R2", {"network": "mlp"}, ARRAYS),
    "full": Member(
        "(S1xS1)/<rot(1/2),flip>",
        {"network": "conv", "sizes": [64, 64], "ε": 1e-3},
        ARRAYS,
        history={"epoch": np.arange(1, 4), "valid_elbo": np.array([-3.0, -2.0, np.nan])},
        final=FINAL,
        latents={s: {"coordinates": np.ones((4, 2), np.float32), "index": np.arange(4)} for s in ("train", "test")},
        checkpoint=CHECKPOINT,
        samples={"prior": np.zeros((2, 5, 5), np.float32)},
    ),
    "empty": Member("S2", {}, {}),
    "finished": Member("S1", {}, {"w": np.ones(1)}, checkpoint=dataclasses.replace(CHECKPOINT, finished=True, best_epoch=-1)),
    "before the first best": Member(
        "S1", {}, {}, checkpoint=dataclasses.replace(CHECKPOINT, best_epoch=-1, best_value=float("inf"))
    ),
}


def run_of(model: Member, **parts: Any) -> Run:
    return Run(HEADER, {"train": np.arange(8), "valid": np.array([8]), "test": np.array([9])}, model, **parts)


def full_run() -> Run:
    return run_of(
        MEMBERS["full"],
        baseline=MEMBERS["plain"],
        analysis={
            "schema": "topovae/analysis/1",
            "betti": {"2": [1, 2, 1]},
            "recommendation": {"name": "klein"},
        },
        analysis_arrays={"circle": np.linspace(0, 6, 7)},
    )


def assert_same(found: Any, expected: Any, place: str = "run") -> None:
    if dataclasses.is_dataclass(expected):
        assert type(found) is type(expected), place
        for entry in dataclasses.fields(expected):
            assert_same(getattr(found, entry.name), getattr(expected, entry.name), f"{place}.{entry.name}")
    elif isinstance(expected, dict):
        assert set(found) == set(expected), place
        for key in expected:
            assert_same(found[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype and found.shape == expected.shape, place
        np.testing.assert_array_equal(found, expected, err_msg=place)
    else:
        assert found == expected and type(found) is type(expected), place


@pytest.mark.parametrize("name", MEMBERS)
def test_member_round_trips(name: str, tmp_path: Path) -> None:
    run = run_of(MEMBERS[name])
    write_run(tmp_path / "run.h5", run)
    assert_same(read_run(tmp_path / "run.h5"), run)


def test_whole_run_round_trips(tmp_path: Path) -> None:
    run = full_run()
    write_run(tmp_path / "run.h5", run)
    assert_same(read_run(tmp_path / "run.h5"), run)


def test_report_round_trips(tmp_path: Path) -> None:
    analysis = {"schema": "topovae/analysis/1", "bars": [{"birth": 0.5, "death": None, "significant": True}]}
    arrays = {"landmarks": np.arange(4), "torus": np.ones((4, 2))}
    write_report(tmp_path / "report.h5", analysis, arrays, HEADER)
    report = read_report(tmp_path / "report.h5")
    assert_same(report.header, HEADER)
    assert_same(report.analysis, analysis)
    assert_same(report.arrays, arrays)


def test_run_file_gives_its_diagnosis_as_a_report(tmp_path: Path) -> None:
    run = full_run()
    write_run(tmp_path / "run.h5", run)
    report = read_report(tmp_path / "run.h5")
    assert_same(report.analysis, run.analysis)
    assert_same(report.arrays, run.analysis_arrays)


def test_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    write_run(tmp_path / "one.h5", full_run())
    write_run(tmp_path / "two.h5", full_run())
    shuffled = dataclasses.replace(full_run(), model=dataclasses.replace(MEMBERS["full"], state=dict(reversed(ARRAYS.items()))))
    write_run(tmp_path / "three.h5", shuffled)
    one = (tmp_path / "one.h5").read_bytes()
    assert one == (tmp_path / "two.h5").read_bytes()
    assert one == (tmp_path / "three.h5").read_bytes()


def test_what_a_later_minor_version_adds_is_passed_over(tmp_path: Path) -> None:
    run, path = full_run(), tmp_path / "run.h5"
    write_run(path, run)
    with h5py.File(path, "r+") as file:
        file.attrs["mood"] = "good"
        file.create_group("model/state/later")
        file["later/array"] = np.ones(3)
        file["model"].attrs["later"] = 1
    assert_same(read_run(path), run)


def test_json_holds_no_number_that_is_not_finite(tmp_path: Path) -> None:
    write_report(
        tmp_path / "r.h5",
        {"death": np.inf, "p": np.float32(0.5), "n": np.int64(3), "v": np.ones(2)},
        {},
        HEADER,
    )
    assert read_report(tmp_path / "r.h5").analysis == {"death": None, "p": 0.5, "n": 3, "v": [1.0, 1.0]}


def test_long_config_and_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = "bad\udcff.npy"
    header = dataclasses.replace(
        HEADER, config={"path": path, "long": "é" * 100_000}, data=dataclasses.replace(HEADER.data, path=path)
    )
    write_run(tmp_path / "run.h5", dataclasses.replace(full_run(), header=header))
    found = read_run(tmp_path / "run.h5").header
    assert found.config == header.config
    assert found.data.path == "bad\\udcff.npy"


@pytest.mark.parametrize("name", ["a/b", "", ".", "..", "a\0b"])
def test_names_that_hdf5_reads_as_paths_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        write_run(tmp_path / "run.h5", run_of(Member("S1", {}, {name: np.ones(1)})))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["2020-01-01"], "M8[D]"), np.array([b"x"])])
def test_types_that_cannot_be_stored_are_refused(array: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        write_run(tmp_path / "run.h5", run_of(Member("S1", {}, {"w": array})))


FIELDS = {
    "seed": HEADER.seed,
    "latent": "(S1xS1)/<rot(1/2),flip>",
    "config/nested/beta/0": 0.5,
    "model/config/network": "conv",
    "metrics/final/test/rms": 0.25,
    "metrics/final": FINAL,
    "checkpoint/epoch": 2,
    "checkpoint": {"epoch": 2, "finished": False, "best_epoch": 1, "best_value": -3.5, "state": CHECKPOINT.state},
    "analysis/json/recommendation/name": "klein",
    "analysis/json/betti": {"2": [1, 2, 1]},
    "split/train": np.arange(8),
    "latents/test": MEMBERS["full"].latents["test"],
    "/baseline/latent": "R2",
}


@pytest.mark.parametrize("name", FIELDS)
def test_field(name: str, tmp_path: Path) -> None:
    write_run(tmp_path / "run.h5", full_run())
    assert_same(field(tmp_path / "run.h5", name), FIELDS[name])


ABSENT = {
    "metrics/final/tset": "'tset' was not found; there is text, test",
    "seed/x": "'x' was not found; nothing lies below that",
    "": "'' was not found; there is ",
    "model/state/w/0": "'w' was not found; there is ",
    "config/nested/beta/9": "'9' was not found; there is 0, 1",
    "checkpoint/zzz": "there is best_epoch, best_value, epoch, finished, state",
}


@pytest.mark.parametrize("name", ABSENT)
def test_field_that_is_not_there_is_told_what_is(name: str, tmp_path: Path) -> None:
    write_run(tmp_path / "run.h5", full_run())
    with pytest.raises(UsageError, match=f"has no field .*{ABSENT[name]}"):
        field(tmp_path / "run.h5", name)


def test_describe_is_json_and_says_what_matters(tmp_path: Path) -> None:
    from json import dumps

    write_run(tmp_path / "run.h5", full_run())
    write_report(tmp_path / "report.h5", {"components": 1}, {}, HEADER)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones((3, 2), np.float32)
        file["names"] = "text"
    run, report, other = (describe(tmp_path / name) for name in ("run.h5", "report.h5", "other.h5"))
    assert all(dumps(summary) for summary in (run, report, other))
    assert (run["kind"], report["kind"], other["kind"]) == ("run", "report", "hdf5")
    assert run["latent"] == "(S1xS1)/<rot(1/2),flip>" and run["baseline"]["latent"] == "R2"
    assert run["split"] == {"train": 8, "valid": 1, "test": 1} and run["epochs"] == 3 and run["finished"] is False
    assert run["recommendation"] == {"name": "klein"}
    assert report["analysis"] == {"components": 1}
    assert other["datasets"] == [
        {"name": "names", "shape": [], "dtype": "text"},
        {"name": "x", "shape": [3, 2], "dtype": "float32"},
    ]
