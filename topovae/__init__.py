"""topovae: diagnose the topology of a data set and train the VAE whose latent space matches it.

    topovae.analyze(X)                                diagnosis and recommended latent space
    topovae.TopoVAE(latent="auto").fit(X).transform(X)    in scikit-learn's conventions
    topovae.parse("klein")                            a latent expression

The names are imported when first used, so that `import topovae` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from topovae.version import __version__

if TYPE_CHECKING:
    from topovae.homology.verdict.analyze import analyze
    from topovae.runs.estimator import TopoVAE
    from topovae.signature import parse

__all__ = ["TopoVAE", "__version__", "analyze", "parse"]

_HOMES = {"TopoVAE": "runs.estimator", "analyze": "homology", "parse": "signature"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
