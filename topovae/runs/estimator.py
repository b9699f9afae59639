"""The Python API in scikit-learn's conventions."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from topovae.data.arrays import take
from topovae.data.checks import check
from topovae.data.dataset import MEMORY_BYTES, Dataset
from topovae.data.readers.find import read
from topovae.data.selection import Selection
from topovae.errors import FewSamplesError, InputError, RunFileError, UsageError
from topovae.homology.coordinates.search import find_coordinates
from topovae.homology.verdict.analysis import Analysis
from topovae.homology.verdict.analyze import analyze
from topovae.homology.verdict.candidates import Recommendation
from topovae.homology.verdict.stored import StoredAnalysis
from topovae.model.networks import to_device
from topovae.runs import models
from topovae.runs.integrity import open_run
from topovae.runs.plan import plan
from topovae.runs.provenance import make_header
from topovae.runs.session import train_run
from topovae.signature import parse
from topovae.store.atomic import holding
from topovae.store.reader import opened, read_report, require_version
from topovae.store.schema import REPORT_FORMAT
from topovae.store.writer import write_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from topovae.model.vae import VAE
    from topovae.runs.traversal import Traversal

LEAST_SAMPLES = 10
"""Of fewer, no split has the shares 0.8, 0.1 and 0.1: not tuned."""

OUTPUTS = ("coordinates", "features")


class SampleReader(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What the estimators share: samples in all forms that people hold, checked as scikit-learn does."""

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn may expect: sparse samples are read, and no type of numbers is kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = []  # networks compute in single precision
        return tags

    def _samples(self, X: Any, reset: bool, groups: Any = None) -> Dataset:
        """Read samples, and keep or compare the number and the names of their columns.

        Raises:
            InputError: they cannot be used, or have other columns than those that were fitted.
        """
        found = take(X)
        try:
            if isinstance(found, Dataset):
                data = found if groups is None else found.grouped(groups)
                for said in data.notes if reset else ():
                    warnings.warn(f"{data.place}: {said}", UserWarning, stacklevel=3)
            elif type(found) is np.ndarray and found.ndim <= 2:
                table = check_array(found, ensure_all_finite=False, ensure_min_features=2 if reset else 1)
                self._compare_columns(X, table.shape[1], reset)
                return Dataset.of(table, group=groups)
            else:
                data = Dataset.of(found, group=groups)
            self._compare_columns(X, data.n_features, reset)
        except ValueError as error:
            raise InputError(str(error)) from None
        return data

    def _compare_columns(self, X: Any, count: int, reset: bool) -> None:
        """Keep the number of columns, or of the numbers in a picture, and the names that X has for them; or compare."""
        columns = X if hasattr(X, "columns") else np.broadcast_to(np.float32(0), (1, count))
        validate_data(self, columns, reset=reset, skip_check_array=True)


