"""Tuned numbers of the diagnosis: each with its unit, what it separates, and the command that sets it.

The table begins here: a tuned number that stands elsewhere in the package belongs in it. `BY_HAND` in place of a command says
that none measures the number again yet, and "not recorded" that nobody wrote down what was seen. What differs by the dimension
of the data is in `REGIMES`. Limits on cost, and numbers that follow from mathematics, stay where they are used and say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

BY_HAND = "by hand"
NOT_RECORDED = "not recorded"
COST = "python tests/benchmarks/ripser_cost.py"
PROTOTYPE = "a prototype on 18 spaces: 2000 samples in 50 dimensions, noise 0.1"
GAP = "ratio of successive mean local eigenvalues"
TWIST = "ratio of the lowest twisted eigenvalue to the second plain one"
ORIENTABLE = "orientable up to 0.08, not orientable 0.22 to 0.37, above 0.55 undetermined"


@dataclass(frozen=True)
class Tuned:
    """A number that was chosen by looking at data.

    Attributes:
        value: the number.
        unit: of it.
        what: what it is, in one sentence.
        how: what it separates, and what was seen on either side.
        command: the line that measures it again, or `BY_HAND`.
        data: what it was tuned on; "not recorded" where nobody wrote it down.
    """

    value: float
    unit: str
    what: str
    how: str = NOT_RECORDED
    command: str = BY_HAND
    data: str = NOT_RECORDED


CLOUD: dict[str, Tuned] = {
    # rows, presets
    "least_rows": Tuned(40, "samples", "Fewer are neither diagnosed nor asked whether they are counts."),
    "image_blur": Tuned(0.05, "share of the longer side", "Standard deviation of the low-pass filter of images."),
    "series_stride": Tuned(2.0, "windows", "Rows kept of a smoothed series are so far apart, where there are enough."),
    "series_rows": Tuned(
        600,
        "rows",
        "A smoothed series is not thinned out to fewer rows.",
        "fewer lose more by being few than rows that lie closer lose by sharing their noise",
    ),
    "order_level": Tuned(0.01, "p-value", "Level of the test that successive rows are no more alike than others."),
    "window_reach": Tuned(3.0, "standard deviations", "Windows over time end there."),
    "windows_a_stretch": Tuned(20, "standard deviations", "A window is tried where the stretch of rows is so many of it long."),
    "count_columns": Tuned(4, "columns", "Data of which fewer columns vary are not taken for counts."),
    "count_maximum": Tuned(3, "counts", "Data whose largest value is less are not taken for counts."),
    "piled_height": Tuned(0.95, "share of a column's largest value", "Values from there on are piled up: counts thin out."),
    "piled_share": Tuned(0.05, "share of the rows", "A column piles up if more of its values do."),
    "piled_rows": Tuned(5, "rows", "A column of few rows piles up if more of its values do."),
    "piled_columns": Tuned(0.2, "share of the columns", "If more of them pile up the data are grey levels, grades or labels."),
    "count_slope_least": Tuned(0.5, "power of the mean", "Least growth of the variance between like rows of counts."),
    "count_slope_most": Tuned(2.5, "power of the mean", "Largest growth of the variance between like rows of counts."),
    "count_dispersion_least": Tuned(0.4, "variance over mean", "Least dispersion between like rows of counts."),
    "count_dispersion_most": Tuned(20.0, "variance over mean", "Largest dispersion between like rows of counts."),
    "scatter_bins": Tuned(12, "bins", "The growth of the variance is read in so many bins of the mean."),
    "scatter_pairs": Tuned(20, "pairs", "Bins of fewer pairs of counts are left out."),
    "scatter_spread": Tuned(2, "ratio of means", "Bins that spread less do not show how the variance grows."),
    # denoise, graphs, components
    "few_features": Tuned(
        10,
        "features",
        "Of data of so many or fewer nothing is cut: the noise floor cannot be told from the signal.",
        "cutting below the noise floor worked, skipped below about 10 features",
        data=PROTOTYPE,
    ),
    "most_components": Tuned(50, "principal components", "No more of them are kept."),
    "noise_margin": Tuned(
        1.05,
        "upper edges of the eigenvalues of noise",
        "An eigenvalue above it is signal.",
        "5 % above the edge for the fluctuations of the largest eigenvalue of noise",
    ),
    "graph_share": Tuned(0.01, "share of the nodes", "Smaller components of a graph of distances are left out."),
    "graph_nodes": Tuned(20, "nodes", "Components of fewer nodes of a graph of distances are left out."),
    "component_gap": Tuned(
        1.4,
        "usual spacings",
        "Landmarks further apart are not joined to one component.",
        "the widest gap of the minimum spanning tree: 0.97 to 1.23 in one piece, 1.56 and more between two circles under noise",
        data="300 landmarks",
    ),
    "component_landmarks": Tuned(300, "landmarks", "Components are counted on so many at most."),
    "component_samples": Tuned(
        6,
        "samples",
        "Each landmark on which components are counted stands for so many at least, on average.",
        "of fewer, the chance gaps between samples would look like gaps between components",
    ),
    "component_share": Tuned(0.05, "share of the samples", "Smaller components are stragglers and not counted."),
    # cloud, landmarks, ground
    "averaged": Tuned(8, "neighbours", "Points are averaged over so many before their geometry is read."),
    "resample_share": Tuned(
        0.85,
        "share of the samples",
        "Resamples after the first keep so many.",
        "medians over 3 to 5 of them, against a null that depends on the dimension: 93 % right",
        data=PROTOTYPE,
    ),
    "samples_a_landmark": Tuned(
        4,
        "samples",
        "Least number for each landmark, unless there are few.",
        "a quarter of the samples, 500 at most, worked; elsewhere 100 of 400 were too few to show a class of degree 2",
        data=PROTOTYPE,
    ),
    "fewest_landmarks": Tuned(120, "landmarks", "Least number drawn from few samples, if they allow it."),
    "spacing_neighbours": Tuned(
        6,
        "landmarks",
        "The spacing at a landmark is the mean distance to so many.",
        "k-means centres and these distances worked; farthest points alone had noise bars up to death/birth 2.5",
        data=PROTOTYPE,
    ),
    "geodesic_stretch": Tuned(
        1.3,
        "ratio",
        "A geodesic counts only as far as it exceeds the straight distance by this factor.",
        "worked, with spacing_neighbours",
        data=PROTOTYPE,
    ),
    "geodesic_neighbours": Tuned(30, "neighbours", "Geodesics step from a point to so many."),
    "geodesic_frame": Tuned(15, "neighbours", "Tangent frames along which geodesics run are of so many at least."),
    "geodesic_cosine": Tuned(0.55, "cosine", "A step of a geodesic at less to the tangent planes at its ends leaves them."),
    "surface_landmarks": Tuned(250, "landmarks", "The certificate sees a class of degree 2 on so many."),
    "surface_edge": Tuned(4.0, "usual spacings", "Longest edge of the certificate's filtration of degree 2."),
    # tangents
    "least_scale": Tuned(
        12,
        "neighbours",
        "Smallest neighbourhood at which a dimension shows.",
        "the smallest of 12 or more with a gap of 4 or more was right on 86 of 88",
        data=PROTOTYPE,
    ),
    "scale_part": Tuned(8, "neighbourhoods", "The samples are so many times those of the widest neighbourhood that is read."),
    "clear_gap": Tuned(4.0, GAP, "It shows a dimension, from so much on.", "as for least_scale", data=PROTOTYPE),
    "unclear_gap": Tuned(2.0, GAP, "Stands for the gap where distances alone leave the dimension open."),
    "wide_gap": Tuned(
        6.0,
        GAP,
        "The dimension is that of the first one so wide, though a later one may be wider.",
        "not exceeded by chance, nor by neighbours of uneven density, in any lower dimension",
    ),
    "faint_gap": Tuned(1.8, "gaps of isotropic samples", "Where gaps at every scale are less no direction is preferred."),
    "largest_dimension": Tuned(10, "dimension", "Larger ones do not show by a gap."),
    "curvature_floor": Tuned(
        1e-3,
        "share of the largest mean local eigenvalue",
        "It is added to all of them, and stands for curvature.",
        "without it data free of noise show their ambient dimension",
    ),
    "fine_scale": Tuned(
        27,
        "neighbours",
        "Least number for the continuous estimate of the dimension and for its change from place to place.",
        "spectra of few neighbours scatter too much, and hold too much noise",
    ),
    "fine_factor": Tuned(2, "scales at which the dimension shows", "Least number of neighbours for the continuous estimate."),
    "fine_spread": Tuned(1.6, "ratio of sizes", "Neighbourhoods less than so much apart give the estimate's interval."),
    "thin_ratio": Tuned(0.08, "ratio of the second local eigenvalue to the first", "A neighbourhood of less is a curve."),
    "steady_reach": Tuned(4, "scales at which the dimension shows", "Neighbourhoods up to it should show the same dimension."),
    "steady_part": Tuned(
        20,
        "neighbourhoods",
        "The samples are so many times those of the widest neighbourhood that should show the same dimension.",
        "wider ones bend too much",
    ),
    "most_frame": Tuned(40, "neighbours", "Tangent frames are of so many at most."),
    "flat_rounds": Tuned(2, "rounds", "Points are flattened so often before boundary and orientation are judged."),
    "boundary_neighbours": Tuned(
        40,
        "neighbours",
        "A point is one-sided if none of so many lies opposite the mean direction to them.",
        "worked; what was seen stands at `Regime.boundary`",
        data=PROTOTYPE,
    ),
    "cone": Tuned(-0.3, "cosine", "A neighbour lies opposite a direction if it is below it."),
    "tangent_cosine": Tuned(0.6, "cosine", "An edge at less to the tangent planes at its ends leaves them."),
    "short_edges": Tuned(3, "edges", "So many of the shortest of a point stay though only one of the planes holds them."),
    "frame_neighbours": Tuned(12, "neighbours", "A tangent frame is compared with those of so many."),
    "frame_whole": Tuned(0.95, "share of the points", "The graph of tangent frames is whole if more of them hang together."),
    "growth_part": Tuned(10, "balls", "The samples are so many times those of the ball whose growth gives the dimension."),
    "growth_least": Tuned(16, "neighbours", "Least size of the ball whose growth gives the dimension."),
    "growth_most": Tuned(100, "neighbours", "Largest size of the ball whose growth gives the dimension."),
    "near_part": Tuned(4, "ratio of sizes", "The ball whose growth gives the dimension is so many times the inner one."),
    # manifold
    "least_sure": Tuned(0.3, "probability", "Of a dimension whose gap says nothing."),
    "sure_more": Tuned(0.68, "probability", "What a wide gap adds to that of a dimension whose gap says nothing."),
    "sure_gap": Tuned(3.0, GAP, "At it half as much is added to the probability of a dimension as a wide one adds."),
    "sure_width": Tuned(0.15, "log of a gap", "Change that makes the judgement of the dimension e : 1."),
    "sure_beyond": Tuned(0.9, "probability", "Of a dimension larger than those that a gap can show."),
    "unsteady": Tuned(0.4, "share of the scales", "So many that show another dimension halve manifolds from other data."),
    "unsteady_width": Tuned(0.05, "share of the scales", "Change that makes the judgement of a steady dimension e : 1."),
    "thin_share": Tuned(0.07, "share of the points", "So many on curves halve manifolds from mixtures of dimensions."),
    "thin_width": Tuned(0.01, "share of the points", "Change that makes the judgement of mixed dimensions e : 1."),
    "orientation_ratio": Tuned(0.155, TWIST, "It halves orientable spaces from others.", ORIENTABLE, data=PROTOTYPE),
    "orientation_width": Tuned(0.15, "log of that ratio", "Change that makes the judgement of orientability e : 1."),
    "undetermined": Tuned(0.55, TWIST, "Above it tangent frames say nothing about orientation.", ORIENTABLE, data=PROTOTYPE),
    "unfit": Tuned(0.8, TWIST, "Well above it tangent planes do not fit together, so no one manifold."),
    "unfit_width": Tuned(0.05, TWIST, "Change that makes the judgement whether tangent planes fit together e : 1."),
    "twist_floor": Tuned(0.02, TWIST, "Ratios of two classes are compared above it."),
    "twist_width": Tuned(0.2, "log of a ratio of them", "Change that makes the judgement between two classes e : 1."),
}

COMPLEXES: dict[str, Tuned] = {
    "ranks": Tuned(8, "bars", "So many of the largest ratios death/birth of a diagram are followed."),
    "universal_bars": Tuned(10, "bars", "Of fewer, the universal law gives no p-values."),
    "edge_decay": Tuned(2.0, "per scale of the graph", "Edges of harmonic forms weigh exp(−(decay · length)²)."),
    "budget_shrink": Tuned(0.8, "share", "Homology that does not fit is tried with so much of its landmarks, or longest edge."),
    "budget_landmarks": Tuned(80, "landmarks", "Fewer are not tried, to fit in a budget."),
    "budget_edge": Tuned(2.5, "usual spacings", "No longest edge is cut below it.", "significant bars would be cut off"),
    "bytes_per_edge": Tuned(
        400,
        "bytes",
        "Memory that ripser takes for an edge in degree 1.",
        "an upper estimate: 1 to 170 on tori of 120 to 500 landmarks",
        COST,
        "not recorded; seen again on seed 1000",
    ),
    "bytes_per_triangle": Tuned(
        100,
        "bytes",
        "Memory that it takes for a triangle in degree 2.",
        "an upper estimate: 37 to 84 on tori of 120 to 500 landmarks",
        COST,
        "not recorded; seen again on seed 1000",
    ),
    "seconds_per_edge": Tuned(
        4e-6,
        "seconds on one core",
        "Time that ripser takes for an edge in degree 1.",
        "an upper estimate: 1.0e-6 to 1.5e-6 on tori of 120 to 500 landmarks",
        COST,
        "120 to 800 landmarks; seen again on seed 1000",
    ),
    "seconds_per_triangle": Tuned(
        1.1e-6,
        "seconds on one core",
        "Time that it takes for a triangle in degree 2.",
        "an upper estimate: 0.5e-6 to 0.7e-6 on tori of 120 to 500 landmarks",
        COST,
        "120 to 800 landmarks; seen again on seed 1000",
    ),
}

FEATURES: dict[str, Tuned] = {
    "circle_longest_edge": Tuned(
        6.0, "usual spacings of the landmarks", "Longest edge of the filtration in which cocycles of circles are sought."
    ),
}

VERDICT: dict[str, Tuned] = {}

COORDINATES: dict[str, Tuned] = {}

EVALUATION: dict[str, Tuned] = {}

TABLE = {**CLOUD, **COMPLEXES, **FEATURES, **VERDICT, **COORDINATES, **EVALUATION}


def tuned(name: str) -> float:
    """The value of a row of the table."""
    return TABLE[name].value


@dataclass(frozen=True)
class Pass:
    """One degree of homology: on how many landmarks, up to which edge (in usual spacings), how often."""

    degree: int
    landmarks: int
    longest_edge: float
    resamples: int


@dataclass(frozen=True)
class Null:
    """Law of the largest spurious log(death/birth): Gumbel.

    Fitted to the longest noise bars of simulated manifolds and blobs, 2000 samples through random smooth maps
    into 50 dimensions, and then widened, as harsher maps than those must be expected.

    Attributes:
        location: mode of log(death/birth).
        scale: its scale.
        width: change of log(death/birth) that turns an even judgement into a fairly sure one (e : 1).
    """

    location: float
    scale: float
    width: float

    def critical_ratio(self, alpha: float) -> float:
        """Return the ratio that the null exceeds with probability `alpha`."""
        return float(np.exp(self.location - self.scale * np.log(-np.log1p(-alpha))))


@dataclass(frozen=True)
class Regime:
    """What is tuned for data of a dimension.

    Attributes:
        passes: filtrations of the diagnosis, the dearest first: it may not fit in memory.
        nulls: by degree of homology, the law of bars that are noise, on the landmarks of `passes`.
        missed: by degree of homology, how often some class of a space does not show. The landmarks that can be afforded are too
            few for the cavities of a space of dimension 3.
        class_degree: products and covers are computed on the landmarks of this degree's homology.
        frame: least neighbours for a tangent frame.
        boundary: the share of one-sided points that halves closed from bounded, and the width in log share; None where boundary
            and orientation are not judged. In the prototype closed surfaces had up to 0.017, bounded ones 0.025 and more; in
            dimension 3 up to 0.021, and 0.078 and more.
        landmarks: of the certificate, for classes of degree 1. Whether the nulls hold for so many is not recorded.
        spread: size of the data in a small latent ball, as a share of the whole, up to which an encoder passes, and from which
            it fails, measured on maps that are known: `python tests/benchmarks/certificate.py`.
        ball: share of the samples in a ball of the certificate: a ball must be wider than the noise.
    """

    passes: tuple[Pass, ...]
    nulls: dict[int, Null]
    missed: dict[int, float]
    class_degree: int
    frame: int
    boundary: tuple[float, float] | None
    landmarks: int
    spread: tuple[float, float]
    ball: float

    @property
    def longest_edge(self) -> float:
        """Longest edge, in usual spacings, of the filtration of degree 1, in the diagnosis and in the certificate."""
        return next(step.longest_edge for step in self.passes if step.degree == 1)


_CURVES = Regime(
    passes=(Pass(1, 500, 8.0, 3),),
    nulls={1: Null(0.30, 0.065, 0.06)},
    missed={1: 0.01},
    class_degree=1,
    frame=10,
    boundary=None,
    landmarks=200,
    spread=(0.45, 0.7),
    ball=0.03,
)
_SURFACES = Regime(
    passes=(Pass(2, 300, 4.0, 3), Pass(1, 500, 4.5, 3)),
    nulls={1: Null(0.60, 0.075, 0.06), 2: Null(0.04, 0.065, 0.04)},
    missed={1: 0.02, 2: 0.02},
    class_degree=2,
    frame=12,
    boundary=(0.013, 0.25),
    landmarks=400,
    spread=(0.5, 0.7),
    ball=0.0075,
)
_SOLIDS = replace(
    _SURFACES,
    passes=(Pass(2, 300, 2.5, 2), Pass(1, 800, 2.5, 3)),
    nulls={1: Null(0.475, 0.040, 0.04), 2: Null(0.29, 0.050, 0.05)},
    missed={1: 0.05, 2: 0.5},
    class_degree=1,
    frame=20,
    boundary=(0.045, 0.25),
    landmarks=600,
    spread=(0.57, 0.75),
)
_HIGHER = replace(
    _SOLIDS,
    passes=(Pass(1, 500, 2.5, 3),),
    nulls=_SOLIDS.nulls | {1: Null(0.38, 0.040, 0.06)},
    missed=_SOLIDS.missed | {1: 0.1},
    frame=25,
    boundary=None,
)

REGIMES = {1: _CURVES, 2: _SURFACES, 3: _SOLIDS, 4: _HIGHER, 7: replace(_HIGHER, passes=(Pass(1, 250, 2.5, 3),))}
"""By the least dimension. What a higher dimension says nothing new about is as in the one before."""


def regime(dimension: int) -> Regime:
    """The numbers for data of a dimension, 1 or more."""
    return REGIMES[max(least for least in REGIMES if least <= dimension)]


def regime_of_degree(dimension: int, degree: int) -> Regime:
    """The numbers for data of a dimension, or of the lowest one that has some for a degree of homology."""
    return regime(max(dimension, min(least for least, row in REGIMES.items() if degree in row.nulls)))
