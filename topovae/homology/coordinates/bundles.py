"""Functions on a double cover of the data that change sign between its sheets: sections of a real line bundle.

A class w in H¹(X; Z/2) is a sign on every edge of the landmarks. Functions on its double cover that are odd under the deck
involution are functions of the landmarks that are carried along an edge with its sign, so no cover has to be built for them;
odd maps to the circle come from cohomology with these signs as coefficients, the −1 part of that of the cover.

References:
    Hatcher (2002), Algebraic topology, section 3.H.
    Perea (2018), Multiscale projective coordinates via persistent cohomology of sparse filtrations, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import coo_matrix, csr_matrix

from topovae.homology.calibration import tuned
from topovae.homology.complexes.bars import by_ratio
from topovae.homology.complexes.graph import Graph, double_cover, harmonic_potential, mod_two_matrix, saturate, whole_lift
from topovae.homology.complexes.rips import persistence, persistence_of_graph
from topovae.homology.features.circles import LONGEST_EDGE, MIDDLE, PRIMES

SHARE = tuned("sign_scale")
NEIGHBOURS = int(tuned("kernel_neighbours"))
TRIED = int(tuned("odd_tried"))
STRETCH = tuned("stretch")
ACROSS = tuned("energy_along")


@dataclass(frozen=True)
class Spectrum:
    """The lowest eigenfunctions of a Laplacian.

    Attributes:
        values: (k,) eigenvalues, ascending.
        functions: (m, k) eigenfunctions, of mean square 1.
    """

    values: np.ndarray
    functions: np.ndarray


def spectrum(distances: np.ndarray, signs: np.ndarray, count: int) -> Spectrum:
    """Return the lowest eigenfunctions of the Laplacian whose edges carry signs, free of the density of the landmarks.

    Args:
        distances: (m, m) distances.
        signs: (m, m) 1 or −1 on edges, 0 elsewhere; all 1 for the plain Laplacian.
        count: number of eigenfunctions.

    References:
        Coifman and Lafon (2006), Diffusion maps, section 3 (α = 1).
        Singer and Wu (2011), Orientability and diffusion maps, section 3.
    """
    weight = kernel(distances, signs != 0)
    root = np.sqrt(weight.sum(1))
    normal = weight * signs / root[:, None] / root
    last = len(distances) - 1
    values, vectors = eigh(normal, subset_by_index=[max(0, last + 1 - count), last])
    functions = vectors[:, ::-1] / root[:, None]
    functions = functions / np.sqrt((functions**2).mean(0))
    heaviest = np.abs(functions).argmax(0)
    return Spectrum(1 - values[::-1], functions * np.sign(functions[heaviest, np.arange(functions.shape[1])]))


def kernel(distances: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the weights (m, m) of a Laplacian on edges, which are free of the density of the landmarks."""
    bandwidth = np.median(np.sort(distances, axis=1)[:, min(NEIGHBOURS, len(distances) - 1)])
    weight = np.exp(-((distances / bandwidth) ** 2)) * edges
    density = weight.sum(1)
    return weight / density[:, None] / density


def signed_edges(cocycle: np.ndarray, distances: np.ndarray, scale: float) -> np.ndarray:
    """Return the signs (−1)^w of a bool cocycle w (m, m) on edges up to `scale`, 1 on the diagonal, 0 elsewhere."""
    signs = np.where(cocycle, -1, 1) * (distances <= scale)
    np.fill_diagonal(signs, 1)
    return signs


