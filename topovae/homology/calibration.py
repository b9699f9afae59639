"""Tuned numbers of the diagnosis: each with its unit, what it separates, and the command that sets it.

The table begins here: a tuned number that stands elsewhere in the package belongs in it. `BY_HAND` in place of a command says
that none measures the number again yet, and "not recorded" that nobody wrote down what was seen.
"""

from __future__ import annotations

from dataclasses import dataclass

BY_HAND = "by hand"
NOT_RECORDED = "not recorded"
COST = "python tests/benchmarks/ripser_cost.py"
CERTIFICATE = "python tests/benchmarks/certificate.py"
IMAGES = "python tests/benchmarks/images.py"
CALIBRATE = "python tests/benchmarks/calibrate.py cal.jsonl"

GENERATED = "generated sets, seeds from 1000 on"
HELD_APART = "264 generated sets held apart, hard ones among them (homology/DIAGNOSIS.md)"
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


CLOUD: dict[str, Tuned] = {}

COMPLEXES: dict[str, Tuned] = {
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
    "named_intercept": Tuned(
        -1.05, "log odds", "Log odds that a name of score one half is right.", command=CALIBRATE, data=HELD_APART
    ),
    "named_slope": Tuned(
        2.53,
        "log odds a log odd",
        "How the log odds of a name rise with those of its score.",
        command=CALIBRATE,
        data=HELD_APART,
    ),
    "none_intercept": Tuned(
        -1.02, "log odds", "Log odds that `none` of score one half is right.", command=CALIBRATE, data=HELD_APART
    ),
    "none_slope": Tuned(
        0.27,
        "log odds a log odd",
        "How the log odds of `none` rise with those of its score.",
        command=CALIBRATE,
        data=HELD_APART,
    ),
    "several_confidence": Tuned(0.95, "probability", "How sure `none` is where the data fall into several components."),
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
    "certificate_samples": Tuned(200, "samples", "Of fewer a ball is too large a part of the space to certify anything."),
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
