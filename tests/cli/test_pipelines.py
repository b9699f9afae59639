"""Commands in pipelines: arrays and JSON by stdin and stdout, in every format."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.run_files import edited

from topovae.store.reader import read_run


def read_csv(content: bytes) -> np.ndarray:
    return np.loadtxt(io.BytesIO(content), delimiter=",", skiprows=1, ndmin=2)


def read_h5(content: bytes) -> np.ndarray:
    with h5py.File(io.BytesIO(content), "r") as file:
        (name,) = file
        return file[name][()]


def read_jsonl(content: bytes) -> np.ndarray:
    return np.array([next(iter(json.loads(line).values())) for line in content.splitlines()])


FORMATS: dict[str, Callable[[bytes], np.ndarray]] = {
    "npy": lambda content: np.load(io.BytesIO(content), allow_pickle=False),
    "npz": lambda content: next(iter(np.load(io.BytesIO(content), allow_pickle=False).values())),
    "csv": read_csv,
    "h5": read_h5,
    "jsonl": read_jsonl,
}


@pytest.fixture(scope="module")
def plane(session_tool: Any, squares: Path) -> Path:
    """A run with a latent of two coordinates."""
    words = ("--latent", "R2", "--epochs", 2, "-o", "plane.h5")
    assert session_tool("train", squares, *words).code == 0
    return session_tool.folder / "plane.h5"


@pytest.fixture(scope="module")
def codes(session_tool: Any, run: Path, circle: Path) -> np.ndarray:
    """The circle's samples as angles, by way of .npy."""
    done = session_tool("encode", run, "-i", circle)
    assert done.code == 0 and done.err == ""
    return FORMATS["npy"](done.out)


@pytest.fixture(scope="module")
def decoded(session_tool: Any, run: Path, codes: np.ndarray) -> np.ndarray:
    """What the angles decode to, by way of .npy."""
    stream = io.BytesIO()
    np.save(stream, codes)
    return FORMATS["npy"](session_tool("decode", run, stdin=stream.getvalue()).out)


def test_codes_are_the_locations_in_the_run_file(codes: np.ndarray, decoded: np.ndarray, run: Path, circle: Path) -> None:
    stored = read_run(run).model
    assert codes.shape == (200, 1)
    for name, index in read_run(run).split.items():
        np.testing.assert_allclose(codes[index], stored.latents[name]["location"], atol=1e-5)
    test = read_run(run).split["test"]
    x = np.load(circle)["x"]
    assert np.sqrt(np.mean((decoded[test] - x[test]) ** 2)) == pytest.approx(stored.final["test"]["rms"], rel=1e-4)


@pytest.mark.parametrize("form", FORMATS)
def test_one_coordinate_goes_through_a_pipe(
    form: str, tool: Any, run: Path, circle: Path, codes: np.ndarray, decoded: np.ndarray
) -> None:
    encoded = tool("encode", run, "-i", circle, "--format", form)
    assert encoded.code == 0 and encoded.err == ""
    np.testing.assert_allclose(FORMATS[form](encoded.out).reshape(200, 1), codes, atol=1e-6)
    back = tool("decode", run, "--format", form, stdin=encoded.out)
    assert back.code == 0 and back.err == ""
    np.testing.assert_allclose(FORMATS[form](back.out), decoded, atol=1e-5)


@pytest.mark.parametrize("form", ["csv"])
def test_two_coordinates_go_through_files(form: str, tool: Any, plane: Path, squares: Path) -> None:
    assert tool("encode", plane, "-i", squares, "-o", f"z.{form}").code == 0
    assert tool("decode", plane, "-i", f"z.{form}", "-o", f"x.{form}").code == 0
    assert FORMATS[form]((tool.folder / f"z.{form}").read_bytes()).shape == (90, 2)
    assert FORMATS[form]((tool.folder / f"x.{form}").read_bytes()).shape == (90, 3)


def test_encode_with_scales_and_one_sample(tool: Any, plane: Path) -> None:
    np.save(tool.folder / "one.npy", np.array([[0.1, 0.2, 0.3]]))
    assert tool("encode", plane, "-i", "one.npy", "--with-scale", "-o", "z.npz").code == 0
    with np.load(tool.folder / "z.npz") as stored:
        assert stored["z"].shape == stored["scale"].shape == (1, 2) and (stored["scale"] > 0).all()