def sign_classes(distances: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the most persistent classes in H¹ over Z/2, and their sums, each as signs (m, m) on a graph of its own.

    Args:
        distances: (m, m) self-tuned distances of landmarks.
        count: number of classes.
    """
    diagram = persistence(distances, 2, 1, LONGEST_EDGE, cocycles=True)
    bars = diagram.bars[1]
    assert diagram.cocycles is not None
    best = by_ratio(bars)[:count]
    matrices = np.array([mod_two_matrix(diagram.cocycles[1][bar], len(distances)) for bar in best])
    found = []
    for chosen in range(1, 2 ** len(best)):
        summands = [k for k in range(len(best)) if chosen >> k & 1]
        birth, death = bars[best[summands], 0].max(), bars[best[summands], 1].min()
        if birth < death:
            scale = birth * (death / birth) ** SHARE
            found.append(signed_edges(np.logical_xor.reduce(matrices[summands]), distances, scale))
    return found


def stretch(distances: np.ndarray, steps: np.ndarray, edges: np.ndarray, dimension: int) -> np.ndarray:
    """Shorten what of the distances goes along the base of a bundle, so that its fibres stand out.

    Diffusion then is so fast along the base that smooth functions are the same in all fibres; without it the smoothest odd
    ones keep to where the fibres are longest.

    Args:
        distances: (m, m) distances.
        steps: (c, m, m) how far each of the circles of the base is passed along edges.
        edges: (m, m) which edges there are.
        dimension: of the data: edges take each direction equally often.

    Returns:
        Distances (m, m), shortened on edges.
    """
    near = edges & (distances > 0)
    direction = np.where(near, steps / np.where(near, distances, 1.0), 0.0)
    metric = np.einsum("aij,bij->iab", direction, direction) / np.maximum(near.sum(1), 1)[:, None, None]
    inverse = np.linalg.pinv(metric, hermitian=True) / dimension
    along = np.einsum("aij,iab,bij->ij", steps, inverse, steps)
    along = np.where(near, np.minimum(along, along.T), 0.0)
    share = 1 - 1 / STRETCH**2
    return np.sqrt(np.maximum(distances**2 - share * along, (distances / STRETCH) ** 2))


def across(distances: np.ndarray, steps: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the smoothest function that changes across circles and not along them.

    It minimises the Dirichlet energy in which what goes along the circles, Γ(f, θ) Γ(θ, θ)⁻¹ Γ(θ, f) for the Laplacian's
    carré du champ Γ, counts ACROSS² times: so waves along a long circle, smoother than any function across a short interval,
    cost more, however the data bend.

    Args:
        distances: (m, m) distances.
        steps: (c, m, m) how far each of c ≥ 0 circles is passed along edges.
        edges: (m, m) which edges there are, each landmark's to itself among them.

    Returns:
        (m,) values of mean square 1 and mean 0, in the Laplacian's measure.

    References:
        Bakry, Gentil and Ledoux (2014), Analysis and geometry of Markov diffusion operators, section 1.4 (Γ).
    """
    weight = kernel(distances, edges)
    root = np.sqrt(weight.sum(1))
    share = weight / weight.sum(1)[:, None]
    metric = np.einsum("ij,aij,bij->iab", share, steps, steps)
    flows = share * steps
    flows = (flows - flows.sum(2)[:, :, None] * np.eye(len(distances))) * root[:, None] / root
    inverse = np.linalg.pinv(metric, hermitian=True)
    along = np.einsum("aij,iab,bik->jk", flows, inverse, flows, optimize=True)
    energy = np.eye(len(distances)) - weight / root[:, None] / root + (ACROSS**2 - 1) / 2 * along
    _, vectors = eigh(energy, subset_by_index=[0, 1])
    values = vectors[:, 1] / root
    return values / np.sqrt((values**2).mean())


def odd_lines(found: Spectrum, base: np.ndarray, count: int) -> np.ndarray:
    """Return the smoothest odd functions that the base's do not explain, orthogonal to each other.

    They minimise the Dirichlet energy plus a penalty on their projection to the odd functions of the base, among
    combinations of the eigenfunctions.

    Args:
        found: odd eigenfunctions (m, k).
        base: (m, b) odd functions of the base, b ≥ 0.
        count: how many, at most k.

    Returns:
        Functions (m, count) of mean square 1.
    """
    functions = found.functions
    explained = orthonormal(base).T @ functions
    energy = np.diag(found.values) + found.values[-1] * (explained.T @ explained) / len(functions)
    gram = functions.T @ functions / len(functions)
    _, mixture = eigh(energy, gram)
    lines = functions @ mixture[:, :count]
    return lines / np.sqrt((lines**2).mean(0))


def orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the span of columns (m, b)."""
    vectors, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, sizes > 1e-6 * max(sizes.max(initial=0.0), 1e-300)]


def odd_angle(distances: np.ndarray, signs: np.ndarray) -> np.ndarray | None:
    """Return the most persistent odd map v to the circle, v_j = ± v_i along an edge but for small steps.

    The classes of the double cover are made odd, c − τ*c; the longest-lived that does not vanish is lifted to integers,
    divided by what its periods have in common, smoothed, integrated, and centred so that v∘τ = −v.

    Args:
        distances: (m, m) self-tuned distances of landmarks.
        signs: (m, m) 1 or −1 on edges, 0 elsewhere.

    Returns:
        Angles (m,) in radians of one of the two points over each landmark; None where there is no odd class.
    """
    cover = double_cover(distances, signs, signs < 0)
    end = float(cover.data.max())
    for prime in PRIMES:
        found = persistence_of_graph(cover, prime, end, cocycles=True)
        bars, cocycles = np.minimum(found.bars[1], end), found.cocycles
        assert cocycles is not None  # they were asked for
        best = by_ratio(bars)[:TRIED]
        for bar in best:
            angle = _odd_part(cover, cocycles[1][bar], prime, bars[bar])
            if angle is not None:
                return _centred(angle, len(distances))
    return None


def _odd_part(cover: csr_matrix, cocycle: np.ndarray, prime: int, bar: np.ndarray) -> np.ndarray | None:
    """Return the map to the circle (2m,), in radians, of c − τ*c for a class c of the cover; None where that vanishes."""
    scale = bar[0] + MIDDLE * (bar[1] - bar[0])
    edges = coo_matrix(cover)
    keep = (edges.row < edges.col) & (edges.data <= scale)
    ends, lengths = np.column_stack([edges.row, edges.col])[keep], edges.data[keep]
    graph = Graph(cover.shape[0], ends, np.exp(-((2 * lengths / scale) ** 2)))
    values = whole_lift(_odd(cocycle, prime, graph.size), prime, graph)
    whole = None if values is None else saturate(values[None], graph)
    return None if whole is None else 2 * np.pi * harmonic_potential(whole[0], graph)[0]


def _odd(cocycle: np.ndarray, prime: int, size: int) -> np.ndarray:
    """Return c − τ*c of a cocycle (c, 3), as rows of ends and values, for the exchange τ of i and i ± size/2."""
    i, j, value = cocycle.T.astype(int)
    matrix = np.zeros((size, size), dtype=int)
    matrix[i, j], matrix[j, i] = value, -value
    other = np.roll(np.roll(matrix, size // 2, 0), size // 2, 1)
    difference = np.triu((matrix - other) % prime, 1)
    i, j = np.nonzero(difference)
    return np.column_stack([i, j, difference[i, j]])


def _centred(angle: np.ndarray, m: int) -> np.ndarray:
    """Move the origin of an odd map (2m,) so that v∘τ = −v, and return its values (m,) on the first sheet."""
    first, second = angle[:m], angle[m:]
    middle = np.angle(np.exp(1j * (first + second)).mean()) / 2
    return np.angle(np.exp(1j * (first - middle)) + np.exp(-1j * (second - middle)))
