"""topovae: diagnose the topology of a data set and train the VAE whose latent space matches it.

    topovae.analyze(X)                                diagnosis and recommended latent space
    topovae.TopoVAE(latent="auto").fit(X).transform(X)    in scikit-learn's conventions
    topovae.TopologyAnalyzer().fit(X)                     the diagnosis alone, in the same conventions
    topovae.load("run.h5").transform(X)                   the model of a run file, or the diagnosis of a report
    topovae.read("x.csv"), topovae.generate("torus")      data sets, from files and made
    topovae.Selection(drop=("time",))                     which columns of a file are samples
    topovae.parse("klein"), topovae.LatentSpace           latent expressions and spaces
    topovae.parse_latent("mixture(2*circle)")             an expression that may name several spaces
    topovae.VAE.of("klein", x).elbo(x)                    the model as a torch module, for a training loop of your own

The names are imported when first used, so that `import topovae` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from topovae.version import __version__

if TYPE_CHECKING:
    from topovae.data.readers.find import read
    from topovae.data.selection import Selection
    from topovae.data.synthetic.spaces import generate
    from topovae.errors import TopovaeError
    from topovae.homology.verdict.analyze import analyze
    from topovae.latent.space import LatentSpace
    from topovae.model.vae import VAE
    from topovae.runs.estimator import TopologyAnalyzer, TopoVAE, load
    from topovae.signature import parse, parse_latent

__all__ = [
    "VAE",
    "LatentSpace",
    "Selection",
    "TopoVAE",
    "TopologyAnalyzer",
    "TopovaeError",
    "__version__",
    "analyze",
    "generate",
    "load",
    "parse",
    "parse_latent",
    "read",
]

_HOMES = {
    "VAE": "model.vae",
    "LatentSpace": "latent",
    "Selection": "data.selection",
    "TopoVAE": "runs.estimator",
    "TopologyAnalyzer": "runs.estimator",
    "TopovaeError": "errors",
    "analyze": "homology",
    "generate": "data",
    "load": "runs.estimator",
    "parse": "signature",
    "parse_latent": "signature",
    "read": "data",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