def test_sample_draws_as_many_as_asked_for(tool: Any, run: Path) -> None:
    first = tool("sample", run, "-n", 7, "--seed", 1, "--with-coordinates", "--format", "npz")
    with np.load(io.BytesIO(first.out)) as drawn:
        assert drawn["x"].shape == (7, 6) and drawn["z"].shape == (7, 1)
        assert (np.abs(drawn["z"]) <= np.pi + 1e-6).all()
        decoded = tool("decode", run, stdin=csv_of(drawn["z"]))
        np.testing.assert_allclose(FORMATS["npy"](decoded.out), drawn["x"], atol=1e-4)
    assert tool("sample", run, "-n", 7, "--seed", 1, "--with-coordinates", "--format", "npz").out == first.out


def csv_of(values: np.ndarray) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in values.tolist()).encode()


def test_generate_analyze_train(tool: Any) -> None:
    """Three commands with nothing but pipes between them."""
    made = tool("generate", "circle", "-n", 200, "--noise", 0.02, "-o", "-")
    assert made.code == 0
    diagnosis = tool("analyze", "-", "--json", stdin=made.out)
    assert diagnosis.err == "" and diagnosis.json()["recommendation"]["name"] == "circle"
    (tool.folder / "x.npy").write_bytes(made.out)
    words = ("--analysis", "-", "--init", "random", "--epochs", 1, "-o", "run.h5", "--json", "--quiet")
    assert tool("train", "x.npy", *words, stdin=diagnosis.out).json()["latent"] == "S1"


def test_one_line_of_shell(tool: Any) -> None:
    done = tool.shell("set -o pipefail; topovae generate circle -n 200 -q | topovae analyze - --json")
    assert done.err == "" and done.json()["n_samples"] == 200


@pytest.mark.parametrize(
    "line, length",
    [
        ("topovae generate torus -n 200000 --ambient 20 --quiet | head -c 10", 10),
        ("topovae encode '{run}' -i '{circle}' --format csv | head -1", 2),
        ("topovae sample '{run}' -n 50000 --format jsonl | head -c 1", 1),
        ("topovae inspect '{run}' | head -c 1", 1),
    ],
    ids=["generate", "encode", "sample", "inspect"],
)
def test_head_closes_the_pipe_in_silence(line: str, length: int, tool: Any, run: Path, circle: Path) -> None:
    shown = tool.shell(line.format(run=run, circle=circle))
    assert (shown.code, shown.err, len(shown.out)) == (0, "", length)


def test_inspect_a_run_a_report_and_data(tool: Any, run: Path, report: tuple[Path, Any], circle: Path) -> None:
    document = tool("inspect", run, "--json").json()
    assert (document["kind"], document["latent"], document["seed"], document["finished"]) == ("run", "S1", 3, True)
    assert "/".join(["latents", "test", "location"]) in [dataset["name"] for dataset in document["datasets"]]
    described = tool("inspect", report[0], "--json").json()
    assert (described["kind"], described["analysis"]) == ("report", report[1])
    data = tool("inspect", circle, "--json").json()
    assert (data["shape"], data["truth"], data["space"]) == ([200, 6], [200, 1], "S1")
    shown = tool("inspect", run)
    assert shown.code == 0 and b"latent" in shown.out


@pytest.mark.parametrize("field", ["seed", "latent", "metrics/final/test/rms", "config/epochs", "split/test"])
def test_inspect_one_field(tool: Any, run: Path, field: str) -> None:
    stored = read_run(run)
    expected: dict[str, Any] = {
        "seed": 3,
        "latent": "S1",
        "metrics/final/test/rms": stored.model.final["test"]["rms"],
        "config/epochs": 12,
        "split/test": stored.split["test"].tolist(),
    }
    assert tool("inspect", run, "--field", field).json() == expected[field]


def test_plot_with_and_without_the_data(tool: Any, run: Path) -> None:
    with_data = tool("plot", run, "-o", "with.png")
    assert (with_data.code, with_data.out, with_data.err) == (0, b"", "picture: with.png\n")
    moved = tool.folder / "moved.h5"
    shutil.copy(run, moved)
    with edited(moved) as file:
        file.attrs["data_path"] = "/nowhere/circle.npz"
    without = tool("plot", moved, "-o", "without.png")
    assert without.code == 0 and "no reconstructions" in without.err
    sizes = [(tool.folder / name).stat().st_size for name in ("with.png", "without.png")]
    assert sizes[0] > sizes[1] > 0


def test_inspect_a_folder_of_images(tool: Any, tmp_path: Path) -> None:
    from matplotlib.image import imsave

    for number in range(3):
        imsave(tmp_path / f"{number}.png", np.full((5, 7), number / 3), cmap="gray", vmin=0, vmax=1)
    assert tool("inspect", tmp_path, "--json").json()["shape"][:3] == [3, 5, 7]
