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
