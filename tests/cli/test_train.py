"""`topovae train`: what a run file holds, where the latent space comes from, and what is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.rows import Counted
from typer.testing import CliRunner

from topovae.cli import app
from topovae.data.dataset import Dataset, Source
from topovae.data.synthetic.spaces import generate
from topovae.store.reader import read_run

PARTS = ("train", "valid", "test")


def test_the_run_file_holds_what_the_design_says(run: Path, circle: Path) -> None:
    stored = read_run(run)
    assert (stored.model.latent, stored.header.seed, stored.header.data.path) == ("S1", 3, str(circle))
    assert stored.header.command[:2] == ("topovae", "train")
    assert {"torch", "numpy", "h5py"} <= stored.header.versions.keys()
    assert sorted(np.concatenate([stored.split[name] for name in PARTS])) == list(range(200))
    assert stored.baseline is not None and stored.baseline.latent == "R"
    for member in (stored.model, stored.baseline):
        assert {len(column) for column in member.history.values()} == {12}
        assert list(member.history["epoch"]) == list(range(1, 13))
        assert member.checkpoint is not None and member.checkpoint.finished
        for name in PARTS:
            latents, n = member.latents[name], len(stored.split[name])
            assert {len(latents[key]) for key in ("coordinates", "location", "scale", "features", "index")} == {n}
            metrics = member.final[name]
            assert metrics["elbo"] == pytest.approx(-metrics["nll"] - metrics["kl"])
            assert sum(metrics["kl_per_factor"].values()) == pytest.approx(metrics["kl"])
            assert metrics["stress"] >= 0
    assert stored.analysis is not None and stored.analysis["recommendation"]["name"] == "circle"
    assert stored.analysis_arrays["start"].shape == (200, 1)


def test_the_best_epoch_is_that_of_least_validation_loss_after_warm_up(run: Path) -> None:
    member = read_run(run).model
    assert member.checkpoint is not None
    warm = member.history["beta"] == member.history["beta"].max()
    losses = np.where(warm, member.history["valid_loss"], np.inf)
    assert member.checkpoint.best_epoch == int(losses.argmin()) + 1
    assert member.checkpoint.best_value == losses.min()


def test_nothing_in_the_file_is_pickled(run: Path) -> None:
    kinds: set[str] = set()
    with h5py.File(run, "r") as file:
        file.visititems(lambda _, entry: kinds.add(entry.dtype.kind) if isinstance(entry, h5py.Dataset) else None)
        assert h5py.check_string_dtype(file["analysis/json"].dtype) is not None
    assert kinds <= set("fiuO")  # O: text


def test_cohomology_starts_beat_random_ones_on_a_short_run(session_tool: Any, circle: Path, run: Path) -> None:
    words = ("--latent", "S1", "--epochs", 12, "--seed", 3, "--init", "random", "-o", "random.h5", "--json")
    document = session_tool("train", circle, *words).json()
    assert document["schema"] == "topovae/training/1" and document["baseline"] is None
    assert {"rms", "nll", "kl", "kl_per_factor", "elbo", "iwae", "stress"} <= document["test"].keys()
    assert read_run(run).model.final["test"]["elbo"] > document["test"]["elbo"]


def test_auto_trains_the_recommended_space_and_draws_it(tool: Any, circle: Path) -> None:
    done = tool("train", circle, "--epochs", 2, "--plot", "run.png", "-o", "auto.h5")
    assert done.code == 0, done.err
    assert "circle" in done.err and "S1" in done.err and "S1 by cohomology" in done.err
    assert b"circle" in done.out and b"test" in done.out
    assert (tool.folder / "run.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_names_the_latent_space(tool: Any, circle: Path, report: tuple[Path, Any]) -> None:
    words = ("--analysis", report[0], "--init", "random", "--epochs", 2, "-o", "run.h5", "--json", "--quiet")
    done = tool("train", circle, *words)
    assert done.json()["latent"] == "S1" and done.err == ""
    assert read_run(tool.folder / "run.h5").analysis == report[1]


def test_data_that_match_nothing_say_so(tool: Any, squares: Path) -> None:
    document = (
        b'{"schema": "topovae/analysis/1", "recommendation": {"name": "none", "latent": null},'
        b' "candidates": [{"latent": "S1", "score": 0.2}]}'
    )
    done = tool("train", squares, "--analysis", "-", "--strict", stdin=document)
    assert done.code == 2 and "S1 (0.20)" in done.err and "--latent" in done.err


@pytest.mark.parametrize("latent", ["klein", "S2xI"])
def test_quotients_and_spheres_train(tool: Any, squares: Path, latent: str) -> None:
    done = tool("train", squares, "--latent", latent, "--init", "random", "--epochs", 2, "-o", "run.h5", "--json")
    kl = done.json()["test"]["kl_per_factor"]
    assert (set(kl) >= {"group"}) == (latent == "klein")
    assert all(np.isfinite(value) for value in kl.values())


def test_bernoulli_images_train_with_convolutions(tool: Any) -> None:
    x = (np.random.default_rng(0).random((40, 16, 16)) > 0.5).astype(np.float32)
    np.save(tool.folder / "images.npy", x)
    words = ("--latent", "R2", "--likelihood", "bernoulli", "--epochs", 1, "-o", "run.h5", "--json")
    nll = tool("train", "images.npy", *words).json()["test"]["nll"]
    assert nll == pytest.approx(256 * np.log(2), rel=0.1)
    assert read_run(tool.folder / "run.h5").model.config["model"]["network"]["kind"] == "conv"


def test_a_finished_run_of_ours_may_be_replaced_and_data_may_come_by_a_pipe(tool: Any, squares: Path) -> None:
    words = ("train", "-", "--latent", "R", "--epochs", 1, "-o", "run.h5", "--quiet")
    for seed in (1, 2):
        done = tool(*words, "--seed", seed, stdin=squares.read_bytes())
        assert done.code == 0 and done.err == ""
        assert read_run(tool.folder / "run.h5").header.seed == seed


def test_a_diverging_run_says_so_and_keeps_the_last_epoch(tool: Any, squares: Path) -> None:
    done = tool("train", squares, "--latent", "R2", "--learning-rate", 1e8, "--epochs", 9, "-o", "run.h5")
    assert done.code == 1 and "diverged" in done.err and "--learning-rate" in done.err
    assert "Traceback" not in done.err and "internal error" not in done.err
    assert read_run(tool.folder / "run.h5").model.checkpoint is not None


def test_anchors_and_soft_holes_from_the_shell(tool: Any, circle: Path) -> None:
    truth = np.load(circle)["truth"][:, 0]
    np.savetxt(tool.folder / "anchors.csv", np.column_stack([np.arange(0, 200, 4), truth[:200:4]]), delimiter=",")
    words = ("--latent", "S1", "--anchors", "anchors.csv", "--repel", "0:0.2", "--posterior", "von-mises", "--epochs", 25)
    trained = tool("train", circle, *words, "-o", "run.h5", "--json")
    assert trained.code == 0 and "50 anchors" in trained.err
    assert trained.json()["test"]["recovery"][0]["circular_correlation"] > 0.9
    with h5py.File(tool.folder / "run.h5") as file:
        assert file["analysis/coordinates/anchors"].shape == (50, 2)
        held, index = file["latents/train/location"][:, 0], file["latents/train/index"][:]
        off = np.angle(np.exp(1j * (held - truth[index])))
    assert np.abs(off).mean() < 0.5  # not only up to a rotation, as without anchors


def test_what_cannot_be_done_as_asked_is_done_plainly_and_said(tool: Any, circle: Path) -> None:
    """Gamma draws, whose numbers depend on values, cannot be compiled, and tf32 is CUDA's."""
    words = ["train", circle, "--latent", "I", "--posterior", "beta", "--init", "random", "--epochs", "2"]
    done = tool(*words, "--compile", "on", "--precision", "tf32", "-o", "run.h5")
    assert done.code == 0
    assert "the step was not compiled" in done.err and "tf32 needs CUDA" in done.err
    assert tool(*words, "-o", "plain.h5").code == 0
    for option in ("--compile", "--precision"):
        refused = tool(*words, option, "perhaps", "-o", "none.h5")
        assert refused.code == 2 and f"{option} perhaps: expected one of" in refused.err


