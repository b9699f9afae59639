"""Importing the package stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "ripser", "scipy", "matplotlib", "h5py")


@pytest.mark.parametrize("module", ["topovae.homology", "topovae.homology.spaces.catalogue"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_diagnosis_does_without_torch() -> None:
    code = "import sys, topovae.homology.verdict.analyze; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_command_does_without_what_takes_as_long_as_its_work() -> None:
    """scikit-learn and matplotlib (and scipy.stats, persim, the Python part of ripser, which bring them or are brought)."""
    code = """
import sys
import numpy as np
from topovae.evaluation import certificate, diagrams
from topovae.homology.verdict.analyze import analyze
from topovae.runs import plan, session

angles = np.random.default_rng(0).uniform(0, 6.3, 150)
analyze(np.stack([np.cos(angles), np.sin(angles), *(0 * angles for _ in range(20))], 1))
print(*[name for name in ("sklearn", "matplotlib", "scipy.stats", "persim", "ripser") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
