"""The Python API in scikit-learn's conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from topovae.data.checks import check
from topovae.data.dataset import Dataset
from topovae.errors import RunFileError
from topovae.model.networks import to_device
from topovae.runs import models
from topovae.runs.integrity import open_run
from topovae.runs.plan import plan
from topovae.runs.provenance import make_header
from topovae.runs.session import train_run
from topovae.store.writer import write_run
from topovae.training.config import LEARNING_RATE

if TYPE_CHECKING:
    from topovae.model.vae import VAE


class TopoVAE(TransformerMixin, BaseEstimator):
    """A variational autoencoder whose latent space has the topology of the data.

    Args:
        latent: latent expression such as "S1xR2" or "klein"; "auto" diagnoses the data first.
        network: "auto", "mlp" or "conv".
        hidden: widths of the encoder's dense layers, separated by commas; "" chooses them.
        likelihood: "gaussian" or "bernoulli".
        noise: fixed noise of the Gaussian likelihood in the data's units; None learns it.
        baseline: whether to train a Gaussian VAE of the same capacity beside it.
        epochs: passes over the data; None chooses them by its size.
        batch_size: samples a step.
        beta: weight of the KL term.
        learning_rate: peak learning rate.
        compile: "on", "off", or "auto" for long trainings alone.
        precision: of the networks' products, "float32", "tf32" or "bfloat16".
        init: "cohomology" starts the encoder from coordinates of the data, "random" from random weights.
        posterior: families of the posteriors, separated by commas, in place of the default ones.
        encoder: of a quotient, "lift" from invariant functions or onto the "cover".
        divergence: of a quotient, "orbit" or its upper bound on the "cover".
        repel: balls of the latent space to be left empty, as "coordinates:radius".
        allow_orbifold: accept a latent whose group fixes points.
        device: "auto", "cpu" or "cuda".
        random_state: seed of every random number.

    Attributes:
        run_: everything that `topovae train` writes into a run file.
        model_: the trained `topovae.model.vae.VAE`.
        latent_: canonical expression of the latent space.

    Example:
        >>> from topovae.data import generate
        >>> x = generate("circle", 200, ambient=10, noise=0.05).x
        >>> model = TopoVAE(latent="S1", epochs=2).fit(x)
        >>> model.transform(x).shape, model.inverse_transform([[0.0]]).shape
        ((200, 1), (1, 10))
    """

    def __init__(
        self,
        latent: str = "auto",
        *,
        network: str = "auto",
        hidden: str = "",
        likelihood: str = "gaussian",
        noise: float | None = None,
        baseline: bool = False,
        epochs: int | None = None,
        batch_size: int = 128,
        beta: float = 1.0,
        learning_rate: float = LEARNING_RATE,
        compile: str = "auto",
        precision: str = "float32",
        init: str = "cohomology",
        posterior: str = "",
        encoder: str = "lift",
        divergence: str = "orbit",
        repel: tuple[str, ...] = (),
        allow_orbifold: bool = False,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.latent = latent
        self.network = network
        self.hidden = hidden
        self.likelihood = likelihood
        self.noise = noise
        self.baseline = baseline
        self.epochs = epochs
        self.batch_size = batch_size
        self.beta = beta
        self.learning_rate = learning_rate
        self.compile = compile
        self.precision = precision
        self.init = init
        self.posterior = posterior
        self.encoder = encoder
        self.divergence = divergence
        self.repel = repel
        self.allow_orbifold = allow_orbifold
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: None = None, groups: Any = None, anchors: Any = None) -> Self:
        """Diagnose, if the latent is "auto", and train.

        Args:
            X: samples, (n, d) or images (n, h, w), (n, h, w, c), (n, c, h, w).
            y: ignored.
            groups: (n,) labels of samples that a split must not part.
            anchors: (m, 1 + k) row numbers and latent coordinates of samples that are to be held there.

        Raises:
            InputError: X cannot be used.
            UsageError: a parameter is wrong, or the diagnosis recommends no latent.
        """
        data = Dataset.of(X, group=groups).held()
        check(data)
        options = {k: v for k, v in self.get_params().items() if k not in {"latent", "device", "random_state"}}
        pinned = None if anchors is None else np.asarray(anchors, dtype=float)
        planned = plan(data, self.latent, options | {"seed": self.random_state}, anchors=pinned, device=self.device)
        config = planned.options.to_dict()
        header = make_header(data, config, self.random_state, self.device, ("topovae.TopoVAE.fit",))
        self.run_ = train_run(
            data,
            planned.options,
            header,
            device=self.device,
            analysis=planned.analysis,
            coordinates=planned.coordinates,
        )
        self.latent_ = self.run_.model.latent
        self.model_: VAE = models.load_model(self.run_.model, to_device(self.device))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Latent coordinates of samples, (n, coordinate_dim)."""
        check_is_fitted(self)
        return models.encode(self.model_, Dataset.of(X))[0]

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Samples decoded from latent coordinates (n, coordinate_dim)."""
        check_is_fitted(self)
        return models.decode(self.model_, np.asarray(Z))

    def sample(self, n: int = 1, random_state: int = 0) -> np.ndarray:
        """n samples decoded from the prior."""
        check_is_fitted(self)
        return models.draw_samples(self.model_, n, random_state)["x"]

    def save(self, path: str) -> None:
        """Write a run file, as `topovae train` does.

        Raises:
            OutputError: the place cannot be written.
        """
        check_is_fitted(self)
        write_run(path, self.run_)


def load(path: str) -> TopoVAE:
    """A run file as a fitted `TopoVAE`, whose parameters are those that the run was asked for.

    Args:
        path: a run file of `topovae train` or `TopoVAE.save`.

    Raises:
        RunFileError: the file is damaged, no run file, or its run is not finished.
    """
    run = open_run(path)
    if run.model.checkpoint is not None and not run.model.checkpoint.finished:
        raise RunFileError(f"{path} holds an unfinished run; `topovae train … --resume` goes on with it")
    asked = dict(run.header.config)
    names = TopoVAE().get_params().keys() & asked.keys()
    model = TopoVAE(**{name: asked[name] for name in names} | {"repel": tuple(asked.get("repel", ()))})
    model.set_params(random_state=run.header.seed)
    model.run_, model.latent_, model.model_ = run, run.model.latent, models.load_model(run.model)
    return model
