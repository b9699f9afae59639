"""The tool in folders of its own, on small data and runs made once a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tool import Tool

EPOCHS = "12"


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """The tool in a folder of this test alone."""
    return Tool(tmp_path)


@pytest.fixture(scope="session")
def session_tool(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    """The tool in the folder of the session's shared files."""
    return Tool(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def circle(session_tool: Tool) -> Path:
    """200 points of a circle in 6 dimensions with truth beside them, in an .npz."""
    made = session_tool("generate", "circle", "-n", 200, "--ambient", 6, "--noise", 0.02, "-o", "circle.npz")
    assert made.code == 0, made.err
    return session_tool.folder / "circle.npz"


@pytest.fixture(scope="session")
def squares(session_tool: Tool) -> Path:
    """90 points of the unit square, for models that need no diagnosis, as .npy."""
    path = session_tool.folder / "squares.npy"
    np.save(path, np.random.default_rng(0).random((90, 3), dtype=np.float32))
    return path


@pytest.fixture(scope="session")
def run(session_tool: Tool, circle: Path) -> Path:
    """A finished run on the circle, started from cohomology, with a baseline."""
    options = ("--latent", "S1", "--baseline", "--epochs", EPOCHS, "--seed", 3, "-o", "run.h5")
    made = session_tool("train", circle, *options)
    assert made.code == 0, made.err
    return session_tool.folder / "run.h5"


@pytest.fixture(scope="session")
def report(session_tool: Tool, circle: Path) -> tuple[Path, Any]:
    """The report of `analyze` on the circle, and the JSON that the same command printed."""
    made = session_tool("analyze", circle, "--json", "-o", "report.h5")
    return session_tool.folder / "report.h5", made.json()


@pytest.fixture(scope="module")
def evaluation(session_tool: Any, run: Path) -> Any:
    """What `evaluate --json` says of the shared run."""
    return session_tool("evaluate", run, "--json", "--iwae", 16, "--seed", 3).json()