@pytest.mark.parametrize(("latent", "n_scales"), [("T2", 3), ("T3", 6), ("klein", 5)])
def test_circles_are_trained_with_a_joint_posterior(tool: Any, latent: str, n_scales: int) -> None:
    np.save(tool.folder / "x.npy", np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32))
    words = ("--latent", latent, "--posterior", "full-wrapped-normal", "--init", "random", "--no-baseline")
    trained = tool("train", "x.npy", *words, "--epochs", 2, "-o", "run.h5")
    assert trained.code == 0, trained.err
    stored = read_run(tool.folder / "run.h5").model
    assert np.isfinite(stored.history["train_nll"]).all() and len(stored.history["epoch"]) == 2
    assert stored.latents["test"]["scale"].shape[1] == n_scales
    circles = "x".join(["S1"] * (3 if latent == "T3" else 2))
    assert [*stored.final["test"]["kl_per_factor"]] == [circles, *(["group"] if latent == "klein" else [])]


def test_auto_reads_each_row_of_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Counted(generate("circle", 200, ambient=8, noise=0.05, seed=3).x)
    data = Dataset.of(source, source=Source("circle.npy", ""))
    monkeypatch.setattr("topovae.data.readers.find.read", lambda path, **_: data)
    words = ["train", "circle.npy", "--latent", "auto", "--epochs", "1", "--quiet", "-o", str(tmp_path / "run.h5")]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (source.count == 1).all()


def test_train_and_evaluate_say_when_samples_were_learned_by_heart(tool: Any) -> None:
    noise = np.random.default_rng(0).normal(size=(400, 30)).astype(np.float32)
    words = ("--latent", "R2", "--no-baseline")
    for n, epochs, said in ((40, 400, 1), (400, 1, 0)):
        np.save(tool.folder / "x.npy", noise[:n])
        trained = tool("train", "x.npy", *words, "--epochs", epochs, "-o", f"{n}.h5")
        lines = [line for line in trained.err.splitlines() if "nats lower on the test split" in line]
        judged = tool("evaluate", f"{n}.h5", "--no-certificate")
        assert trained.code == judged.code == 0 and len(lines) == said
        assert [line for line in judged.err.splitlines() if "overfitted" in line] == lines
