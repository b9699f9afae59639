"""A factor from outside the package: one short file, and its name in a latent expression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.tool import Tool

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


def with_factors(place: Path, factors: Path | None) -> Tool:
    """The tool in a folder, with a file of factors or without one."""
    tool = Tool(place)
    tool.environment.pop("TOPOVAE_FACTORS", None)
    if factors is not None:
        tool.environment["TOPOVAE_FACTORS"] = str(factors)
    return tool


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "ellipse.py").write_text(ELLIPSE)
    np.save(folder / "x.npy", generate("circle", 400, ambient=10, noise=0.05, seed=3).x)
    return folder


def test_the_file_is_short() -> None:
    assert len(ELLIPSE.strip().splitlines()) <= 40


@pytest.mark.slow
def test_a_factor_of_forty_lines_trains_evaluates_and_is_listed(place: Path) -> None:
    # In processes of their own, so that this one does not come to know the factor.
    tool = with_factors(place, place / "ellipse.py")
    trained = tool.process("train", "x.npy", "--latent", "ellipsexR", "--epochs", 12, "-o", "run.h5", "--json")
    found = trained.json()
    assert "S1 by cohomology" in trained.err  # what is homeomorphic to a circle starts from the data's circle
    assert found["latent"] == "ellipsexR" and set(found["test"]["kl_per_factor"]) == {"ellipse", "R"}
    assert tool.process("evaluate", "run.h5", "--json", "--iwae", 4).json()["latent"] == "ellipsexR"
    listed = tool.process("spaces", "(ellipsexS1)/<id,rot(1/2)>", "--json").json()
    assert listed["spaces"][0]["group_order"] == 2


def test_without_its_file_the_name_means_nothing(place: Path) -> None:
    failed = with_factors(place, None).process("train", "x.npy", "--latent", "ellipse")
    assert failed.code == 2 and "latent expression" in failed.err and "Traceback" not in failed.err


@pytest.mark.parametrize("text", [None, "import no_such_module", "raise RuntimeError('no')"])
def test_a_file_that_cannot_be_imported_is_said(place: Path, text: str | None) -> None:
    path = place / "broken.py"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    failed = with_factors(place, path)("spaces")
    assert failed.code == 2 and "TOPOVAE_FACTORS" in failed.err and "Traceback" not in failed.err
