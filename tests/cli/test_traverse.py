"""`topovae traverse`: paths in every format, pictures, and what cannot be gone."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from topovae.runs.estimator import load
from topovae.store.reader import read_run

BETWEEN, AROUND = ("--from", 2, "--to", 11), ("--loop", 0, "--from", 2)


def columns(tool: Any, *words: Any) -> dict[str, np.ndarray]:
    done = tool("traverse", *words, "--format", "npz")
    assert done.code == 0, done.err
    return dict(np.load(io.BytesIO(done.out)))


def location_of(run: Path, row: int) -> np.ndarray:
    latents = read_run(run).model.latents.values()
    (found,) = (one["location"][one["index"] == row][0] for one in latents if (one["index"] == row).any())
    return found


def test_a_path_joins_two_samples(session_tool: Any, run: Path) -> None:
    path = columns(session_tool, run, *BETWEEN, "-n", 7)
    assert path["z"].shape == (7, 1) and path["x"].shape == (7, 6)
    np.testing.assert_allclose(path["z"][0], location_of(run, 2), atol=1e-6)
    np.testing.assert_allclose(np.exp(1j * path["z"][-1]), np.exp(1j * location_of(run, 11)), atol=1e-6)
    steps = np.angle(np.exp(1j * np.diff(path["z"][:, 0])))
    np.testing.assert_allclose(steps, steps.mean(), atol=1e-6)
    assert abs(steps.sum()) <= np.pi


def test_a_loop_closes_and_decodes_as_decode_does(session_tool: Any, run: Path) -> None:
    path = columns(session_tool, run, *AROUND, "-n", 20)
    assert np.array_equal(path["z"][0], path["z"][-1]) and np.array_equal(path["x"][0], path["x"][-1])
    stream = io.BytesIO()
    np.save(stream, path["z"])
    decoded = np.load(io.BytesIO(session_tool("decode", run, stdin=stream.getvalue()).out))
    np.testing.assert_allclose(path["x"], decoded, atol=1e-6)
    # the decoded circle is gone around once: about its middle the direction turns by a full turn
    plane = np.linalg.svd(path["x"] - path["x"].mean(0))[2][:2]
    around = (path["x"] - path["x"].mean(0)) @ plane.T
    turn = np.angle(np.exp(1j * np.diff(np.arctan2(*around.T)))).sum()
    assert abs(turn) == pytest.approx(2 * np.pi)


def test_the_python_api_goes_the_same_way(session_tool: Any, run: Path) -> None:
    path = load(run).traverse(2, 11, n=7)
    again = columns(session_tool, run, *BETWEEN, "-n", 7)
    np.testing.assert_allclose(path.coordinates, again["z"])
    np.testing.assert_allclose(path.x, again["x"], atol=1e-6)
    assert np.array_equal(load(run).traverse(loop=0, n=3).coordinates[[0]], location_of(run, 0)[None])


def test_every_format_holds_the_same(session_tool: Any, run: Path) -> None:
    expected = columns(session_tool, run, *BETWEEN, "-n", 4)
    both = np.hstack([expected["z"], expected["x"]])
    words, forms = ("traverse", run, *BETWEEN, "-n", 4, "--format"), ("npy", "csv", "jsonl", "h5")
    made = {form: session_tool(*words, form).out for form in forms}
    np.testing.assert_allclose(np.load(io.BytesIO(made["npy"])), both)
    np.testing.assert_allclose(np.loadtxt(io.BytesIO(made["csv"]), delimiter=",", skiprows=1), both, atol=1e-6)
    lines = [json.loads(line) for line in made["jsonl"].splitlines()]
    np.testing.assert_allclose([line["z"] + line["x"] for line in lines], both, atol=1e-6)
    with h5py.File(io.BytesIO(made["h5"]), "r") as file:
        np.testing.assert_allclose(np.hstack([file["z"][()], file["x"][()]]), both)


@pytest.mark.parametrize("ending, start", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("gif", b"GIF89a")])
def test_pictures_of_a_path(tool: Any, run: Path, ending: str, start: bytes) -> None:
    done = tool("traverse", run, *AROUND, "-n", 5, "-o", "path.npy", "--plot", f"path.{ending}")
    assert done.code == 0 and f"path.{ending}" in done.err
    content = (tool.folder / f"path.{ending}").read_bytes()
    assert content.startswith(start)
    if ending == "gif":
        from PIL import Image

        assert getattr(Image.open(io.BytesIO(content)), "n_frames", 1) == 5


def test_pictures_of_images_are_frames(tool: Any) -> None:
    np.save(tool.folder / "images.npy", np.random.default_rng(0).random((40, 8, 9), dtype=np.float32))
    assert tool("train", "images.npy", "--latent", "S1xR", "--init", "random", "--epochs", 1, "-o", "run.h5").code == 0
    for picture in ("strip.png", "frames.gif"):
        assert tool("traverse", "run.h5", "--from", 0, "--to", 30, "-o", "path.npz", "--plot", picture).code == 0
    assert np.load(tool.folder / "path.npz")["x"].shape == (16, 8, 9)


@pytest.mark.slow
def test_paths_of_mixtures_stay_on_a_component(tool: Any) -> None:
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    x = np.concatenate([ring, ring[:, [2, 0, 1]] + 8.0]) + 0.01 * np.random.default_rng(0).standard_normal((120, 3))
    np.save(tool.folder / "rings.npy", x.astype(np.float32))
    given = np.repeat([0, 1], 60)
    np.save(tool.folder / "components.npy", given)
    words = ("--latent", "mixture(2*circle)", "--components", "components.npy", "--epochs", 20)
    done = tool("train", "rings.npy", *words, "-o", "run.h5")
    assert done.code == 0, done.err
    found = np.array([location_of(tool.folder / "run.h5", row)[0] for row in range(120)])
    assert len(set(found)) == 2
    for component in (0, 1):
        path = columns(tool, "run.h5", "--loop", 0, "--component", component, "-n", 9)
        assert (path["z"][:, 0] == component).all() and np.array_equal(path["z"][0], path["z"][-1])
    rows = [int(np.flatnonzero(found == k)[0]) for k in (0, 1)]
    refused = tool("traverse", "run.h5", "--from", rows[0], "--to", rows[1])
    assert refused.code == 2 and "no path between components" in refused.err
    refused = tool("traverse", "run.h5", "--loop", 0, "--component", 5)
    assert refused.code == 2 and "--component 5" in refused.err


WRONG = {
    "neither": ((), 2, ("--from and --to", "--loop")),
    "no end": (("--from", 3), 2, ("--to",)),
    "no beginning": (("--to", 3), 2, ("--from",)),
    "both": (("--from", 1, "--to", 3, "--loop", 0), 2, ("--loop",)),
    "no such sample": (("--from", 1, "--to", 1000), 2, ("--to 1000", "0 to 199")),
    "no such loop": (("--loop", 1), 2, ("--loop 1", "0 is the circle of factor 0")),
    "one point": (("--loop", 0, "-n", 1), 2, ("--n",)),
    "a picture of no kind": (("--loop", 0, "--plot", "x.bmp"), 2, (".gif", ".png")),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_gone_is_refused(tool: Any, run: Path, name: str) -> None:
    words, code, expected = WRONG[name]
    done = tool("traverse", run, *words)
    assert done.code == code and all(word in done.err for word in expected), done.err
    assert list(tool.folder.iterdir()) == []
