"""Klein bottles of "Reparameterization through Coverings and Topological Weight Priors" (KleinVAE, arXiv 2604.23804)."""

from __future__ import annotations

from topovae.reproduction.experiment import Experiment, ExperimentBudget, NormalDensity, TableRow, Trained, TruthItself
from topovae.reproduction.filters import trained_filters
from topovae.reproduction.sources import generated

CIRCLES = Experiment(
    name="klein-circles",
    title="100,000 discs of 30 x 30 pixels on a Klein bottle, encoder 900-1024-512-128-32, 50 epochs",
    source="arXiv 2604.23804",
    draw=generated("klein-circles"),
    rows=(
        TableRow("Euclidean", Trained("R2"), {"−ELBO": (32.0, None), "NLL": (20.5, None), "bottleneck": (0.188, None)}),
        TableRow("torus", Trained("torus"), {"−ELBO": (132.6, None), "NLL": (121.0, None), "bottleneck": (0.146, None)}),
        TableRow("klein", Trained("klein"), {"−ELBO": (76.7, None), "NLL": (62.2, None), "bottleneck": (0.126, None)}),
        TableRow("the truth itself", TruthItself(), once=True),
    ),
    figures=("−ELBO", "NLL", "KL", "bottleneck", "homeomorphic", "rejected"),
    quick=ExperimentBudget(seeds=1, n=8000, options={"epochs": 12, "batch_size": 256}),
    full=ExperimentBudget(seeds=3, n=100_000, options={"epochs": 50, "batch_size": 1024}),
    differences=(
        "published: the encoder goes onto the cover, and the divergence is its upper bound there; ours: onto invariant "
        "functions, lifted, started from the data's own cohomology, and the divergence of the orbit",
        "bottleneck distances are between our landmarks of data and latents, in diameters; the published scale and landmarks "
        "are not stated, so compare with the row of the truth",
    ),
    options={"likelihood": "bernoulli", "network": "mlp", "hidden": "1024,512,128,32"},
)

FILTERS = Experiment(
    name="klein-filters",
    title="quadratic patches of 9 x 9 on a Klein bottle, noise 0.1: latents as densities of weights",
    source="arXiv 2604.23804 (the proposal alone: it has no figures)",
    draw=generated("klein-filters", noise=0.1),
    rows=(
        TableRow("normal of full covariance", NormalDensity(), once=True),
        TableRow("Euclidean", Trained("R2")),
        TableRow("klein", Trained("klein")),
        TableRow("klein or Gaussian", Trained("mixture(klein,R4)")),
    ),
    figures=("LL", "ELBO", "NLL", "KL"),
    quick=ExperimentBudget(seeds=1, n=3000, options={"epochs": 40}),
    full=ExperimentBudget(seeds=5, n=10_000),
    differences=(
        "nothing was published to compare with: a weight prior is worth having where its held-out log-density beats that of a "
        "normal law of full covariance",
    ),
)

TRAINED = Experiment(
    name="trained-filters",
    title="7 x 7 filters of small networks trained on MNIST, in units of their deviation: latents as densities of weights",
    source="arXiv 2604.23804 (the proposal alone: it has no figures)",
    draw=trained_filters,
    rows=(
        TableRow("normal of full covariance", NormalDensity(), once=True),
        TableRow("Euclidean, R2", Trained("R2")),
        TableRow("Euclidean, R4", Trained("R4")),
        TableRow("klein", Trained("klein")),
        TableRow("klein or Gaussian", Trained("mixture(klein,R4)")),
    ),
    figures=("LL", "ELBO", "NLL", "KL"),
    quick=ExperimentBudget(seeds=1, n=1000, options={"epochs": 60}),
    full=ExperimentBudget(seeds=5, n=10_000),
    differences=(
        "nothing was published to compare with: a weight prior is worth having where its held-out log-density beats that of a "
        "normal law of full covariance",
        "filters of 32 a network, stride 3, ReLU, pooled, a linear layer, 4 epochs on 2000 digits; filters that stayed as they "
        "began are among them",
    ),
    images=True,
)

EXPERIMENTS = (CIRCLES, FILTERS, TRAINED)