class TopologyAnalyzer(SampleReader):
    """Which space the data lie on, and where each sample lies on it, by persistent homology alone.

    `transform` gives one column for each coordinate that the data themselves show: angles in radians for circles, unit vectors
    for spheres. Where they show none (the answer is `none`, or a line, whose coordinate only training finds), there is no
    column, and a warning says so; `TopoVAE` gives coordinates on any space. `output="features"` gives cosine and sine of each
    angle in its place, which do not jump at ±π: choose it before another estimator in a pipeline.

    Args:
        landmarks: number of landmarks; chosen by the number of samples when None.
        max_dim: highest degree of homology, 1 or 2.
        primes: fields Z/p.
        alpha: level of the test that a bar is noise.
        metric: "euclidean" or "cosine".
        preset: "auto", "counts" or "none", see `topovae.analyze`.
        candidates: latent expressions to choose among; the whole catalogue when None.
        memory: bytes that may be used.
        time: seconds that the homology of a component may take; None for any.
        output: what `transform` gives, "coordinates" or "features".
        device: where neighbours are searched: "cpu", or "cuda".
        random_state: seed of every random number; None draws one.

    Attributes:
        report_: the `Analysis`; None where there were too few samples for one.
        recommendation_: the answer, with `.latent`, `.name` and `.confidence`.
        seed_: the seed that was used.
        n_features_in_: numbers in a sample.
        feature_names_in_: names of the columns, where X had some.

    Example:
        >>> from topovae.data import generate
        >>> x = generate("circle", 300, ambient=5, noise=0.05).x
        >>> analyzer = TopologyAnalyzer().fit(x)
        >>> analyzer.recommendation_.latent, analyzer.transform(x).shape
        ('S1', (300, 1))
    """

    def __init__(
        self,
        *,
        landmarks: int | None = None,
        max_dim: int = 2,
        primes: Sequence[int] = (2, 3),
        alpha: float = 0.01,
        metric: str = "euclidean",
        preset: str = "auto",
        candidates: Sequence[str] | None = None,
        memory: int = MEMORY_BYTES,
        time: float | None = None,
        output: str = "coordinates",
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.landmarks = landmarks
        self.max_dim = max_dim
        self.primes = primes
        self.alpha = alpha
        self.metric = metric
        self.preset = preset
        self.candidates = candidates
        self.memory = memory
        self.time = time
        self.output = output
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Diagnose.

        Args:
            X: samples, as `TopoVAE.fit` takes them.
            y: ignored.

        Raises:
            InputError: X cannot be used.
            UsageError: a parameter is wrong.
        """
        choose_output(self.output, None)
        data = self._samples(X, reset=True).held()
        check(data, LEAST_SAMPLES)
        self.seed_ = draw_seed(self.random_state)
        names = ("landmarks", "max_dim", "primes", "alpha", "metric", "preset", "candidates", "memory", "time", "device")
        self.report_: Analysis | None = None
        self.recommendation_ = Recommendation(None, "none", 0.0)
        try:
            self.report_ = analyze(data, seed=self.seed_, **{name: getattr(self, name) for name in names})
            self.recommendation_ = self.report_.recommendation
        except FewSamplesError as error:
            warnings.warn(f"{error} The answer is `none`.", UserWarning, stacklevel=2)
        self.shown_ = self._shown(data)
        return self

    def transform(self, X: Any, output: str | None = None) -> np.ndarray:
        """Coordinates of samples on the recommended space, float64 (n, k), by one column for each that the data show.

        Args:
            X: samples, as `fit` takes them.
            output: "coordinates" (angles in radians, unit vectors) or "features" (angles as cosine and sine); None takes the
                parameter of the estimator, which `set_output` names columns by.

        Raises:
            InputError: X cannot be used, or has other columns than those that were fitted.
        """
        check_is_fitted(self)
        chosen = choose_output(output, self.output)
        data = self._samples(X, reset=False)
        check(data, 1)
        if not self.shown_:
            warnings.warn(
                f"the diagnosis ({self.recommendation_.name}) gives no coordinates, so there is no column; TopoVAE learns some",
                UserWarning,
                stacklevel=2,
            )
            return np.zeros((data.n_samples, 0))
        points = self._coordinates(data)
        columns = [points[:, [column]] for column, _ in self.shown_]
        if chosen == "features":
            turned = zip(columns, self.shown_, strict=True)
            columns = [np.hstack([np.cos(c), np.sin(c)]) if is_angle else c for c, (_, is_angle) in turned]
        return np.hstack(columns)

    def plot(self) -> Figure:
        """Barcodes, diagrams, landmarks and candidates of the diagnosis on one page.

        Raises:
            InputError: there were too few samples for a diagnosis.
        """
        check_is_fitted(self)
        if self.report_ is None:
            raise InputError("there were too few samples for a diagnosis, so there is none to draw; fit more samples")
        return self.report_.plot()

    def _coordinates(self, data: Dataset) -> np.ndarray:
        """Points on the cover of the recommended space, NaN in columns that the data do not give."""
        latent = self.recommendation_.latent
        if latent is None or self.report_ is None:
            return np.zeros((data.n_samples, 0))
        return find_coordinates(data, self.report_, parse(latent), self.seed_).points

    def _shown(self, data: Dataset) -> tuple[tuple[int, bool], ...]:
        """The columns that the data give, each with whether it is an angle."""
        found = np.isfinite(self._coordinates(data)).all(0)
        if not found.any():
            return ()
        factors = parse(str(self.recommendation_.latent)).homeomorphic.factors
        angles = [f.is_circle for f in factors for _ in range(1 if f.is_circle or f.kind == "I" else f.dim + (f.kind == "S"))]
        return tuple((int(column), angles[column]) for column in np.flatnonzero(found))

    @property
    def _n_features_out(self) -> int:
        doubled = sum(is_angle for _, is_angle in self.shown_) if self.output == "features" else 0
        return len(self.shown_) + doubled


class TopoVAE(SampleReader):
    """A variational autoencoder whose latent space has the topology of the data.

    Args:
        latent: latent expression such as "S1xR2" or "klein"; "auto" diagnoses the data first.
        network: "auto", "mlp" or "conv".
        hidden: widths of the encoder's dense layers, separated by commas; "" chooses them.
        decoder_hidden: those of the decoder; "" for the encoder's in reverse.
        activation: between layers: "silu", "relu", "leaky-relu", "elu", "gelu", "softplus" or "tanh".
        input_scale: networks work on x over this number; on standardised data when None.
        likelihood: "gaussian", "bernoulli", "poisson", "negative-binomial" or "student"; "auto" takes Poisson for counts, else
            Gaussian.
        noise: fixed noise of a Gaussian likelihood, or of Student's, in the data's units; None learns it.
        dispersion: fixed α of negative binomial counts of variance μ + α μ²; None learns one a feature.
        degrees_of_freedom: fixed ones of Student's t; None learns them.
        exposure: width of the bins in which counts were made; 1 when None.
        baseline: whether to train a Gaussian VAE of the same capacity beside it.
        epochs: passes over the data; None goes on until the validation ELBO has converged.
        batch_size: samples a step.
        beta: weight of the KL term.
        learning_rate: peak learning rate; None chooses it by the widest layer.
        compile: "on", "off", or "auto" for long trainings alone.
        precision: of the networks' products, "float32", "tf32" or "bfloat16".
        init: "cohomology" starts the encoder from coordinates of the data, "random" from random weights.
        posterior: families of the posteriors, separated by commas, in place of the default ones.
        encoder: of a quotient, "lift" from invariant functions or onto the "cover".
        divergence: of a quotient, "orbit" or its upper bound on the "cover".
        component: number of the component to train by itself, from 0, of those that the diagnosis or `fit` says; None trains on
            all samples.
        repel: balls of the latent space to be left empty, as "coordinates:radius".
        strict: of "auto", refuse data that no latent space matches instead of learning a prior.
        allow_orbifold: accept a latent whose group fixes points.
        output: what `transform` gives: "coordinates", or "features", which are continuous where an angle jumps at ±π: choose
            these before another estimator in a pipeline.
        device: "auto", "cpu" or "cuda".
        random_state: seed of every random number; None draws one.

    Attributes:
        run_: everything that `topovae train` writes into a run file.
        model_: the trained `topovae.model.vae.VAE`, a plain `torch.nn.Module`.
        latent_: canonical expression of the latent space.
        seed_: the seed that was used.
        n_features_in_: numbers in a sample.
        feature_names_in_: names of the columns, where X had some.

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
        decoder_hidden: str = "",
        activation: str = "silu",
        input_scale: float | None = None,
        likelihood: str = "auto",
        noise: float | None = None,
        dispersion: float | None = None,
        degrees_of_freedom: float | None = None,
        exposure: float | None = None,
        baseline: bool = False,
        epochs: int | None = None,
        batch_size: int = 128,
        beta: float = 1.0,
        learning_rate: float | None = None,
        compile: str = "auto",
        precision: str = "float32",
        init: str = "cohomology",
        posterior: str = "",
        encoder: str = "lift",
        divergence: str = "orbit",
        component: int | None = None,
        repel: tuple[str, ...] = (),
        strict: bool = False,
        allow_orbifold: bool = False,
        output: str = "coordinates",
        device: str = "auto",
        random_state: Any = 0,
    ) -> None:
        self.latent = latent
        self.network = network
        self.hidden = hidden
        self.decoder_hidden = decoder_hidden
        self.activation = activation
        self.input_scale = input_scale
        self.likelihood = likelihood
        self.noise = noise
        self.dispersion = dispersion
        self.degrees_of_freedom = degrees_of_freedom
        self.exposure = exposure
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
        self.component = component
        self.repel = repel
        self.strict = strict
        self.allow_orbifold = allow_orbifold
        self.output = output
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, groups: Any = None, anchors: Any = None, components: Any = None) -> Self:
        """Diagnose, if the latent is "auto", and train. The global random state stays as it is.

        Args:
            X: samples, (n, d) or images (n, h, w), (n, h, w, c), (n, c, h, w): an array, DataFrame, torch tensor, sparse
                matrix, the path of a file, a `Dataset`, or what else `topovae.data.arrays.take` lists.
            y: ignored.
            groups: (n,) labels of samples that a split must not part.
            anchors: (m, 1 + k) row numbers and latent coordinates of samples that are to be held there.
            components: (n,) the component of a mixture that each sample is to start on, −1 where that is not known; None takes
                those that the diagnosis finds.

        Raises:
            InputError: X cannot be used.
            UsageError: a parameter is wrong, or the diagnosis recommends no latent and `strict` asks for one.
        """
        choose_output(self.output, None)
        data = self._samples(X, reset=True, groups=groups).held()
        check(data, LEAST_SAMPLES)
        self.seed_ = draw_seed(self.random_state)
        options = {k: v for k, v in self.get_params().items() if k not in {"latent", "device", "output", "random_state"}}
        pinned = None if anchors is None else np.asarray(anchors, dtype=float)
        given = None if components is None else np.asarray(components)
        chosen = options | {"seed": self.seed_}
        planned = plan(data, self.latent, chosen, anchors=pinned, components=given, device=self.device)
        config = planned.options.to_dict()
        header = make_header(data, config, self.seed_, self.device, ("topovae.TopoVAE.fit",))
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

    def transform(self, X: Any, output: str | None = None) -> np.ndarray:
        """Latent coordinates of samples, (n, coordinate_dim), or features of them.

        Args:
            X: samples, as `fit` takes them.
            output: "coordinates" or "features", (n, feature_dim): functions of the coordinates that are continuous everywhere;
                None takes the parameter of the estimator, which `set_output` names columns by.

        Raises:
            InputError: X cannot be used, or has other columns than those that were fitted.
        """
        check_is_fitted(self)
        coordinates = models.encode(self.model_, self._scaled(X))["z"]
        if choose_output(output, self.output) == "coordinates":
            return coordinates
        return models.features(self.model_, coordinates)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Samples decoded from latent coordinates (n, coordinate_dim)."""
        check_is_fitted(self)
        return self._selection().restored(models.decode(self.model_, np.asarray(take(Z))))

    def sample(self, n: int = 1, random_state: int = 0, noise: bool = False) -> np.ndarray:
        """n samples decoded from the prior.

        Args:
            n: how many.
            random_state: seed.
            noise: whether to draw data as they are measured; else their means are given.
        """
        check_is_fitted(self)
        return self._selection().restored(models.draw_samples(self.model_, n, random_state, noise)["x"])

    def traverse(
        self,
        start: int | None = None,
        end: int | None = None,
        *,
        loop: int | None = None,
        operator: int | None = None,
        component: int | None = None,
        n: int = 16,
    ) -> Traversal:
        """n points between two samples, once around a loop or along an operator, in equal steps, and what they decode to.

        Args:
            start, end: rows of the samples that were fitted.
            loop: number of a circle to go around instead, from `start` or the first sample.
            operator: number of an operator of a learned prior, whose orbit is followed instead.
            component: of a mixture, the one whose first sample a loop or orbit begins at.
            n: points.

        Raises:
            UsageError: there is no such sample, loop or operator, or not one of `end`, `loop` and `operator` is given.
        """
        from topovae.runs.traversal import traverse

        check_is_fitted(self)
        path = traverse(self.run_, self.model_, start=start, end=end, around=loop, operator=operator, component=component, n=n)
        return replace(path, x=self._selection().restored(path.x))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean ELBO of samples in nats: that of held-out ones tells how well a latent space fits.

        Args:
            X: samples, as `fit` takes them.
            y: ignored.
        """
        check_is_fitted(self)
        return models.mean_elbo(self.model_, self._scaled(X), self.seed_)

    def log_prob(self, X: Any, *, iwae: int = 64, random_state: int = 0) -> np.ndarray:
        """log p(x) of each sample in nats, (n,), by importance sampling: low where the model finds a sample unlikely.

        Args:
            X: samples, as `fit` takes them.
            iwae: importance samples of each; the estimate is below log p(x) in the mean, by less the more there are.
            random_state: seed of these.

        References:
            Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders (2016), equation 8.
        """
        check_is_fitted(self)
        return models.log_densities(self.model_, self._scaled(X), iwae, random_state) - self._selection().log_spread

    def evaluate(self, X: Any = None, *, iwae: int = 64) -> dict[str, dict[str, Any] | None]:
        """The metrics of `topovae evaluate` by "train", "valid" and "test".

        Args:
            X: the samples that were fitted; None reads them where the run file says they are. Of others, told by number or
                by file, all are for testing, and "train" and "valid" are None.
            iwae: importance samples of the bound on the test split; 0 leaves it out.

        Raises:
            InputError: the data are not there, or are of another kind than those of the run.
        """
        from topovae.runs.evaluation import elsewhere, evaluate_member, is_same

        check_is_fitted(self)
        data = self._fitted_samples(None) if X is None else self._scaled(X)
        run = self.run_ if is_same(data, self.run_.header.data) else elsewhere(self.run_, data)
        return evaluate_member(self.run_.model, run, data, seed=self.seed_, iwae=iwae, device=self.device)

    def certificate(self, X: Any = None) -> dict[str, Any]:
        """Whether the encoder is a homeomorphism onto its latent space: "verdict", "reasons" and what was measured.

        Args:
            X: the samples that were fitted; None reads them where the run file says they are.

        Raises:
            InputError: the data are not there, or are not those of the run.
        """
        from topovae.homology.cloud.ground import survey
        from topovae.homology.cloud.presets import Preset
        from topovae.runs.evaluation import certify_member, own_samples

        data = own_samples(self.run_, self._fitted_samples(X))
        preset = Preset.of(self.run_.analysis)
        ground = survey(data, self.seed_, preset)
        found = certify_member(self.run_.model, data, ground, preset=preset, seed=self.seed_, device=self.device)
        return found["certificate"]

    def plot(self, X: Any = None) -> Figure:
        """The latent space, the learning curves and, where X is given, reconstructions on one page.

        Args:
            X: the samples that were fitted.
        """
        from topovae.runs.pages import run_figure

        check_is_fitted(self)
        return run_figure(self.run_, None if X is None else self._fitted_samples(X))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a run file, as `topovae train` does.

        Raises:
            OutputError: the place cannot be written, or another process is writing there.
        """
        check_is_fitted(self)
        with holding(path):
            write_run(path, self.run_)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: of the module its configuration and weights, for distributions hold functions without a name."""
        state: dict[str, Any] = super().__getstate__()
        if "model_" in state:
            model = state["model_"]
            state = state | {"model_": (model.config, model.state_dict())}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The inverse of `__getstate__`; the module is where the parameter `device` says."""
        super().__setstate__(state)
        if "model_" in state:
            config, weights = state["model_"]
            self.model_ = models.revive(config, weights, to_device(self.device))

    def _checked(self, X: Any) -> Dataset:
        """Samples of the shape that was fitted, all finite."""
        data = self._samples(X, reset=False)
        shape = self.model_.config.sample_shape
        if data.sample_shape != shape:
            raise InputError(f"samples of shape {data.sample_shape}: the model was fitted on samples of shape {shape}")
        check(data, 1)
        return data

    def _selection(self) -> Selection:
        """What the run did to the data before they were fitted."""
        return Selection.of(self.run_.header.config)

    def _scaled(self, X: Any) -> Dataset:
        """Samples as they were fitted: of the columns, and in the units, that the run records."""
        selection = self._selection()
        given = read(X, selection=selection) if hasattr(X, "__fspath__") else X
        data = self._checked(given)
        done = data.choices or not selection.center
        return data if done else replace(data, x=selection.scaled(data))

    def _fitted_samples(self, X: Any) -> Dataset:
        """The samples of the run."""
        check_is_fitted(self)
        known = self.run_.header.data
        if X is None and not os.path.exists(known.path.split("::")[0]):
            raise InputError(f"the data of this run ({known.path or 'an array'}) are not at hand; give them as X")
        data = self._scaled(read(known.path, selection=self._selection()) if X is None else X)
        if tuple(data.x.shape) != tuple(known.shape):
            raise InputError(f"data of shape {tuple(data.x.shape)}: those of the run have the shape {tuple(known.shape)}")
        return data

    @property
    def _n_features_out(self) -> int:
        space = self.model_.space
        return space.feature_dim if self.output == "features" else space.coordinate_dim


def choose_output(asked: str | None, default: str | None) -> str:
    """What `transform` is to give.

    Raises:
        UsageError: it is none of `OUTPUTS`.
    """
    chosen = asked if asked is not None else default
    if chosen not in OUTPUTS:
        raise UsageError(f"output {chosen!r}: expected one of {', '.join(OUTPUTS)}")
    return chosen


def draw_seed(random_state: Any) -> int:
    """The seed that a `random_state` stands for: a number itself; None draws a new one; a generator of numpy gives one."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    draw = getattr(random_state, "integers", None) or getattr(random_state, "randint", None)
    return int(random_state if draw is None else draw(2**31))


