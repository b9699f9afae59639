"""What comes before training: the diagnosis of the training split, the latent it recommends, the coordinates to start from."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data
from topovae.errors import UsageError
from topovae.model.likelihoods.support import suits
from topovae.model.networks import choose_network, to_device
from topovae.runs.components import (
    ComponentSamples,
    assign,
    check_alone,
    check_components,
    labels_of,
    parts_of,
    recommended_latents,
)
from topovae.runs.options import AUTO, TrainOptions
from topovae.runs.suggestion import suggested
from topovae.signature import Signature, parse, parse_latent
from topovae.store.documents import probability
from topovae.training.equivariance import ACTIONS, equivariant_angles

if TYPE_CHECKING:
    from topovae.homology.cloud.presets import Preset
    from topovae.homology.verdict.analysis import Analysis
    from topovae.latent import LatentSpace

DIAGNOSED = 20_000
"""Samples of the training split that a diagnosis reads at most."""

LOOKED_AT = 4000
"""Samples that are looked at to tell counts, where there is no diagnosis: a limit on cost, not tuned."""

SETTLED = "likelihood: {}, as the data are counts (--likelihood chooses another)"


@dataclass(frozen=True)
class Plan:
    """What is to be trained, and from where.

    Args:
        options: with its latent decided.
        analysis: JSON of the diagnosis, None where there was no need for one.
        coordinates: those of a `Beginning`, or "anchors", (m, 1 + k): samples to be held at
            points; or empty.
        reasons: sentences that say where the latent and the start come from.
    """

    options: TrainOptions
    analysis: Mapping[str, Any] | None
    coordinates: Mapping[str, np.ndarray]
    reasons: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """The plan as the bytes of an .npz, for other processes."""
        said = {"options": self.options.to_dict(), "analysis": self.analysis, "reasons": self.reasons}
        file = io.BytesIO()
        arrays = {f"at_{name}": np.asarray(array) for name, array in self.coordinates.items()}
        np.savez(file, said=np.array(json.dumps(said)), **arrays)  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Plan:
        """The plan that was made bytes."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            said = json.loads(str(file["said"]))
            coordinates = {name.removeprefix("at_"): file[name] for name in file.files if name != "said"}
        options: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in said["options"].items()
        }
        return cls(TrainOptions(**options), said["analysis"], coordinates, tuple(said["reasons"]))


def plan(
    data: Dataset,
    latent: str,
    options: Mapping[str, Any],
    *,
    analysis: Mapping[str, Any] | None = None,
    anchors: np.ndarray | None = None,
    components: np.ndarray | None = None,
    device: str = "auto",
    progress: Callable[[str, float], None] | None = None,
) -> Plan:
    """Decide the latent space, if it is "auto", and find coordinates on it to start from.

    The data are diagnosed only where that is needed, and only on the training split: nothing is chosen on the test split.

    Args:
        data: all samples.
        latent: expression, or "auto".
        options: of the `TrainOptions`, beside the latent.
        analysis: JSON of a diagnosis made before, to take the latent from.
        anchors: (m, 1 + k) row numbers and coordinates of samples to be held there, in place of a start.
        components: (n,) the component of a mixture that each sample is to start on, −1 where that is not known; None takes
            those that the diagnosis finds.
        device: where a network of angles is trained.
        progress: of the diagnosis, called with a stage and a share.

    Raises:
        UsageError: the diagnosis recommends no latent and the options are strict, or an option is wrong.
    """
    seed = int(options.get("seed", 0))
    if options.get("component") is not None:
        alone = _of_component(data, int(options["component"]), components, seed, progress)
        if anchors is not None:
            raise UsageError("--anchors name rows of all samples, and --component leaves some out; give one of the two")
        rest = {name: value for name, value in options.items() if name != "component"}
        # A diagnosis of all pieces says less of this one than one of its own does.
        return alone.placed(plan(data.take(alone.rows), latent, rest, device=device, progress=progress))
    reasons: list[str] = []
    found: Analysis | None = None
    if latent == "auto":
        if analysis is None:
            found = diagnose_train(data, seed, progress)
            analysis = found.to_dict()
        found_latent = recommended(analysis)
        if found_latent is None and options.get("strict", False):
            raise UsageError(_none(analysis))
        rows = len(split_data(data, seed).train)
        latent, why = (found_latent, "") if found_latent else suggested(analysis, rows)
        reasons.append(f"diagnosis: {_answer(analysis)}, so the latent is {latent}" + (f" ({why})" if why else ""))
    train_options = TrainOptions(latent, **options)
    if components is not None:
        components = check_components(train_options.parsed, components, data.n_samples)
    coordinates: dict[str, np.ndarray] = {} if anchors is None else {"anchors": anchors}
    if anchors is not None:
        reasons.append(f"start: {len(anchors)} anchors")
    elif wants_start(train_options):
        if found is None:
            # Loops and frames are all that is needed here, and homology of degree 2 is what takes long.
            found = diagnose_train(data, seed, progress, max_dim=1)
            analysis = analysis or found.to_dict()
        start = find_start(data, train_options, found, device, components)
        reasons += start.sentences
        coordinates |= start.arrays
    train_options = settle(train_options, data, analysis)
    if options.get("likelihood", AUTO) == AUTO and train_options.likelihood != "gaussian":
        reasons.append(SETTLED.format(train_options.likelihood))
    return Plan(train_options, analysis, coordinates, tuple(reasons))


