"""SCHEMA.md and the files say the same: what is written is documented, what is documented is written."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import h5py
import numpy as np

from topovae.store.schema import (
    SPLITS,
    SWEEP_METRICS,
    Checkpoint,
    Header,
    Member,
    Provenance,
    Reproduction,
    Run,
    Sweep,
    SweepRun,
)
from topovae.store.writer import write_report, write_reproduction, write_run, write_sweep

HEADER = Header(("topovae",), {}, 0, Provenance("x.npy", (9, 2), "float32", "0" * 64), "cpu", {}, "2026-01-01", "0.1.0")


def patterns() -> list[re.Pattern[str]]:
    """The first column of the tables whose rows end with the version."""
    page = files("topovae.store").joinpath("SCHEMA.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if re.match(r"\| `.*\| 1 \|$", line)]
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    return [re.compile(as_expression(name)) for name in names]


def as_expression(name: str) -> str:
    name = re.sub(
        r"\{([^}]*)\}",
        lambda match: "(" + match[1].replace(",", "|") + ")",
        re.escape(name).replace(r"\{", "{").replace(r"\}", "}"),
    )
    return name.replace("<name>", "[^/@]+").replace("<path>", "[^@]+")


def paths_of(path: Path) -> list[str]:
    found: list[str] = []

    def visit(name: str, entry: h5py.Group | h5py.Dataset) -> None:
        found.append(name)
        found.extend(f"{name}@{key}" for key in entry.attrs)

    with h5py.File(path) as file:
        found.extend(f"@{key}" for key in file.attrs)
        file.visititems(visit)
    return found


def written(folder: Path) -> list[str]:
    arrays = {"a": np.ones(2)}
    member = Member(
        "S1",
        {},
        {"encoder.0.weight": np.ones(2)},
        {"epoch": np.ones(2)},
        {"none": None, "test": {"rms": 1.0, "iwae": None, "list": [{"a": 1}]}},
        {split: {"coordinates": np.ones((2, 1))} for split in ("train", "valid", "test")},
        Checkpoint(1, True, arrays, arrays, arrays, 1, 0.0),
        arrays,
    )
    split = {name: np.arange(2) for name in ("train", "valid", "test")}
    write_run(folder / "run.h5", Run(HEADER, split, member, member, {"a": 1}, arrays))
    write_report(folder / "report.h5", {"a": 1}, arrays, HEADER)
    finished = SweepRun("S1", 1.0, 0, 1, 1, 0.5, {name: dict.fromkeys(SWEEP_METRICS, 1.0) for name in SPLITS})
    write_sweep(folder / "sweep.h5", Sweep(HEADER, (finished,), {0: {"0": np.ones((9, 1))}}))
    write_reproduction(folder / "reproduction.h5", Reproduction(HEADER, ({"row": "a", "figures": {"KL": None}},)))
    return [path for name in ("run", "report", "sweep", "reproduction") for path in paths_of(folder / f"{name}.h5")]


def within_member(path: str) -> str:
    return re.sub(r"^baseline/?(?=.)", "", path)


def test_every_path_written_is_documented(tmp_path: Path) -> None:
    known = patterns()
    unknown = [path for path in written(tmp_path) if not any(p.fullmatch(within_member(path)) for p in known)]
    assert unknown == []


def test_every_path_documented_is_written(tmp_path: Path) -> None:
    paths = [within_member(path) for path in written(tmp_path)]
    known = patterns()
    assert len(known) > 40
    assert [p.pattern for p in known if not any(p.fullmatch(path) for path in paths)] == []
