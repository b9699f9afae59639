"""Factors from outside the package: modules that register them, named by the environment."""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path

from topovae.errors import UsageError

VARIABLE = "TOPOVAE_FACTORS"
"""Environment variable with files (ending in .py) or names of modules, separated as in PATH."""


def load_extensions() -> None:
    """Import every module that `VARIABLE` names, so that the factors they register are part of the grammar.

    Raises:
        UsageError: one cannot be imported.
    """
    for place in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        try:
            _import(place)
        except Exception as error:
            raise UsageError(
                f"{VARIABLE}: {place} cannot be imported ({type(error).__name__}: {error}); expected a Python file or module "
                "that registers factors with topovae.latent.register"
            ) from None


def _import(place: str) -> None:
    if not place.endswith(".py"):
        importlib.import_module(place)
        return
    spec = importlib.util.spec_from_file_location(Path(place).stem, place)
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
