"""Tuned numbers of the diagnosis: each with its unit, what it separates, and the command that sets it.

The table begins here: a tuned number that stands elsewhere in the package belongs in it. `BY_HAND` in place of a command says
that none measures the number again yet, and "not recorded" that nobody wrote down what was seen. What differs by the dimension
of the data is in `REGIMES`. Limits on cost, and numbers that follow from mathematics, stay where they are used and say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

BY_HAND = "by hand"
NOT_RECORDED = "not recorded"
COST = "python tests/benchmarks/ripser_cost.py"
PROTOTYPE = "a prototype on 18 spaces: 2000 samples in 50 dimensions, noise 0.1"
GAP = "ratio of successive mean local eigenvalues"
TWIST = "ratio of the lowest twisted eigenvalue to the second plain one"
ORIENTABLE = "orientable up to 0.08, not orientable 0.22 to 0.37, above 0.55 undetermined"
CERTIFICATE = "python tests/benchmarks/certificate.py"
FAULTS = "python tests/benchmarks/faults.py --families tuned --seeds 0,1,2,3,4"
TRAINED = "python tests/benchmarks/matched.py --init cohomology --seeds 20:24"
IMAGES = "python tests/benchmarks/images.py"
OUTLIERS = "python tests/benchmarks/outliers.py"
CORES = "python tests/benchmarks/cores.py"

HELD_APART = "264 generated sets held apart: 700 and 2000 samples, noise up to 0.3, swiss rolls, squashed tori"
GENERATED = "generated sets, seeds from 1000 on"
KNOWN_FAULTS = "maps with a fault of known share (tests/support/faults.py), the tuned families"
TRAINED_RUNS = "trained encoders of eight synthetic spaces"
APART = "between what maps known to be homeomorphisms reach and what others do"
KNOWN_MAPS = "maps known to be homeomorphisms or not (tests/support/maps.py), seeds from 1000 on"


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
    "clock_variance": Tuned(
        100.0, "ratio of variances", "A column that only rises is a clock if it has so much more than the others."
    ),
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
    "crossed_ratio": Tuned(0.25, "ratio of local eigenvalues", "A direction beyond the dimension is wide from it on."),
    "crossed_medians": Tuned(10.0, "medians of that ratio", "And only if it is so much wider than elsewhere."),
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
    # cleaning
    "outlier_neighbours": Tuned(12, "neighbours", "An outlier is far from so many, by what they themselves have."),
    "outlier_few_neighbours": Tuned(6, "neighbours", "The same where there are few samples."),
    "outlier_few_samples": Tuned(150, "samples", "Fewer are few for the outliers' neighbours."),
    "outlier_deviations": Tuned(
        8.0,
        "robust standard deviations",
        "A log ratio of distances so far above the middle is an outlier's.",
        "chance at most 5.9 on generated spaces, 7.9 on measured ones (an occluded one 16.7); shocks mostly above",
        OUTLIERS,
        "generated spaces of seed 1000, and measured sets (homology/DIAGNOSIS.md)",
    ),
    "outlier_most": Tuned(0.06, "share of the samples", "No more are set aside as outliers."),
    # planes, branches, cores
    "plane_rounds": Tuned(3, "rounds", "So often are samples brought onto the planes of their neighbours."),
    "branch_plane_share": Tuned(0.05, "share of the points", "Neighbours of a line onto which points on curves are brought."),
    "branch_ball_share": Tuned(0.125, "share of the points", "In a ball in which branches are looked for."),
    "branch_neighbours": Tuned(
        10, "neighbours", "Of each point on a curve, along which distances to those around a branch are summed."
    ),
    "branch_inner": Tuned(0.6, "radii", "Where the annulus begins in which branches are looked for."),
    "branch_apart": Tuned(0.35, "radii", "Points of an annulus nearer to each other are in one piece."),
    "branch_piece_share": Tuned(0.12, "share of the annulus", "Smaller pieces of it are no branches."),
    "core_small_share": Tuned(0.025, "share of the samples", "Fewest neighbours of a plane that a core is pulled onto."),
    "core_share": Tuned(0.05, "share of the samples", "Neighbours of a plane that a core is pulled onto, tried next."),
    "core_large_share": Tuned(0.1, "share of the samples", "Most neighbours of a plane that a core is pulled onto."),
    "core_gap": Tuned(
        25.0,
        GAP,
        "From it on points on planes of some dimension have that dimension themselves.",
        "circles and intervals 90 to 912 on lines; on planes surfaces 14 to 212, SO(3) and S1xR2 at most 9 where it is 2",
        CORES,
        "seeds 1000 and 1001, and measured sets (homology/DIAGNOSIS.md)",
    ),
    "core_manifold": Tuned(0.9, "probability", "Of the same dimension everywhere, that what was pulled onto planes must have."),
    # cones
    "cone_plane_share": Tuned(0.05, "share of the samples", "Neighbours of a tangent plane of a cone."),
    "cone_straight": Tuned(
        0.02,
        "share of the squared distances from the apex",
        "Up to it rays from the apex lie in the tangent planes.",
        "cones 0.003 to 0.008, discs through random maps from 0.24 on, a linear track 0.026, a turntable whose lamp dims 0.036",
        data="measured sets (homology/DIAGNOSIS.md)",
    ),
    "cone_inner": Tuned(0.25, "share of the samples", "The nearest to the apex, which are asked whether they are bent."),
    "cone_turned": Tuned(
        0.1,
        "least eigenvalue of the mean projection off the tangent planes",
        "From it on tangent planes turn away from every direction, so that they fix the apex.",
        "cones 0.22 to 0.41, flat discs 0.00",
        data="tests/homology/cloud/test_cones.py and measured sets (homology/DIAGNOSIS.md)",
    ),
    "cone_least_amplitude": Tuned(0.5, "median amplitudes", "Samples nearer to the apex have no direction but their noise's."),
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
    "crossed_share": Tuned(
        0.035,
        "share of the points",
        "So many at which sheets cross or meet halve manifolds from others.",
        "generated and measured surfaces up to 0.025; two discs through each other 0.08 to 0.12, a sphere on a string 0.2",
        data="seed 1040, and measured sets (homology/DIAGNOSIS.md)",
    ),
    "crossed_width": Tuned(0.005, "share of the points", "Change that makes the judgement of crossing sheets e : 1."),
    "branching_points": Tuned(
        0.04,
        "share of the points",
        "So many at which curves branch halve manifolds from graphs.",
        "circles and intervals 0.00, pictures behind a bar 0.04 to 0.08; a Y 0.08 to 0.12, an eight 0.045 to 0.17",
        CORES,
        "seeds 1000 and 1001, and measured sets (homology/DIAGNOSIS.md)",
    ),
    "branching_width": Tuned(0.005, "share of the points", "Change that makes the judgement of branches e : 1."),
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
    # peeling
    "peel_neighbours": Tuned(40, "neighbours on the circle", "Whose mean is taken away."),
    "peel_above": Tuned(3.0, "ratio to the median variance", "What is left over in a direction counts above it."),
    # circles, products and double covers
    "circle_longest_edge": Tuned(
        6.0, "usual spacings of the landmarks", "Longest edge of the filtration in which cocycles of circles are sought."
    ),
    "circle_middle": Tuned(0.5, "share of a class's life", "Where in its life the graph of a map to a circle is taken."),
    "circle_wide": Tuned(
        0.22,
        "participation ratio of a class's energy on the edges",
        "From it on a class goes around all of the data, and is none of noise.",
        "0.24 and more around all of the data, up to 0.15 for noise",
    ),
    "classes_together": Tuned(
        1.05, "death/birth", "Least end over start of their common life for classes mod 2 to be used together."
    ),
    "cup_late": Tuned(
        0.9, "share of the classes' common life", "Where in their common life products of classes are looked at."
    ),
    "cup_early": Tuned(
        0.1,
        "share of the classes' common life",
        "Products of classes are looked at until here, where there are too many triangles for later.",
    ),
    "cup_step": Tuned(
        0.9, "share", "Products are looked at so much earlier, step by step, where there are too many triangles."
    ),
    # how many classes bars are
    "class_unlike": Tuned(
        0.1,
        "probability",
        "That a class lives otherwise than those that were simulated.",
        "score of the 600 sets -0.406 at 0, -0.400 at 0.1, -0.396 at 0.2; of others -0.104, -0.106, -0.108",
        "python tests/benchmarks/betti.py",
        "the 600 sets of calibration.json",
    ),
    "class_longest": Tuned(20.0, "death/birth", "Such a class lives up to it, at any ratio alike."),
    # pullbacks
    "pullback_early": Tuned(
        0.3,
        "share of a class's life in log scale",
        "Where in its life the graph is taken on which a class is the yardstick of a map.",
    ),
    "finest_edge": Tuned(
        1.5,
        "usual spacings of the landmarks",
        "The finest graph of the landmarks that holds together has edges up to it at least.",
    ),
    "finest_margin": Tuned(
        1.1, "longest edges of the spanning tree", "The finest graph of the landmarks has edges up to so many at least."
    ),
    # homology within groups
    "group_samples": Tuned(24, "samples", "Groups of fewer are not looked at for circles and tori."),
    "group_blur": Tuned(3, "pixels of 28 a side", "Low-pass filters of so many pixels and fewer are tried for circles."),
    "group_torus_blur": Tuned(
        2, "pixels of 28 a side", "Low-pass filters of so many pixels and more, of those for circles, are tried for tori."
    ),
    "group_circle_ratio": Tuned(
        1.35,
        "death/birth of the first bar",
        "Decides neither way whether a group is a circle.",
        "medians of the logarithm up to 0.6 in groups of digits of one class, disks, balls and spheres",
        data="30 to 300 samples a group",
    ),
    "group_circle_ratio_width": Tuned(
        0.08, "log(death/birth)", "Change of the ratio of the first bar that makes the judgement of a circle e : 1."
    ),
    "group_circle_gap": Tuned(
        0.3,
        "log(death/birth), first bar less second",
        "Decides neither way whether a group is a circle.",
        "medians up to 0.14 in groups of digits of one class, disks, balls and spheres; 0.6 and more in circles",
        data="30 to 300 samples a group",
    ),
    "group_circle_gap_width": Tuned(
        0.06, "log(death/birth)", "Change of the gap after the first bar that makes the judgement of a circle e : 1."
    ),
    "group_circle_lead": Tuned(
        0.0, "log(death/birth), that gap less the next", "Decides neither way whether a group is a circle."
    ),
    "group_circle_lead_width": Tuned(
        0.06, "log(death/birth)", "Change of that gap's lead that makes the judgement of a circle e : 1."
    ),
    "group_torus_ratio": Tuned(1.8, "death/birth of the second bar", "Decides neither way whether a group is a torus."),
    "group_torus_ratio_width": Tuned(
        0.06, "log(death/birth)", "Change of the ratio of the second bar that makes the judgement of a torus e : 1."
    ),
    "group_torus_gap": Tuned(
        0.12, "log(death/birth), second bar less third", "Decides neither way whether a group is a torus."
    ),
    "group_torus_gap_width": Tuned(
        0.03, "log(death/birth)", "Change of the gap after the second bar that makes the judgement of a torus e : 1."
    ),
    "group_torus_void": Tuned(
        1.15, "death/birth of the first bar of degree 2", "Decides neither way whether a group is a torus or a wedge."
    ),
    "group_torus_void_width": Tuned(
        0.04, "log(death/birth)", "Change of the ratio in degree 2 that makes the judgement of a torus e : 1."
    ),
    "group_torus_near": Tuned(
        1.3, "times", "Tori are looked for where the second bar falls short of the even point by no more."
    ),
    "group_torus_hope": Tuned(
        0.05, "probability", "Bars of degree 2 are computed of groups more likely to be tori by degree 1."
    ),
    # the dimension across orbits
    "style_usual": Tuned(2, "coordinates", "Orbits are supposed to differ by so many where they are too few to measure it."),
    "style_orbits": Tuned(40, "orbits", "The dimension across fewer orbits is not read."),
    "same_orbit": Tuned(0.3, "share of the usual distance", "Samples nearer than this after alignment count as one orbit."),
    "style_sure": Tuned(0.8, "probability", "Groups and symmetries found with less recommend nothing."),
    # symmetries of sets of images
    "symmetry_images": Tuned(80, "images", "Symmetries of fewer are not looked for."),
    "symmetry_side": Tuned(5, "pixels", "Symmetries of smaller images are not looked for."),
    "usual_side": Tuned(28, "pixels", "Larger images are averaged over blocks down to about this side."),
    "symmetry_blur": Tuned(1, "pixels of 28 a side", "Standard deviation of the low-pass filter before images are compared."),
    "shift_blur": Tuned(
        2, "pixels of 28 a side", "Standard deviation of the low-pass filter before images are compared with shifted ones."
    ),
    "shift_side": Tuned(
        14, "pixels", "Images are compared with shifted ones at about this side, moved by up to a pixel of it."
    ),
    "distance_floor": Tuned(0.02, "share of the usual distance of two images", "Distances between images are read no finer."),
    "rotation_halfway": Tuned(
        0.22,
        "excess in that of superpositions",
        "Decides neither way whether a set is closed under rotation: closed 0, others about 1.",
        "sets turned by angles up to ±135° fall to 0.25",
        IMAGES,
    ),
    "rotation_width": Tuned(
        0.05, "excess in that of superpositions", "Change of the excess that makes the judgement of rotation e : 1."
    ),
    "shift_halfway": Tuned(
        0.65,
        "excess in that of superpositions",
        "Decides neither way whether a set is closed under shifts: closed 0, others about 1.",
        "sets shifted to few places reach 0.4",
        IMAGES,
    ),
    "shift_width": Tuned(
        0.08, "excess in that of superpositions", "Change of the excess that makes the judgement of shifts e : 1."
    ),
    "reflection_halfway": Tuned(
        0.3,
        "excess in that of superpositions",
        "Decides neither way whether a set is closed under a reflection: closed 0, others about 1.",
        "in sets closed under rotation a third of the excess of reflections is lost",
        IMAGES,
    ),
    "reflection_width": Tuned(
        0.08, "excess in that of superpositions", "Change of the excess that makes the judgement of a reflection e : 1."
    ),
    "visible": Tuned(
        0.05,
        "mean log ratio of distances",
        "Excess of superpositions that decides neither way whether orbits can be filled in.",
        command=IMAGES,
    ),
    "visible_width": Tuned(
        0.01, "mean log ratio of distances", "Change of the excess of superpositions that makes that judgement e : 1."
    ),
    "plain_excess": Tuned(
        1.0, "mean log ratio of distances", "An excess of shifted images is plain from it on, however far superpositions are."
    ),
    "silent_errors": Tuned(2, "standard errors", "A set that is not closed by an excess of fewer is undetermined."),
    "most_contrast": Tuned(1.5, "times", "Superpositions are raised to the images' own contrast by no more."),
    "slight_turn_least": Tuned(
        2.5, "degrees", "Least of the slight turns, interpolated like those by about half a right angle."
    ),
    "slight_turn_most": Tuned(
        7.5, "degrees", "Largest of the slight turns, interpolated like those by about half a right angle."
    ),
    "eighth_turn_least": Tuned(35, "degrees", "Least of the turns by about half a right angle."),
    "eighth_turn_most": Tuned(55, "degrees", "Largest of the turns by about half a right angle."),
    "shift_jitter": Tuned(0.08, "sides of the image", "Shifts by quarters of the side are varied by up to so much."),
}

VERDICT: dict[str, Tuned] = {
    # views
    "structured": Tuned(
        2.2,
        "kurtosis about the core",
        "Below it what is left over is no noise.",
        "noise 2.5 to 3.1, tubes and strands 1.1 to 1.9",
        CORES,
        "measured sets (homology/DIAGNOSIS.md)",
    ),
    # order
    "path_share": Tuned(0.95, "share of the samples", "Whose nearest neighbour must be the row before or after, for a path."),
    "path_most": Tuned(400, "samples", "More may be a walk that comes home, so that their order shows no circle."),
    "path_confidence": Tuned(0.9, "probability", "That a simple closed path is a circle."),
    "thickness_gap": Tuned(
        3.0,
        "ratio of successive variances about the core",
        "From it on samples extend about their core in some directions.",
        "noise 1.1 to 2.3, annuli 3 and more",
        CORES,
        "seeds 1000 and 1001, and measured sets (homology/DIAGNOSIS.md)",
    ),
    "alone_share": Tuned(
        0.8,
        "share of the confidence",
        "What is left of it where views do not agree.",
        "names that a core gives alone: 3 of 18 right on simulated sets, 11 of 13 on measured ones",
        "python tests/benchmarks/answers.py",
        "seeds 100000 and 300000 on, and measured sets (homology/DIAGNOSIS.md)",
    ),
    # how sure findings are
    "surely_not": Tuned(0.3, "probability", "A question is answered by no up to it, and from it on left open."),
    "surely_so": Tuned(0.7, "probability", "A question is answered by yes from it on."),
    "odds_margin": Tuned(1e-3, "probability", "No score counts as nearer to 0 or 1 when its odds are taken."),
    # classes and covers of a piece
    "same_bars": Tuned(
        0.02, "relative difference of death/birth", "Bars over two fields whose ratios differ by no more are the same."
    ),
    "covers_margin": Tuned(
        1.1, "critical ratios death/birth", "Classes must live so long for those of their double covers to be told from noise."
    ),
    # how often a kind of finding is wrong though it looks sure
    "dimension_floor": Tuned(0.01, "probability", "How often the dimension is wrong though it looks sure.", data=GENERATED),
    "homology_floor": Tuned(0.02, "probability", "How often a Betti number is wrong though it looks sure.", data=GENERATED),
    "boundary_floor": Tuned(0.05, "probability", "How often the boundary is wrong though it looks sure.", data=GENERATED),
    "orientation_floor": Tuned(0.08, "probability", "How often the orientation is wrong though it looks sure.", data=GENERATED),
    "products_floor": Tuned(0.02, "probability", "How often a cup product is wrong though it looks sure.", data=GENERATED),
    "covers_floor": Tuned(0.1, "probability", "How often double covers are wrong though they look sure.", data=GENERATED),
    "missed_product": Tuned(
        0.1,
        "probability",
        "How often a product that is not zero looks so, as landmarks are too sparse for its surface.",
        data=GENERATED,
    ),
    "covers_power": Tuned(
        2, "power", "Of the share of double covers that are as expected, for how probable they are.", data=GENERATED
    ),
    # from scores to an answer
    "none_likelihood": Tuned(0.04, "likelihood", "Likelihood granted to a space outside the catalogue.", data=GENERATED),
    "rare": Tuned(
        0.3, "prior weight", "That of spaces without a name that are no products of circles and lines.", data=GENERATED
    ),
    "rarest": Tuned(
        0.02,
        "prior weight",
        "That of the rare spaces of so high a dimension that not all of their homology is computed.",
        data=GENERATED,
    ),
    "least_score": Tuned(0.6, "score", "A space that explains the findings no better is not recommended.", data=GENERATED),
    "hard_intercept": Tuned(
        -1.05,
        "log odds",
        "Log odds, at most, that a name of score one half is right.",
        "names of score below 0.7 are seldom right on hard sets, whatever n (tests/benchmarks/calibrate.py of d5928f2)",
        data=HELD_APART,
    ),
    "hard_slope": Tuned(2.53, "log odds a log odd", "How they rise with those of its score.", data=HELD_APART),
    "several_confidence": Tuned(0.95, "probability", "How sure `none` is where the data fall into several components."),
    "sure_diagnosis": Tuned(
        0.8, "probability", "An answer that is less sure says what would settle it, and gives way to evidence."
    ),
    "speaks_against": Tuned(0.2, "probability", "A finding less probable by a space is said to speak against it."),
    "speaks_for": Tuned(0.6, "probability", "A finding more probable by a space is said to speak for it."),
}

COORDINATES: dict[str, Tuned] = {
    # graphs and classes of double covers
    "sign_scale": Tuned(
        0.6,
        "share of a class's life in log scale",
        "Where in its life the graph is taken that carries the signs of a class mod 2.",
    ),
    "kernel_neighbours": Tuned(6, "neighbours", "The bandwidth of the Laplacian's kernel is the usual distance to so many."),
    "odd_tried": Tuned(4, "classes", "So many of the longest-lived classes of a double cover are tried for an odd one."),
    "energy_along": Tuned(
        14.0,
        "times",
        "A gradient along circles counts as so many times its length where a function across them is sought.",
        "10 to 40 times reach rank correlations of 0.94 to 0.98 with the true heights, 5 times 0.23 to 0.94",
        command="python tests/benchmarks/intervals.py --energies 5,10,14,20,40",
        data="cylinders through harsh maps (tests/benchmarks/convergence.py), seeds 200-207",
    ),
    "stretch": Tuned(4.0, "times", "By it distances along the base of a bundle are shortened."),
    # spheres, projective spaces and lines
    "eigenfunctions": Tuned(9, "eigenfunctions", "Spheres and lines are sought among so many."),
    "least_axis": Tuned(
        0.05,
        "eigenvalue of a quadratic form",
        "A form with a smaller one is not positive: one direction does not matter to it.",
    ),
    "poor_sphere": Tuned(0.2, "root mean square of φᵀQφ − 1", "Residual above which a sphere's coordinates are doubtful."),
    "unexplained": Tuned(
        0.5, "share of an eigenfunction", "The base of a bundle explains less of those that a sphere is made of."
    ),
    "projective_gap": Tuned(
        1.6, "ratio of odd eigenvalues", "Least gap after the coordinates of a projective space for a class to give one."
    ),
    "projective_ratio": Tuned(
        0.2,
        "first odd eigenvalue over the first even one",
        "Least ratio for a class to give a projective space.",
        "0.26 to 0.49 for right classes, below 0.2 for noise, in the prototype",
    ),
    "even_edge": Tuned(
        2.5, "usual spacings of the landmarks", "Edges up to it carry the even eigenfunctions that odd ones are compared with."
    ),
    "landmarks_a_dimension": Tuned(10, "landmarks", "Spheres and lines have fewer dimensions than there are so many."),
    "full_height": Tuned(
        0.98, "share of the landmarks", "So many lie between the ends of an interval that is found, the others on them."
    ),
    # samples among landmarks
    "landmarks_sharing": Tuned(8, "landmarks", "So many share in the coordinates of a sample."),
}

EVALUATION: dict[str, Tuned] = {
    # limits of the certificate
    "certificate_samples": Tuned(60, "samples", "Of fewer no local fits are made."),
    "ball_samples": Tuned(200, "samples", "Of fewer a ball is too large a part of the space to reject anything."),
    "patch_neighbours": Tuned(
        8, "samples a dimension", "A local fit takes at least so many.", command=FAULTS, data=KNOWN_FAULTS
    ),
    "patch_share": Tuned(0.01, "share of the samples", "A local fit takes so many.", command=FAULTS, data=KNOWN_FAULTS),
    "patch_growth": Tuned(
        0.8,
        "share of its logarithm",
        "A residual may be so much larger than in simulated homeomorphisms, as their decoders are smoother.",
        command=FAULTS,
        data=KNOWN_FAULTS,
    ),
    "patch_margin": Tuned(0.15, "nats of the residual", "But no more.", command=FAULTS, data=KNOWN_FAULTS),
    "image_margin": Tuned(
        0.2,
        "nats of the residual",
        "But no more where it is of the latents: trained encoders err more here than there.",
        command=TRAINED,
        data=TRAINED_RUNS,
    ),
    "slip_growth": Tuned(
        2.0, "share of its logarithm", "The same along the data, for the same reason.", command=TRAINED, data=TRAINED_RUNS
    ),
    "slip_margin": Tuned(0.4, "nats of the residual", "But there no more.", command=TRAINED, data=TRAINED_RUNS),
    "patch_cap": Tuned(1.1, "nats of the residual", "But never larger.", command=FAULTS, data=KNOWN_FAULTS),
    "patch_deviations": Tuned(4.0, "standard deviations", "The same, over simulations.", command=FAULTS, data=KNOWN_FAULTS),
    "patch_steepest": Tuned(
        3.0, "usual slopes", "A simulated homeomorphism is nowhere steeper.", command=FAULTS, data=KNOWN_FAULTS
    ),
    "patch_loudest": Tuned(
        2.0, "usual standard deviations", "Simulated noise is nowhere larger.", command=FAULTS, data=KNOWN_FAULTS
    ),
    "patch_region": Tuned(0.2, "share of the samples", "Noise is measured over as many.", command=FAULTS, data=KNOWN_FAULTS),
    "patch_floor": Tuned(
        0.05,
        "share of the neighbours' extent",
        "A residual is at least so large, as maps without noise are not straight either.",
        command=FAULTS,
        data=KNOWN_FAULTS,
    ),
    "patch_least": Tuned(0.015, "share of the samples", "A patch is of more samples.", command=FAULTS, data=KNOWN_FAULTS),
    "patch_seen": Tuned(
        0.6, "share of folds", "A certificate needs that so many would be seen.", command=FAULTS, data=KNOWN_FAULTS
    ),
    "patch_sure": Tuned(
        0.3,
        "nats of the residual",
        "So much beyond its limit a residual is a fault for sure.",
        command=FAULTS,
        data=KNOWN_FAULTS,
    ),
    "hole_neighbours": Tuned(
        60, "samples", "A hole is compared with at least so many about it.", command=FAULTS, data=KNOWN_FAULTS
    ),
    "hole_share": Tuned(
        0.05, "share of the samples", "A hole is compared with so many about it.", command=FAULTS, data=KNOWN_FAULTS
    ),
    "hole_level": Tuned(
        0.001,
        "probability",
        "A place is a hole where one as empty is as improbable, as often as there are samples.",
        command=FAULTS,
        data=KNOWN_FAULTS,
    ),
    "empty_sound": Tuned(0.03, "share of balls", "An encoder passes with as many empty ones.", APART, CERTIFICATE, KNOWN_MAPS),
    "empty_broken": Tuned(0.08, "share of balls", "An encoder fails with as many empty ones.", APART, CERTIFICATE, KNOWN_MAPS),
    "several_sound": Tuned(
        0.04,
        "share of balls",
        "An encoder passes with as many whose data are in several pieces.",
        APART,
        CERTIFICATE,
        KNOWN_MAPS,
    ),
    "several_broken": Tuned(
        0.12,
        "share of balls",
        "An encoder fails with as many whose data are in several pieces.",
        APART,
        CERTIFICATE,
        KNOWN_MAPS,
    ),
    "torn_sound": Tuned(0.007, "share of balls", "An encoder passes with as many torn ones.", APART, CERTIFICATE, KNOWN_MAPS),
    "torn_broken": Tuned(0.03, "share of balls", "An encoder fails with as many torn ones.", APART, CERTIFICATE, KNOWN_MAPS),
    "leaps_sound": Tuned(
        0.0006, "share of neighbours", "An encoder passes with as many far apart.", APART, CERTIFICATE, KNOWN_MAPS
    ),
    "leaps_broken": Tuned(
        0.002, "share of neighbours", "An encoder fails with as many far apart.", APART, CERTIFICATE, KNOWN_MAPS
    ),
    "exact_vanishes": Tuned(
        0.08,
        "share of a pulled-back class",
        "A class of which less is no difference of a function vanishes.",
        command=CERTIFICATE,
        data=KNOWN_MAPS,
    ),
    "exact_winds": Tuned(
        0.16,
        "share of a pulled-back class",
        "A class of which more is no difference of a function does not vanish.",
        command=CERTIFICATE,
        data=KNOWN_MAPS,
    ),
    "whole": Tuned(
        0.1, "turns", "Coefficients of classes so near to whole numbers are whole.", command=CERTIFICATE, data=KNOWN_MAPS
    ),
    "surely": Tuned(
        1.25, "critical ratios death/birth", "From it a class of the data is sure.", command=CERTIFICATE, data=KNOWN_MAPS
    ),
    "matched": Tuned(
        0.3,
        "share of the frustration of the next best match",
        "A class mod 2 is matched where its own frustration is no larger.",
        command=CERTIFICATE,
        data=KNOWN_MAPS,
    ),
    "collapsed": Tuned(
        0.05,
        "share of the prior's range",
        "A line or interval of which the data takes less is not used.",
        command=CERTIFICATE,
        data=KNOWN_MAPS,
    ),
    # fibres: balls
    "least_in_ball": Tuned(15, "samples", "A ball holds so many at least: it must be wider than the noise."),
    "ball_outer": Tuned(
        1.7, "radii of the ball", "Pieces of the data in a latent ball may hold together through a ball so wide."
    ),
    "ball_neighbours": Tuned(
        12, "neighbours", "Each sample is joined to so many in the graph whose pieces are counted in balls."
    ),
    "ball_noise": Tuned(2.0, "distances of nearest neighbours", "Latent balls are so wide at least: wider than the noise."),
    "ball_widest": Tuned(0.15, "share of the latent's diameter", "Latent balls are widened for the noise no further."),
    "ball_gap": Tuned(
        2, "usual radii of balls", "Latent balls that must reach further for their samples are left out: they lie in a gap."
    ),
    "piece_share": Tuned(0.15, "share of a ball's samples", "A piece of the data in a ball counts from it on."),
    "mostly": Tuned(0.8, "share of the balls", "The usual number of pieces in a ball is that of more than this share."),
    "spread_quantile": Tuned(0.9, "quantile over balls", "The size of the data in a ball is judged by it."),
    # fibres: tears and leaps
    "tear_gap": Tuned(0.12, "share of the latent's diameter", "Latent points of neighbours hold together across so much."),
    "tear_outer": Tuned(2, "times", "A ball of the data may hold together through so many times its samples."),
    "tear_gap_in_radii": Tuned(1.6, "radii of balls", "Latent points of neighbours hold together across so many too."),
    "leap_neighbours": Tuned(4, "neighbours", "Leaps are looked for between each sample and so many nearest in the data."),
    "leap_far": Tuned(
        0.25,
        "share of the latent's diameter",
        "Nearest neighbours in the data are far apart from here on, and beyond the gaps of tears.",
    ),
    "leap_far_in_gaps": Tuned(
        2.2, "gaps of tears", "Nearest neighbours in the data are far apart from so many on, if that is further."
    ),
    # fibres: lines and intervals
    "flat_range": Tuned(3.0, "radians", "The range that the data takes of a line or interval is scaled to it."),
    "flat_central": Tuned(
        0.95, "share of the samples", "So many lie in the range that the data are said to take of a line or interval."
    ),
}

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
class Regime:
    """What is tuned for data of a dimension.

    Attributes:
        passes: filtrations of the diagnosis, the dearest first: it may not fit in memory.
        class_degree: products and covers are computed on the landmarks of this degree's homology.
        frame: least neighbours for a tangent frame.
        boundary: the share of one-sided points that halves closed from bounded, and the width in log share; None where boundary
            and orientation are not judged. In the prototype closed surfaces had up to 0.017, bounded ones 0.025 and more; in
            dimension 3 up to 0.021, and 0.078 and more.
        landmarks: of the certificate, for classes of degree 1.
        spread: size of the data in a small latent ball, as a share of the whole, up to which an encoder passes, and from which
            it fails, measured on maps that are known: `python tests/benchmarks/certificate.py`.
        ball: share of the samples in a ball of the certificate: a ball must be wider than the noise.
    """

    passes: tuple[Pass, ...]
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
    class_degree=1,
    frame=10,
    boundary=None,
    landmarks=200,
    spread=(0.45, 0.7),
    ball=0.03,
)
_SURFACES = Regime(
    passes=(Pass(2, 300, 4.0, 3), Pass(1, 500, 4.5, 3)),
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
    class_degree=1,
    frame=20,
    boundary=(0.045, 0.25),
    landmarks=600,
    spread=(0.57, 0.75),
)
_HIGHER = replace(
    _SOLIDS,
    passes=(Pass(1, 500, 2.5, 3),),
    frame=25,
    boundary=None,
)

REGIMES = {1: _CURVES, 2: _SURFACES, 3: _SOLIDS, 4: _HIGHER, 7: replace(_HIGHER, passes=(Pass(1, 250, 2.5, 3),))}
"""By the least dimension. What a higher dimension says nothing new about is as in the one before."""


def regime(dimension: int) -> Regime:
    """The numbers for data of a dimension, 1 or more."""
    return REGIMES[max(least for least in REGIMES if least <= dimension)]
