"""A factor from outside the package: one short file, and its name in a latent expression."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from topovae.data.synthetic.spaces import generate

ELLIPSE = '''
import math

import torch

from topovae.distributions import CircleUniform, Independent, WrappedNormal
from topovae.distributions.wrapped_normal import wrap
from topovae.latent import Factor, Family, register


@register("ellipse", like="S1")
class Ellipse(Factor):
    """An ellipse with half-axes 2 and 1, by the eccentric anomaly."""

    coordinate_dim, embedding_dim, scale_dim = 1, 2, 1
    prior_name, volume = "CircleUniform", 2 * math.pi
    families = {"wrapped-normal": Family("WrappedNormal", lambda loc, scale: Independent(WrappedNormal(loc, scale), 1))}

    def locate(self, embedded):
        return torch.atan2(2 * embedded[..., 1:], embedded[..., :1] + 1e-9)

    def prior(self, like):
        return Independent(CircleUniform(torch.Size((1,)), like.dtype, like.device), 1)

    def embed(self, coordinates):
        return torch.cat([2 * torch.cos(coordinates), torch.sin(coordinates)], -1)

    def distance(self, a, b):
        return wrap(a - b).abs()[..., 0]
'''


def run(*words: str, factors: Path | str | None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "TOPOVAE_FACTORS"}
    if factors is not None:
        environment["TOPOVAE_FACTORS"] = str(factors)
    command = [sys.executable, "-m", "topovae", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "ellipse.py").write_text(ELLIPSE)
    np.save(folder / "x.npy", generate("circle", 400, ambient=10, noise=0.05, seed=3).x)
    return folder


def test_the_file_is_short() -> None:
    assert len(ELLIPSE.strip().splitlines()) <= 40


def test_a_factor_of_forty_lines_trains_evaluates_and_is_listed(place: Path) -> None:
    output = str(place / "run.h5")
    words = ("train", str(place / "x.npy"), "--latent", "ellipsexR", "--epochs", "12", "-o", output, "--json")
    trained = run(*words, factors=place / "ellipse.py")
    assert trained.returncode == 0, trained.stderr
    assert "S1 by cohomology" in trained.stderr  # what is homeomorphic to a circle starts from the data's circle
    found = json.loads(trained.stdout)
    assert found["latent"] == "ellipsexR" and set(found["test"]["kl_per_factor"]) == {"ellipse", "R"}
    evaluated = run("evaluate", output, "--json", "--iwae", "4", factors=place / "ellipse.py")
    assert evaluated.returncode == 0 and json.loads(evaluated.stdout)["latent"] == "ellipsexR"
    listed = run("spaces", "(ellipsexS1)/<id,rot(1/2)>", "--json", factors=place / "ellipse.py")
    assert json.loads(listed.stdout)["spaces"][0]["group_order"] == 2


def test_without_its_file_the_name_means_nothing(place: Path) -> None:
    failed = run("train", str(place / "x.npy"), "--latent", "ellipse", factors=None)
    assert failed.returncode == 2 and "latent expression" in failed.stderr and "Traceback" not in failed.stderr


@pytest.mark.parametrize("text", [None, "import no_such_module", "raise RuntimeError('no')"])
def test_a_file_that_cannot_be_imported_is_said(place: Path, text: str | None) -> None:
    path = place / "broken.py"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    failed = run("spaces", factors=path)
    assert failed.returncode == 2 and "TOPOVAE_FACTORS" in failed.stderr and "Traceback" not in failed.stderr