def settle(options: TrainOptions, data: Dataset, analysis: Mapping[str, Any] | None = None) -> TrainOptions:
    """Options with a likelihood in place of "auto": Poisson where the diagnosis takes the training split for counts.

    Args:
        options: of a training.
        data: all samples.
        analysis: JSON of the diagnosis, None where there is none.

    Raises:
        UsageError: something is stated that the likelihood has not.
    """
    from topovae.homology.cloud.presets import Preset

    if options.likelihood != AUTO:
        return options
    preset = Preset.of(analysis) or _preset(data, options.seed)
    counts = preset.name == "counts" and suits("poisson", data)
    return replace(options, likelihood="poisson" if counts else "gaussian")


def _preset(data: Dataset, seed: int) -> Preset:
    """What the diagnosis would do to the training split before it takes distances."""
    from topovae.homology.cloud.presets import choose_preset

    train = split_data(data, seed).train
    chosen = np.sort(np.random.default_rng(seed).permutation(train)[:LOOKED_AT])
    return choose_preset(data.take(chosen), seed=seed)


@dataclass(frozen=True)
class Alone:
    """A component that is trained by itself.

    Attributes:
        number: which it is.
        label: (n,) the component of each sample, −1 where that is not known.
    """

    number: int
    label: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The samples of the component."""
        return np.flatnonzero(self.label == self.number)

    def placed(self, planned: Plan) -> Plan:
        """A plan for these samples, as one for all: NaN for the others."""
        arrays = {"component": self.label, **planned.coordinates}
        if "start" in arrays:
            start = np.full((len(self.label), arrays["start"].shape[1]), np.nan)
            start[self.rows] = arrays["start"]
            arrays["start"] = start
        said = f"component {self.number} alone: {len(self.rows)} of {len(self.label)} samples"
        return Plan(replace(planned.options, component=self.number), planned.analysis, arrays, (said, *planned.reasons))


def _of_component(
    data: Dataset, number: int, given: np.ndarray | None, seed: int, progress: Callable[[str, float], None] | None
) -> Alone:
    """The samples of a component, as a user or the diagnosis of all samples says.

    Raises:
        UsageError: there is no such component, or it is too small.
    """
    from topovae.homology import analyze

    if given is None:
        given = analyze(data, seed=seed, max_dim=1, progress=progress).component
    found = Alone(number, labels_of(given, data.n_samples))
    check_alone(found.label, number)
    return found


def wants_start(options: TrainOptions) -> bool:
    """Whether the latent space has factors whose coordinates are sought in the data."""
    components = options.parsed.components
    curved = any(factor.kind == "S" for space in components for factor in space.homeomorphic.factors)
    learned = any(factor.is_learned for space in components for factor in space.factors)
    return options.init == "cohomology" and (curved or learned or len(components) > 1)


def diagnose_train(
    data: Dataset, seed: int, progress: Callable[[str, float], None] | None = None, max_dim: int = 2
) -> Analysis:
    """The diagnosis of the training split, of at most `DIAGNOSED` of its samples."""
    from topovae.homology import analyze

    return analyze(data.take(diagnosed_rows(data, seed)), seed=seed, max_dim=max_dim, progress=progress)


def diagnosed_rows(data: Dataset, seed: int) -> np.ndarray:
    """The rows of the training split that `diagnose_train` reads, ascending."""
    train = split_data(data, seed).train
    return np.sort(np.random.default_rng(seed).permutation(train)[:DIAGNOSED])


def recommended(analysis: Mapping[str, Any]) -> str | None:
    """The recommended expression: of several pieces with a space each, the mixture of these; None where there is none.

    Args:
        analysis: JSON of a diagnosis.
    """
    best, parts = analysis["recommendation"], recommended_latents(analysis)
    if best["name"] == "none" and parts:
        return str(parse_latent(f"mixture({','.join(parts)})").canonical)
    return None if best["name"] == "none" else str(best["latent"])


def _none(analysis: Mapping[str, Any]) -> str:
    """That a diagnosis recommends nothing, and what can be done."""
    near = ", ".join(f"{c['latent']} ({probability(c['score'])})" for c in analysis["candidates"][:3])
    return (
        f"the diagnosis finds no matching latent space, and --strict asks for one; the nearest candidates are {near}. Choose "
        "one with --latent, R2 for an ordinary VAE, or leave out --strict: then a prior is learned"
    )


@dataclass(frozen=True)
class Beginning:
    """What was found to start an encoder from.

    Args:
        arrays: "start", (n, coordinate_dim): points on the cover for all samples, with columns of NaN where nothing was found;
            "symmetries", (s, 2): the number of an action in `ACTIONS` that the images are closed under, and the column of its
            circle. Either may be missing.
        sentences: where they come from, and what is doubtful.
    """

    arrays: Mapping[str, np.ndarray]
    sentences: tuple[str, ...]


def find_start(
    data: Dataset, options: TrainOptions, analysis: Analysis, device: str = "auto", components: np.ndarray | None = None
) -> Beginning:
    """Points of the latent space for all samples, without labels, and in words where they come from.

    The angles of images that are closed under rotation or shifts come from equivariance; everything else, and angles on which
    the group acts otherwise than by a turn, from the cohomology and the Laplacians of the landmarks. Each component of a
    mixture starts from its own.

    Args:
        data: all samples.
        options: what is to be trained.
        analysis: diagnosis of the training split.
        device: where a network of angles is trained.
        components: (n,) the component that each sample is to start on, −1 where that is not known; None takes the pieces that
            the diagnosis finds.
    """
    latent, space = options.parsed, options.space()
    space.prepare()
    if components is None:
        components = assign(latent, analysis, diagnosed_rows(data, options.seed), data, options.seed)
    train = split_data(data, options.seed).train
    parts = parts_of(latent, components, data, train, analysis, options.seed)
    found = [_start_of(part, own, options.seed, device) for part, own in zip(parts, space.spaces, strict=True)]
    points = [torch.full((data.n_samples, own.coordinate_dim), torch.nan, dtype=torch.float64) for own in space.spaces]
    for part, own, one in zip(parts, points, found, strict=True):
        own[torch.as_tensor(part.rows)] = torch.as_tensor(one.arrays["start"])
    start = space.points(torch.as_tensor(components), points).numpy()
    start[components < 0] = np.nan
    # What holds an encoder equivariant counts columns of a single space.
    arrays: dict[str, np.ndarray] = dict(found[0].arrays) if len(parts) == 1 else {"component": components}
    arrays = {name: array for name, array in arrays.items() if name != "start"}
    if np.isfinite(start).any():
        arrays["start"] = start
    return Beginning(arrays, tuple(sentence for one in found for sentence in one.sentences))


def _start_of(part: ComponentSamples, space: LatentSpace, seed: int, device: str) -> Beginning:
    """The start of the samples of one component: "start" is there, of NaN where nothing was found."""
    from topovae.homology.coordinates.search import find_coordinates

    if part.analysis is None:
        return Beginning({"start": np.full((len(part.rows), space.coordinate_dim), np.nan)}, (f"start{part.name}: none",))
    signature = space.signature.homeomorphic
    circles = [i for i, f in enumerate(signature.factors) if f.is_circle]
    turning = tuple(s.transformation for s in part.analysis.symmetries if s.circle)
    doubts: tuple[str, ...] = ()
    angles: np.ndarray | None = None
    if signature.order == 1 and 0 < len(circles) == len(turning):
        network = choose_network(part.data.sample_shape)
        angles = equivariant_angles(part.data, part.train, turning, network, to_device(device), seed)
    if angles is not None:
        points = place_angles(signature, circles, angles)
        source = f"equivariance: the images are closed under {', '.join(turning)}"
    else:
        found = find_coordinates(part.data, part.analysis, signature, seed)
        points, source, doubts = found.points, found.source, found.doubts
    charted = space.parametrise(torch.as_tensor(points)).numpy()
    arrays = {"start": charted}
    if any(factor.is_learned for factor in space.signature.factors):
        cloud = _cloud(part, space, seed)
        charted[:, cloud.columns] = cloud.points
        arrays |= {"circles": cloud.angles} if cloud.angles.shape[1] else {}
        source = cloud.source if source.startswith("none") else f"{source}; {cloud.source}"
        doubts = ()
    # Factors with a geometry of their own may have other coordinates than angles.
    if angles is not None and np.array_equal(charted, points, equal_nan=True):
        columns = np.flatnonzero(np.isfinite(points).all(0))
        arrays["symmetries"] = np.array([[tuple(ACTIONS).index(name) for name in turning], columns]).T
    return Beginning(arrays, (f"start{part.name}: {source}", *doubts))


@dataclass(frozen=True)
class CloudStart:
    """What factors whose prior is learned are started from.

    Attributes:
        columns: (coordinate_dim,) which coordinates are theirs.
        points: (n, k) these coordinates.
        angles: (n, c) circular coordinates of the data, which have an operator each.
        source: in words.
    """

    columns: np.ndarray
    points: np.ndarray
    angles: np.ndarray
    source: str


def _cloud(part: ComponentSamples, space: LatentSpace, seed: int) -> CloudStart:
    """Linear components of the samples of a component, and circular coordinates where the data are in one piece."""
    from topovae.homology.coordinates.clouds import linear_cloud
    from topovae.homology.coordinates.search import find_coordinates

    analysis = part.analysis
    assert analysis is not None  # where there is none, nothing is started
    widths = [factor.coordinate_dim for factor in space.factors]
    columns = np.repeat([factor.is_learned for factor in space.signature.factors], widths)
    count = min(
        analysis.skeleton.circles if analysis.components == 1 else 0, sum(len(factor.flows) for factor in space.factors)
    )
    angles = np.zeros((len(part.rows), 0))
    if count:
        angles = find_coordinates(part.data, analysis, parse(f"T{count}"), seed).points
        angles = angles[:, np.isfinite(angles).any(0)]
    points = linear_cloud(part.data, analysis, int(columns.sum()), angles)
    along = f"operators along {angles.shape[1]} of their circles and" if angles.shape[1] else "operators"
    return CloudStart(columns, points, angles, f"{columns.sum()} linear components of the data, {along} tangent to them")


def _answer(analysis: Mapping[str, Any]) -> str:
    """The answer of a diagnosis, or those for its pieces, with how sure they are."""
    answers = [part["recommendation"] for part in analysis.get("parts", ())] or [analysis["recommendation"]]
    return ", ".join(f"{one['name']} (confidence {probability(one['confidence'])})" for one in answers)


def place_angles(signature: Signature, circles: Sequence[int], angles: np.ndarray) -> np.ndarray:
    """Points (n, coordinate_dim) of a product with angles (n, k) for its circles, NaN elsewhere."""
    widths = [f.dim + (f.kind == "S" and f.dim > 1) for f in signature.factors]
    starts = np.cumsum([0, *widths])
    points = np.full((len(angles), starts[-1]), np.nan)
    points[:, starts[list(circles)]] = angles
    return points
