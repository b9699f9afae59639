"""README's Python runs as it stands there, and type checkers accept it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.places import ROOT, SAMPLES

from topovae.data.readers.find import FORMATS
from topovae.data.synthetic.spaces import generate

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

USER = """
from pathlib import Path

import numpy as np

import topovae

X = np.zeros((100, 5))
found = topovae.analyze(X, seed=1)
latent: str | None = found.recommendation.latent
confidence: float = found.recommendation.confidence
pages = [found.plot(), topovae.TopologyAnalyzer().fit(X).plot()]
model = topovae.TopoVAE(latent="S1", epochs=3, random_state=None).fit(Path("x.npy"))
Z: np.ndarray = model.transform(X, output="features")
score: float = model.score(X)
model.save(Path("run.h5"))
again = topovae.load("run.h5").transform(X)
data = topovae.read("x.csv")
print(data.n_samples, topovae.generate("torus", 100).x.shape, topovae.parse("klein").canonical)
try:
    model.certificate(X)["verdict"]
except topovae.TopovaeError as error:
    print(error.exit_code)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that the blocks leave, run one after another in a folder of their own."""
    names: dict[str, Any] = {"X": generate("circle", 200, ambient=6, noise=0.05, seed=3).x}
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("readme"))
    os.symlink(SAMPLES, "sample_data")
    try:
        for block in BLOCKS:
            exec(compile(block, "README.md", "exec"), names)
    finally:
        os.chdir(before)
    return names


def test_the_blocks_run_and_give_what_they_say(ran: dict[str, Any]) -> None:
    assert ran["found"].recommendation.latent == "S1"
    assert ran["Z"].shape == (200, 1)
    assert ran["coordinates"].shape == (200, 2) and ran["pictures"].shape == ran["X"].shape


def test_the_recording_of_the_tutorial_is_a_circle_and_certified(ran: dict[str, Any]) -> None:
    assert ran["directions"].latent_ == "S1" and ran["recording"].n_features == 30
    assert ran["directions"].certificate(ran["recording"])["verdict"] == "homeomorphic"
    spec = importlib.util.spec_from_file_location("head_direction", ROOT / "tests" / "benchmarks" / "head_direction.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    truth, counts = script.recording()
    np.testing.assert_array_equal(ran["recording"].load(), counts)
    turns = [abs(np.exp(1j * (truth + sign * ran["angles"])).mean()) for sign in (1, -1)]
    assert max(turns) > 0.9  # equal up to a turn and a reflection: 1 is perfect, 0 is chance


def test_the_table_of_formats_is_that_of_the_code() -> None:
    section = README.split("\n## Data\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")][2:]
    known = [
        [
            form.name,
            " ".join(f"`{suffix}`" for suffix in form.suffixes) or "any",
            form.offers,
            f"`{form.extra}`" * bool(form.extra),
        ]
        for form in FORMATS
    ]
    assert rows == known


def test_the_training_loop_is_short_and_learns(ran: dict[str, Any]) -> None:
    loop = next(block for block in BLOCKS if "optimizer" in block)
    assert len(loop.splitlines()) <= 15
    x, pictures = ran["x"].numpy(), ran["pictures"].detach().numpy()
    assert np.square(x - pictures).mean() < 0.2 * x.var(0).mean()  # most of the variance is explained


@pytest.mark.slow
def test_a_file_of_a_user_passes_a_strict_type_checker(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(USER)
    strict = ("--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path / "cache"))
    place = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *strict, "user.py"], cwd=tmp_path, env=place, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (ROOT / "topovae" / "py.typed").exists()