def load(path: str | os.PathLike[str]) -> Any:
    """What a file of topovae holds: a run as a fitted `TopoVAE`, a report as a `StoredAnalysis`.

    Args:
        path: a run file of `topovae train` or `TopoVAE.save`, or a report of `topovae analyze -o`.

    Returns:
        A `TopoVAE`, whose parameters are those that the run was asked for; or a `StoredAnalysis`, which has the answer, its
        reasons and its pictures.

    Raises:
        RunFileError: the file is damaged, no file of topovae, or its run is not finished.
    """
    path = os.fspath(path)
    with opened(path) as file:
        is_report = require_version(file) == REPORT_FORMAT
    if is_report:
        report = read_report(path)
        return StoredAnalysis(report.analysis, report.arrays)
    run = open_run(path)
    if run.model.checkpoint is not None and not run.model.checkpoint.finished:
        raise RunFileError(f"{path} holds an unfinished run; `topovae train … --resume` goes on with it")
    asked = dict(run.header.config)
    names = TopoVAE().get_params().keys() & asked.keys()
    model = TopoVAE(**{name: asked[name] for name in names} | {"repel": tuple(asked.get("repel", ()))})
    model.set_params(random_state=run.header.seed)
    model.run_, model.latent_, model.model_ = run, run.model.latent, models.load_model(run.model)
    model.seed_, model.n_features_in_ = run.header.seed, math.prod(model.model_.config.sample_shape)
    return model
